//! The journal in a PostgreSQL schema.
//!
//! A batch is one call of one function: it locks the head row, and only in later statements (with a
//! newer snapshot) checks heads, commands and claims, inserts what stands, and moves the head. So
//! several processes append safely, and positions have no gaps.

use super::backend::{
    Appended, Backend, Commit, LogInfo, Receipt, StoredCommand, signed, unsigned,
};
use super::{Purpose, Record};
use crate::clock::{Clock, random_bytes};
use crate::db::{Db, postgres_options, time_of};
use async_trait::async_trait;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgListener, PgPool, PgRow};
use sqlx::{Connection as _, PgConnection, Row as _};
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The schema the journal lives in.
pub(super) const SCHEMA_NAME: &str = "docket_journal";
/// The channel on which appends are announced.
const CHANNEL: &str = "docket_journal";

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS log (
    one int PRIMARY KEY CHECK (one = 1), id uuid NOT NULL, purpose text NOT NULL,
    schema int NOT NULL, created_at bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS head (
    one int PRIMARY KEY CHECK (one = 1), position bigint NOT NULL, recorded_at bigint NOT NULL
);
INSERT INTO head VALUES (1, 0, -9223372036854775808) ON CONFLICT DO NOTHING;
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
CREATE OR REPLACE FUNCTION append(
    now_ bigint,
    c_command uuid[], c_fingerprint bytea[], c_stream uuid[], c_expected bigint[], c_events bigint[],
    c_first bool[],
    e_category text[], e_stream uuid[], e_version bigint[], e_event uuid[],
    e_type text[], e_schema int[], e_data text[], e_actor uuid[], e_acting_for uuid[],
    e_command uuid[], e_correlation uuid[], e_causation uuid[], e_occurred_at bigint[], e_rules bigint[],
    k_kind text[], k_value bytea[], k_stream uuid[],
    OUT base bigint, OUT recorded bigint, OUT rejected bigint[]
) LANGUAGE plpgsql
-- Plans are kept, and made when the tables may still be empty: look-ups must go by index all the same.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE bad uuid[]; taken bigint;
BEGIN
    SELECT h.position, greatest(h.recorded_at, now_) INTO STRICT base, recorded
        FROM head h WHERE h.one = 1 FOR UPDATE;

    bad := ARRAY(
        SELECT c.stream FROM unnest(c_command, c_stream, c_expected, c_first) AS c(command, stream, expected, first)
        WHERE (c.first AND c.expected <> coalesce(
                  (SELECT e.version FROM events e WHERE e.stream = c.stream ORDER BY e.version DESC LIMIT 1), 0))
           -- Not EXISTS: that may be planned as a hash of the whole table.
           OR (SELECT d.position FROM commands d WHERE d.command = c.command) IS NOT NULL
    );
    IF cardinality(k_kind) > 0 THEN
        bad := bad || ARRAY(
            SELECT k.stream FROM unnest(k_kind, k_value, k_stream) AS k(kind, value, stream)
            WHERE (SELECT d.kind FROM claims d WHERE d.kind = k.kind AND d.value = k.value) IS NOT NULL
        );
    END IF;

    INSERT INTO events SELECT
        base + row_number() OVER (ORDER BY e.ord), e.category, e.stream, e.version, e.event, e.type,
        e.schema_version, e.data, e.actor, e.acting_for, e.command, e.correlation, e.causation,
        e.occurred_at, recorded, e.rules
    FROM unnest(e_category, e_stream, e_version, e_event, e_type, e_schema, e_data, e_actor,
                e_acting_for, e_command, e_correlation, e_causation, e_occurred_at, e_rules)
        WITH ORDINALITY AS e(category, stream, version, event, type, schema_version, data, actor,
                acting_for, command, correlation, causation, occurred_at, rules, ord)
    WHERE cardinality(bad) = 0 OR NOT e.stream = ANY (bad);
    GET DIAGNOSTICS taken = ROW_COUNT;

    INSERT INTO commands SELECT
        c.command, c.fingerprint, c.stream, c.expected + c.events,
        base + sum(c.events) OVER (ORDER BY c.ord), recorded
    FROM unnest(c_command, c_fingerprint, c_stream, c_expected, c_events)
        WITH ORDINALITY AS c(command, fingerprint, stream, expected, events, ord)
    WHERE cardinality(bad) = 0 OR NOT c.stream = ANY (bad);

    IF cardinality(k_kind) > 0 THEN
        INSERT INTO claims SELECT k.kind, k.value, k.stream
        FROM unnest(k_kind, k_value, k_stream) AS k(kind, value, stream)
        WHERE cardinality(bad) = 0 OR NOT k.stream = ANY (bad);
    END IF;

    IF taken > 0 THEN
        UPDATE head SET position = base + taken, recorded_at = recorded WHERE one = 1;
        PERFORM pg_notify('docket_journal', (base + taken)::text);
    END IF;

    rejected := ARRAY(
        SELECT c.ord FROM unnest(c_stream) WITH ORDINALITY AS c(stream, ord)
        WHERE cardinality(bad) > 0 AND c.stream = ANY (bad) ORDER BY c.ord
    );
END $$;
";

const EVENT_COLUMNS: &str = "position, category, stream, version, event, type, schema_version, data, \
     actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version";

pub(super) struct Postgres {
    pool: PgPool,
    /// The writer's own connection: from the pool it would cost a round trip to see whether it lives.
    writer: Mutex<Option<PoolConnection<sqlx::Postgres>>>,
    listener: Mutex<Option<PgListener>>,
}

impl Postgres {
    pub(super) async fn open(
        url: &str,
        purpose: Purpose,
        allow_unsafe: bool,
        clock: &dyn Clock,
    ) -> Result<Self, sqlx::Error> {
        let db = Db::postgres(url, SCHEMA_NAME, allow_unsafe).await?;
        db.script("", SCHEMA).await?;
        let Db::Postgres(pool) = db else {
            unreachable!("Db::postgres opens PostgreSQL")
        };
        sqlx::query("INSERT INTO log VALUES (1, $1, $2, 1, $3) ON CONFLICT DO NOTHING")
            .bind(Uuid::from_bytes(random_bytes()))
            .bind(purpose.name())
            .bind(clock.now().timestamp_micros())
            .execute(&pool)
            .await?;
        Ok(Self {
            pool,
            writer: Mutex::new(None),
            listener: Mutex::new(None),
        })
    }
}

/// Whether the database holds a journal; changes nothing.
pub(super) async fn exists(url: &str) -> Result<bool, sqlx::Error> {
    let mut connection = PgConnection::connect_with(&postgres_options(url, SCHEMA_NAME)?).await?;
    let exists = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("{SCHEMA_NAME}.log"))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(exists)
}

