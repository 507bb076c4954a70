//! Appending to SQLite.
//!
//! A call of sqlx is a hop to the connection's thread and back, which takes longer than inserting a row. So
//! the common batch goes **at once**, in one call: `BEGIN`, the inserts and `COMMIT` are one text, written
//! for the head as this process last saw it. Keys, and a table that takes no row, refuse it whole when
//! another process was faster or a commit does not fit. Then it goes **with care**: the lock first, then
//! what stands in its way, then what can be taken.

use crate::db::{pieces, time_of};
use crate::journal::NewEvent;
use crate::journal::backend::{Appended, Claim, Commit, signed, unsigned};
use crate::journal::standing::{Standing, accepted, rejected};
use docket_domain::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Connection as _, Row as _, SqliteConnection};

const EVENT_WIDTH: usize = 16;
const COMMAND_WIDTH: usize = 6;
/// Most commits in one text. So some hundred prepared statements serve every batch.
const COMMITS_PER_TEXT: usize = 64;
/// Finds versions without the one before among the events of a batch, and trips over the first.
const REFUSE_GAPS: &str = "INSERT OR ROLLBACK INTO gaps SELECT e.position FROM events e \
     WHERE e.position > ? AND e.version > 1 AND NOT EXISTS \
     (SELECT 1 FROM events b WHERE b.stream = e.stream AND b.version = e.version - 1)";
/// SQLite's primary code of a refused row.
const CONSTRAINT: i32 = 19;

/// The one connection that appends.
pub(super) struct Writer {
    pub(super) connection: PoolConnection<sqlx::Sqlite>,
    /// The head as this process last saw it.
    head: Option<Head>,
}

#[derive(Clone, Copy)]
struct Head {
    position: i64,
    recorded_at: i64,
}

impl Head {
    /// When a batch after this head is recorded: never before it.
    fn record_at(self, now: Timestamp) -> i64 {
        now.timestamp_micros().max(self.recorded_at)
    }

    fn appended(self, recorded_at: i64, rejected: Vec<usize>) -> Result<Appended, sqlx::Error> {
        Ok(Appended {
            base: unsigned(self.position),
            recorded_at: time_of(recorded_at)?,
            rejected,
        })
    }
}

/// A row of `events`, but for what all rows of a batch share.
type EventRow<'b> = (i64, u64, &'b Commit, &'b NewEvent);
/// A row of `commands`, likewise.
type CommandRow<'b> = (&'b Commit, i64);

/// A batch as rows, positions given.
struct Rows<'b> {
    events: Vec<EventRow<'b>>,
    commands: Vec<CommandRow<'b>>,
    claims: Vec<(&'b Commit, &'b Claim)>,
    last: Head,
}

impl<'b> Rows<'b> {
    fn after(head: Head, batch: &[&'b Commit], now: Timestamp) -> Self {
        let mut rows = Self {
            events: Vec::with_capacity(batch.len()),
            commands: Vec::with_capacity(batch.len()),
            claims: Vec::new(),
            last: head,
        };
        for commit in batch {
            for (version, event) in (commit.expected + 1..).zip(&commit.events) {
                rows.last.position += 1;
                rows.events
                    .push((rows.last.position, version, commit, event));
            }
            rows.commands.push((commit, rows.last.position));
            let claims = commit.claims.iter().map(|claim| (*commit, claim));
            rows.claims.extend(claims);
        }
        rows.last.recorded_at = head.record_at(now);
        rows
    }
}

impl Writer {
    pub(super) const fn new(connection: PoolConnection<sqlx::Sqlite>) -> Self {
        Self {
            connection,
            head: None,
        }
    }

