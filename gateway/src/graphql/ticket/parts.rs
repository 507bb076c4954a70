//! The parts of a ticket: caller, assignments with drafts and returns, answers, ratings.

use super::Ticket;
use super::clock::Clock;
use super::words::{AssignmentState, Due, Light, MoveCause, Part, Satisfaction};
use crate::auth::viewer;
use crate::error::{Code, fault_because, system};
use crate::graphql::account::Account;
use crate::graphql::common::app;
use crate::graphql::organisation::{Department, Unit, organisation};
use crate::rights::{Group, Sight, draft_sight};
use async_graphql::{Context, Error, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::organisation::Office;
use docket_domain::ticket as domain;

/// Who called.
#[derive(SimpleObject)]
pub struct Caller {
    /// Name.
    pub(super) name: Option<String>,
    /// Sex.
    pub(super) sex: Option<String>,
    /// The number to be reached at.
    pub(super) phone: Option<String>,
    /// E-mail.
    pub(super) email: Option<String>,
    /// Company.
    pub(super) company: Option<String>,
}

/// One office's task in a ticket.
pub struct Assignment {
    pub(super) of: Ticket,
    pub(super) index: usize,
}

impl Assignment {
    fn state(&self) -> Result<&domain::Assignment, Error> {
        let found = self.of.ticket.assignments.get(self.index);
        found.ok_or_else(|| fault_because(Code::Internal, "an assignment"))
    }
}

/// One office's task in a ticket.
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

    /// The department that holds it, or that delegated it to the holding unit; as it is now.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        Department::find(context, self.state()?.department).await
    }

    /// The unit that holds it, on level 2; as it is now.
    async fn unit(&self, context: &Context<'_>) -> Result<Option<Unit>, Error> {
        match self.state()?.unit {
            Some(unit) => Unit::find(context, unit).await,
            None => Ok(None),
        }
    }

    /// What the office that holds it is called; once it is over, what that was called then.
    async fn office_name(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let organisation = organisation(context).await?;
        Ok(self.state()?.office_name(&organisation).map(str::to_owned))
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
        let state = self.state()?;
        let (field, instruction) = (state.instruction_field(), state.instruction.as_ref());
        self.of.text(context, Group::Work, field, instruction).await
    }

    /// When it was made.
    async fn assigned_at(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.state()?.assigned_at)
    }

    /// To be signed by; null where it began in progress, as what is handled anew does, or was carried over.
    async fn sign_due(&self) -> Result<Option<Due>, Error> {
        Ok(self.state()?.sign_due.map(Due::from))
    }

    /// The round it belongs to.
    async fn round(&self) -> Result<u16, Error> {
        Ok(self.state()?.round)
    }

    /// Who of the holder's office works on it.
    async fn handler(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        match self.state()?.handler {
            Some(handler) => self.of.by(context, handler).await,
            None => Ok(None),
        }
    }

    /// How often the caller was called or visited, in vain or not.
    async fn contacts(&self) -> Result<u16, Error> {
        Ok(self.state()?.contacts)
    }

    /// When the caller was first reached.
    async fn reached_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.reached_at)
    }

    /// An answer saved and not submitted; only to the holder's office.
    async fn draft(&self, context: &Context<'_>) -> Result<Option<Draft>, Error> {
        let state = self.state()?;
        let seen = draft_sight(&viewer(context)?.actor, &self.of.judged_by, state);
        let draft = state.draft.clone().filter(|_| seen == Sight::Clear);
        Ok(draft.map(|draft| Draft {
            of: self.of.clone(),
            draft,
        }))
    }

    /// Every time it was given back, in order, and what the centre said to it.
    async fn returns(&self) -> Result<Vec<Return>, Error> {
        let returns = self.state()?.returns.iter();
        Ok(returns.map(Return::from).collect())
    }

    /// Whether the centre still has to accept or refuse its return.
    async fn return_pending(&self) -> Result<bool, Error> {
        let no = self.state()?.no;
        Ok(self.of.ticket.pending_returns().any(|a| a.no == no))
    }

    /// Whether the department had it before the ticket was carried over: its clock did not begin here.
    async fn imported(&self) -> Result<bool, Error> {
        Ok(self.state()?.imported)
    }

    /// To be replied by; null where it was carried over and is not known.
    async fn due(&self) -> Result<Option<Due>, Error> {
        Ok(self.state()?.due.map(Due::from))
    }

    /// May be returned until.
    async fn return_by(&self) -> Result<Due, Error> {
        Ok(self.state()?.return_by.into())
    }

    /// The caller is to be contacted by; null where the rules set no limit.
    async fn contact_due(&self) -> Result<Option<Due>, Error> {
        Ok(self.state()?.contact_due.map(Due::from))
    }

    /// Whether it is neither returned, recalled nor handed on: the joint meeting ruled so.
    async fn locked(&self) -> Result<bool, Error> {
        Ok(self.of.ticket.is_ruled_on(self.state()?))
    }

    /// How its limit stands now, or stood when it ended; while its clock stands still, when it stopped. Null where it
    /// has none.
    async fn light(&self, context: &Context<'_>) -> Result<Option<Light>, Error> {
        let now = app(context)?.desk.now();
        let light = self.of.ticket.light(self.state()?, now);
        Ok(light.map(Light::from))
    }

    /// Its clock, explained.
    #[graphql(complexity = "100 + child_complexity")]
    async fn clock(&self, context: &Context<'_>) -> Result<Clock, Error> {
        let (state, desk) = (self.state()?, &app(context)?.desk);
        let then = desk.rules_of(state.rules, state.assigned_at).await;
        let (then, present) = (
            then.map_err(|error| system(&error))?,
            desk.rules().await.map_err(|error| system(&error))?,
        );
        let clock = domain::clock::clock(&self.of.ticket, state, &then, &present, desk.now());
        Ok(clock.into())
    }

    /// Every time its limit was moved, in order.
    async fn moves(&self) -> Result<Vec<Move>, Error> {
        let moves = self.state()?.moves.iter();
        Ok(moves.map(Move::from).collect())
    }

    /// Every extension asked for (申请延期), in order. Not told to citizens.
    async fn extensions(&self) -> Result<Vec<Extension>, Error> {
        let extension = |extension: &domain::Extension| Extension {
            of: self.of.clone(),
            extension: extension.clone(),
        };
        Ok(self.state()?.extensions.iter().map(extension).collect())
    }

    /// When its holder first looked at it.
    async fn viewed_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.viewed_at)
    }

    /// When it was signed.
    async fn signed_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.signed_at)
    }

    /// When it was replied, returned, recalled or released.
    async fn ended_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.state()?.ended_at)
    }

    /// The answer its holder gave.
    async fn answer(&self) -> Result<Option<Answer>, Error> {
        let state = self.state()?;
        let answer = state.answer.clone();
        Ok(answer.map(|answer| Answer {
            of: self.of.clone(),
            answer,
            office: Some(state.office()),
        }))
    }
}

