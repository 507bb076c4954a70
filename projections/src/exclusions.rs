//! Exclusions from the appraisal (剔除): every one that was asked for, and what became of it. What was said and by whom
//! is read from the tickets' cards.

use crate::card::{Card, READ_COLUMNS, read};
use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::views::Views;
use crate::write::Write;
use docket_core::db::{Row, Value};
use docket_core::{Span, values};
use docket_domain::Timestamp;
use docket_domain::ids::{DepartmentId, TicketId};
use docket_domain::ticket::Ticket;
use docket_domain::ticket::state::Exclusion;
use std::fmt::Write as _;
use uuid::Uuid;

/// The projection.
pub struct Exclusions;

/// Most rows one page returns.
pub const PAGE_MAX: u32 = 100;
/// A ticket that is hidden from no department.
const NOBODY: Uuid = Uuid::nil();

const TABLE: Table = Table {
    name: "exclusions",
    columns: &[
        Column::Id("ticket"),
        Column::Int("no"),
        Column::Id("department"),
        Column::Id("hidden_from"),
        Column::Text("state"),
        Column::Int("asked_at"),
    ],
    key: 2,
    indexes: &[
        "asked_at, ticket, no",
        "department, asked_at, ticket, no",
        "state, asked_at, ticket, no",
    ],
};

/// What became of an exclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusionState {
    /// Asked for the first time, and not decided on.
    Pending,
    /// Asked for again after a refusal, and not decided on.
    Appealed,
    /// Granted: the department's figures leave the ticket out.
    Granted,
    /// Refused.
    Refused,
}

impl ExclusionState {
    /// Of an exclusion as it stands.
    #[must_use]
    pub const fn of(exclusion: &Exclusion) -> Self {
        match (exclusion.granted, exclusion.appeal) {
            (Some(true), _) => Self::Granted,
            (Some(false), _) => Self::Refused,
            (None, true) => Self::Appealed,
            (None, false) => Self::Pending,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Appealed => "appealed",
            Self::Granted => "granted",
            Self::Refused => "refused",
        }
    }
}

impl Projection for Exclusions {
    fn name(&self) -> &'static str {
        "exclusions"
    }

    fn version(&self) -> i64 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let mut rows = Vec::new();
        for change in batch.changes {
            let before = rows_of(change.id, &change.before);
            let after = rows_of(change.id, &change.after);
            rows.extend(after.into_iter().filter(|row| !before.contains(row)));
        }
        Ok(vec![
            Write::RemoveOf(&TABLE, "ticket", batch.erased().collect()),
            Write::PutOnce(&TABLE, rows),
        ])
    }
}

fn rows_of(ticket: TicketId, state: &Ticket) -> Vec<Vec<Value>> {
    let known = state.intake.as_ref();
    let Some(intake) = known.filter(|_| state.erased_at.is_none()) else {
        return Vec::new();
    };
    let accused = intake.accused_department;
    let hidden_from = accused.filter(|department| intake.hides_from(*department));
    let row = |exclusion: &Exclusion| {
        values![
            id(ticket.0),
            i64::from(exclusion.no),
            id(exclusion.department.0),
            id(hidden_from.map_or(NOBODY, |department| department.0)),
            ExclusionState::of(exclusion).name(),
            exclusion.asked_at,
        ]
    };
    state.exclusions.iter().map(row).collect()
}

/// Which exclusions somebody looks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExclusionQuery {
    /// Only those of this department.
    pub department: Option<DepartmentId>,
    /// None of tickets that are hidden from this department.
    pub known_to: Option<DepartmentId>,
    /// Only those that stand so.
    pub state: Option<ExclusionState>,
    /// Only those asked for at this time or later.
    pub from: Option<Timestamp>,
    /// Only those asked for before this time.
    pub until: Option<Timestamp>,
}

impl ExclusionQuery {
    /// The condition, and its values from `$1` on.
    fn condition(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = ("1 = 1".to_owned(), Vec::new());
        let mut and = |text: &str, value: Option<Value>| {
            if let Some(value) = value {
                values.push(value);
                let _ = write!(sql, " AND {text} ${}", values.len());
            }
        };
        and("e.department =", self.department.map(|d| id(d.0)));
        and("e.hidden_from <>", self.known_to.map(|d| id(d.0)));
        and("e.state =", self.state.map(|state| state.name().into()));
        and("e.asked_at >=", self.from.map(Value::from));
        and("e.asked_at <", self.until.map(Value::from));
        (sql, values)
    }
}

/// An exclusion's place among all: when it was asked for, its ticket, and its number there.
pub type Place = (i64, TicketId, u16);

/// An exclusion, with its ticket.
#[derive(Clone, Debug)]
pub struct ExclusionRow {
    /// The ticket.
    pub card: Card,
    /// Its place in the list.
    pub place: Place,
}

impl Views {
    /// A stretch of the exclusions, the latest first, at most [`PAGE_MAX`] and one, in the order they are read.
    pub async fn exclusions(
        &self,
        query: &ExclusionQuery,
        span: &Span<Place>,
    ) -> Result<Vec<ExclusionRow>, ProjectionError> {
        let (mut condition, mut values) = query.condition();
        let (after, before) = Span::<Place>::compares(true);
        for (compare, place) in [(after, span.after), (before, span.before)] {
            let Some((at, ticket, no)) = place else {
                continue;
            };
            let n = values.len();
            let _ = write!(
                condition,
                " AND (e.asked_at, e.ticket, e.no) {compare} (${}, ${}, ${})",
                n + 1,
                n + 2,
                n + 3
            );
            values.extend(values![at, id(ticket.0), i64::from(no)]);
        }
        let direction = span.direction(true);
        values.push(span.limit.min(PAGE_MAX + 1).into());
        let sql = format!(
            "SELECT {READ_COLUMNS}, e.asked_at, e.no
             FROM exclusions e JOIN tickets t ON t.ticket = e.ticket WHERE {condition}
             ORDER BY e.asked_at {direction}, e.ticket {direction}, e.no {direction} LIMIT ${}",
            values.len()
        );
        let rows = self.db().fetch_all(&sql, values).await?;
        let row = |row: &Row| {
            let card = read(row, 0)?;
            let no = u16::try_from(row.int(5)?).unwrap_or(0);
            Ok(ExclusionRow {
                place: (row.int(4)?, card.id, no),
                card,
            })
        };
        rows.iter().map(row).collect()
    }
}
