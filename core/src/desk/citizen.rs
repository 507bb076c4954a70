//! The citizen without an account: whoever shows a ticket's number and query code.

use super::{Desk, DeskError, Options, Outcome};
use crate::ops::OpsError;
use docket_domain::ids::TicketId;
use docket_domain::people::Actor;
use docket_domain::ticket::{Ticket, TicketAction, TicketNumber};

/// A ticket's number and its query code, as a citizen types them.
pub struct Shown<'s> {
    /// The number.
    pub number: &'s str,
    /// The code.
    pub query_code: &'s str,
}

impl Desk {
    /// The ticket whose number and query code these are.
    pub async fn shown(&self, shown: &Shown<'_>) -> Result<Outcome<Ticket>, DeskError> {
        let id = self.check_code(shown).await?;
        let found = self.ticket(id).await?;
        let standing = found.filter(|found| found.state.erased_at.is_none());
        standing.ok_or(DeskError::WrongQueryCode)
    }

    /// Does an action on the ticket whose number and query code these are.
    pub async fn act_shown(
        &self,
        shown: &Shown<'_>,
        action: TicketAction<String>,
        options: &Options,
    ) -> Result<Outcome<Ticket>, DeskError> {
        // As if it were not there, where it was erased.
        let id = TicketId(self.shown(shown).await?.id);
        self.act(&Actor::bearer(), id, action, options).await
    }

    /// Wrong codes are counted by number, whether there is such a ticket or not: so a code cannot be
    /// guessed, and a lock tells nothing.
    async fn check_code(&self, shown: &Shown<'_>) -> Result<TicketId, DeskError> {
        let number: TicketNumber = shown
            .number
            .trim()
            .parse()
            .map_err(|_| DeskError::WrongQueryCode)?;
        let door = self
            .vault
            .keyed_hash("query_code_tries", number.as_str().as_bytes());
        let mut knock = match self.ops.knock(&door).await {
            Err(OpsError::Locked) => return Err(DeskError::QueryCodeLocked),
            knock => knock?,
        };
        let code = self.query_code_hash(&shown.query_code.trim().to_ascii_uppercase());
        let number = number.as_str().as_bytes();
        let (named, coded) = tokio::try_join!(
            self.journal.claimed_by("ticket_number", number),
            self.journal.claimed_by("query_code", &code),
        )?;
        match named {
            Some(ticket) if coded == named => {
                knock.right().await?;
                Ok(TicketId(ticket))
            }
            _ => {
                knock.wrong().await?;
                Err(DeskError::WrongQueryCode)
            }
        }
    }

    /// The keyed hash under which a query code is claimed.
    pub(super) fn query_code_hash(&self, code: &str) -> [u8; 32] {
        self.vault.keyed_hash("query_code", code.as_bytes())
    }
}