/// The batch turned on its side: one array per column.
#[derive(Default)]
struct Columns<'b> {
    command: Vec<Uuid>,
    fingerprint: Vec<&'b [u8]>,
    stream: Vec<Uuid>,
    expected: Vec<i64>,
    events: Vec<i64>,
    first: Vec<bool>,
    e_category: Vec<&'b str>,
    e_stream: Vec<Uuid>,
    e_version: Vec<i64>,
    e_event: Vec<Uuid>,
    e_type: Vec<&'b str>,
    e_schema: Vec<i32>,
    e_data: Vec<&'b str>,
    e_actor: Vec<Uuid>,
    e_acting_for: Vec<Option<Uuid>>,
    e_command: Vec<Uuid>,
    e_correlation: Vec<Uuid>,
    e_causation: Vec<Option<Uuid>>,
    e_occurred_at: Vec<i64>,
    e_rules: Vec<i64>,
    k_kind: Vec<&'b str>,
    k_value: Vec<&'b [u8]>,
    k_stream: Vec<Uuid>,
}

impl<'b> Columns<'b> {
    fn of(batch: &[&'b Commit]) -> Self {
        let mut columns = Self::default();
        let mut seen = std::collections::HashSet::new();
        for commit in batch {
            columns.command.push(commit.command.0);
            columns.fingerprint.push(&commit.fingerprint);
            columns.stream.push(commit.stream.id);
            columns.expected.push(signed(commit.expected));
            columns.events.push(signed(commit.events.len() as u64));
            columns.first.push(seen.insert(commit.stream.id));
            for (version, event) in (commit.expected + 1..).zip(&commit.events) {
                columns.e_category.push(commit.stream.category);
                columns.e_stream.push(commit.stream.id);
                columns.e_version.push(signed(version));
                columns.e_event.push(event.id.0);
                columns.e_type.push(event.event_type);
                columns.e_schema.push(i32::from(event.schema_version));
                columns.e_data.push(&event.data);
                columns.e_actor.push(commit.actor.0);
                columns.e_acting_for.push(commit.acting_for);
                columns.e_command.push(commit.command.0);
                columns.e_correlation.push(commit.correlation);
                columns.e_causation.push(commit.causation);
                columns
                    .e_occurred_at
                    .push(commit.occurred_at.timestamp_micros());
                columns.e_rules.push(i64::from(commit.rules_version));
            }
            for claim in &commit.claims {
                columns.k_kind.push(claim.kind);
                columns.k_value.push(&claim.value);
                columns.k_stream.push(commit.stream.id);
            }
        }
        columns
    }
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
    async fn append(&self, batch: &[&Commit], now: Timestamp) -> Result<Appended, sqlx::Error> {
        let c = Columns::of(batch);
        let mut writer = self.writer.lock().await;
        // Taken out while in use: whatever goes wrong, a connection that may be broken is not put back.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        let row = sqlx::query(
            "SELECT base, recorded, rejected FROM append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
        )
        .bind(now.timestamp_micros())
        .bind(&c.command)
        .bind(&c.fingerprint)
        .bind(&c.stream)
        .bind(&c.expected)
        .bind(&c.events)
        .bind(&c.first)
        .bind(&c.e_category)
        .bind(&c.e_stream)
        .bind(&c.e_version)
        .bind(&c.e_event)
        .bind(&c.e_type)
        .bind(&c.e_schema)
        .bind(&c.e_data)
        .bind(&c.e_actor)
        .bind(&c.e_acting_for)
        .bind(&c.e_command)
        .bind(&c.e_correlation)
        .bind(&c.e_causation)
        .bind(&c.e_occurred_at)
        .bind(&c.e_rules)
        .bind(&c.k_kind)
        .bind(&c.k_value)
        .bind(&c.k_stream)
        .fetch_one(&mut *connection)
        .await?;
        *writer = Some(connection);
        let rejected: Vec<i64> = row.try_get(2)?;
        Ok(Appended {
            base: unsigned(row.try_get(0)?),
            recorded_at: time_of(row.try_get(1)?)?,
            rejected: rejected
                .into_iter()
                .map(|ordinal| usize::try_from(ordinal - 1).unwrap_or(usize::MAX))
                .collect(),
        })
    }

