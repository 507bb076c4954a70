//! The ticket: one request of one caller, and what became of it.

use super::account::Account;
use super::common::{
    PageInfo, Position, app, cursor, cursor_parts, global_id, local_id, open, page_size, wait_for,
};
use super::organisation::{Department, Unit};
use crate::auth::{Group, Sight, mask, sight, viewer};
use crate::error::{Code, fault_because, system, view_fault};
use async_graphql::{Context, Enum, Error, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::desk::Caller as CallerBlock;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::people::Role;
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_projections::card::Card;
use docket_projections::timeline::{STEPS_MAX, Step as StoredStep};
use std::sync::Arc;

macro_rules! remote_enums {
    ($($(#[$doc:meta])* $name:ident of $remote:literal { $($(#[$vdoc:meta])* $variant:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
        #[graphql(remote = $remote)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }
    )+};
}

remote_enums! {
    /// What the caller wants (诉求类型).
    Kind of "docket_domain::ticket::Kind" {
        /// 咨询: asks for information.
        Consult,
        /// 求助: asks for help.
        Help,
        /// 投诉: complains of a service or a nuisance.
        Complain,
        /// 举报: reports a breach of law.
        Report,
        /// 建议: suggests something.
        Suggest,
        /// 表扬: praises.
        Praise,
    }
    /// How pressing it is.
    Urgency of "docket_domain::ticket::Urgency" {
        /// 一般.
        Normal,
        /// 紧急: water, power, gas, heat.
        Urgent,
        /// 特急: danger to life.
        Critical,
    }
    /// Who may know of it.
    Secrecy of "docket_domain::ticket::Secrecy" {
        /// 公开.
        Open,
        /// 保密: the caller is not told to offices; a department accused never sees the ticket.
        Confidential,
    }
    /// Where a ticket stands.
    TicketState of "docket_domain::ticket::TicketState" {
        /// Not received yet.
        Absent,
        /// 已受理: nobody handles it yet.
        Received,
        /// 待签收: with the lead department, not signed.
        Assigned,
        /// 办理中: signed.
        InProgress,
        /// 已交办: with a level-2 unit.
        Delegated,
        /// 待汇总: the unit has replied.
        AwaitingSummary,
        /// 已退回: back at the centre.
        Returned,
        /// 已答复: answered.
        Replied,
    }
    /// Where an assignment stands.
    AssignmentState of "docket_domain::ticket::AssignmentState" {
        /// 待签收.
        Assigned,
        /// 办理中.
        InProgress,
        /// 已交办.
        Delegated,
        /// 待汇总.
        AwaitingSummary,
        /// 已办理.
        Replied,
        /// 已退回.
        Returned,
        /// 已解除: ended by another's step.
        Released,
    }
    /// A department's part in a ticket.
    Part of "docket_domain::ticket::Part" {
        /// 主办.
        Lead,
        /// 协办.
        Assist,
    }
    /// How content the citizen is.
    Satisfaction of "docket_domain::ticket::Satisfaction" {
        /// 满意.
        Satisfied,
        /// 基本满意.
        Fairly,
        /// 不满意.
        Dissatisfied,
    }
}

/// A deadline.
#[derive(SimpleObject, Clone, Copy)]
pub struct Due {
    /// The last moment that is in time.
    at: DateTime<Utc>,
    /// True where it was reckoned on plain weekdays, because a year's holidays were not published yet.
    provisional: bool,
}

impl From<docket_domain::Due> for Due {
    fn from(due: docket_domain::Due) -> Self {
        Self {
            at: due.at,
            provisional: due.provisional,
        }
    }
}

/// A ticket (工单).
#[derive(Clone)]
pub struct Ticket {
    pub(super) id: TicketId,
    pub(super) ticket: Arc<domain::Ticket>,
    /// Views asked from here must have come this far.
    pub(super) position: u64,
}

impl From<Card> for Ticket {
    fn from(card: Card) -> Self {
        Self {
            id: card.id,
            ticket: card.ticket,
            position: card.position,
        }
    }
}

impl Ticket {
    fn intake(&self) -> Result<&domain::Intake, Error> {
        self.ticket
            .intake
            .as_ref()
            .ok_or_else(|| fault_because(Code::Internal, "an empty ticket"))
    }

    fn sight(&self, context: &Context<'_>, group: Group) -> Result<Sight, Error> {
        Ok(sight(&viewer(context)?.actor, &self.ticket, group))
    }

    async fn text(
        &self,
        context: &Context<'_>,
        group: Group,
        field: &'static str,
        sealed: Option<&Sealed>,
    ) -> Result<Option<String>, Error> {
        open(context, self.sight(context, group)?, field, sealed).await
    }
}

#[Object]
impl Ticket {
    /// Global id.
    async fn id(&self) -> ID {
        global_id("ticket", self.id.0)
    }

    /// Eighteen digits: `yyMMddHHmmss` and six more.
    async fn number(&self) -> Result<String, Error> {
        Ok(self.intake()?.number.to_string())
    }

    /// The code with which the caller may ask after it; told to the caller and the centre.
    async fn query_code(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let sight = match self.sight(context, Group::Caller)? {
            Sight::Clear if !viewer(context)?.actor.has_any(&[Role::Clerk, Role::Leader]) => {
                Sight::Clear
            }
            _ => Sight::Hidden,
        };
        open(
            context,
            sight,
            "query_code",
            Some(&self.intake()?.query_code),
        )
        .await
    }

    /// Where it stands.
    async fn state(&self) -> TicketState {
        self.ticket.state.into()
    }

    /// Moves with what changes the work, not with views. Give it as `expectedRevision`.
    async fn revision(&self) -> u32 {
        self.ticket.revision
    }

    /// What the caller wants.
    async fn kind(&self) -> Result<Kind, Error> {
        Ok(self.intake()?.kind.into())
    }

    /// The code of the channel it came by.
    async fn channel(&self) -> Result<&str, Error> {
        Ok(&self.intake()?.channel)
    }

    /// Its topic, a path.
    async fn topic(&self) -> Result<Option<&String>, Error> {
        Ok(self.intake()?.topic.as_ref())
    }

    /// How pressing it is.
    async fn urgency(&self) -> Result<Urgency, Error> {
        Ok(self.intake()?.urgency.into())
    }

    /// Who may know of it.
    async fn secrecy(&self) -> Result<Secrecy, Error> {
        Ok(self.intake()?.secrecy.into())
    }

    /// Whether the caller wants a reply.
    async fn wants_reply(&self) -> Result<bool, Error> {
        Ok(self.intake()?.wants_reply)
    }

    /// When it was received.
    async fn received_at(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.intake()?.at)
    }

    /// Who called. Null where anonymous, erased, or not to be seen.
    async fn caller(&self, context: &Context<'_>) -> Result<Option<Caller>, Error> {
        let seen = self.sight(context, Group::Caller)?;
        let clear = if seen == Sight::Hidden {
            Sight::Hidden
        } else {
            Sight::Clear
        };
        let Some(text) = open(context, clear, "caller", self.intake()?.caller.as_ref()).await?
        else {
            return Ok(None);
        };
        let block: CallerBlock =
            serde_json::from_str(&text).map_err(|_| fault_because(Code::Internal, "a caller"))?;
        let show = |text: Option<String>| {
            text.map(|text| {
                if seen == Sight::Masked {
                    mask(&text)
                } else {
                    text
                }
            })
        };
        Ok(Some(Caller {
            name: show(block.name),
            sex: show(block.sex),
            phone: show(block.phone),
            email: show(block.email),
            company: show(block.company),
        }))
    }

    /// Whether the caller did not say who they are.
    async fn anonymous(&self) -> Result<bool, Error> {
        Ok(self.intake()?.anonymous)
    }

    /// Title. Null where erased.
    async fn title(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(context, Group::Matter, "title", Some(&self.intake()?.title))
            .await
    }

    /// Body. Null where erased.
    async fn body(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(context, Group::Matter, "body", Some(&self.intake()?.body))
            .await
    }

    /// Where it happened, in words.
    async fn place(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(
            context,
            Group::Matter,
            "place",
            self.intake()?.place.as_ref(),
        )
        .await
    }

    /// The region it happened in.
    async fn region(&self) -> Result<Option<&String>, Error> {
        Ok(self.intake()?.region.as_ref())
    }

    /// When it happened.
    async fn incident_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.intake()?.incident_at)
    }

    /// The party complained of.
    async fn respondent(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(
            context,
            Group::Respondent,
            "respondent",
            self.intake()?.respondent.as_ref(),
        )
        .await
    }

    /// A department accused in it.
    async fn accused_department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        match (
            self.intake()?.accused_department,
            self.sight(context, Group::Work)?,
        ) {
            (Some(id), Sight::Clear) => Department::find(context, id).await,
            _ => Ok(None),
        }
    }

    /// The number of an earlier ticket on the same matter.
    async fn earlier(&self) -> Result<Option<String>, Error> {
        Ok(self.intake()?.earlier.as_ref().map(ToString::to_string))
    }

    /// The round of handling, from 1.
    async fn round(&self) -> u16 {
        self.ticket.round
    }

    /// Every assignment made, in order. Not told to citizens.
    #[graphql(complexity = "5 * child_complexity")]
    async fn assignments(&self, context: &Context<'_>) -> Result<Vec<Assignment>, Error> {
        if self.sight(context, Group::Work)? == Sight::Hidden {
            return Ok(Vec::new());
        }
        let all = 0..self.ticket.assignments.len();
        Ok(all
            .map(|index| Assignment {
                of: self.clone(),
                index,
            })
            .collect())
    }

    /// The answer that went to the citizen.
    async fn answer(&self) -> Option<Answer> {
        let answer = self.ticket.answer.clone()?;
        Some(Answer {
            of: self.clone(),
            answer,
        })
    }

    /// The first rating.
    async fn first_rating(&self) -> Option<Rating> {
        let rating = self.ticket.first_rating.clone()?;
        Some(Rating {
            of: self.clone(),
            rating,
        })
    }

    /// The latest rating.
    async fn last_rating(&self) -> Option<Rating> {
        let rating = self.ticket.last_rating.clone()?;
        Some(Rating {
            of: self.clone(),
            rating,
        })
    }

    /// What the account that asks may do with it now.
    async fn available_actions(&self, context: &Context<'_>) -> Result<Vec<&'static str>, Error> {
        let now = app(context)?.desk.now();
        Ok(domain::available_actions(
            &self.ticket,
            &viewer(context)?.actor,
            now,
        ))
    }

    /// Every step (流转明细), in order. Citizens see what happened and when, no more.
    #[graphql(complexity = "page_size(first, STEPS_MAX) as usize * child_complexity")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Steps wanted, at most 200.", default = 100)] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
    ) -> Result<TimelineConnection, Error> {
        wait_for(context, Some(Position(self.position))).await?;
        let after = match after {
            Some(after) => {
                let [version] = cursor_parts::<1>("timeline", &after)?;
                version.parse().unwrap_or(0)
            }
            None => 0,
        };
        let size = page_size(first, STEPS_MAX);
        let views = &app(context)?.views;
        let mut steps = views
            .timeline(self.id, after, size)
            .await
            .map_err(|e| view_fault(&e))?;
        let last = steps.last().map(|s| s.version);
        let has_next_page = steps.len() == size as usize
            && !views
                .timeline(self.id, last.unwrap_or(0), 1)
                .await
                .map_err(|e| view_fault(&e))?
                .is_empty();
        let end_cursor = last.map(|v| cursor("timeline", &[v.to_string()]));
        let nodes = steps
            .drain(..)
            .map(|step| Step {
                of: self.clone(),
                step,
            })
            .collect();
        Ok(TimelineConnection {
            nodes,
            page_info: PageInfo {
                has_next_page,
                end_cursor,
            },
        })
    }
}

