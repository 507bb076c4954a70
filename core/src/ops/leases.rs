//! Leases: of several server processes on one store, one does a thing, and when it is gone another goes on.
//!
//! Whoever holds a lease moves its beat. Whoever waits for it watches the beat by its own stopwatch: one that has
//! stood still for [`LAPSES`] is taken over. No process trusts another's clock, nor its own after a jump.

use super::{Ops, OpsError};
use crate::clock::random_bytes;
use crate::values;
use std::time::Duration;
use tokio::time::Instant;

/// How long a beat stands still before the lease is taken over.
pub const LAPSES: Duration = Duration::from_secs(5);
/// How often a holder moves its beat.
pub const BEATS: Duration = Duration::from_secs(1);

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, beat BIGINT NOT NULL);
";

/// A lease that a process holds, or waits for.
pub struct Lease {
    ops: Ops,
    name: &'static str,
    holder: String,
    /// When the beat was last moved, while it is held.
    beaten: Option<Instant>,
    /// Whose beat was seen, where it stood, and since when.
    seen: Option<(String, i64, Instant)>,
}

impl Lease {
    /// A lease by name, not held yet.
    #[must_use]
    pub fn of(ops: &Ops, name: &'static str) -> Self {
        let holder = random_bytes::<8>()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        Self {
            ops: ops.clone(),
            name,
            holder,
            beaten: None,
            seen: None,
        }
    }

    /// Whether it is held now: keeps it, or takes it where it is free. To be asked more often than [`BEATS`].
    pub async fn hold(&mut self) -> Result<bool, OpsError> {
        if self.beaten.is_some_and(|at| at.elapsed() < BEATS) {
            return Ok(true);
        }
        if self.beaten.is_some() {
            let sql = "UPDATE leases SET beat = beat + 1 WHERE name = $1 AND holder = $2";
            let kept = self
                .ops
                .db
                .execute(sql, values![self.name, self.holder.as_str()])
                .await?;
            self.beaten = (kept == 1).then(Instant::now);
            return Ok(kept == 1);
        }
        self.take().await
    }

    async fn take(&mut self) -> Result<bool, OpsError> {
        let sql = "SELECT holder, beat FROM leases WHERE name = $1";
        let row = self.ops.db.fetch_optional(sql, values![self.name]).await?;
        let taken = match row {
            None => {
                let sql = "INSERT INTO leases VALUES ($1, $2, 0) ON CONFLICT DO NOTHING";
                self.ops
                    .db
                    .execute(sql, values![self.name, self.holder.as_str()])
                    .await?
            }
            Some(row) => {
                let (holder, beat) = (row.text(0)?, row.int(1)?);
                let since = match &self.seen {
                    Some((who, at, since)) if *who == holder && *at == beat => *since,
                    _ => Instant::now(),
                };
                if since.elapsed() < LAPSES {
                    self.seen = Some((holder, beat, since));
                    return Ok(false);
                }
                let sql = "UPDATE leases SET holder = $1, beat = beat + 1
                           WHERE name = $2 AND holder = $3 AND beat = $4";
                let values = values![self.holder.as_str(), self.name, holder, beat];
                self.ops.db.execute(sql, values).await?
            }
        };
        self.seen = None;
        self.beaten = (taken == 1).then(Instant::now);
        Ok(taken == 1)
    }

    /// Gives it back, so that another need not wait.
    pub async fn release(&mut self) -> Result<(), OpsError> {
        self.beaten = None;
        let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
        self.ops
            .db
            .execute(sql, values![self.name, self.holder.as_str()])
            .await?;
        Ok(())
    }
}
