//! What a projection is: tables, and a way to bring them up by a batch of events.
//!
//! Every ticket touched by a batch is folded once, with the same `evolve` that decides; the views of
//! single tickets replace their rows, cross-ticket views move by the difference between before and after.

use crate::write::Write;
use docket_core::db::Value;
use docket_core::{JournalError, Record};
use docket_domain::account::Account;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::ticket::Ticket;
use std::sync::Arc;
use uuid::Uuid;

/// What can go wrong with a projection.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The views' database failed; tried again.
    #[error("the views' database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The journal failed, or holds something this version cannot read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Tickets without a founded organisation: the day of an event is unknown.
    #[error("the journal has tickets but no founded organisation")]
    NotFounded,
    /// The views are of another log, or ahead of their journal.
    #[error(
        "the views are at position {position} of another journal than this one, which ends at {head}: \
         `docket serve` drops them and folds anew"
    )]
    OtherLog {
        /// Where the views are.
        position: u64,
        /// Where the journal ends.
        head: u64,
    },
    /// A query with more rows than it may return.
    #[error("more than {limit} rows")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// A stored view that this version cannot read; a rebuild helps.
    #[error(
        "the view {table} holds a row this version cannot read: run `docket projections rebuild`"
    )]
    Unreadable {
        /// The table.
        table: &'static str,
    },
}

/// A table of a projection. Names and types hold on both databases.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name, without the prefix of builds beside.
    pub name: &'static str,
    /// Its columns; the first `key` of them are the primary key.
    pub columns: &'static [Column],
    /// How many columns make the key.
    pub key: usize,
    /// Indexes, each a list of columns, with a condition where not every row is in it.
    pub indexes: &'static [&'static str],
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// 64-bit integers: counts, flags, microseconds.
    Int(&'static str),
    /// Short texts, compared byte by byte.
    Text(&'static str),
    /// Texts of any length, such as sealed ones.
    Long(&'static str),
    /// UUIDs: a third of the size they would have as texts, in every index anew.
    Id(&'static str),
}

impl Column {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int(name) | Self::Text(name) | Self::Long(name) | Self::Id(name) => name,
        }
    }
}

impl Table {
    /// Its columns' names, comma-separated.
    #[must_use]
    pub fn column_list(&self) -> String {
        self.columns
            .iter()
            .map(|c| c.name())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Its key's names, comma-separated.
    #[must_use]
    pub fn key_list(&self) -> String {
        self.columns[..self.key]
            .iter()
            .map(|c| c.name())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The statement that makes it under a prefix, without its indexes.
    #[must_use]
    pub fn create(&self, prefix: &str, sqlite: bool) -> String {
        let is_long = |column: &Column| matches!(column, Column::Long(_));
        let (int, text, id, settings) = if sqlite && self.columns.iter().any(is_long) {
            ("INTEGER", "TEXT", "BLOB", "STRICT")
        } else if sqlite {
            // Short rows lie in the order of their key, in place of the key and the row apart.
            ("INTEGER", "TEXT", "BLOB", "STRICT, WITHOUT ROWID")
        } else {
            // Sealed texts do not compress: PostgreSQL need not try, nor put rows of an ordinary size elsewhere.
            (
                "BIGINT",
                "TEXT COLLATE \"C\"",
                "UUID",
                "WITH (toast_tuple_target = 8160)",
            )
        };
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column {
                Column::Int(name) => format!("{name} {int} NOT NULL"),
                Column::Text(name) | Column::Long(name) => format!("{name} {text} NOT NULL"),
                Column::Id(name) => format!("{name} {id} NOT NULL"),
            })
            .collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {prefix}{} ({}, PRIMARY KEY ({})) {settings}",
            self.name,
            columns.join(", "),
            self.key_list()
        )
    }

    /// The statements that make its indexes; these get a name of their own per build.
    #[must_use]
    pub fn create_indexes(&self, prefix: &str, build: &str) -> Vec<String> {
        let name = self.name;
        let index = |(number, text): (usize, &&str)| {
            let (columns, condition) = match text.split_once(" WHERE ") {
                Some((columns, condition)) => (columns, format!(" WHERE {condition}")),
                None => (*text, String::new()),
            };
            format!(
                "CREATE INDEX IF NOT EXISTS {name}_{number}_{build} \
                 ON {prefix}{name} ({columns}){condition}"
            )
        };
        self.indexes.iter().enumerate().map(index).collect()
    }
}

/// One ticket's change within a batch.
#[derive(Clone, Debug)]
pub struct TicketChange {
    /// Which.
    pub id: TicketId,
    /// Before the batch; the empty ticket if it is new.
    pub before: Arc<Ticket>,
    /// After it.
    pub after: Arc<Ticket>,
    /// The stream's version after it.
    pub version: u64,
    /// The position of its last event in the batch.
    pub position: u64,
}

/// A batch as projections see it.
pub struct Batch<'b> {
    /// Its records in order of position.
    pub records: &'b [Record],
    /// The tickets it changed, each once.
    pub changes: &'b [TicketChange],
    /// The accounts it touched, each once, as they are after it.
    pub accounts: &'b [(AccountId, Account)],
    /// The zone in which the hotline's days are counted.
    pub zone: chrono_tz::Tz,
}

impl Batch<'_> {
    /// The tickets that are erased when it ends: they leave every view of single tickets.
    pub(crate) fn erased(&self) -> impl Iterator<Item = Uuid> {
        let erased = |change: &&TicketChange| change.after.erased_at.is_some();
        self.changes.iter().filter(erased).map(|change| change.id.0)
    }
}

/// A projection.
pub trait Projection: Send + Sync {
    /// Stable name.
    fn name(&self) -> &'static str;
    /// Raised whenever its rows would come out differently: it is then rebuilt.
    fn version(&self) -> i64;
    /// Its tables.
    fn tables(&self) -> &'static [Table];
    /// What brings its tables up by a batch, to be written in this order in the transaction that moves the
    /// checkpoint.
    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError>;
}

/// Every projection.
#[must_use]
pub fn all() -> [&'static dyn Projection; 8] {
    [
        &crate::card::Cards,
        &crate::timeline::Timeline,
        &crate::inbox::Inbox,
        &crate::statistics::Statistics,
        &crate::exclusions::Exclusions,
        &crate::timers::Timers,
        &crate::people::People,
        &crate::notices::Notices,
    ]
}

/// The value of an [`Column::Id`].
pub(crate) const fn id(id: Uuid) -> Value {
    Value::Id(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL takes what a partial index says of its rows as met, and drops it from a query: a column of the index that
    /// says it again would be passed over, and with it every row between.
    #[test]
    fn what_a_partial_index_says_is_no_column_of_it() {
        let mut partial = 0;
        for table in all().iter().flat_map(|projection| projection.tables()) {
            for index in table.indexes {
                let Some((columns, condition)) = index.split_once(" WHERE ") else {
                    continue;
                };
                let Some((column, _)) = condition.split_once(" = ") else {
                    continue;
                };
                partial += 1;
                let is_named = columns.split(", ").any(|name| name == column);
                assert!(!is_named, "{}: {index}", table.name);
            }
        }
        assert!(partial > 1, "{partial}");
    }
}
