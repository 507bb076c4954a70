//! A request comes in: it is received, or answered or declined on the spot.

use super::{Envelope, TicketPayload, act, action_inputs, filled, payload};
use crate::auth::viewer_with;
use crate::error::{Failure, Refused};
use crate::graphql::common::{app, local_id, options};
use crate::graphql::ticket::{Kind, Secrecy, Urgency};
use async_graphql::{Context, Error, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use docket_core::desk::{Caller, NewTicket};
use docket_domain::Reason;
use docket_domain::ids::DepartmentId;
use docket_domain::people::Role;
use docket_domain::ticket::actions::{answer, decline};
use docket_domain::ticket::{TicketAction, TicketNumber};
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
    /// What the caller wants: a kind of the rule pack.
    kind: Kind,
    /// The code of a channel of the rule pack, e.g. `phone`.
    channel: String,
    /// A topic of the rule pack.
    topic: Option<String>,
    /// How pressing it is at least: the rule pack's triage raises it where the words or the kind say so.
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

action_inputs! {
    /// A direct answer (直接答复).
    AnswerTicketInput {
        /// The answer told to the citizen.
        answer: String,
        /// The knowledge article it was taken from.
        article: Option<String>,
    }
    /// A request declined (不予受理).
    DeclineTicketInput {
        /// A reason code of the rule pack, e.g. `LITIGATION`.
        reason: String,
        /// The lawful channel the caller was told.
        lawful_channel: String,
    }
}

/// Commands on requests as they come in.
#[derive(Default)]
pub struct IntakeMutation;

#[Object]
impl IntakeMutation {
    /// 受理: receives a request (operators; citizens for themselves). What the rule pack's form asks for in its
    /// kind is needed. Where the pack's routes assign by themselves, Docket does so at once.
    async fn receive_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReceiveTicketInput,
    ) -> Result<TicketPayload, Error> {
        let viewer = viewer_with(context, &[Role::Operator, Role::Citizen])?;
        let options = options(input.command_id, None);
        let received = match new_ticket(input)? {
            Ok(new) => app(context)?
                .desk
                .receive(&viewer.actor, new, &options)
                .await
                .map_err(Failure::from),
            Err(refused) => Err(Failure::Refused(refused)),
        };
        payload(context, received).await
    }

    /// 直接答复: answers a received request at once (operators).
    async fn answer_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AnswerTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = answer::AnswerDirectly {
            answer: input.answer,
            article: filled(input.article),
        };
        act(context, envelope, TicketAction::AnswerDirectly(action)).await
    }

    /// 不予受理: declines a request that is not for this hotline (operators, dispatchers).
    async fn decline_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeclineTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = decline::Decline {
            reason: input.reason,
            lawful_channel: input.lawful_channel,
        };
        act(context, envelope, TicketAction::Decline(action)).await
    }
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