/// A deadline moved.
#[derive(SimpleObject)]
pub struct Move {
    /// When.
    at: DateTime<Utc>,
    /// Why.
    cause: MoveCause,
    /// The deadline before; null where there was none.
    before: Option<Due>,
    /// The deadline after.
    after: Due,
}

impl From<&domain::Move> for Move {
    fn from(moved: &domain::Move) -> Self {
        Self {
            at: moved.at,
            cause: moved.cause.into(),
            before: moved.from.map(Due::from),
            after: moved.to.into(),
        }
    }
}

/// More time asked for (申请延期).
pub struct Extension {
    of: Ticket,
    extension: domain::Extension,
}

/// More time asked for (申请延期).
#[Object]
impl Extension {
    /// When it was asked for.
    async fn asked_at(&self) -> DateTime<Utc> {
        self.extension.asked_at
    }

    /// By whom.
    async fn asked_by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.extension.asked_by).await
    }

    /// How many working days.
    async fn days(&self) -> u16 {
        self.extension.days
    }

    /// On what basis.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = Some(&self.extension.text);
        self.of.text(context, Group::Work, "text", text).await
    }

    /// When the centre decided on it.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.extension.decided_at
    }

    /// What it decided; null while that is open.
    async fn granted(&self) -> Option<bool> {
        self.extension.granted
    }
}