/// Who called.
#[derive(SimpleObject)]
pub struct Caller {
    /// Name.
    name: Option<String>,
    /// Sex.
    sex: Option<String>,
    /// The number to be reached at.
    phone: Option<String>,
    /// E-mail.
    email: Option<String>,
    /// Company.
    company: Option<String>,
}

/// One office's task in a ticket.
pub struct Assignment {
    of: Ticket,
    index: usize,
}

impl Assignment {
    fn state(&self) -> Result<&domain::Assignment, Error> {
        let found = self.of.ticket.assignments.get(self.index);
        found.ok_or_else(|| fault_because(Code::Internal, "an assignment"))
    }
}

#[Object]
impl Assignment {
    /// Its number within the ticket, from 1.
    async fn no(&self) -> Result<u16, Error> {
        Ok(self.state()?.no.0)
    }

    /// Lead or assist.
    async fn part(&self) -> Result<Part, Error> {
        Ok(self.state()?.part.into())
    }

    /// The department that holds it, or that the holding unit belongs to.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        Department::find(context, self.state()?.department).await
    }

    /// The unit that holds it, on level 2.
    async fn unit(&self, context: &Context<'_>) -> Result<Option<Unit>, Error> {
        match self.state()?.unit {
            Some(unit) => Unit::find(context, unit).await,
            None => Ok(None),
        }
    }

    /// The number of the assignment it was delegated from.
    async fn parent_no(&self) -> Result<Option<u16>, Error> {
        Ok(self.state()?.parent.map(|no| no.0))
    }

    /// Where it stands.
    #[graphql(name = "state")]
    async fn assignment_state(&self) -> Result<AssignmentState, Error> {
        Ok(self.state()?.state.into())
    }

    /// The instruction (交办意见) it came with.
    async fn instruction(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let instruction = self.state()?.instruction.as_ref();
        self.of
            .text(context, Group::Work, "instruction", instruction)
            .await
    }

    /// When it was made.
    async fn assigned_at(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.state()?.assigned_at)
    }

    /// To be signed by.
    async fn sign_due(&self) -> Result<Due, Error> {
        Ok(self.state()?.sign_due.into())
    }

    /// To be replied by.
    async fn due(&self) -> Result<Due, Error> {
        Ok(self.state()?.due.into())
    }

    /// May be returned until.
    async fn return_by(&self) -> Result<Due, Error> {
        Ok(self.state()?.return_by.into())
    }

    /// When its holder first looked at it.
    async fn viewed_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.viewed_at)
    }

    /// When it was signed.
    async fn signed_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.signed_at)
    }

    /// When it was replied, returned or released.
    async fn ended_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.ended_at)
    }

    /// The answer its holder gave.
    async fn answer(&self) -> Result<Option<Answer>, Error> {
        let answer = self.state()?.answer.clone();
        Ok(answer.map(|answer| Answer {
            of: self.of.clone(),
            answer,
        }))
    }
}

