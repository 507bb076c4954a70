//! What is under way with attachments: uploads that were begun and have no event yet, and links that were used up.

use super::{Ops, OpsError};
use crate::values;
use docket_domain::Timestamp;
use docket_domain::ids::{ObjectId, TicketId};

/// Uploads looked at in one sweep.
pub const UPLOADS_SWEPT_MAX: u32 = 1_000;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS uploads (object TEXT PRIMARY KEY, ticket TEXT NOT NULL, begun_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS links_used (link {bytes} PRIMARY KEY, expires_at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS links_used_by_expiry ON links_used (expires_at);
";

impl Ops {
    /// Notes that a file is about to be stored. Before its first byte is: so whatever is stored is known.
    pub async fn begin_upload(&self, object: ObjectId, ticket: TicketId) -> Result<(), OpsError> {
        let sql = "INSERT INTO uploads VALUES ($1, $2, $3)";
        let values = values![object.0, ticket.0, self.clock.now()];
        self.db.execute(sql, values).await?;
        Ok(())
    }

    /// Forgets an upload: its file is the ticket's now, or was removed.
    pub async fn end_upload(&self, object: ObjectId) -> Result<(), OpsError> {
        let sql = "DELETE FROM uploads WHERE object = $1";
        self.db.execute(sql, values![object.0]).await?;
        Ok(())
    }

    /// Uploads begun before a time and not ended, the oldest first, at most [`UPLOADS_SWEPT_MAX`].
    pub async fn uploads_before(
        &self,
        time: Timestamp,
    ) -> Result<Vec<(ObjectId, TicketId)>, OpsError> {
        let sql = format!(
            "SELECT object, ticket FROM uploads WHERE begun_at < $1 ORDER BY begun_at, object
             LIMIT {UPLOADS_SWEPT_MAX}"
        );
        let rows = self.db.fetch_all(&sql, values![time]).await?;
        let ids = rows
            .iter()
            .map(|row| Ok((ObjectId(row.uuid(0)?), TicketId(row.uuid(1)?))));
        ids.collect::<Result<_, sqlx::Error>>().map_err(Into::into)
    }

    /// Uses a link up: whether it is good, and was not used before. It is remembered as long as it is good.
    pub async fn use_link(&self, link: &[u8], until: Timestamp) -> Result<bool, OpsError> {
        let now = self.clock.now();
        if until <= now {
            return Ok(false);
        }
        let sql = "DELETE FROM links_used WHERE expires_at <= $1";
        self.db.execute(sql, values![now]).await?;
        let sql = "INSERT INTO links_used VALUES ($1, $2) ON CONFLICT DO NOTHING";
        Ok(self.db.execute(sql, values![link, until]).await? == 1)
    }
}