/// A return of an assignment.
#[derive(SimpleObject)]
pub struct Return {
    /// When.
    at: DateTime<Utc>,
    /// The reason's code.
    reason: String,
    /// When the centre decided on it.
    decided_at: Option<DateTime<Utc>>,
    /// Whether it was accepted; null while that is open, and where a unit gave back to its department.
    accepted: Option<bool>,
}

impl From<&domain::Return> for Return {
    fn from(returned: &domain::Return) -> Self {
        Self {
            at: returned.at,
            reason: returned.reason.clone(),
            decided_at: returned.decided_at,
            accepted: returned.accepted,
        }
    }
}

/// An answer saved and not submitted.
pub struct Draft {
    of: Ticket,
    draft: domain::Draft,
}

/// An answer saved and not submitted.
#[Object]
impl Draft {
    /// Which draft: whoever signs it off says so.
    async fn id(&self) -> uuid::Uuid {
        self.draft.event.0
    }

    /// When it was saved.
    async fn at(&self) -> DateTime<Utc> {
        self.draft.at
    }

    /// By whom.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.draft.by).await
    }

    /// The internal account (办理意见).
    async fn opinion(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let opinion = self.draft.opinion.as_ref();
        self.of.text(context, Group::Work, "opinion", opinion).await
    }

    /// The answer.
    async fn answer(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let answer = self.draft.answer.as_ref();
        self.of.text(context, Group::Work, "answer", answer).await
    }

    /// Whether the caller was contacted.
    async fn contacted(&self) -> Option<bool> {
        self.draft.contacted
    }

    /// Whether it is solved.
    async fn solved(&self) -> Option<bool> {
        self.draft.solved
    }

    /// Why it is not.
    async fn unsolved_reason(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let reason = self.draft.unsolved_reason.as_ref();
        self.of
            .text(context, Group::Work, "unsolved_reason", reason)
            .await
    }

    /// Who handles it.
    async fn handler(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let handler = self.draft.handler.as_ref();
        self.of.text(context, Group::Work, "handler", handler).await
    }

    /// The handler's phone.
    async fn phone(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let phone = self.draft.phone.as_ref();
        self.of.text(context, Group::Work, "phone", phone).await
    }
}

/// An answer.
pub struct Answer {
    pub(super) of: Ticket,
    pub(super) answer: domain::Answer,
    pub(super) office: Option<Office>,
}

/// An answer.
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

    /// What the office that gave it was called then; null where the centre answered directly.
    async fn office_name(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let Some(office) = self.office else {
            return Ok(None);
        };
        let organisation = organisation(context).await?;
        let name = organisation.name_at(office, self.answer.at);
        Ok(name.map(str::to_owned))
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

    /// Who handled it; null where the centre answered directly.
    async fn handler(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let handler = self.answer.handler.as_ref();
        self.of.text(context, Group::Work, "handler", handler).await
    }

    /// The handler's phone.
    async fn phone(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let phone = self.answer.phone.as_ref();
        self.of.text(context, Group::Work, "phone", phone).await
    }

    /// The knowledge article it was taken from, where the centre answered directly.
    async fn article(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let article = self.answer.article.as_ref();
        self.of.text(context, Group::Work, "article", article).await
    }
}

/// A rating.
pub struct Rating {
    pub(super) of: Ticket,
    pub(super) rating: domain::Rating,
}

/// A rating.
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
