//! The journal in a SQLite file: WAL with `synchronous=FULL`.
//!
//! * `append`, `packed`: how a batch is written. Another process may append too (`import` beside `serve`).

mod append;
mod packed;

use super::backend::{
    Appended, Backend, Commit, LogInfo, Receipt, SCHEMA_VERSION, StoredCommand, Wanted,
    check_schema, signed, unsigned,
};
use super::{Purpose, Record};
use crate::clock::{Clock, random_bytes};
use crate::db::{Db, Durability, Pool, ROWS_PER_STATEMENT, list, pieces, placeholders, time_of};
use append::{Writer, add};
use async_trait::async_trait;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Executor as _, Row as _};
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS log (
    one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, purpose TEXT NOT NULL,
    schema INTEGER NOT NULL, created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY, category TEXT NOT NULL, stream BLOB NOT NULL,
    version INTEGER NOT NULL, event BLOB NOT NULL, type TEXT NOT NULL,
    schema_version INTEGER NOT NULL, data TEXT NOT NULL, actor BLOB NOT NULL, acting_for BLOB,
    command BLOB NOT NULL, correlation BLOB NOT NULL, causation BLOB,
    occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, rules_version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS events_by_stream ON events (stream, version);
CREATE TABLE IF NOT EXISTS commands (
    command BLOB PRIMARY KEY, fingerprint BLOB NOT NULL, stream BLOB NOT NULL,
    version INTEGER NOT NULL, position INTEGER NOT NULL, recorded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    kind TEXT NOT NULL, value BLOB NOT NULL, stream BLOB NOT NULL, PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (position INTEGER CHECK (false)) STRICT;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'history is never edited'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
";

/// The triggers of [`SCHEMA`], as `sqlite_master` tells them.
pub(super) fn guards() -> Vec<(String, String)> {
    let triggers = SCHEMA.split("CREATE TRIGGER IF NOT EXISTS ").skip(1);
    let guard = |text: &str| {
        let text = text.trim_end().trim_end_matches(';');
        let name = text.split(' ').next().unwrap_or_default();
        (name.to_owned(), format!("CREATE TRIGGER {text}"))
    };
    triggers.map(guard).collect()
}

const EVENT_COLUMNS: &str = "position, category, stream, version, event, type, schema_version, data, \
     actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version";

pub(super) struct Sqlite {
    write: Pool<sqlx::Sqlite>,
    /// The writer's own connection, with what it has in mind.
    writer: Mutex<Option<Writer>>,
    read: Pool<sqlx::Sqlite>,
}

impl Sqlite {
    pub(super) async fn open(
        file: &Path,
        purpose: Purpose,
        clock: &dyn Clock,
    ) -> Result<Self, sqlx::Error> {
        let Db::Sqlite { write, read } = Db::sqlite(file, Durability::Full).await? else {
            unreachable!("Db::sqlite opens SQLite")
        };
        let script = format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;");
        sqlx::raw_sql(&script).execute(&write).await?;
        sqlx::query("INSERT INTO log VALUES (1, $1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(Uuid::from_bytes(random_bytes()))
            .bind(purpose.name())
            .bind(SCHEMA_VERSION)
            .bind(clock.now().timestamp_micros())
            .execute(&write)
            .await?;
        Ok(Self {
            write,
            writer: Mutex::new(None),
            read,
        })
    }

    async fn take_writer(&self, slot: &mut Option<Writer>) -> Result<Writer, sqlx::Error> {
        match slot.take() {
            Some(writer) => Ok(writer),
            None => Writer::new(self.write.take().await?).await,
        }
    }
}

fn record(row: &SqliteRow) -> Result<Record, sqlx::Error> {
    let number = |index: usize| row.try_get::<i64, _>(index);
    let small = |index: usize| {
        number(index).and_then(|n| n.try_into().map_err(|e| sqlx::Error::Decode(Box::new(e))))
    };
    Ok(Record {
        position: unsigned(number(0)?),
        category: row.try_get(1)?,
        stream: row.try_get(2)?,
        version: unsigned(number(3)?),
        event: EventId(row.try_get(4)?),
        event_type: row.try_get(5)?,
        schema_version: small(6)?,
        data: row.try_get(7)?,
        actor: AccountId(row.try_get(8)?),
        acting_for: row.try_get(9)?,
        command: CommandId(row.try_get(10)?),
        correlation: row.try_get(11)?,
        causation: row.try_get(12)?,
        occurred_at: time_of(number(13)?)?,
        recorded_at: time_of(number(14)?)?,
        rules_version: u32::try_from(number(15)?).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
    })
}

#[async_trait]
impl Backend for Sqlite {
    /// So few that of many callers some are answered, and send their next, while others are written.
    fn batch_commits_max(&self) -> usize {
        128
    }

    async fn append(&self, batch: &[&Commit], now: Timestamp) -> Result<Appended, sqlx::Error> {
        let mut slot = self.writer.lock().await;
        let mut writer = self.take_writer(&mut slot).await?;
        match writer.append(batch, now).await {
            Ok(appended) => {
                *slot = Some(writer);
                Ok(appended)
            }
            Err(error) => {
                // It may have a transaction open: closed, not given back.
                drop(writer.connection.keep());
                Err(error)
            }
        }
    }

    async fn log(&self) -> Result<LogInfo, sqlx::Error> {
        let row = self
            .read
            .fetch_one("SELECT id, purpose, created_at, schema FROM log")
            .await?;
        check_schema(row.try_get::<i64, _>(3)?)?;
        let purpose: String = row.try_get(1)?;
        Ok(LogInfo {
            id: LogId(row.try_get(0)?),
            purpose: if purpose == "demo" {
                Purpose::Demo
            } else {
                Purpose::Real
            },
            created_at: time_of(row.try_get(2)?)?,
        })
    }

    async fn head(&self) -> Result<u64, sqlx::Error> {
        let head: Option<i64> = sqlx::query_scalar("SELECT max(position) FROM events")
            .fetch_one(&self.read)
            .await?;
        Ok(unsigned(head.unwrap_or(0)))
    }

    async fn version(&self, stream: Uuid) -> Result<u64, sqlx::Error> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM events WHERE stream = $1")
                .bind(stream)
                .fetch_one(&self.read)
                .await?;
        Ok(unsigned(version.unwrap_or(0)))
    }

    async fn read_each(
        &self,
        wanted: &[Wanted],
        limit: u32,
    ) -> Result<Vec<(usize, Record)>, sqlx::Error> {
        let mut records = Vec::new();
        let mut before = 0;
        for piece in pieces(wanted) {
            // CROSS JOIN keeps the order of the loops: the list first, the index for each.
            let sql = format!(
                "WITH wanted (i, wanted, seen) AS (VALUES {}) \
                 SELECT {EVENT_COLUMNS}, i FROM wanted CROSS JOIN events \
                 ON stream = wanted AND version > seen AND version <= seen + ? ORDER BY i, version",
                placeholders(piece.len(), 3)
            );
            let mut arguments = SqliteArguments::default();
            for (index, wanted) in piece.iter().enumerate() {
                add(&mut arguments, signed((before + index) as u64))?;
                add(&mut arguments, wanted.stream)?;
                add(&mut arguments, signed(wanted.after))?;
            }
            add(&mut arguments, i64::from(limit))?;
            let rows = sqlx::query_with(&sql, arguments)
                .fetch_all(&self.read)
                .await?;
            for row in rows {
                let index = usize::try_from(row.try_get::<i64, _>(16)?).unwrap_or(usize::MAX);
                records.push((index, record(&row)?));
            }
            before += piece.len();
        }
        Ok(records)
    }

    async fn read_streams(
        &self,
        streams: &[Uuid],
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, sqlx::Error> {
        let mut records = Vec::new();
        for chunk in streams.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT {EVENT_COLUMNS} FROM events WHERE stream IN ({}) AND version > ${} \
                 AND position <= ${} ORDER BY stream, version LIMIT ${}",
                crate::db::list(1, chunk.len()),
                chunk.len() + 1,
                chunk.len() + 2,
                chunk.len() + 3,
            );
            let mut arguments = SqliteArguments::default();
            for stream in chunk {
                add(&mut arguments, *stream)?;
            }
            add(&mut arguments, signed(after))?;
            add(&mut arguments, signed(until))?;
            add(&mut arguments, i64::from(limit))?;
            for row in sqlx::query_with(&sql, arguments)
                .fetch_all(&self.read)
                .await?
            {
                records.push(record(&row)?);
            }
        }
        records.sort_unstable_by_key(|r| r.position);
        Ok(records)
    }

    async fn read_all(&self, after: u64, limit: u32) -> Result<Vec<Record>, sqlx::Error> {
        let sql = read_all_sql();
        let rows = sqlx::query(&sql)
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(record).collect()
    }

    async fn read_by_stream(
        &self,
        (stream, version): (Uuid, u64),
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, sqlx::Error> {
        // The sum keeps the index of positions out of it: there is one that has the order.
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE (stream, version) > ($1, $2) \
             AND position + 0 <= $3 ORDER BY stream, version LIMIT $4"
        );
        let rows = sqlx::query(&sql)
            .bind(stream)
            .bind(signed(version))
            .bind(signed(until))
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(record).collect()
    }

    async fn command(&self, command: CommandId) -> Result<Option<StoredCommand>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT fingerprint, stream, version, position, recorded_at FROM commands WHERE command = $1",
        )
        .bind(command.0)
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| {
            Ok(StoredCommand {
                fingerprint: row.try_get(0)?,
                stream: row.try_get(1)?,
                receipt: Receipt {
                    version: unsigned(row.try_get(2)?),
                    position: unsigned(row.try_get(3)?),
                    recorded_at: time_of(row.try_get(4)?)?,
                    repeated: true,
                },
            })
        })
        .transpose()
    }

    async fn streams_changed_by(
        &self,
        commands: &[CommandId],
    ) -> Result<Vec<(CommandId, Uuid)>, sqlx::Error> {
        let mut found = Vec::with_capacity(commands.len());
        for piece in pieces(commands) {
            let list = list(1, piece.len());
            let sql = format!("SELECT command, stream FROM commands WHERE command IN ({list})");
            let mut query = sqlx::query_as(&sql);
            for command in piece {
                query = query.bind(command.0);
            }
            let rows: Vec<(Uuid, Uuid)> = query.fetch_all(&self.read).await?;
            let pair = |(command, stream)| (CommandId(command), stream);
            found.extend(rows.into_iter().map(pair));
        }
        Ok(found)
    }

    async fn claimed_by(&self, kind: &str, value: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar("SELECT stream FROM claims WHERE kind = $1 AND value = $2")
            .bind(kind)
            .bind(value)
            .fetch_optional(&self.read)
            .await
    }

    async fn streams_of(&self, category: &str, limit: u32) -> Result<Vec<Uuid>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT stream FROM events WHERE category = $1 AND version = 1 ORDER BY position LIMIT $2",
        )
        .bind(category)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
    }

    async fn streams_with(
        &self,
        category: &str,
        text: &str,
        after: u64,
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let sql = "SELECT stream FROM events WHERE category = $1 AND position > $3 AND instr(data, $2) > 0
             GROUP BY stream ORDER BY min(position)";
        sqlx::query_scalar(sql)
            .bind(category)
            .bind(text)
            .bind(signed(after))
            .fetch_all(&self.read)
            .await
    }

    async fn announce(&self, _position: u64) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn wait_for_news(&self, at_most: Duration) -> Option<u64> {
        tokio::time::sleep(at_most).await;
        None
    }

    async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut slot = self.writer.lock().await;
        let mut writer = self.take_writer(&mut slot).await?;
        let mut settings = Vec::new();
        for name in [
            "journal_mode",
            "synchronous",
            "busy_timeout",
            "foreign_keys",
        ] {
            let row = writer
                .connection
                .fetch_one(format!("PRAGMA {name}").as_str())
                .await?;
            let value = row
                .try_get::<String, _>(0)
                .or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()))?;
            settings.push((name.to_owned(), value));
        }
        *slot = Some(writer);
        Ok(settings)
    }
}

fn read_all_sql() -> String {
    format!("SELECT {EVENT_COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2")
}
