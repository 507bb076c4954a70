//! The journal in a SQLite file: WAL with `synchronous=FULL`.
//!
//! Another process may append too (`import` beside `serve`), so heads are read inside `BEGIN IMMEDIATE`.

use super::backend::{
    Appended, Backend, Commit, LogInfo, Receipt, StoredCommand, signed, unsigned,
};
use super::{Purpose, Record};
use crate::clock::{Clock, random_bytes};
use crate::db::{Db, Durability, ROWS_PER_STATEMENT, time_of};
use async_trait::async_trait;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments as _, Connection as _, Executor as _, Row as _, SqliteConnection, SqlitePool,
};
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

const SCHEMA: &str = "
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
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'history is never edited'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
";

const EVENT_COLUMNS: &str = "position, category, stream, version, event, type, schema_version, data, \
     actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version";
const EVENT_WIDTH: usize = 16;

pub(super) struct Sqlite {
    write: SqlitePool,
    /// The writer's own connection: from the pool it would cost a hop to see whether it lives.
    writer: Mutex<Option<PoolConnection<sqlx::Sqlite>>>,
    read: SqlitePool,
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
        sqlx::query("INSERT INTO log VALUES (1, $1, $2, 1, $3) ON CONFLICT DO NOTHING")
            .bind(Uuid::from_bytes(random_bytes()))
            .bind(purpose.name())
            .bind(clock.now().timestamp_micros())
            .execute(&write)
            .await?;
        Ok(Self {
            write,
            writer: Mutex::new(None),
            read,
        })
    }
}

/// `(?, ?), (?, ?)` for two rows of two columns. SQLite looks up numbered marks by name, one by one, which
/// takes longer than the insert.
fn marks(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

/// Cuts into pieces whose lengths are powers of two, so that a handful of prepared statements serve all.
fn pieces<T>(mut rows: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    while !rows.is_empty() {
        let length = (1 << rows.len().ilog2()).min(ROWS_PER_STATEMENT);
        let (piece, rest) = rows.split_at(length);
        pieces.push(piece);
        rows = rest;
    }
    pieces
}

/// What a commit must meet to be taken.
struct Standing {
    base: i64,
    recorded_at: i64,
    /// Per commit: the stream's version, and whether the command is known.
    commits: Vec<(u64, bool)>,
}

async fn standing(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
) -> Result<Standing, sqlx::Error> {
    let mut standing = Standing {
        base: 0,
        recorded_at: 0,
        commits: Vec::with_capacity(batch.len()),
    };
    for chunk in pieces(batch) {
        let sql = format!(
            "WITH batch (i, stream, command) AS (VALUES {})
             SELECT (SELECT version FROM events e WHERE e.stream = batch.stream ORDER BY version DESC LIMIT 1),
                    EXISTS (SELECT 1 FROM commands c WHERE c.command = batch.command),
                    (SELECT position FROM events ORDER BY position DESC LIMIT 1),
                    (SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1)
             FROM batch ORDER BY i",
            marks(chunk.len(), 3)
        );
        let mut arguments = SqliteArguments::default();
        for (index, commit) in chunk.iter().enumerate() {
            add(&mut arguments, i64::try_from(index).unwrap_or(i64::MAX))?;
            add(&mut arguments, commit.stream.id)?;
            add(&mut arguments, commit.command.0)?;
        }
        for row in sqlx::query_with(&sql, arguments)
            .fetch_all(&mut *connection)
            .await?
        {
            let version: Option<i64> = row.try_get(0)?;
            standing
                .commits
                .push((unsigned(version.unwrap_or(0)), row.try_get(1)?));
            standing.base = row.try_get::<Option<i64>, _>(2)?.unwrap_or(0);
            standing.recorded_at = row.try_get::<Option<i64>, _>(3)?.unwrap_or(i64::MIN);
        }
    }
    Ok(standing)
}

fn add<'q, T>(arguments: &mut SqliteArguments<'q>, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    arguments.add(value).map_err(sqlx::Error::Encode)
}

/// Which commits cannot be taken: the decisive ones, and every other on the same stream.
async fn rejected(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
    standing: &Standing,
) -> Result<Vec<usize>, sqlx::Error> {
    let mut heads = std::collections::HashMap::new();
    let mut bad_streams = std::collections::HashSet::new();
    for (commit, (version, known)) in batch.iter().zip(&standing.commits) {
        let head = heads.entry(commit.stream.id).or_insert(*version);
        if *known || *head != commit.expected {
            bad_streams.insert(commit.stream.id);
        }
        *head = commit.expected + commit.events.len() as u64;
        for claim in &commit.claims {
            let taken = sqlx::query("SELECT 1 FROM claims WHERE kind = $1 AND value = $2")
                .bind(claim.kind)
                .bind(claim.value.as_slice())
                .fetch_optional(&mut *connection)
                .await?;
            if taken.is_some() {
                bad_streams.insert(commit.stream.id);
            }
        }
    }
    let on_bad = |(_, commit): &(usize, &&Commit)| bad_streams.contains(&commit.stream.id);
    Ok(batch
        .iter()
        .enumerate()
        .filter(on_bad)
        .map(|(index, _)| index)
        .collect())
}

