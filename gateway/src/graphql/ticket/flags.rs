//! Facts about a ticket beside its state: supervised, disputed, suspended, asked to be ended, archived.

use super::Ticket;
use super::words::{DisputeCause, PauseCause, SupervisionLevel};
use crate::graphql::account::Account;
use crate::rights::Group;
use async_graphql::{Context, Error, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ticket as domain;

/// The supervision a ticket is under (督办).
pub struct Supervision {
    pub(super) of: Ticket,
    pub(super) supervision: domain::Supervision,
}

/// The supervision a ticket is under (督办).
#[Object]
impl Supervision {
    /// How strict.
    async fn level(&self) -> SupervisionLevel {
        self.supervision.level.into()
    }

    /// Since when on this level.
    async fn at(&self) -> DateTime<Utc> {
        self.supervision.at
    }

    /// Put there by whom; null where Docket did it, as the rules say.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.supervision.by).await
    }

    /// What set it off.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.supervision.text.as_ref();
        self.of.text(context, Group::Work, "text", text).await
    }
}

/// A dispute that is not ruled on yet (疑难).
pub struct Dispute {
    pub(super) of: Ticket,
    pub(super) dispute: domain::Dispute,
}

/// A dispute that is not ruled on yet (疑难).
#[Object]
impl Dispute {
    /// Since when.
    async fn at(&self) -> DateTime<Utc> {
        self.dispute.at
    }

    /// Why.
    async fn cause(&self) -> DisputeCause {
        self.dispute.cause.into()
    }

    /// Marked by whom; null where Docket did it, as the rules say.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.dispute.by).await
    }

    /// Why, in words.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.dispute.text.as_ref();
        self.of.text(context, Group::Work, "text", text).await
    }
}

/// What the joint meeting ruled (裁定).
pub struct Ruling {
    pub(super) of: Ticket,
    pub(super) ruling: domain::Ruling,
}

/// What the joint meeting ruled (裁定).
#[Object]
impl Ruling {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.ruling.at
    }

    /// By whom.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.ruling.by).await
    }

    /// The ruling.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = Some(&self.ruling.text);
        self.of.text(context, Group::Work, "text", text).await
    }

    /// The number of the lead's assignment that it made.
    async fn assignment_no(&self) -> u16 {
        self.ruling.assignment.0
    }
}

/// A time in which no clock of the ticket ran.
pub struct Pause {
    pub(super) of: Ticket,
    pub(super) pause: domain::Pause,
}

/// A time in which no clock of the ticket ran.
#[Object]
impl Pause {
    /// Why.
    async fn cause(&self) -> PauseCause {
        self.pause.cause.into()
    }

    /// From when on.
    async fn from(&self) -> DateTime<Utc> {
        self.pause.from
    }

    /// Until when; null while it goes on.
    async fn to(&self) -> Option<DateTime<Utc>> {
        self.pause.to
    }

    /// The code of the lawful ground, of a suspension.
    async fn ground(&self) -> Option<&String> {
        self.pause.ground.as_ref()
    }

    /// When it is expected to end, of a suspension.
    async fn expected_at(&self) -> Option<DateTime<Utc>> {
        self.pause.expected_at
    }

    /// In words. Not told to citizens.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.pause.text.as_ref();
        self.of.text(context, Group::Work, "text", text).await
    }
}

/// A department's wish that its ticket be ended unsolved (申请终止).
pub struct Termination {
    pub(super) of: Ticket,
    pub(super) termination: domain::Termination,
}

/// A department's wish that its ticket be ended unsolved (申请终止).
#[Object]
impl Termination {
    /// When it was asked for.
    async fn asked_at(&self) -> DateTime<Utc> {
        self.termination.asked_at
    }

    /// By whom.
    async fn asked_by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.termination.asked_by).await
    }

    /// The reason's code.
    async fn reason(&self) -> &str {
        &self.termination.reason
    }

    /// In words.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = Some(&self.termination.text);
        self.of.text(context, Group::Work, "text", text).await
    }
}

/// When and how a ticket was laid down (归档).
#[derive(SimpleObject)]
pub struct Archive {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// The retention class's code.
    pub(super) class: String,
}