/// An answer.
pub struct Answer {
    of: Ticket,
    answer: domain::Answer,
}

#[Object]
impl Answer {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.answer.at
    }

    /// The answer.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.of
            .text(context, Group::Matter, "answer", Some(&self.answer.text))
            .await
    }

    /// The internal account (办理意见).
    async fn opinion(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.of
            .text(
                context,
                Group::Work,
                "opinion",
                self.answer.opinion.as_ref(),
            )
            .await
    }

    /// Whether the caller was contacted.
    async fn contacted(&self) -> Option<bool> {
        self.answer.contacted
    }

    /// Whether it is solved, as the office says.
    async fn solved(&self) -> Option<bool> {
        self.answer.solved
    }

    /// Why it is not.
    async fn unsolved_reason(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let reason = self.answer.unsolved_reason.as_ref();
        self.of
            .text(context, Group::Work, "unsolved_reason", reason)
            .await
    }

    /// Who handled it.
    async fn handler(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.of
            .text(context, Group::Work, "handler", Some(&self.answer.handler))
            .await
    }

    /// The handler's phone.
    async fn phone(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.of
            .text(context, Group::Work, "phone", Some(&self.answer.phone))
            .await
    }
}

/// A rating.
pub struct Rating {
    of: Ticket,
    rating: domain::Rating,
}

