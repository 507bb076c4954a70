//! The journal in a PostgreSQL schema.
//!
//! * `append`: how a batch is written. Several processes append safely, and positions have no gaps.

mod append;

use super::backend::{
    Appended, Backend, Commit, LogInfo, Receipt, SCHEMA_VERSION, StoredCommand, Wanted,
    check_schema, signed, unsigned,
};
use super::{Purpose, Record};
use crate::clock::{Clock, random_bytes};
use crate::db::{ACQUIRE_TIMEOUT, Db, Lent, Planning, Pool, postgres_options, time_of};
use async_trait::async_trait;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection as _, PgConnection, Row as _};
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The schema the journal lives in.
pub(super) const SCHEMA_NAME: &str = "docket_journal";
/// The channel on which appends are announced.
const CHANNEL: &str = "docket_journal";

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS log (
    one int PRIMARY KEY CHECK (one = 1), id uuid NOT NULL, purpose text NOT NULL,
    schema int NOT NULL, created_at bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    position bigint PRIMARY KEY, category text NOT NULL, stream uuid NOT NULL, version bigint NOT NULL,
    event uuid NOT NULL, type text NOT NULL, schema_version int NOT NULL, data text NOT NULL,
    actor uuid NOT NULL, acting_for uuid, command uuid NOT NULL, correlation uuid NOT NULL,
    causation uuid, occurred_at bigint NOT NULL, recorded_at bigint NOT NULL, rules_version bigint NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_stream ON events (stream, version);
CREATE TABLE IF NOT EXISTS commands (
    command uuid PRIMARY KEY, fingerprint bytea NOT NULL, stream uuid NOT NULL,
    version bigint NOT NULL, position bigint NOT NULL, recorded_at bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS claims (
    kind text NOT NULL, value bytea NOT NULL, stream uuid NOT NULL, PRIMARY KEY (kind, value)
);
CREATE OR REPLACE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'history is never edited or deleted'; END $$;
CREATE OR REPLACE TRIGGER events_stay BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION history_stays();
CREATE OR REPLACE TRIGGER events_remain BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION history_stays();
";

/// The triggers of [`SCHEMA`]: when they fire, as the bits of `pg_trigger.tgtype`, and what their function
/// does.
pub(super) fn guards() -> Vec<(String, String)> {
    const ROW: u16 = 1;
    const BEFORE: u16 = 1 << 1;
    const DELETE: u16 = 1 << 3;
    const UPDATE: u16 = 1 << 4;
    const TRUNCATE: u16 = 1 << 5;
    let body = SCHEMA.split("$$").nth(1).unwrap_or_default();
    let guard = |name: &str, fires: u16| (name.to_owned(), format!("{fires} history_stays {body}"));
    vec![
        guard("events_stay", BEFORE | ROW | UPDATE | DELETE),
        guard("events_remain", BEFORE | TRUNCATE),
    ]
}

const EVENT_COLUMNS: &str = "position, category, stream, version, event, type, schema_version, data, \
     actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version";

pub(super) struct Postgres {
    pool: Pool<sqlx::Postgres>,
    /// The writer's own connection.
    writer: Mutex<Option<Lent<sqlx::Postgres>>>,
    /// What the listener takes its one connection from, again and again.
    listening: PgPool,
    listener: Mutex<Option<PgListener>>,
}

impl Postgres {
    pub(super) async fn open(
        url: &str,
        purpose: Purpose,
        allow_unsafe: bool,
        clock: &dyn Clock,
    ) -> Result<Self, sqlx::Error> {
        let db = Db::postgres(url, SCHEMA_NAME, Planning::ByIndex, allow_unsafe).await?;
        db.script("", &[SCHEMA, append::FUNCTION].concat()).await?;
        let Db::Postgres(pool) = db else {
            unreachable!("Db::postgres opens PostgreSQL")
        };
        sqlx::query("INSERT INTO log VALUES (1, $1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(Uuid::from_bytes(random_bytes()))
            .bind(purpose.name())
            .bind(SCHEMA_VERSION)
            .bind(clock.now().timestamp_micros())
            .execute(&pool)
            .await?;
        let listening = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT);
        let options = postgres_options(url, SCHEMA_NAME, Planning::ByIndex)?;
        Ok(Self {
            pool,
            listening: listening.connect_lazy_with(options),
            writer: Mutex::new(None),
            listener: Mutex::new(None),
        })
    }
}

/// Whether the database holds a journal; changes nothing.
pub(super) async fn exists(url: &str) -> Result<bool, sqlx::Error> {
    let options = postgres_options(url, SCHEMA_NAME, Planning::ByIndex)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    let exists = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("{SCHEMA_NAME}.log"))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(exists)
}

fn record(row: &PgRow) -> Result<Record, sqlx::Error> {
    let number = |index: usize| row.try_get::<i64, _>(index);
    let decode = |e: std::num::TryFromIntError| sqlx::Error::Decode(Box::new(e));
    Ok(Record {
        position: unsigned(number(0)?),
        category: row.try_get(1)?,
        stream: row.try_get(2)?,
        version: unsigned(number(3)?),
        event: EventId(row.try_get(4)?),
        event_type: row.try_get(5)?,
        schema_version: u16::try_from(row.try_get::<i32, _>(6)?).map_err(decode)?,
        data: row.try_get(7)?,
        actor: AccountId(row.try_get(8)?),
        acting_for: row.try_get(9)?,
        command: CommandId(row.try_get(10)?),
        correlation: row.try_get(11)?,
        causation: row.try_get(12)?,
        occurred_at: time_of(number(13)?)?,
        recorded_at: time_of(number(14)?)?,
        rules_version: u32::try_from(number(15)?).map_err(decode)?,
    })
}

#[async_trait]
impl Backend for Postgres {
    /// A round trip and a sync cost much beside a row.
    fn batch_commits_max(&self) -> usize {
        512
    }

    async fn append(&self, batch: &[&Commit], now: Timestamp) -> Result<Appended, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        // Taken out while in use: whatever goes wrong, a connection that may be broken is not put back.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.pool.take().await?,
        };
        let appended = append::append(&mut connection, batch, now).await?;
        *writer = Some(connection);
        Ok(appended)
    }

    async fn log(&self) -> Result<LogInfo, sqlx::Error> {
        let row = sqlx::query("SELECT id, purpose, created_at, schema FROM log")
            .fetch_one(&self.pool)
            .await?;
        check_schema(row.try_get::<i32, _>(3)?.into())?;
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
            .fetch_one(&self.pool)
            .await?;
        Ok(unsigned(head.unwrap_or(0)))
    }

    async fn version(&self, stream: Uuid) -> Result<u64, sqlx::Error> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM events WHERE stream = $1")
                .bind(stream)
                .fetch_one(&self.pool)
                .await?;
        Ok(unsigned(version.unwrap_or(0)))
    }

    async fn read_each(
        &self,
        wanted: &[Wanted],
        limit: u32,
    ) -> Result<Vec<(usize, Record)>, sqlx::Error> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS}, i FROM unnest($1::uuid[], $2::bigint[]) \
             WITH ORDINALITY AS wanted (wanted, seen, i) \
             JOIN events ON stream = wanted AND version > seen AND version <= seen + $3 ORDER BY i, version"
        );
        let streams: Vec<Uuid> = wanted.iter().map(|w| w.stream).collect();
        let seen: Vec<i64> = wanted.iter().map(|w| signed(w.after)).collect();
        let rows = sqlx::query(&sql)
            .bind(streams)
            .bind(seen)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let ordinal = row.try_get::<i64, _>(16)? - 1;
                Ok((usize::try_from(ordinal).unwrap_or(usize::MAX), record(row)?))
            })
            .collect()
    }

    async fn read_streams(
        &self,
        streams: &[Uuid],
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, sqlx::Error> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE stream = ANY ($1) AND version > $2 \
             AND position <= $3 ORDER BY stream, version LIMIT $4"
        );
        let rows = sqlx::query(&sql)
            .bind(streams)
            .bind(signed(after))
            .bind(signed(until))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        let mut records: Vec<Record> = rows.iter().map(record).collect::<Result<_, _>>()?;
        records.sort_unstable_by_key(|r| r.position);
        Ok(records)
    }

    async fn read_all(&self, after: u64, limit: u32) -> Result<Vec<Record>, sqlx::Error> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2"
        );
        let rows = sqlx::query(&sql)
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
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
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(record).collect()
    }

    async fn command(&self, command: CommandId) -> Result<Option<StoredCommand>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT fingerprint, stream, version, position, recorded_at FROM commands WHERE command = $1",
        )
        .bind(command.0)
        .fetch_optional(&self.pool)
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
        let ids: Vec<Uuid> = commands.iter().map(|command| command.0).collect();
        let rows: Vec<(Uuid, Uuid)> =
            sqlx::query_as("SELECT command, stream FROM commands WHERE command = ANY($1)")
                .bind(ids)
                .fetch_all(&self.pool)
                .await?;
        let pair = |(command, stream)| (CommandId(command), stream);
        Ok(rows.into_iter().map(pair).collect())
    }

    async fn claimed_by(&self, kind: &str, value: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar("SELECT stream FROM claims WHERE kind = $1 AND value = $2")
            .bind(kind)
            .bind(value)
            .fetch_optional(&self.pool)
            .await
    }

    async fn streams_of(&self, category: &str, limit: u32) -> Result<Vec<Uuid>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT stream FROM events WHERE category = $1 AND version = 1 ORDER BY position LIMIT $2",
        )
        .bind(category)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
    }

    async fn streams_with(
        &self,
        category: &str,
        text: &str,
        after: u64,
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let sql = "SELECT stream FROM events WHERE category = $1 AND position > $3 AND strpos(data, $2) > 0
             GROUP BY stream ORDER BY min(position)";
        sqlx::query_scalar(sql)
            .bind(category)
            .bind(text)
            .bind(signed(after))
            .fetch_all(&self.pool)
            .await
    }

    async fn announce(&self, position: u64) -> Result<(), sqlx::Error> {
        // Nothing that has to survive: no sync of its own, which appends would have to wait for.
        sqlx::query("SELECT pg_notify($1, $2) FROM set_config('synchronous_commit', 'off', true)")
            .bind(CHANNEL)
            .bind(position.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn wait_for_news(&self, at_most: Duration) -> Option<u64> {
        let mut listener = self.listener.lock().await;
        if listener.is_none() {
            // Listening is a hint; without it the poll below is what there is.
            if let Ok(mut fresh) = PgListener::connect_with(&self.listening).await
                && fresh.listen(CHANNEL).await.is_ok()
            {
                // Not within the time that is waited for news: it would be broken off again and again.
                fresh.eager_reconnect(false);
                *listener = Some(fresh);
            }
        }
        let Some(open) = listener.as_mut() else {
            tokio::time::sleep(at_most).await;
            return None;
        };
        match tokio::time::timeout(at_most, open.try_recv()).await {
            Ok(Ok(Some(told))) => told.payload().parse().ok(),
            Ok(Ok(None) | Err(_)) => {
                *listener = None;
                None
            }
            Err(_) => None,
        }
    }

    async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut connection = self.pool.take().await?;
        let mut settings = Vec::new();
        for name in [
            "fsync",
            "full_page_writes",
            "synchronous_commit",
            "server_version",
        ] {
            let value: String = sqlx::query_scalar(&format!("SHOW {name}"))
                .fetch_one(&mut *connection)
                .await?;
            settings.push((name.to_owned(), value));
        }
        Ok(settings)
    }
}
