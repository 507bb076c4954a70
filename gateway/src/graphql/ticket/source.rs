//! Where a ticket was carried over from.

use super::Ticket;
use super::words::Standing;
use crate::error::{Code, fault_because, system};
use crate::graphql::common::app;
use crate::graphql::organisation::Department;
use crate::rights::Group;
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ids::TicketId;
use docket_domain::ticket as domain;
use std::collections::BTreeMap;

/// A number of another system.
#[derive(InputObject)]
pub struct SourceNumber {
    /// The system's name, as the mapping gives it.
    system: String,
    /// The number there.
    number: String,
}

impl SourceNumber {
    pub(super) async fn find(&self, context: &Context<'_>) -> Result<Option<TicketId>, Error> {
        let found = app(context)?
            .desk
            .carried_over(&self.system, &self.number)
            .await;
        found.map_err(|e| system(&e))
    }
}

/// What the system a ticket was carried over from knew of it; null is not known.
pub struct Source {
    pub(super) of: Ticket,
    pub(super) source: domain::Source,
}

/// A word of that system.
#[derive(SimpleObject)]
pub struct SourceWord {
    /// What of: status, kind, channel, topic, department, or the name of a column kept.
    name: String,
    /// As it stood there.
    text: String,
}

/// What the system a ticket was carried over from knew of it; null is not known.
#[Object]
impl Source {
    /// The system's name.
    async fn system(&self) -> &str {
        &self.source.system
    }

    /// The ticket's number there. Null where erased.
    async fn number(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let number = Some(&self.source.number);
        self.of
            .text(context, Group::Matter, "source_number", number)
            .await
    }

    /// What its status there meant.
    async fn standing(&self) -> Standing {
        self.source.standing.into()
    }

    /// When it was carried over.
    async fn imported_at(&self) -> DateTime<Utc> {
        self.source.imported_at
    }

    /// The department that had it last.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        match self.source.department {
            Some(id) => Department::find(context, id).await,
            None => Ok(None),
        }
    }

    /// When the department got it.
    async fn assigned_at(&self) -> Option<DateTime<Utc>> {
        self.source.assigned_at
    }

    /// When it was answered.
    async fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.source.answered_at
    }

    /// When it was closed.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.source.closed_at
    }

    /// To be replied by.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.source.due_at
    }

    /// The answer there, where it is not the ticket's own: when it was given is not known, or it does not stand.
    async fn answer(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let answer = self.source.answer.as_ref();
        self.of.text(context, Group::Matter, "answer", answer).await
    }

    /// Its words for what is coded here, and what else was kept of it. Empty where erased; not told to citizens.
    async fn words(&self, context: &Context<'_>) -> Result<Vec<SourceWord>, Error> {
        let words = self.source.words.as_ref();
        let Some(text) = self
            .of
            .text(context, Group::Work, "source_words", words)
            .await?
        else {
            return Ok(Vec::new());
        };
        let words: BTreeMap<String, String> = serde_json::from_str(&text)
            .map_err(|_| fault_because(Code::Internal, "a source's words"))?;
        let word = |(name, text)| SourceWord { name, text };
        Ok(words.into_iter().map(word).collect())
    }
}
