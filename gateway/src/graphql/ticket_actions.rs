//! The commands on a ticket, one mutation an action. Each takes one `input` and gives the ticket folded
//! from the append, its position, and typed refusals.

use super::common::{Position, UserError, app, local_id, options, split};
use super::ticket::{Kind, Satisfaction, Secrecy, Ticket, Urgency, visible};
use crate::auth::{viewer, viewer_with};
use crate::error::{Code, Failure, Refused, fault_because};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::DeskError;
use docket_core::desk::{Caller, NewTicket, Outcome};
use docket_domain::Reason;
use docket_domain::ids::{DepartmentId, TicketId};
use docket_domain::people::Role;
use docket_domain::ticket::actions::{assign, delegate, rate, reply, send_back, sign, view};
use docket_domain::ticket::{self as domain, TicketAction, TicketNumber};
use uuid::Uuid;

/// Who called.
#[derive(InputObject)]
pub struct CallerInput {
    /// Name.
    name: Option<String>,
    /// Sex.
    sex: Option<String>,
    /// The number to be reached at; this or an e-mail is needed.
    phone: Option<String>,
    /// E-mail.
    email: Option<String>,
    /// Company.
    company: Option<String>,
}

/// A request.
#[derive(InputObject)]
pub struct ReceiveTicketInput {
    /// What the caller wants.
    kind: Kind,
    /// The code of a channel of the rule pack, e.g. `phone`.
    channel: String,
    /// A topic of the rule pack.
    topic: Option<String>,
    /// How pressing it is.
    #[graphql(default_with = "Urgency::Normal")]
    urgency: Urgency,
    /// Who may know.
    #[graphql(default_with = "Secrecy::Open")]
    secrecy: Secrecy,
    /// Whether the caller wants a reply.
    #[graphql(default = true)]
    wants_reply: bool,
    /// Who called; leave it out for an anonymous caller.
    caller: Option<CallerInput>,
    /// Title.
    title: String,
    /// Body.
    body: String,
    /// Where it happened, in words.
    place: Option<String>,
    /// A region of the rule pack.
    region: Option<String>,
    /// When it happened; not in the future.
    incident_at: Option<DateTime<Utc>>,
    /// The party complained of.
    respondent: Option<String>,
    /// A department accused: a confidential report never reaches it.
    accused_department_id: Option<ID>,
    /// The number of an earlier ticket on the same matter.
    earlier: Option<String>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

macro_rules! action_inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $name {
            /// The ticket.
            id: ID,
            $($(#[$fdoc])* $field: $type,)*
            /// Sent again with the same id, the command takes effect once.
            command_id: Option<Uuid>,
            /// The revision you saw: refused if the ticket has changed since.
            expected_revision: Option<i32>,
        }

        impl $name {
            fn envelope(&self) -> Envelope {
                Envelope {
                    id: self.id.clone(),
                    command_id: self.command_id,
                    expected_revision: self.expected_revision,
                }
            }
        }
    )+};
}

/// What every action's input has.
struct Envelope {
    id: ID,
    command_id: Option<Uuid>,
    expected_revision: Option<i32>,
}

action_inputs! {
    /// An assignment (派单).
    AssignTicketInput {
        /// The department that answers for it.
        lead_id: ID,
        /// The departments that help.
        assist_ids: Option<Vec<ID>>,
        /// What the centre asks of them.
        instruction: Option<String>,
    }
    /// A look (查看).
    ViewTicketInput {}
    /// A signature (签收).
    SignTicketInput {}
    /// A delegation (交办).
    DelegateTicketInput {
        /// A unit of one's own department.
        unit_id: ID,
        /// What the department asks of it (交办意见).
        instruction: Option<String>,
    }
    /// A return (退回).
    ReturnTicketInput {
        /// A reason code of the rule pack, e.g. `NOT_COMPETENT`.
        reason: String,
        /// The reason in words.
        text: String,
        /// Who should have it instead, if known.
        suggested_department_id: Option<ID>,
    }
    /// A reply (办理/答复).
    ReplyTicketInput {
        /// The internal account (办理意见); required of a lead department.
        opinion: Option<String>,
        /// The answer: a unit's to its department, a lead's to the citizen.
        answer: String,
        /// Whether the caller was contacted; required of a lead department.
        contacted: Option<bool>,
        /// Whether it is solved; required of a lead department.
        solved: Option<bool>,
        /// Why not; required where it is not solved.
        unsolved_reason: Option<String>,
        /// Who handled it (承办人).
        handler: String,
        /// The handler's phone (联系电话).
        phone: String,
    }
    /// A rating (评价).
    RateTicketInput {
        /// How content.
        satisfaction: Satisfaction,
        /// Whether it is solved, if said.
        solved: Option<bool>,
        /// What was said with it.
        comment: Option<String>,
    }
}

/// The ticket after a command.
#[derive(SimpleObject)]
pub struct TicketPayload {
    /// The ticket as the command left it; null where it was refused.
    ticket: Option<Ticket>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands on tickets.
#[derive(Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// 受理: receives a request (operators; citizens for themselves).
    async fn receive_ticket(
        &self,
        context: &Context<'_>,
        input: ReceiveTicketInput,
    ) -> Result<TicketPayload, Error> {
        let viewer = viewer_with(context, &[Role::Operator, Role::Citizen])?;
        let options = options(input.command_id, None)?;
        let received = match new_ticket(input)? {
            Ok(new) => app(context)?
                .desk
                .receive(&viewer.actor, new, &options)
                .await
                .map_err(Failure::from),
            Err(refused) => Err(Failure::Refused(refused)),
        };
        payload(context, received)
    }

