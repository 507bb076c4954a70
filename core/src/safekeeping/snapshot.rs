//! One unmoving state of a part of a store, read by pages, while others write.

use super::tables::{EVENTS, LOG};
use super::{PAGE, SafekeepingError};
use crate::db::{Db, Row, Tx, Value, time_of};
use crate::journal::{self, Record};
use crate::store::StoreUrl;
use crate::values;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use uuid::Uuid;

/// The log's birth certificate, as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The log's id.
    pub log: LogId,
    /// What it was made for: `real` or `demo`.
    pub purpose: String,
    /// The layout of its tables.
    pub layout: i64,
    /// When.
    pub created_at: Timestamp,
}

/// One unmoving state of a journal.
pub struct Snapshot {
    pub(super) tx: Tx,
    /// The log's birth certificate.
    pub birth: Birth,
    /// The last position.
    pub head: u64,
    /// Kept open as long as its transaction.
    _db: Option<Db>,
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    /// Its position, where that can be read.
    pub position: Option<u64>,
    /// The column that cannot.
    pub column: &'static str,
}

/// A part opened to be read; `None` when it is not there.
pub(super) async fn reading(
    url: &StoreUrl,
    part: &str,
    landmark: &str,
) -> Result<Option<Db>, sqlx::Error> {
    match url {
        StoreUrl::Sqlite(dir) => {
            let file = dir.join(format!("{part}.db"));
            if !file.exists() {
                return Ok(None);
            }
            let db = Db::sqlite_reading(&file).await?;
            let sql = "SELECT name FROM sqlite_master WHERE name = $1";
            let there = db.fetch_optional(sql, values![landmark]).await?.is_some();
            Ok(there.then_some(db))
        }
        StoreUrl::Postgres(url) => {
            let schema = format!("docket_{part}");
            let db = Db::postgres_reading(url, &schema).await?;
            let sql = "SELECT 'there' WHERE to_regclass($1) IS NOT NULL";
            let landmark = format!("{schema}.{landmark}");
            let there = db.fetch_optional(sql, values![landmark]).await?.is_some();
            Ok(there.then_some(db))
        }
    }
}

impl Snapshot {
    /// The journal of a store as it stands now.
    pub async fn open(url: &StoreUrl) -> Result<Self, SafekeepingError> {
        let missing = || SafekeepingError::Missing(url.to_string());
        let db = reading(url, "journal", LOG.name)
            .await?
            .ok_or_else(missing)?;
        let tx = db.begin_read().await?;
        Self::within(tx, Some(db)).await
    }

    /// The journal as a transaction sees it.
    pub(super) async fn within(mut tx: Tx, db: Option<Db>) -> Result<Self, SafekeepingError> {
        let rows = LOG.page(&mut tx, None, 1).await?;
        let row = rows
            .first()
            .ok_or_else(|| SafekeepingError::Missing("its journal has no log".into()))?;
        let birth = Birth {
            log: LogId(row.uuid(1)?),
            purpose: row.text(2)?,
            layout: row.int(3)?,
            created_at: row.time(4)?,
        };
        let (_, known) = journal::tables(tx.is_sqlite());
        if birth.layout != known {
            let found = birth.layout;
            return Err(SafekeepingError::Layout { found, known });
        }
        let sql = "SELECT CAST(max(position) AS BIGINT) FROM events";
        let rows = tx.fetch_all(sql, vec![]).await?;
        let head = rows.first().map(|row| row.int_or_null(0)).transpose()?;
        Ok(Self {
            tx,
            birth,
            head: head.flatten().unwrap_or(0).unsigned_abs(),
            _db: db,
        })
    }

    /// The transaction back, to go on with.
    pub(super) fn into_tx(self) -> Tx {
        self.tx
    }

    /// Rows of the log after a position.
    pub(super) async fn rows(&mut self, after: u64) -> Result<Vec<Row>, sqlx::Error> {
        let after = values![i64::try_from(after).unwrap_or(i64::MAX)];
        EVENTS.page(&mut self.tx, Some(&after), PAGE).await
    }

    /// Records after a position, at most [`PAGE`].
    pub async fn records(&mut self, after: u64) -> Result<Vec<Record>, SafekeepingError> {
        let rows = self.rows(after).await?;
        let read = |row: &Row| record(row).map_err(|broken| unreadable(after, broken));
        rows.iter().map(read).collect()
    }

