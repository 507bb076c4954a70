//! The timeline (流转明细): every step of a ticket, with every text as it was given, also those later
//! replaced.

use crate::card::int;
use crate::projection::{Batch, Column, Projection, ProjectionError, Table, delete_of, id, upsert};
use crate::views::Views;
use async_trait::async_trait;
use docket_core::db::Tx;
use docket_core::values;
use docket_domain::Timestamp;
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::ticket::Ticket;
use std::collections::HashSet;

/// The projection.
pub struct Timeline;

/// Most steps one page returns.
pub const STEPS_MAX: u32 = 200;

const TABLE: Table = Table {
    name: "timeline",
    columns: &[
        Column::Id("ticket"),
        Column::Int("version"),
        Column::Int("position"),
        Column::Text("type"),
        Column::Int("schema_version"),
        Column::Int("at"),
        Column::Id("account"),
        Column::Text("data"),
    ],
    key: 2,
    indexes: &[],
};

#[async_trait]
impl Projection for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn version(&self) -> i64 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        prefix: &str,
        batch: &Batch<'_>,
    ) -> Result<(), ProjectionError> {
        let erased: HashSet<_> = batch.erased().collect();
        let of_tickets = batch
            .records
            .iter()
            .filter(|r| r.category == Ticket::CATEGORY && !erased.contains(&r.stream));
        let rows = of_tickets.map(|record| {
            values![
                id(record.stream),
                int(record.version),
                int(record.position),
                record.event_type.as_str(),
                i64::from(record.schema_version),
                record.occurred_at,
                id(record.actor.0),
                record.data.as_str(),
            ]
        });
        delete_of(tx, prefix, &TABLE, "ticket", batch.erased()).await?;
        Ok(upsert(tx, prefix, &TABLE, rows.collect()).await?)
    }
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place in the ticket's stream.
    pub version: u64,
    /// Its place in the log.
    pub position: u64,
    /// The event's type.
    pub event_type: String,
    /// The schema version of its data.
    pub schema_version: u16,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
    /// The event's data.
    pub data: String,
}

impl Views {
    /// A ticket's steps after a version, in order, at most [`STEPS_MAX`].
    pub async fn timeline(
        &self,
        ticket: TicketId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Step>, ProjectionError> {
        let rows = self
            .db()
            .fetch_all(
                "SELECT version, position, type, schema_version, at, account, data FROM timeline
                 WHERE ticket = $1 AND version > $2 ORDER BY version LIMIT $3",
                vec![id(ticket.0), int(after), limit.min(STEPS_MAX).into()],
            )
            .await?;
        let step = |row: &docket_core::db::Row| {
            Ok(Step {
                version: u64::try_from(row.int(0)?).unwrap_or(0),
                position: u64::try_from(row.int(1)?).unwrap_or(0),
                event_type: row.text(2)?,
                schema_version: u16::try_from(row.int(3)?).unwrap_or(0),
                at: row.time(4)?,
                by: AccountId(row.id(5)?),
                data: row.text(6)?,
            })
        };
        rows.iter().map(step).collect()
    }
}
