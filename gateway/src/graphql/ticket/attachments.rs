//! The files attached to a ticket, to whoever may know of them.

use super::Ticket;
use super::words::FilePart;
use crate::graphql::account::Account;
use crate::graphql::common::{global_id, open};
use crate::rights::Sight;
use async_graphql::{Context, Error, ID, Object};
use chrono::{DateTime, Utc};
use docket_domain::ticket as domain;

/// A file attached to a ticket (附件). What is in it is fetched by `openAttachment`.
#[derive(Clone)]
pub struct Attachment {
    pub(super) of: Ticket,
    pub(super) file: domain::Attachment,
}

impl Attachment {
    /// A file of a ticket. Whether the viewer may know of it has been looked at.
    pub fn new(of: Ticket, file: domain::Attachment) -> Self {
        Self { of, file }
    }
}

/// A file attached to a ticket (附件). What is in it is fetched by `openAttachment`.
#[Object]
impl Attachment {
    /// Global id. Give it to `openAttachment`.
    pub async fn id(&self) -> ID {
        global_id("attachment", self.file.id.0)
    }

    /// Its name, as whoever attached it called it. Null where erased.
    async fn name(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        open(context, Sight::Clear, "file_name", Some(&self.file.name)).await
    }

    /// What it belongs to.
    async fn part(&self) -> FilePart {
        self.file.part.into()
    }

    /// What kind of file it is, by what is in it.
    async fn media_type(&self) -> &'static str {
        self.file.file_type.media_type()
    }

    /// Its size in bytes.
    async fn size(&self) -> u32 {
        u32::try_from(self.file.bytes).unwrap_or(u32::MAX)
    }

    /// SHA-256, in hexadecimal, of its bytes as they are stored: sealed. It stands in the event, too. Of the clear file it
    /// tells nothing.
    async fn sha256(&self) -> String {
        self.file.hash.to_string()
    }

    /// Who attached it. Told as for a step of the timeline.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.file.by).await
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.file.at
    }
}