#[Object]
impl Rating {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.rating.at
    }

    /// How content.
    async fn satisfaction(&self) -> Satisfaction {
        self.rating.satisfaction.into()
    }

    /// Whether it is solved, if said.
    async fn solved(&self) -> Option<bool> {
        self.rating.solved
    }

    /// What was said with it.
    async fn comment(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.of
            .text(
                context,
                Group::Matter,
                "comment",
                self.rating.comment.as_ref(),
            )
            .await
    }

    /// True when staff wrote down what the citizen said.
    async fn relayed(&self) -> bool {
        self.rating.relayed
    }
}

/// Steps of a ticket.
#[derive(SimpleObject)]
pub struct TimelineConnection {
    /// The steps.
    nodes: Vec<Step>,
    /// Where the page ends.
    page_info: PageInfo,
}

/// A step of a ticket.
pub struct Step {
    of: Ticket,
    step: StoredStep,
}

/// A text given with a step.
#[derive(SimpleObject)]
pub struct StepText {
    /// The field.
    field: String,
    /// The text; null where erased.
    text: Option<String>,
}

/// Text fields of events, with who may read them. The caller's block is read at [`Ticket`].
const STEP_TEXTS: &[(&str, Group)] = &[
    ("title", Group::Matter),
    ("body", Group::Matter),
    ("place", Group::Matter),
    ("respondent", Group::Respondent),
    ("instruction", Group::Work),
    ("text", Group::Work),
    ("opinion", Group::Work),
    ("answer", Group::Work),
    ("unsolved_reason", Group::Work),
    ("handler", Group::Work),
    ("phone", Group::Work),
    ("comment", Group::Matter),
];

