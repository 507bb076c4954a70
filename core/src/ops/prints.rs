//! Printed pages that wait to be fetched, sealed under the keys of their links, which are not here.

use super::{Ops, OpsError};
use crate::values;
use docket_domain::Timestamp;

/// Most pages that wait; the oldest give way.
pub const PRINTS_WAITING_MAX: u32 = 500;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS prints (link {bytes} PRIMARY KEY, page {bytes} NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS prints_by_expiry ON prints (expires_at);
";

impl Ops {
    /// Keeps a sealed page for a link. Those that are over go, and the oldest beyond [`PRINTS_WAITING_MAX`].
    pub async fn keep_print(
        &self,
        link: &[u8],
        page: &[u8],
        until: Timestamp,
    ) -> Result<(), OpsError> {
        let sql = "DELETE FROM prints WHERE expires_at <= $1";
        self.db.execute(sql, values![self.clock.now()]).await?;
        let sql = "INSERT INTO prints VALUES ($1, $2, $3)";
        self.db.execute(sql, values![link, page, until]).await?;
        let sql = "DELETE FROM prints WHERE link NOT IN
             (SELECT link FROM prints ORDER BY expires_at DESC, link LIMIT $1)";
        self.db.execute(sql, values![PRINTS_WAITING_MAX]).await?;
        Ok(())
    }

    /// The sealed page of a link, once, while it works.
    pub async fn take_print(&self, link: &[u8]) -> Result<Option<Vec<u8>>, OpsError> {
        let sql = "SELECT page FROM prints WHERE link = $1 AND expires_at > $2";
        let values = values![link, self.clock.now()];
        let Some(row) = self.db.fetch_optional(sql, values).await? else {
            return Ok(None);
        };
        // Whoever takes it away has it: of two who ask at once, in whatever processes, one does.
        let sql = "DELETE FROM prints WHERE link = $1";
        let taken = self.db.execute(sql, values![link]).await? == 1;
        Ok(taken.then(|| row.bytes(0)).transpose()?)
    }
}
