//! What Docket is to do by itself, and when: the timers of every ticket, by their time. Whoever runs them asks
//! by index what is due, so that a million open tickets cost nothing while nothing is.

use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::views::Views;
use crate::write::Write;
use docket_core::db::{Row, Value};
use docket_core::values;
use docket_domain::Timestamp;
use docket_domain::ids::TicketId;
use docket_domain::policy::{Reckoning, Timer, timers};
use uuid::Uuid;

/// The projection.
pub struct Timers;

/// Most timers one query returns.
pub const DUE_MAX: u32 = 1_000;

const TABLE: Table = Table {
    name: "timers",
    columns: &[
        Column::Id("ticket"),
        Column::Text("cause"),
        Column::Text("reckoning"),
        Column::Int("at"),
    ],
    key: 2,
    indexes: &["reckoning, at, ticket"],
};

impl Projection for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn version(&self) -> i64 {
        5
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for change in batch.changes {
            let (before, after) = (timers(&change.before), timers(&change.after));
            for timer in &before {
                if after.iter().all(|other| other.cause != timer.cause) {
                    gone.push(values![id(change.id.0), timer.cause.to_string()]);
                }
            }
            let new = after.iter().filter(|timer| !before.contains(timer));
            rows.extend(new.map(|timer| row(change.id, timer)));
        }
        Ok(vec![
            Write::Remove(&TABLE, gone),
            Write::PutOnce(&TABLE, rows),
        ])
    }
}

fn row(ticket: TicketId, timer: &Timer) -> Vec<Value> {
    values![
        id(ticket.0),
        timer.cause.to_string(),
        timer.cause.reckoning().name(),
        timer.at,
    ]
}

/// A timer that is due, as far as the views know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTimer {
    /// The ticket.
    pub ticket: TicketId,
    /// What is to be done.
    pub timer: Timer,
}

impl Views {
    /// The timers of one reckoning up to a time, the earliest first; after one of them, if given. At most
    /// [`DUE_MAX`].
    pub async fn due_timers(
        &self,
        reckoning: Reckoning,
        until: Timestamp,
        after: Option<DueTimer>,
        limit: u32,
    ) -> Result<Vec<DueTimer>, ProjectionError> {
        let (at, ticket) = after.map_or((i64::MIN, Uuid::nil()), |last| {
            (last.timer.at.timestamp_micros(), last.ticket.0)
        });
        let sql = "SELECT ticket, cause, at FROM timers
             WHERE reckoning = $1 AND at <= $2 AND (at > $3 OR (at = $3 AND ticket > $4))
             ORDER BY at, ticket LIMIT $5";
        let values = values![reckoning.name(), until, at, id(ticket), limit.min(DUE_MAX)];
        let rows = self.db().fetch_all(sql, values).await?;
        let due = |row: &Row| {
            let unreadable = |_| ProjectionError::Unreadable { table: TABLE.name };
            Ok(DueTimer {
                ticket: TicketId(row.id(0)?),
                timer: Timer {
                    cause: row.text(1)?.parse().map_err(unreadable)?,
                    at: row.time(2)?,
                },
            })
        };
        rows.iter().map(due).collect()
    }
}