    async fn log(&self) -> Result<LogInfo, sqlx::Error> {
        let row = sqlx::query("SELECT id, purpose, created_at FROM log")
            .fetch_one(&self.pool)
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
        let head: i64 = sqlx::query_scalar("SELECT position FROM head WHERE one = 1")
            .fetch_one(&self.pool)
            .await?;
        Ok(unsigned(head))
    }

    async fn version(&self, stream: Uuid) -> Result<u64, sqlx::Error> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM events WHERE stream = $1")
                .bind(stream)
                .fetch_one(&self.pool)
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

    async fn wait_for_news(&self, at_most: Duration) -> Option<u64> {
        let mut listener = self.listener.lock().await;
        if listener.is_none() {
            // Listening is a hint; without it the poll below is what there is.
            if let Ok(mut fresh) = PgListener::connect_with(&self.pool).await
                && fresh.listen(CHANNEL).await.is_ok()
            {
                *listener = Some(fresh);
            }
        }
        let Some(open) = listener.as_mut() else {
            tokio::time::sleep(at_most).await;
            return None;
        };
        match tokio::time::timeout(at_most, open.recv()).await {
            Ok(Ok(told)) => told.payload().parse().ok(),
            Ok(Err(_)) => {
                *listener = None;
                None
            }
            Err(_) => None,
        }
    }

    async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
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
