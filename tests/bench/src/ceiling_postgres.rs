//! The bare ceiling on PostgreSQL: one task, one connection, one INSERT … SELECT FROM unnest per batch.
//! The tables are copies of Docket's own (columns, constraints, indexes), and so are the bytes; nothing is
//! checked, locked or announced, and positions are counted in this process.

use crate::Fallible;
use crate::commits::{CeilingClient, Commits, QUEUE_MAX, Waiting, gather};
use crate::measure::{Run, closed_loop};
use docket_core::clock::{Clock as _, SystemClock};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;
use uuid::Uuid;

const TABLES: &str = "
CREATE SCHEMA ceiling;
CREATE TABLE ceiling.events (LIKE docket_journal.events INCLUDING ALL);
CREATE TABLE ceiling.commands (LIKE docket_journal.commands INCLUDING ALL);
";

const INSERT: &str = "
WITH inserted AS (
    INSERT INTO ceiling.events (position, category, stream, version, event, type, schema_version, data,
        actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version)
    SELECT e.position, e.category, e.stream, e.version, e.event, e.type, e.schema_version, e.data, e.actor,
        e.acting_for, e.command, e.correlation, e.causation, e.occurred_at, $1, e.rules_version
    FROM unnest($2::bigint[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::int[],
        $9::text[], $10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[], $14::uuid[], $15::bigint[],
        $16::bigint[])
        AS e(position, category, stream, version, event, type, schema_version, data, actor, acting_for,
        command, correlation, causation, occurred_at, rules_version)
)
INSERT INTO ceiling.commands (command, fingerprint, stream, version, position, recorded_at)
SELECT c.command, c.fingerprint, c.stream, c.version, c.position, $1
FROM unnest($12::uuid[], $17::bytea[], $4::uuid[], $5::bigint[], $2::bigint[])
    AS c(command, fingerprint, stream, version, position)
";

/// Runs the cell in a database of its own.
pub async fn append(url: &str, clients: usize, seconds: f64) -> Fallible<Run> {
    // Docket makes its tables, which are then copied.
    drop(crate::docket::open_postgres(url).await?);
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    let (queue, waiting) = mpsc::channel(QUEUE_MAX);
    let writer = tokio::spawn(write(connection, waiting));
    let clients = (0..clients).map(|_| CeilingClient {
        commits: Commits::default(),
        queue: queue.clone(),
    });
    let clients = clients.collect();
    drop(queue);
    let run = closed_loop(clients, seconds).await;
    let written = writer.await??;
    let run = run?;
    if written != run.total {
        return Err(format!("{} were acknowledged, {written} written", run.total).into());
    }
    Ok(run)
}

/// The writer. Gives the last position.
async fn write(mut connection: PgConnection, mut queue: mpsc::Receiver<Waiting>) -> Fallible<u64> {
    let mut position = 0_i64;
    let mut batch = Vec::new();
    while let Some(first) = queue.recv().await {
        batch.push(first);
        gather(&mut batch, &mut queue);
        let columns = Columns::of(&batch, &mut position)?;
        columns.insert(&mut connection).await?;
        for (_, reply) in batch.drain(..) {
            let _ = reply.send(());
        }
    }
    Ok(u64::try_from(position)?)
}

#[derive(Default)]
struct Columns<'b> {
    position: Vec<i64>,
    category: Vec<&'b str>,
    stream: Vec<Uuid>,
    version: Vec<i64>,
    event: Vec<Uuid>,
    event_type: Vec<&'b str>,
    schema_version: Vec<i32>,
    data: Vec<&'b str>,
    actor: Vec<Uuid>,
    acting_for: Vec<Option<Uuid>>,
    command: Vec<Uuid>,
    correlation: Vec<Uuid>,
    causation: Vec<Option<Uuid>>,
    occurred_at: Vec<i64>,
    rules_version: Vec<i64>,
    fingerprint: Vec<&'b [u8]>,
}

impl<'b> Columns<'b> {
    fn of(batch: &'b [Waiting], position: &mut i64) -> Fallible<Self> {
        let mut c = Self::default();
        for (commit, _) in batch {
            let [event] = commit.events.as_slice() else {
                return Err("the ceiling writes one event per commit".into());
            };
            *position += 1;
            c.position.push(*position);
            c.category.push(commit.stream.category);
            c.stream.push(commit.stream.id);
            c.version.push(i64::try_from(commit.expected + 1)?);
            c.event.push(event.id.0);
            c.event_type.push(event.event_type);
            c.schema_version.push(i32::from(event.schema_version));
            c.data.push(&event.data);
            c.actor.push(commit.actor.0);
            c.acting_for.push(commit.acting_for);
            c.command.push(commit.command.0);
            c.correlation.push(commit.correlation);
            c.causation.push(commit.causation);
            c.occurred_at.push(commit.occurred_at.timestamp_micros());
            c.rules_version.push(i64::from(commit.rules_version));
            c.fingerprint.push(&commit.fingerprint);
        }
        Ok(c)
    }

    async fn insert(&self, connection: &mut PgConnection) -> Fallible<()> {
        sqlx::query(INSERT)
            .bind(SystemClock.now().timestamp_micros())
            .bind(&self.position)
            .bind(&self.category)
            .bind(&self.stream)
            .bind(&self.version)
            .bind(&self.event)
            .bind(&self.event_type)
            .bind(&self.schema_version)
            .bind(&self.data)
            .bind(&self.actor)
            .bind(&self.acting_for)
            .bind(&self.command)
            .bind(&self.correlation)
            .bind(&self.causation)
            .bind(&self.occurred_at)
            .bind(&self.rules_version)
            .bind(&self.fingerprint)
            .execute(connection)
            .await?;
        Ok(())
    }
}
