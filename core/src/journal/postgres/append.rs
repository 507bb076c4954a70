//! Appending to PostgreSQL.
//!
//! The common batch goes **at once**, in one round trip: one call of one function takes the lock that every
//! appender takes, and only in later statements, with a newer snapshot, reads the head and inserts. Keys
//! and a look at the versions before refuse the batch whole when a commit does not fit. Then it goes **with
//! care**, in a transaction under the same lock: what stands in its way first, then what can be taken.

use crate::db::time_of;
use crate::journal::backend::{Appended, Claim, Commit, signed, unsigned};
use crate::journal::standing::{Standing, accepted, claims, rejected};
use docket_domain::Timestamp;
use sqlx::{Connection as _, PgConnection, Row as _};
use std::collections::HashSet;
use uuid::Uuid;

/// The advisory lock that orders all appends to the log of one database.
const LOCK: i64 = 0x646f_636b_6574;
/// The class of errors by which PostgreSQL refuses a row.
const CONSTRAINT: &str = "23";

/// Inserts a whole batch, or raises an error of class 23. `c_position` counts from the head before.
pub(super) const FUNCTION: &str = "
CREATE OR REPLACE FUNCTION append_all(
    lock_ bigint, now_ bigint,
    after_stream uuid[], after_version bigint[],
    c_command uuid[], c_fingerprint bytea[], c_stream uuid[], c_version bigint[], c_position bigint[],
    e_category text[], e_stream uuid[], e_version bigint[], e_event uuid[],
    e_type text[], e_schema int[], e_data text[], e_actor uuid[], e_acting_for uuid[],
    e_command uuid[], e_correlation uuid[], e_causation uuid[], e_occurred_at bigint[], e_rules bigint[],
    k_kind text[], k_value bytea[], k_stream uuid[],
    OUT base bigint, OUT recorded bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_);
    SELECT h.position, greatest(h.recorded_at, now_) INTO base, recorded
        FROM events h ORDER BY h.position DESC LIMIT 1;
    IF NOT FOUND THEN
        base := 0; recorded := now_;
    END IF;

    IF cardinality(after_stream) > 0 THEN
        PERFORM FROM unnest(after_stream, after_version) AS a(stream, version)
            WHERE NOT EXISTS (SELECT FROM events e WHERE e.stream = a.stream AND e.version = a.version);
        IF FOUND THEN
            RAISE integrity_constraint_violation USING MESSAGE = 'the version before is missing';
        END IF;
    END IF;

    INSERT INTO events SELECT
        base + e.ord, e.category, e.stream, e.version, e.event, e.type, e.schema_version, e.data, e.actor,
        e.acting_for, e.command, e.correlation, e.causation, e.occurred_at, recorded, e.rules
    FROM unnest(e_category, e_stream, e_version, e_event, e_type, e_schema, e_data, e_actor,
                e_acting_for, e_command, e_correlation, e_causation, e_occurred_at, e_rules)
        WITH ORDINALITY AS e(category, stream, version, event, type, schema_version, data, actor,
                acting_for, command, correlation, causation, occurred_at, rules, ord);

    INSERT INTO commands SELECT c.command, c.fingerprint, c.stream, c.version, base + c.position, recorded
    FROM unnest(c_command, c_fingerprint, c_stream, c_version, c_position)
        AS c(command, fingerprint, stream, version, position);

    IF cardinality(k_kind) > 0 THEN
        INSERT INTO claims SELECT k.kind, k.value, k.stream
        FROM unnest(k_kind, k_value, k_stream) AS k(kind, value, stream);
    END IF;
END $$;
";

/// Appends what can be appended. After an error the connection may be in the middle of a transaction.
pub(super) async fn append(
    connection: &mut PgConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<Appended, sqlx::Error> {
    // A no-op inserts no event, which no key could refuse.
    if batch.iter().all(|commit| !commit.events.is_empty()) {
        match append_all(connection, batch, now).await {
            Err(error) if is_refusal(&error) => {}
            outcome => return outcome,
        }
    }
    with_care(connection, batch, now).await
}

/// Whether PostgreSQL refused a row, and so has rolled back.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with(CONSTRAINT))
}