    /// The tickets, organisation or accounts born after a position, at most so many: stream, and the
    /// position of its first record.
    pub async fn born(
        &mut self,
        category: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(Uuid, u64)>, SafekeepingError> {
        let stream = id(self.tx.is_sqlite(), "stream");
        let sql = format!(
            "SELECT {stream}, position FROM events WHERE category = $1 AND version = 1 AND position > $2
             ORDER BY position LIMIT {limit}"
        );
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self.tx.fetch_all(&sql, values![category, after]).await?;
        let born = |row: &Row| Ok((row.uuid(0)?, row.int(1)?.unsigned_abs()));
        rows.iter().map(born).collect()
    }

    /// Every record of some streams, each stream's in order.
    pub async fn of_streams(&mut self, streams: &[Uuid]) -> Result<Vec<Record>, SafekeepingError> {
        let sqlite = self.tx.is_sqlite();
        let mut records = Vec::new();
        for piece in crate::db::pieces(streams) {
            let mark = |n: usize| {
                if sqlite {
                    format!("unhex(replace(${n}, '-', ''))")
                } else {
                    format!("CAST(${n} AS uuid)")
                }
            };
            let marks: Vec<String> = (1..=piece.len()).map(mark).collect();
            let sql = format!(
                "SELECT {} FROM events WHERE stream IN ({}) ORDER BY stream, version",
                EVENTS.selected(sqlite),
                marks.join(", ")
            );
            let values = piece.iter().map(|stream| Value::from(*stream)).collect();
            for row in self.tx.fetch_all(&sql, values).await? {
                records.push(record(&row).map_err(|broken| unreadable(0, broken))?);
            }
        }
        Ok(records)
    }
}

/// How an id is selected as text.
pub(super) fn id(sqlite: bool, column: &str) -> String {
    if sqlite {
        format!("hex({column})")
    } else {
        format!("CAST({column} AS TEXT)")
    }
}

fn unreadable(after: u64, broken: Broken) -> SafekeepingError {
    SafekeepingError::Unreadable {
        position: broken.position.unwrap_or(after),
        reason: format!("its {} cannot be read", broken.column),
    }
}

/// The record of a row of [`EVENTS`].
pub(super) fn record(row: &Row) -> Result<Record, Broken> {
    let position = row.int(0).ok().and_then(|n| u64::try_from(n).ok());
    let broken = |column| Broken { position, column };
    let read = EVENTS.values(row).map_err(broken)?;
    record_of(read).map_err(broken)
}

/// The record of the values of [`EVENTS`], or the column that does not fit.
pub(super) fn record_of(values: Vec<Value>) -> Result<Record, &'static str> {
    let mut columns = EVENTS.columns.iter().map(|c| c.0).zip(values);
    let mut next = || columns.next().expect("as many values as columns");
    Ok(Record {
        position: number(next())?,
        category: text(next())?,
        stream: uuid(next())?,
        version: number(next())?,
        event: EventId(uuid(next())?),
        event_type: text(next())?,
        schema_version: number(next())?,
        data: text(next())?,
        actor: AccountId(uuid(next())?),
        acting_for: uuid_or_null(next())?,
        command: CommandId(uuid(next())?),
        correlation: uuid(next())?,
        causation: uuid_or_null(next())?,
        occurred_at: time(next())?,
        recorded_at: time(next())?,
        rules_version: number(next())?,
    })
}

type Named = (&'static str, Value);

fn number<N: TryFrom<i64>>((name, value): Named) -> Result<N, &'static str> {
    match value {
        Value::Int(Some(n)) => N::try_from(n).map_err(|_| name),
        _ => Err(name),
    }
}

fn text((name, value): Named) -> Result<String, &'static str> {
    match value {
        Value::Text(Some(text)) => Ok(text),
        _ => Err(name),
    }
}

fn uuid(named: Named) -> Result<Uuid, &'static str> {
    let name = named.0;
    uuid_or_null(named)?.ok_or(name)
}

fn uuid_or_null((name, value): Named) -> Result<Option<Uuid>, &'static str> {
    match value {
        Value::Text(Some(text)) => text.parse().map(Some).map_err(|_| name),
        Value::Text(None) => Ok(None),
        _ => Err(name),
    }
}

fn time((name, value): Named) -> Result<Timestamp, &'static str> {
    match value {
        Value::Int(Some(micros)) => time_of(micros).map_err(|_| name),
        _ => Err(name),
    }
}