    /// Appends what can be appended. After an error the connection may be in the middle of a transaction.
    pub(super) async fn append(
        &mut self,
        batch: &[&Commit],
        now: Timestamp,
    ) -> Result<Appended, sqlx::Error> {
        if let Some(head) = self.head
            && batch.iter().all(|commit| commit.events.len() == 1)
        {
            let rows = Rows::after(head, batch, now);
            match at_once(&mut self.connection, head, &rows).await {
                Ok(()) => {
                    self.head = Some(rows.last);
                    return head.appended(rows.last.recorded_at, Vec::new());
                }
                Err(error) if is_refusal(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let (before, last, rejected) = with_care(&mut self.connection, batch, now).await?;
        self.head = Some(last);
        before.appended(last.recorded_at, rejected)
    }
}

/// Whether SQLite refused a row, and so has rolled back.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == CONSTRAINT)
}

/// Writes rows of one event a command.
async fn at_once(
    connection: &mut SqliteConnection,
    head: Head,
    rows: &Rows<'_>,
) -> Result<(), sqlx::Error> {
    for from in (0..rows.commands.len()).step_by(COMMITS_PER_TEXT) {
        let (sql, arguments) = text(head, rows, from)?;
        execute(connection, &sql, arguments).await?;
    }
    if !rows.claims.is_empty() {
        insert_claims(connection, &rows.claims).await?;
        execute(connection, "COMMIT", SqliteArguments::default()).await?;
    }
    Ok(())
}

/// The text for the commits from one on, and its values. The first begins the transaction; the last looks
/// for gaps and, where no claims follow, commits.
fn text<'q>(
    head: Head,
    rows: &Rows<'_>,
    from: usize,
) -> Result<(String, SqliteArguments<'q>), sqlx::Error> {
    let to = (from + COMMITS_PER_TEXT).min(rows.commands.len());
    let last = to == rows.commands.len();
    let mut sql = String::new();
    if from == 0 {
        sql.push_str("BEGIN IMMEDIATE;");
    }
    sql.push_str(&insert_events_sql(to - from));
    sql.push(';');
    sql.push_str(&insert_commands_sql(to - from));
    if last {
        sql.push(';');
        sql.push_str(REFUSE_GAPS);
    }
    if last && rows.claims.is_empty() {
        sql.push_str(";COMMIT");
    }
    let mut arguments = SqliteArguments::default();
    arguments.reserve((to - from) * (EVENT_WIDTH + COMMAND_WIDTH) + 1, 0);
    for row in &rows.events[from..to] {
        add_event(&mut arguments, row, rows.last.recorded_at)?;
    }
    for row in &rows.commands[from..to] {
        add_command(&mut arguments, row, rows.last.recorded_at)?;
    }
    if last {
        add(&mut arguments, head.position)?;
    }
    Ok((sql, arguments))
}

/// Gives the head before, the head after, and what was rejected.
async fn with_care(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<(Head, Head, Vec<usize>), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let head = head(&mut tx).await?;
    let rejected = rejected(batch, &standing(&mut tx, batch).await?);
    let rows = Rows::after(head, &accepted(batch, &rejected), now);
    for piece in pieces(&rows.events) {
        let mut arguments = SqliteArguments::default();
        for row in piece {
            add_event(&mut arguments, row, rows.last.recorded_at)?;
        }
        execute(&mut tx, &insert_events_sql(piece.len()), arguments).await?;
    }
    for piece in pieces(&rows.commands) {
        let mut arguments = SqliteArguments::default();
        for row in piece {
            add_command(&mut arguments, row, rows.last.recorded_at)?;
        }
        execute(&mut tx, &insert_commands_sql(piece.len()), arguments).await?;
    }
    insert_claims(&mut tx, &rows.claims).await?;
    tx.commit().await?;
    Ok((head, rows.last, rejected))
}

async fn head(connection: &mut SqliteConnection) -> Result<Head, sqlx::Error> {
    let sql = "SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1";
    let row = sqlx::query(sql).fetch_optional(connection).await?;
    row.map_or(
        Ok(Head {
            position: 0,
            recorded_at: i64::MIN,
        }),
        |row| {
            Ok(Head {
                position: row.try_get(0)?,
                recorded_at: row.try_get(1)?,
            })
        },
    )
}

async fn standing(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
) -> Result<Vec<Standing>, sqlx::Error> {
    let mut standing = Vec::with_capacity(batch.len());
    for piece in pieces(batch) {
        let sql = format!(
            "WITH batch (i, stream, command) AS (VALUES {})
             SELECT (SELECT version FROM events e WHERE e.stream = batch.stream ORDER BY version DESC LIMIT 1),
                    EXISTS (SELECT 1 FROM commands c WHERE c.command = batch.command)
             FROM batch ORDER BY i",
            marks(piece.len(), 3)
        );
        let mut arguments = SqliteArguments::default();
        for (index, commit) in (0_i64..).zip(piece) {
            add(&mut arguments, index)?;
            add(&mut arguments, commit.stream.id)?;
            add(&mut arguments, commit.command.0)?;
        }
        let rows = sqlx::query_with(&sql, arguments)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            standing.push(Standing {
                version: unsigned(row.try_get::<Option<i64>, _>(0)?.unwrap_or(0)),
                command_known: row.try_get(1)?,
                claim_taken: false,
            });
        }
    }
    for (commit, found) in batch.iter().zip(&mut standing) {
        for claim in &commit.claims {
            let taken = sqlx::query("SELECT 1 FROM claims WHERE kind = $1 AND value = $2")
                .bind(claim.kind)
                .bind(claim.value.as_slice())
                .fetch_optional(&mut *connection)
                .await?;
            found.claim_taken |= taken.is_some();
        }
    }
    Ok(standing)
}

async fn insert_claims(
    connection: &mut SqliteConnection,
    claims: &[(&Commit, &Claim)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(claims) {
        let sql = format!(
            "INSERT OR ROLLBACK INTO claims VALUES {}",
            marks(piece.len(), 3)
        );
        let mut arguments = SqliteArguments::default();
        for (commit, claim) in piece {
            add(&mut arguments, claim.kind)?;
            add(&mut arguments, claim.value.clone())?;
            add(&mut arguments, commit.stream.id)?;
        }
        execute(connection, &sql, arguments).await?;
    }
    Ok(())
}

// A refused row rolls back the whole transaction, so SQLite needs no journal for the statement alone.

fn insert_events_sql(rows: usize) -> String {
    let columns = super::EVENT_COLUMNS;
    let marks = marks(rows, EVENT_WIDTH);
    format!("INSERT OR ROLLBACK INTO events ({columns}) VALUES {marks}")
}

fn insert_commands_sql(rows: usize) -> String {
    let marks = marks(rows, COMMAND_WIDTH);
    format!("INSERT OR ROLLBACK INTO commands VALUES {marks}")
}

fn add_event(
    arguments: &mut SqliteArguments<'_>,
    (position, version, commit, event): &EventRow<'_>,
    recorded_at: i64,
) -> Result<(), sqlx::Error> {
    add(arguments, *position)?;
    add(arguments, commit.stream.category)?;
    add(arguments, commit.stream.id)?;
    add(arguments, signed(*version))?;
    add(arguments, event.id.0)?;
    add(arguments, event.event_type)?;
    add(arguments, i64::from(event.schema_version))?;
    add(arguments, event.data.clone())?;
    add(arguments, commit.actor.0)?;
    add(arguments, commit.acting_for)?;
    add(arguments, commit.command.0)?;
    add(arguments, commit.correlation)?;
    add(arguments, commit.causation)?;
    add(arguments, commit.occurred_at.timestamp_micros())?;
    add(arguments, recorded_at)?;
    add(arguments, i64::from(commit.rules_version))
}

fn add_command(
    arguments: &mut SqliteArguments<'_>,
    (commit, position): &CommandRow<'_>,
    recorded_at: i64,
) -> Result<(), sqlx::Error> {
    add(arguments, commit.command.0)?;
    add(arguments, commit.fingerprint.to_vec())?;
    add(arguments, commit.stream.id)?;
    let version = commit.expected + commit.events.len() as u64;
    add(arguments, signed(version))?;
    add(arguments, *position)?;
    add(arguments, recorded_at)
}

async fn execute(
    connection: &mut SqliteConnection,
    sql: &str,
    arguments: SqliteArguments<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query_with(sql, arguments).execute(connection).await?;
    Ok(())
}

pub(super) fn add<'q, T>(arguments: &mut SqliteArguments<'q>, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    arguments.add(value).map_err(sqlx::Error::Encode)
}

/// `(?, ?), (?, ?)` for two rows of two columns. SQLite looks up numbered marks by name, one by one, which
/// takes longer than the insert.
pub(super) fn marks(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}