async fn with_care(
    connection: &mut PgConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<Appended, sqlx::Error> {
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await?;
    let rejected = rejected(batch, &standing(&mut tx, batch).await?);
    let appended = append_all(&mut tx, &accepted(batch, &rejected), now).await?;
    tx.commit().await?;
    Ok(Appended {
        rejected,
        ..appended
    })
}

async fn standing(
    connection: &mut PgConnection,
    batch: &[&Commit],
) -> Result<Vec<Standing>, sqlx::Error> {
    let streams: Vec<Uuid> = batch.iter().map(|commit| commit.stream.id).collect();
    let commands: Vec<Uuid> = batch.iter().map(|commit| commit.command.0).collect();
    let rows = sqlx::query(
        "SELECT (SELECT e.version FROM events e WHERE e.stream = b.stream ORDER BY e.version DESC LIMIT 1),
                (SELECT c.position FROM commands c WHERE c.command = b.command) IS NOT NULL
         FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS b (stream, command, i) ORDER BY i",
    )
    .bind(streams)
    .bind(commands)
    .fetch_all(&mut *connection)
    .await?;
    let mut standing = Vec::with_capacity(batch.len());
    for row in rows {
        standing.push(Standing {
            version: unsigned(row.try_get::<Option<i64>, _>(0)?.unwrap_or(0)),
            command_known: row.try_get(1)?,
            claim_taken: false,
        });
    }
    for commit in claimed(connection, batch).await? {
        standing[commit].claim_taken = true;
    }
    Ok(standing)
}

/// The commits that claim what is taken, by their places in the batch.
async fn claimed(
    connection: &mut PgConnection,
    batch: &[&Commit],
) -> Result<Vec<usize>, sqlx::Error> {
    let claims: Vec<(usize, &Claim)> = claims(batch).collect();
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let (kinds, values): (Vec<&str>, Vec<&[u8]>) = claims
        .iter()
        .map(|(_, claim)| (claim.kind, claim.value.as_slice()))
        .unzip();
    let taken: Vec<bool> = sqlx::query_scalar(
        "SELECT (SELECT c.stream FROM claims c WHERE c.kind = k.kind AND c.value = k.value) IS NOT NULL
         FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k (kind, value, i) ORDER BY i",
    )
    .bind(kinds)
    .bind(values)
    .fetch_all(connection)
    .await?;
    let taken = claims.iter().zip(taken).filter(|(_, taken)| *taken);
    Ok(taken.map(|((commit, _), _)| *commit).collect())
}

/// Inserts a whole batch, or fails with a refusal.
async fn append_all(
    connection: &mut PgConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<Appended, sqlx::Error> {
    let c = Columns::of(batch);
    let row = sqlx::query(
        "SELECT base, recorded FROM append_all($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)",
    )
    .bind(LOCK)
    .bind(now.timestamp_micros())
    .bind(&c.after_stream)
    .bind(&c.after_version)
    .bind(&c.command)
    .bind(&c.fingerprint)
    .bind(&c.stream)
    .bind(&c.version)
    .bind(&c.position)
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
    .fetch_one(connection)
    .await?;
    Ok(Appended {
        base: unsigned(row.try_get(0)?),
        recorded_at: time_of(row.try_get(1)?)?,
        rejected: Vec::new(),
    })
}

/// The batch turned on its side: one array per column.
#[derive(Default)]
struct Columns<'b> {
    /// Versions that must be there, each the one before a stream's first commit in the batch.
    after_stream: Vec<Uuid>,
    after_version: Vec<i64>,
    command: Vec<Uuid>,
    fingerprint: Vec<&'b [u8]>,
    stream: Vec<Uuid>,
    version: Vec<i64>,
    position: Vec<i64>,
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
        let mut streams = HashSet::with_capacity(batch.len());
        for commit in batch {
            columns.add(commit, streams.insert(commit.stream.id));
        }
        columns
    }

    fn add(&mut self, commit: &'b Commit, first_of_stream: bool) {
        let (stream, command) = (commit.stream.id, commit.command.0);
        if first_of_stream && commit.expected > 0 {
            self.after_stream.push(stream);
            self.after_version.push(signed(commit.expected));
        }
        for (version, event) in (commit.expected + 1..).zip(&commit.events) {
            self.e_category.push(commit.stream.category);
            self.e_stream.push(stream);
            self.e_version.push(signed(version));
            self.e_event.push(event.id.0);
            self.e_type.push(event.event_type);
            self.e_schema.push(i32::from(event.schema_version));
            self.e_data.push(&event.data);
            self.e_actor.push(commit.actor.0);
            self.e_acting_for.push(commit.acting_for);
            self.e_command.push(command);
            self.e_correlation.push(commit.correlation);
            self.e_causation.push(commit.causation);
            self.e_occurred_at
                .push(commit.occurred_at.timestamp_micros());
            self.e_rules.push(i64::from(commit.rules_version));
        }
        self.command.push(command);
        self.fingerprint.push(&commit.fingerprint);
        self.stream.push(stream);
        let version = commit.expected + commit.events.len() as u64;
        self.version.push(signed(version));
        self.position.push(signed(self.e_event.len() as u64));
        for claim in &commit.claims {
            self.k_kind.push(claim.kind);
            self.k_value.push(&claim.value);
            self.k_stream.push(stream);
        }
    }
}
