//! The bare ceiling on SQLite: rusqlite on a thread of its own, prepared statements, WAL with
//! `synchronous=FULL`. The tables are made from Docket's own texts; nothing is checked.

use crate::Fallible;
use crate::commits::{CeilingClient, Commits, QUEUE_MAX, Waiting, gather};
use crate::measure::{Run, closed_loop};
use docket_core::clock::{Clock as _, SystemClock};
use rusqlite::{Connection, params};
use std::path::Path;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Runs the cell in a folder of its own.
pub async fn append(dir: &Path, clients: usize, seconds: f64) -> Fallible<Run> {
    // Docket makes its tables, whose texts are then read.
    drop(crate::docket::open_sqlite(dir).await?);
    let connection = make(dir)?;
    let (queue, waiting) = mpsc::channel(QUEUE_MAX);
    let writer = std::thread::spawn(move || write(&connection, waiting));
    let clients = (0..clients).map(|_| CeilingClient {
        commits: Commits::default(),
        queue: queue.clone(),
    });
    let clients = clients.collect();
    drop(queue);
    let run = closed_loop(clients, seconds).await;
    let written = writer.join().map_err(|_| "the writer panicked")??;
    let run = run?;
    if written != run.total {
        return Err(format!("{} were acknowledged, {written} written", run.total).into());
    }
    Ok(run)
}

fn make(dir: &Path) -> Fallible<Connection> {
    let docket = Connection::open(dir.join("journal.db"))?;
    let texts: Vec<String> = docket
        .prepare(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')
             AND tbl_name IN ('events', 'commands') ORDER BY type DESC",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let ceiling = Connection::open(dir.join("ceiling.db"))?;
    let mode: String = ceiling.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    ceiling.execute_batch("PRAGMA synchronous = full")?;
    let synchronous: i64 = ceiling.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(format!("the ceiling runs with {mode}, synchronous={synchronous}").into());
    }
    ceiling.execute_batch(&texts.join(";"))?;
    Ok(ceiling)
}

/// The writer. Gives the last position.
fn write(connection: &Connection, mut queue: mpsc::Receiver<Waiting>) -> Fallible<u64> {
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit_all = connection.prepare("COMMIT")?;
    let mut event_row = connection.prepare(
        "INSERT INTO events (position, category, stream, version, event, type, schema_version, data,
             actor, acting_for, command, correlation, causation, occurred_at, recorded_at, rules_version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut command_row = connection.prepare(
        "INSERT INTO commands (command, fingerprint, stream, version, position, recorded_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let mut position = 0_u64;
    let mut batch = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        gather(&mut batch, &mut queue);
        let recorded_at = SystemClock.now().timestamp_micros();
        begin.execute([])?;
        for (commit, _) in &batch {
            let [event] = commit.events.as_slice() else {
                return Err("the ceiling writes one event per commit".into());
            };
            position += 1;
            event_row.execute(params![
                position,
                commit.stream.category,
                bytes(&commit.stream.id),
                commit.expected + 1,
                bytes(&event.id.0),
                event.event_type,
                event.schema_version,
                event.data,
                bytes(&commit.actor.0),
                commit.acting_for.as_ref().map(bytes),
                bytes(&commit.command.0),
                bytes(&commit.correlation),
                commit.causation.as_ref().map(bytes),
                commit.occurred_at.timestamp_micros(),
                recorded_at,
                commit.rules_version,
            ])?;
            command_row.execute(params![
                bytes(&commit.command.0),
                commit.fingerprint.as_slice(),
                bytes(&commit.stream.id),
                commit.expected + 1,
                position,
                recorded_at,
            ])?;
        }
        commit_all.execute([])?;
        for (_, reply) in batch.drain(..) {
            let _ = reply.send(());
        }
    }
    Ok(position)
}

fn bytes(id: &Uuid) -> &[u8] {
    id.as_bytes()
}