async fn write(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<Appended, sqlx::Error> {
    let standing = standing(&mut *connection, batch).await?;
    let rejected = rejected(&mut *connection, batch, &standing).await?;
    let recorded_at = now.timestamp_micros().max(standing.recorded_at);
    let mut position = standing.base;
    let mut events: Vec<(i64, u64, &Commit, &super::NewEvent)> = Vec::new();
    let mut commands: Vec<(&Commit, i64)> = Vec::new();
    for (index, commit) in batch.iter().enumerate() {
        if rejected.binary_search(&index).is_ok() {
            continue;
        }
        for (version, event) in (commit.expected + 1..).zip(&commit.events) {
            position += 1;
            events.push((position, version, commit, event));
        }
        commands.push((commit, position));
    }
    for chunk in pieces(&events) {
        insert_events(&mut *connection, chunk, recorded_at).await?;
    }
    for chunk in pieces(&commands) {
        insert_commands(&mut *connection, chunk, recorded_at).await?;
    }
    let claims: Vec<_> = commands
        .iter()
        .flat_map(|(commit, _)| commit.claims.iter().map(|c| (*commit, c)))
        .collect();
    for chunk in pieces(&claims) {
        let sql = format!("INSERT INTO claims VALUES {}", marks(chunk.len(), 3));
        let mut arguments = SqliteArguments::default();
        for (commit, claim) in chunk {
            add(&mut arguments, claim.kind)?;
            add(&mut arguments, claim.value.clone())?;
            add(&mut arguments, commit.stream.id)?;
        }
        sqlx::query_with(&sql, arguments)
            .execute(&mut *connection)
            .await?;
    }
    Ok(Appended {
        base: unsigned(standing.base),
        recorded_at: time_of(recorded_at)?,
        rejected,
    })
}

async fn insert_events(
    connection: &mut SqliteConnection,
    rows: &[(i64, u64, &Commit, &super::NewEvent)],
    recorded_at: i64,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO events ({EVENT_COLUMNS}) VALUES {}",
        marks(rows.len(), EVENT_WIDTH)
    );
    let mut arguments = SqliteArguments::default();
    for (position, version, commit, event) in rows {
        add(&mut arguments, *position)?;
        add(&mut arguments, commit.stream.category)?;
        add(&mut arguments, commit.stream.id)?;
        add(&mut arguments, signed(*version))?;
        add(&mut arguments, event.id.0)?;
        add(&mut arguments, event.event_type)?;
        add(&mut arguments, i64::from(event.schema_version))?;
        add(&mut arguments, event.data.clone())?;
        add(&mut arguments, commit.actor.0)?;
        add(&mut arguments, commit.acting_for)?;
        add(&mut arguments, commit.command.0)?;
        add(&mut arguments, commit.correlation)?;
        add(&mut arguments, commit.causation)?;
        add(&mut arguments, commit.occurred_at.timestamp_micros())?;
        add(&mut arguments, recorded_at)?;
        add(&mut arguments, i64::from(commit.rules_version))?;
    }
    sqlx::query_with(&sql, arguments)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_commands(
    connection: &mut SqliteConnection,
    rows: &[(&Commit, i64)],
    recorded_at: i64,
) -> Result<(), sqlx::Error> {
    let sql = format!("INSERT INTO commands VALUES {}", marks(rows.len(), 6));
    let mut arguments = SqliteArguments::default();
    for (commit, position) in rows {
        add(&mut arguments, commit.command.0)?;
        add(&mut arguments, commit.fingerprint.to_vec())?;
        add(&mut arguments, commit.stream.id)?;
        add(
            &mut arguments,
            signed(commit.expected + commit.events.len() as u64),
        )?;
        add(&mut arguments, *position)?;
        add(&mut arguments, recorded_at)?;
    }
    sqlx::query_with(&sql, arguments)
        .execute(connection)
        .await?;
    Ok(())
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
    async fn append(&self, batch: &[&Commit], now: Timestamp) -> Result<Appended, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        // Taken out while in use: whatever goes wrong, what is put back has no transaction open.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.write.acquire().await?,
        };
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let appended = write(&mut tx, batch, now).await?;
        tx.commit().await?;
        *writer = Some(connection);
        Ok(appended)
    }

    async fn log(&self) -> Result<LogInfo, sqlx::Error> {
        let row = self
            .read
            .fetch_one("SELECT id, purpose, created_at FROM log")
            .await?;
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

    async fn wait_for_news(&self, at_most: Duration) -> Option<u64> {
        tokio::time::sleep(at_most).await;
        None
    }

    async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.write.acquire().await?,
        };
        let mut settings = Vec::new();
        for name in [
            "journal_mode",
            "synchronous",
            "busy_timeout",
            "foreign_keys",
        ] {
            let row = connection
                .fetch_one(format!("PRAGMA {name}").as_str())
                .await?;
            let value = row
                .try_get::<String, _>(0)
                .or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()))?;
            settings.push((name.to_owned(), value));
        }
        *writer = Some(connection);
        Ok(settings)
    }
}

fn read_all_sql() -> String {
    format!("SELECT {EVENT_COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2")
}
