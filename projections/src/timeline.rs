//! The timeline (流转明细): every step of a ticket, with every text as it was given, also those later
//! replaced.

use crate::card::int;
use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::views::Views;
use crate::write::Write;
use docket_core::db::{Value, list};
use docket_core::{Span, values};
use docket_domain::Timestamp;
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::ticket::Ticket;
use std::collections::{HashMap, HashSet};

/// The projection.
pub struct Timeline;

/// Most steps one page returns.
pub const STEPS_MAX: u32 = 200;
/// Most tickets whose steps one statement reads.
pub const TIMELINES_MAX: usize = 100;

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
        Column::Long("data"),
    ],
    key: 2,
    indexes: &[],
};

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

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
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
        Ok(vec![
            Write::PutOnce(&TABLE, rows.collect()),
            Write::RemoveOf(&TABLE, "ticket", batch.erased().collect()),
        ])
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
    /// A stretch of a ticket's steps by their versions, at most [`STEPS_MAX`] and one, in the order they are read;
    /// without those of some types.
    pub async fn timeline(
        &self,
        ticket: TicketId,
        span: &Span<u64>,
        without: &[&str],
    ) -> Result<Vec<Step>, ProjectionError> {
        let mut steps = self.timelines(&[ticket], span, without).await?;
        Ok(steps.remove(&ticket).unwrap_or_default())
    }

    /// The same stretch of the steps of several tickets, at most [`TIMELINES_MAX`], by one statement.
    pub async fn timelines(
        &self,
        tickets: &[TicketId],
        span: &Span<u64>,
        without: &[&str],
    ) -> Result<HashMap<TicketId, Vec<Step>>, ProjectionError> {
        let tickets = &tickets[..tickets.len().min(TIMELINES_MAX)];
        let mut values = values![
            int(span.after.unwrap_or(0)),
            int(span.before.unwrap_or(u64::MAX)),
            span.limit.min(STEPS_MAX + 1),
        ];
        values.extend(without.iter().map(|of| Value::from(*of)));
        let types = match without {
            [] => String::new(),
            _ => format!(" AND type NOT IN ({})", list(4, without.len())),
        };
        let direction = span.direction(false);
        // One branch a ticket, each of which reads its own stretch of the key and no more.
        let branch = |ticket: &TicketId| {
            values.push(id(ticket.0));
            format!(
                "SELECT * FROM (SELECT ticket, version, position, type, schema_version, at, account, data
                 FROM timeline WHERE ticket = ${} AND version > $1 AND version < $2{types}
                 ORDER BY version {direction} LIMIT $3) s",
                values.len()
            )
        };
        let branches: Vec<String> = tickets.iter().map(branch).collect();
        let sql = match branches.as_slice() {
            [] => return Ok(HashMap::new()),
            branches => format!(
                "{} ORDER BY version {direction}",
                branches.join(" UNION ALL ")
            ),
        };
        let mut steps: HashMap<TicketId, Vec<Step>> = HashMap::new();
        for row in self.db().fetch_all(&sql, values).await? {
            steps.entry(TicketId(row.id(0)?)).or_default().push(Step {
                version: u64::try_from(row.int(1)?).unwrap_or(0),
                position: u64::try_from(row.int(2)?).unwrap_or(0),
                event_type: row.text(3)?,
                schema_version: u16::try_from(row.int(4)?).unwrap_or(0),
                at: row.time(5)?,
                by: AccountId(row.id(6)?),
                data: row.text(7)?,
            });
        }
        Ok(steps)
    }
}