#[Object]
impl Step {
    /// Its place in the log.
    async fn position(&self) -> Position {
        Position(self.step.position)
    }

    /// What happened: received, assigned, viewed, signed, delegated, returned, replied, rated.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.step.event_type
    }

    /// The action's Chinese name.
    async fn label(&self) -> &str {
        let spec = domain::ACTIONS
            .iter()
            .find(|spec| spec.event == self.step.event_type);
        spec.map_or(self.step.event_type.as_str(), |spec| spec.zh)
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.step.at
    }

    /// By whom. Not told to citizens.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        if self.of.sight(context, Group::Work)? == Sight::Hidden
            || self.step.by == AccountId::SYSTEM
        {
            return Ok(None);
        }
        Account::find(context, self.step.by).await
    }

    /// Every text given with it, as it was then.
    async fn texts(&self, context: &Context<'_>) -> Result<Vec<StepText>, Error> {
        let data: serde_json::Value = serde_json::from_str(&self.step.data)
            .map_err(|_| fault_because(Code::Internal, "an event"))?;
        let mut texts = Vec::new();
        for (field, group) in STEP_TEXTS {
            let sealed = data
                .get(field)
                .and_then(|v| v.as_str())
                .and_then(|t| t.parse::<Sealed>().ok());
            let Some(sealed) = sealed else { continue };
            if self.of.sight(context, *group)? != Sight::Hidden {
                let text = self.of.text(context, *group, field, Some(&sealed)).await?;
                texts.push(StepText {
                    field: (*field).to_owned(),
                    text,
                });
            }
        }
        Ok(texts)
    }
}

/// Queries about tickets.
#[derive(Default)]
pub struct TicketQuery;

#[Object]
impl TicketQuery {
    /// A ticket by id or by number. Null where there is none, or none that the account may see.
    async fn ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its number.")] number: Option<String>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Option<Ticket>, Error> {
        let actor = &viewer(context)?.actor;
        wait_for(context, min_position).await?;
        let views = &app(context)?.views;
        let found = match (id, number) {
            (Some(id), None) => views.ticket(local_id("ticket", &id)?).await,
            (None, Some(number)) => match number.parse() {
                Ok(number) => views.ticket_by_number(&number).await,
                Err(_) => {
                    return Err(fault_because(
                        Code::BadRequest,
                        "a ticket number is eighteen digits",
                    ));
                }
            },
            _ => {
                return Err(fault_because(
                    Code::BadRequest,
                    "give id or number, one of them",
                ));
            }
        };
        let card = found.map_err(|e| view_fault(&e))?;
        Ok(card
            .filter(|card| card.ticket.is_visible_to(actor))
            .map(Ticket::from))
    }
}

/// The ticket as the journal has it now, if the account may see it.
pub(super) async fn visible(context: &Context<'_>, id: TicketId) -> Result<Option<Ticket>, Error> {
    let actor = &viewer(context)?.actor;
    let found = app(context)?
        .desk
        .ticket(id)
        .await
        .map_err(|e| system(&e))?;
    let seen = found.filter(|outcome| outcome.state.is_visible_to(actor));
    Ok(seen.map(|outcome| Ticket {
        id,
        ticket: outcome.state,
        position: 0,
    }))
}
