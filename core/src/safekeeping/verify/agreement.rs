//! Whether events, commands and claims agree: asked of the database, which has the indexes for it.

use super::{FINDINGS_MAX, Report};
use crate::db::{Tx, Value, list};
use crate::journal::{self, Record};
use crate::safekeeping::snapshot::id;
use crate::values;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ticket::Ticket;
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::erase::Erased;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Versions that do not follow each other, and events that their commands do not answer for. An event's
/// command ends at the position and version its receipt tells: the distance to both is the same.
const OF_RECORDS: &str = "SELECT position, wrong FROM (
    SELECT e.position AS position, CASE
        WHEN e.version < 1 OR (e.version > 1 AND NOT EXISTS (SELECT 1 FROM events b
            WHERE b.stream = e.stream AND b.version = e.version - 1 AND b.position < e.position
              AND b.category = e.category))
            THEN 'the version before it is missing on its stream'
        WHEN c.command IS NULL THEN 'its command is not among the commands'
        WHEN c.stream <> e.stream THEN 'its command is of another stream'
        WHEN c.position < e.position OR c.position - e.position <> c.version - e.version
            THEN 'its command ends at another position or version'
        WHEN c.recorded_at <> e.recorded_at THEN 'its command was recorded at another time'
        END AS wrong
    FROM events e LEFT JOIN commands c ON c.command = e.command
    WHERE e.position > $1 AND e.position <= $2) found
    WHERE wrong IS NOT NULL ORDER BY position";

/// Commands that end at no event of theirs, and are no no-ops on a version that was there.
const OF_COMMANDS: &str = "SELECT c.position FROM commands c WHERE
    NOT EXISTS (SELECT 1 FROM events e WHERE e.position = c.position
        AND e.command = c.command AND e.stream = c.stream AND e.version = c.version)
    AND NOT ((c.position = 0 OR EXISTS (SELECT 1 FROM events e WHERE e.position = c.position))
        AND (c.version = 0 OR EXISTS (SELECT 1 FROM events e WHERE e.stream = c.stream
            AND e.version = c.version AND e.position <= c.position)))
    ORDER BY c.position";

/// Claims of streams that are not there.
const OF_CLAIMS: &str = "SELECT c.kind, count(*) FROM claims c WHERE NOT EXISTS
    (SELECT 1 FROM events e WHERE e.stream = c.stream AND e.version = 1)
    GROUP BY c.kind ORDER BY c.kind";

/// What the first event of a stream claims, beside a ticket's number: category, type, kind.
const BORN_WITH: [(&str, &str, &str); 4] = [
    ("account", "created", "login"),
    ("ticket", "received", "query_code"),
    ("ticket", "imported", "query_code"),
    ("ticket", "imported", "source_number"),
];

/// Streams born without a claim of a kind. As sets: claims have no index by stream.
const UNCLAIMED: &str = "SELECT e.position FROM events e JOIN (
        SELECT stream FROM events WHERE version = 1 AND category = $1 AND type = $2
        EXCEPT SELECT stream FROM claims WHERE kind = $3) bare ON bare.stream = e.stream
    WHERE e.version = 1 ORDER BY e.position";

/// Event ids stored more than once.
const OF_EVENT_IDS: &str = "SELECT min(position), max(position) FROM events
    GROUP BY event HAVING count(*) > 1 ORDER BY max(position)";

/// What keeps history from being edited, by name and with what it does, as far as it is in force.
const TRIGGERS_SQLITE: &str = "SELECT name, sql FROM sqlite_master
    WHERE type = 'trigger' AND tbl_name = 'events'";
const TRIGGERS_POSTGRES: &str =
    "SELECT t.tgname::text, concat_ws(' ', t.tgtype, f.proname, f.prosrc)
    FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
    WHERE t.tgrelid = 'events'::regclass AND t.tgenabled = 'O' AND NOT t.tgisinternal";

/// What the records after `from`, up to `to`, agree with.
pub(super) async fn of_records(
    tx: &mut Tx,
    from: u64,
    to: u64,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let bound = |position| i64::try_from(position).unwrap_or(i64::MAX);
    let values = values![bound(from), bound(to)];
    for row in tx.fetch_all(OF_RECORDS, values).await? {
        report.find(row.int(0)?.unsigned_abs(), row.text(1)?);
    }
    Ok(())
}

/// What a ticket's first event tells of its number.
#[derive(Deserialize)]
struct Numbered {
    number: String,
}

