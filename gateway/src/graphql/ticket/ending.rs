//! How a ticket comes to its end: the review of the answer, the calls to the citizen, the ending.

use super::Ticket;
use super::words::EndingKind;
use crate::graphql::account::Account;
use crate::rights::{Group, ending_text_group};
use async_graphql::{Context, Error, Object};
use chrono::{DateTime, Utc};
use docket_domain::ticket as domain;

/// The hotline office's review of an answer (审核).
pub struct Review {
    pub(super) of: Ticket,
    pub(super) review: domain::Review,
}

/// The hotline office's review of an answer (审核).
#[Object]
impl Review {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.review.at
    }

    /// By whom. Not told to citizens.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.review.by).await
    }

    /// What the office thinks of the answer.
    async fn opinion(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let opinion = self.review.opinion.as_ref();
        self.of.text(context, Group::Work, "opinion", opinion).await
    }
}

/// A call to the citizen after the answer (回访).
pub struct CallBack {
    pub(super) of: Ticket,
    pub(super) call: domain::CallBack,
}

/// A call to the citizen after the answer (回访).
#[Object]
impl CallBack {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.call.at
    }

    /// By whom. Not told to citizens.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.call.by).await
    }

    /// Whether the citizen was reached.
    async fn reached(&self) -> bool {
        self.call.reached
    }

    /// Whether the handling office had contacted them, as they say.
    async fn contacted(&self) -> Option<bool> {
        self.call.contacted
    }

    /// Whether it is solved, as they say; null where not said.
    async fn solved(&self) -> Option<bool> {
        self.call.solved
    }

    /// What else they said.
    async fn comment(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let comment = self.call.comment.as_ref();
        self.of
            .text(context, Group::Matter, "comment", comment)
            .await
    }
}

/// The end of a ticket.
pub struct Ending {
    pub(super) of: Ticket,
    pub(super) ending: domain::Ending,
}

/// The end of a ticket.
#[Object]
impl Ending {
    /// How.
    async fn kind(&self) -> EndingKind {
        self.ending.kind.into()
    }

    /// When; null where it was carried over and is not known.
    async fn at(&self) -> Option<DateTime<Utc>> {
        self.ending.at
    }

    /// By whom. Staff are not told to citizens.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.ending.by).await
    }

    /// The reason's code, where it was declined or terminated; the line's where the caller was put through.
    async fn reason(&self) -> Option<&String> {
        self.ending.reason.as_ref()
    }

    /// The lawful channel the caller was told, where it was declined.
    async fn lawful_channel(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let channel = self.ending.lawful_channel.as_ref();
        self.of
            .text(context, Group::Matter, "lawful_channel", channel)
            .await
    }

    /// Why it is closed or withdrawn; the explanation to the citizen where it was terminated.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.ending.text.as_ref();
        let group = ending_text_group(self.ending.kind);
        self.of.text(context, group, "text", text).await
    }
}
