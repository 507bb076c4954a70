//! The ticket card: every ticket as folded, by id and by number.

use crate::projection::{self, Batch, Column, Projection, ProjectionError, Table};
use crate::views::Views;
use crate::write::Write;
use docket_core::db::{Row, Value, list, pieces};
use docket_core::values;
use docket_domain::ids::TicketId;
use docket_domain::ticket::{Kind, Ticket, TicketNumber, TicketState};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The projection.
pub struct Cards;

/// Most tickets one query by state returns.
pub const TICKETS_MAX: u32 = 1_000;

const TABLE: Table = Table {
    name: "tickets",
    columns: &[
        Column::Id("ticket"),
        Column::Text("number"),
        Column::Text("state"),
        Column::Text("kind"),
        Column::Int("received_at"),
        Column::Int("version"),
        Column::Int("position"),
        Column::Long("folded"),
    ],
    key: 1,
    indexes: &["number", "received_at, ticket"],
};

impl Projection for Cards {
    fn name(&self) -> &'static str {
        "card"
    }

    fn version(&self) -> i64 {
        13
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let mut rows = Vec::with_capacity(batch.changes.len());
        for change in batch.changes {
            let known = change.after.intake.as_ref();
            let Some(intake) = known.filter(|_| change.after.erased_at.is_none()) else {
                continue;
            };
            rows.push(values![
                projection::id(change.id.0),
                intake.number.as_str(),
                change.after.state.name(),
                intake.kind.map_or("", Kind::name),
                intake.at,
                int(change.version),
                int(change.position),
                to_json(&change.after),
            ]);
        }
        Ok(vec![
            Write::RemoveOf(&TABLE, "ticket", batch.erased().collect()),
            Write::PutOnce(&TABLE, rows),
        ])
    }
}

/// A ticket as the views know it.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its id.
    pub id: TicketId,
    /// As folded.
    pub ticket: Arc<Ticket>,
    /// Its stream's version.
    pub version: u64,
    /// The position of its last event.
    pub position: u64,
}

/// Columns that [`read`] reads, from a table alias `t`.
pub(crate) const READ_COLUMNS: &str = "t.ticket, t.version, t.position, t.folded";

/// Reads [`READ_COLUMNS`] starting at a column.
pub(crate) fn read(row: &Row, from: usize) -> Result<Card, ProjectionError> {
    let folded = row.text(from + 3)?;
    let ticket = serde_json::from_str(&folded)
        .map_err(|_| ProjectionError::Unreadable { table: TABLE.name })?;
    Ok(Card {
        id: TicketId(row.id(from)?),
        ticket: Arc::new(ticket),
        version: u64::try_from(row.int(from + 1)?).unwrap_or(0),
        position: u64::try_from(row.int(from + 2)?).unwrap_or(0),
    })
}

impl Views {
    /// Tickets at the versions they were seen at just now: from memory, or read again, and then perhaps a little later. `None`
    /// for one that was erased since.
    pub(crate) async fn cards(
        &self,
        seen: &[(TicketId, u64)],
    ) -> Result<Vec<Option<Card>>, ProjectionError> {
        let known = seen
            .iter()
            .map(|(id, version)| self.known().at(*id, *version));
        let mut cards: Vec<_> = known.collect();
        let missing = cards.iter().zip(seen).filter(|(card, _)| card.is_none());
        let missing: Vec<_> = missing.map(|(_, (id, _))| *id).collect();
        if missing.is_empty() {
            return Ok(cards);
        }
        let read = self.tickets(&missing).await?;
        for card in &read {
            self.known().keep(card.clone());
        }
        let read: HashMap<_, _> = read.into_iter().map(|card| (card.id, card)).collect();
        for (card, (id, _)) in cards.iter_mut().zip(seen) {
            if card.is_none() {
                *card = read.get(id).cloned();
            }
        }
        Ok(cards)
    }

    /// A ticket by id.
    pub async fn ticket(&self, id: TicketId) -> Result<Option<Card>, ProjectionError> {
        let sql = format!("SELECT {READ_COLUMNS} FROM tickets t WHERE t.ticket = $1");
        let row = self
            .db()
            .fetch_optional(&sql, values![projection::id(id.0)])
            .await?;
        row.map(|row| read(&row, 0)).transpose()
    }

    /// Tickets in one of some states, by id; after one of them, if given. At most [`TICKETS_MAX`].
    pub async fn tickets_in(
        &self,
        states: &[TicketState],
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<Card>, ProjectionError> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let limit = limit.min(TICKETS_MAX);
        let list = list(2, states.len());
        let sql = format!(
            "SELECT {READ_COLUMNS} FROM tickets t WHERE t.ticket > $1 AND t.state IN ({list})
             ORDER BY t.ticket LIMIT {limit}"
        );
        let mut values = values![projection::id(after)];
        values.extend(states.iter().map(|state| Value::from(state.name())));
        let rows = self.db().fetch_all(&sql, values).await?;
        rows.iter().map(|row| read(row, 0)).collect()
    }

    /// Tickets by id, in no order; those that are not there are left out.
    pub async fn tickets(&self, ids: &[TicketId]) -> Result<Vec<Card>, ProjectionError> {
        let mut cards = Vec::with_capacity(ids.len());
        for piece in pieces(ids) {
            let list = list(1, piece.len());
            let sql = format!("SELECT {READ_COLUMNS} FROM tickets t WHERE t.ticket IN ({list})");
            let values = piece.iter().map(|id| projection::id(id.0)).collect();
            for row in self.db().fetch_all(&sql, values).await? {
                cards.push(read(&row, 0)?);
            }
        }
        Ok(cards)
    }

    /// Tickets by number, in no order; those that are not there are left out.
    pub async fn tickets_by_number(
        &self,
        numbers: &[TicketNumber],
    ) -> Result<Vec<Card>, ProjectionError> {
        let mut cards = Vec::with_capacity(numbers.len());
        for piece in pieces(numbers) {
            let list = list(1, piece.len());
            let sql = format!("SELECT {READ_COLUMNS} FROM tickets t WHERE t.number IN ({list})");
            let values = piece.iter().map(|number| number.as_str().into());
            for row in self.db().fetch_all(&sql, values.collect()).await? {
                cards.push(read(&row, 0)?);
            }
        }
        Ok(cards)
    }

    /// A ticket by number.
    pub async fn ticket_by_number(
        &self,
        number: &TicketNumber,
    ) -> Result<Option<Card>, ProjectionError> {
        let sql = format!("SELECT {READ_COLUMNS} FROM tickets t WHERE t.number = $1");
        let row = self
            .db()
            .fetch_optional(&sql, values![number.as_str()])
            .await?;
        row.map(|row| read(&row, 0)).transpose()
    }
}

pub(crate) fn int(number: u64) -> Value {
    Value::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn to_json(ticket: &Ticket) -> String {
    serde_json::to_string(ticket).expect("a ticket is a plain struct")
}