/// Whether each ticket born among some records holds the claim on its number.
pub(super) async fn of_numbers(
    tx: &mut Tx,
    records: &[Record],
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let born: Vec<(&Record, String)> = records
        .iter()
        .filter(|record| record.category == Ticket::CATEGORY && record.version == 1)
        .filter_map(|record| {
            let numbered = serde_json::from_str::<Numbered>(&record.data).ok()?;
            Some((record, numbered.number))
        })
        .collect();
    for piece in crate::db::pieces(&born) {
        let (stream, marks) = (id(tx.is_sqlite(), "stream"), list(1, piece.len()));
        let sql = format!(
            "SELECT value, {stream} FROM claims WHERE kind = 'ticket_number' AND value IN ({marks})"
        );
        let values = piece.iter().map(|(_, n)| Value::from(n.as_bytes()));
        let mut holders = HashMap::new();
        for row in tx.fetch_all(&sql, values.collect()).await? {
            holders.insert(row.bytes(0)?, row.uuid(1)?);
        }
        for (record, number) in piece {
            if holders.get(number.as_bytes()) != Some(&record.stream) {
                report.find(
                    record.position,
                    "its stream holds no claim on its ticket number",
                );
            }
        }
    }
    Ok(())
}

/// Whether each stream holds the claims it was born with.
async fn of_births(tx: &mut Tx, report: &mut Report) -> Result<(), sqlx::Error> {
    let sql = format!("{UNCLAIMED} LIMIT {FINDINGS_MAX}");
    for (category, event_type, kind) in BORN_WITH {
        let values = values![category, event_type, kind];
        for row in tx.fetch_all(&sql, values).await? {
            let position = row.int(0)?.unsigned_abs();
            report.find(position, format!("its stream holds no claim on a {kind}"));
        }
    }
    Ok(())
}

/// Whether history is kept from being edited by what this Docket makes for that, and nothing else.
async fn is_guarded(tx: &mut Tx) -> Result<bool, sqlx::Error> {
    let sqlite = tx.is_sqlite();
    let sql = if sqlite {
        TRIGGERS_SQLITE
    } else {
        TRIGGERS_POSTGRES
    };
    let mut found = Vec::new();
    for row in tx.fetch_all(sql, vec![]).await? {
        found.push((row.text(0)?, row.text(1)?));
    }
    found.sort();
    Ok(found == journal::guards(sqlite))
}

/// The tickets and accounts of persons who were erased.
pub(in crate::safekeeping) async fn erased(tx: &mut Tx) -> Result<HashSet<Uuid>, sqlx::Error> {
    let stream = id(tx.is_sqlite(), "stream");
    let sql = format!("SELECT {stream} FROM events WHERE type = $1");
    let rows = tx.fetch_all(&sql, values![Erased::TYPE]).await?;
    rows.iter().map(|row| row.uuid(0)).collect()
}

/// What is of the log as a whole.
pub(super) async fn of_the_log(tx: &mut Tx, report: &mut Report) -> Result<(), sqlx::Error> {
    let limited = |sql: &str| format!("{sql} LIMIT {FINDINGS_MAX}");
    for row in tx.fetch_all(&limited(OF_COMMANDS), vec![]).await? {
        let position = row.int(0)?.unsigned_abs();
        report.find(
            position,
            "a command ends here whose event or version is not in the log",
        );
    }
    for row in tx.fetch_all(&limited(OF_EVENT_IDS), vec![]).await? {
        let (first, last) = (row.int(0)?, row.int(1)?.unsigned_abs());
        report.find(
            last,
            format!("its event id is also that of position {first}"),
        );
    }
    of_births(tx, report).await?;
    for row in tx.fetch_all(OF_CLAIMS, vec![]).await? {
        let (kind, count) = (row.text(0)?, row.int(1)?);
        report.find(
            None,
            format!("{count} claims on a {kind} name streams that are not there"),
        );
    }
    let count = tx.fetch_all("SELECT count(*) FROM events WHERE position < 1", vec![]);
    if count.await?.first().map(|row| row.int(0)).transpose()? != Some(0) {
        report.find(None, "there are records before position 1");
    }
    if !is_guarded(tx).await? {
        report.find(
            None,
            "the triggers that keep history from being edited are missing, off or changed",
        );
    }
    if tx.is_sqlite() {
        let found = tx.fetch_all("PRAGMA integrity_check(10)", vec![]).await?;
        for row in found {
            let told = row.text(0)?;
            if told != "ok" {
                report.find(None, format!("SQLite finds its file damaged: {told}"));
            }
        }
    }
    Ok(())
}