    /// 派单: assigns a ticket to a lead department and assists (dispatchers).
    async fn assign_ticket(
        &self,
        context: &Context<'_>,
        input: AssignTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let assists = input.assist_ids.unwrap_or_default();
        let action = assign::Assign {
            lead: local_id("department", &input.lead_id)?,
            assists: assists
                .iter()
                .map(|id| local_id("department", id))
                .collect::<Result<_, _>>()?,
            instruction: filled(input.instruction),
        };
        act(context, envelope, TicketAction::Assign(action)).await
    }

    /// 查看: marks the assignment one's office holds as looked at.
    async fn view_ticket(
        &self,
        context: &Context<'_>,
        input: ViewTicketInput,
    ) -> Result<TicketPayload, Error> {
        act(context, input.envelope(), TicketAction::View(view::View)).await
    }

    /// 签收: signs the assignment one's office holds.
    async fn sign_ticket(
        &self,
        context: &Context<'_>,
        input: SignTicketInput,
    ) -> Result<TicketPayload, Error> {
        act(context, input.envelope(), TicketAction::Sign(sign::Sign)).await
    }

    /// 交办: delegates to a unit of one's own department (level 1).
    async fn delegate_ticket(
        &self,
        context: &Context<'_>,
        input: DelegateTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let unit = local_id("unit", &input.unit_id)?;
        let action = delegate::Delegate {
            unit,
            instruction: filled(input.instruction),
        };
        act(context, envelope, TicketAction::Delegate(action)).await
    }

    /// 退回: returns the assignment one's office holds, level 2 to its department, level 1 to the centre.
    async fn return_ticket(
        &self,
        context: &Context<'_>,
        input: ReturnTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let suggested = input.suggested_department_id.as_ref();
        let action = send_back::SendBack {
            reason: input.reason,
            text: input.text,
            suggested_department: suggested.map(|id| local_id("department", id)).transpose()?,
        };
        act(context, envelope, TicketAction::SendBack(action)).await
    }

    /// 办理/答复: replies to the assignment one's office holds. Submitted is final.
    async fn reply_ticket(
        &self,
        context: &Context<'_>,
        input: ReplyTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = reply::Reply {
            opinion: filled(input.opinion),
            answer: input.answer,
            contacted: input.contacted,
            solved: input.solved,
            unsolved_reason: filled(input.unsolved_reason),
            handler: input.handler,
            phone: input.phone,
        };
        act(context, envelope, TicketAction::Reply(action)).await
    }

    /// 评价: rates an answered ticket (its citizen; operators relay what a caller says).
    async fn rate_ticket(
        &self,
        context: &Context<'_>,
        input: RateTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = rate::Rate {
            satisfaction: input.satisfaction.into(),
            solved: input.solved,
            comment: filled(input.comment),
        };
        act(context, envelope, TicketAction::Rate(action)).await
    }
}

/// An optional text that says something.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|t| !t.trim().is_empty())
}

fn new_ticket(input: ReceiveTicketInput) -> Result<Result<NewTicket, Refused>, Error> {
    let earlier = match filled(input.earlier)
        .map(|n| n.parse::<TicketNumber>())
        .transpose()
    {
        Ok(earlier) => earlier,
        Err(error) => {
            let refusal = docket_domain::Refusal::new("receive", "absent", Reason::InvalidValue);
            return Ok(Err(refusal.at("earlier").because(error.to_string()).into()));
        }
    };
    let accused = input.accused_department_id.as_ref();
    Ok(Ok(NewTicket {
        kind: input.kind.into(),
        channel: input.channel,
        topic: filled(input.topic),
        urgency: input.urgency.into(),
        secrecy: input.secrecy.into(),
        wants_reply: input.wants_reply,
        caller: input.caller.map(|caller| Caller {
            name: filled(caller.name),
            sex: filled(caller.sex),
            phone: filled(caller.phone),
            email: filled(caller.email),
            company: filled(caller.company),
        }),
        title: input.title,
        body: input.body,
        place: filled(input.place),
        region: filled(input.region),
        incident_at: input.incident_at,
        respondent: filled(input.respondent),
        accused_department: accused
            .map(|id| local_id::<DepartmentId>("department", id))
            .transpose()?,
        earlier,
    }))
}

async fn act(
    context: &Context<'_>,
    envelope: Envelope,
    action: TicketAction<String>,
) -> Result<TicketPayload, Error> {
    let viewer = viewer(context)?;
    let id: TicketId = local_id("ticket", &envelope.id)
        .map_err(|_| fault_because(Code::BadRequest, "input.id is no id of a ticket"))?;
    let options = options(envelope.command_id, envelope.expected_revision)?;
    let done = match app(context)?
        .desk
        .act(&viewer.actor, id, action, &options)
        .await
    {
        // Why it was refused tells of the ticket: only to those who may know of it.
        Err(DeskError::Refused(refusal)) => match visible(context, id).await? {
            Some(_) => Err(Failure::from(DeskError::Refused(refusal))),
            None => Err(Failure::not_found()),
        },
        other => other.map_err(Failure::from),
    };
    payload(context, done)
}

fn payload(
    context: &Context<'_>,
    done: Result<Outcome<domain::Ticket>, Failure>,
) -> Result<TicketPayload, Error> {
    let (outcome, user_errors) = split(context, done)?;
    let position = outcome.as_ref().map(|o| o.position);
    let ticket = outcome.map(|o| Ticket {
        id: TicketId(o.id),
        ticket: o.state,
        position: o.position,
    });
    Ok(TicketPayload {
        ticket,
        position: position.map(Position),
        user_errors,
    })
}
