//! Appending to SQLite.
//!
//! A call of sqlx is a hop to the connection's thread and back, which takes longer than inserting a row. So
//! the common batch goes **at once**, in one call: `BEGIN`, the inserts and `COMMIT` are one text, written
//! for the head as this process last saw it. Keys, and a table that takes no row, refuse it whole when
//! another process was faster or a commit does not fit. Then it goes **with care**: the lock first, then
//! what stands in its way, then what can be taken. Either way its rows are [`packed`](super::packed).

use super::packed::{Column, Packed, ROWS_MAX, insert_sql, numbers_sql, width};
use crate::db::{Lent, pieces, placeholders, time_of};
use crate::journal::backend::{Appended, Claim, Commit, signed, unsigned};
use crate::journal::standing::{Standing, accepted, claims, rejected};
use docket_domain::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Connection as _, Row as _, SqliteConnection};
use std::collections::HashMap;
use std::sync::LazyLock;
use uuid::Uuid;

const EVENT: &[Column] = &[
    Column::Given("position", "$1 + n.i + 1"),
    Column::Given("recorded_at", "$2"),
    Column::Text("category"),
    Column::Id("stream"),
    Column::Int("version"),
    Column::Id("event"),
    Column::Text("type"),
    Column::Int("schema_version"),
    Column::Text("data"),
    Column::Id("actor"),
    Column::OptionalId("acting_for"),
    Column::Id("command"),
    Column::Id("correlation"),
    Column::OptionalId("causation"),
    Column::Int("occurred_at"),
    Column::Int("rules_version"),
];
const COMMAND: &[Column] = &[
    Column::Id("command"),
    Column::Bytes("fingerprint", 32),
    Column::Id("stream"),
    Column::Int("version"),
    Column::Int("position"),
    Column::Given("recorded_at", "$2"),
];
const CLAIM: &[Column] = &[
    Column::Text("kind"),
    Column::Blob("value"),
    Column::Id("stream"),
];

/// Inserts events and commands; the values of all texts here are those of [`Rows::arguments`].
static INSERT: LazyLock<String> = LazyLock::new(|| {
    let events = insert_sql("events", EVENT, ["$3", "$4", "$5"]);
    let commands = insert_sql("commands", COMMAND, ["$6", "$7", "$8"]);
    format!("{events};{commands}")
});
/// Inserts claims too.
static INSERT_CLAIMING: LazyLock<String> = LazyLock::new(|| {
    let claims = insert_sql("claims", CLAIM, ["$9", "$10", "$11"]);
    format!("{};{claims}", *INSERT)
});
/// A whole transaction: without and with claims, each without and with [`REFUSE_GAPS`].
static AT_ONCE: LazyLock<[[String; 2]; 2]> = LazyLock::new(|| {
    [&*INSERT, &*INSERT_CLAIMING].map(|insert| {
        ["", REFUSE_GAPS].map(|check| format!("BEGIN IMMEDIATE;{insert};{check}COMMIT"))
    })
});
/// Finds versions without the one before among the events of the batch and trips over the first.
const REFUSE_GAPS: &str = "INSERT OR ROLLBACK INTO gaps SELECT e.position FROM events e \
     WHERE e.position > $1 AND e.version > 1 AND NOT EXISTS \
     (SELECT 1 FROM events b WHERE b.stream = e.stream AND b.version = e.version - 1);";
/// Most streams of which the writer keeps the version in mind.
const RECENT_MAX: usize = 50_000;
/// SQLite's primary code of a refused row.
const CONSTRAINT: i32 = 19;

/// The one connection that appends.
pub(super) struct Writer {
    pub(super) connection: Lent<sqlx::Sqlite>,
    /// The head as this process last saw it.
    head: Option<Head>,
    /// The versions this process left streams at. True of the log as long as nobody else has moved its head,
    /// and then a batch fails anyway.
    recent: HashMap<Uuid, u64>,
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

/// Commits as packed rows, positions given.
struct Rows {
    before: Head,
    after: Head,
    events: Packed,
    commands: Packed,
    claims: Packed,
}

impl Rows {
    fn after(before: Head, commits: &[&Commit], now: Timestamp) -> Self {
        let events = commits.iter().flat_map(|commit| &commit.events);
        let texts = events.map(|event| event.data.len() + 32).sum();
        let mut rows = Self {
            before,
            after: Head {
                recorded_at: before.record_at(now),
                ..before
            },
            events: Packed::with_capacity(commits.len(), width(EVENT), texts),
            commands: Packed::with_capacity(commits.len(), width(COMMAND), 0),
            claims: Packed::default(),
        };
        for commit in commits {
            rows.add(commit);
        }
        rows
    }

    fn add(&mut self, commit: &Commit) {
        let mut version = signed(commit.expected);
        for event in &commit.events {
            version += 1;
            let row = &mut self.events;
            row.text(commit.stream.category);
            row.id(commit.stream.id);
            row.int(version);
            row.id(event.id.0);
            row.text(event.event_type);
            row.int(event.schema_version.into());
            row.text(&event.data);
            row.id(commit.actor.0);
            row.optional_id(commit.acting_for);
            row.id(commit.command.0);
            row.id(commit.correlation);
            row.optional_id(commit.causation);
            row.int(commit.occurred_at.timestamp_micros());
            row.int(commit.rules_version.into());
            row.end_row(width(EVENT));
            self.after.position += 1;
        }
        let row = &mut self.commands;
        row.id(commit.command.0);
        row.bytes(&commit.fingerprint);
        row.id(commit.stream.id);
        row.int(version);
        row.int(self.after.position);
        row.end_row(width(COMMAND));
        for claim in &commit.claims {
            let row = &mut self.claims;
            row.text(claim.kind);
            row.blob(&claim.value);
            row.id(commit.stream.id);
            row.end_row(width(CLAIM));
        }
    }

    fn arguments<'q>(self) -> Result<SqliteArguments<'q>, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        add(&mut arguments, self.before.position)?;
        add(&mut arguments, self.after.recorded_at)?;
        for packed in [self.events, self.commands, self.claims] {
            add(&mut arguments, packed.rows)?;
            add(&mut arguments, packed.texts)?;
            add(&mut arguments, signed(packed.count as u64))?;
        }
        Ok(arguments)
    }
}

impl Writer {
    pub(super) async fn new(mut connection: Lent<sqlx::Sqlite>) -> Result<Self, sqlx::Error> {
        let sql = numbers_sql();
        sqlx::query(&sql).execute(&mut *connection).await?;
        Ok(Self {
            connection,
            head: None,
            recent: HashMap::new(),
        })
    }

    /// Appends what can be appended. After an error the connection may be in the middle of a transaction.
    pub(super) async fn append(
        &mut self,
        batch: &[&Commit],
        now: Timestamp,
    ) -> Result<Appended, sqlx::Error> {
        if let Some(head) = self.head
            // A no-op inserts no event, which no key could refuse.
            && batch.iter().all(|commit| !commit.events.is_empty())
            && fitting(batch) == batch.len()
        {
            let rows = Rows::after(head, batch, now);
            let after = rows.after;
            let check = usize::from(!self.knows_all_before(batch));
            let texts = AT_ONCE.each_ref().map(|texts| texts[check].as_str());
            match execute(&mut self.connection, texts, rows).await {
                Ok(()) => {
                    self.head = Some(after);
                    self.remember(batch);
                    return head.appended(after.recorded_at, Vec::new());
                }
                Err(error) if is_refusal(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let (before, last, rejected) = with_care(&mut self.connection, batch, now).await?;
        if self
            .head
            .is_none_or(|head| head.position != before.position)
        {
            self.recent.clear();
        }
        self.head = Some(last);
        self.remember(&accepted(batch, &rejected));
        before.appended(last.recorded_at, rejected)
    }

    /// Whether every commit is known to follow on its stream's last version, so that no gap need be looked
    /// for.
    fn knows_all_before(&self, batch: &[&Commit]) -> bool {
        let known = |commit: &&Commit| {
            commit.expected == 0 || self.recent.get(&commit.stream.id) == Some(&commit.expected)
        };
        batch.iter().all(known)
    }

    fn remember(&mut self, taken: &[&Commit]) {
        if self.recent.len() > RECENT_MAX {
            self.recent.clear();
        }
        for commit in taken {
            let version = commit.expected + commit.events.len() as u64;
            self.recent.insert(commit.stream.id, version);
        }
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

/// How many commits from the first on one statement a table takes.
fn fitting(commits: &[&Commit]) -> usize {
    let (mut events, mut claims) = (0, 0);
    let beyond = commits.iter().position(|commit| {
        events += commit.events.len();
        claims += commit.claims.len();
        events > ROWS_MAX || claims > ROWS_MAX
    });
    beyond.unwrap_or(commits.len()).min(ROWS_MAX)
}

/// Gives the head before, the head after, and what was rejected.
async fn with_care(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
    now: Timestamp,
) -> Result<(Head, Head, Vec<usize>), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let before = head(&mut tx).await?;
    let rejected = rejected(batch, &standing(&mut tx, batch).await?);
    let accepted = accepted(batch, &rejected);
    let (mut rest, mut after) = (accepted.as_slice(), before);
    while !rest.is_empty() {
        let (now_fitting, later) = rest.split_at(fitting(rest));
        let rows = Rows::after(after, now_fitting, now);
        after = rows.after;
        execute(&mut tx, [&INSERT, &INSERT_CLAIMING], rows).await?;
        rest = later;
    }
    tx.commit().await?;
    Ok((before, after, rejected))
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
            placeholders(piece.len(), 3)
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
    for commit in claimed(connection, batch).await? {
        standing[commit].claim_taken = true;
    }
    Ok(standing)
}

/// The commits that claim what is taken, by their places in the batch.
async fn claimed(
    connection: &mut SqliteConnection,
    batch: &[&Commit],
) -> Result<Vec<usize>, sqlx::Error> {
    let claims: Vec<(usize, &Claim)> = claims(batch).collect();
    let mut claimed = Vec::new();
    for piece in pieces(&claims) {
        let sql = format!(
            "WITH wanted (i, kind, value) AS (VALUES {})
             SELECT i FROM wanted WHERE EXISTS (SELECT 1 FROM claims c
                 WHERE c.kind = wanted.kind AND c.value = wanted.value)",
            placeholders(piece.len(), 3)
        );
        let mut arguments = SqliteArguments::default();
        for (commit, claim) in piece {
            add(&mut arguments, signed(*commit as u64))?;
            add(&mut arguments, claim.kind)?;
            add(&mut arguments, claim.value.as_slice())?;
        }
        let rows = sqlx::query_with(&sql, arguments)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            claimed.push(usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(usize::MAX));
        }
    }
    Ok(claimed)
}

/// Runs the first text, or the second where something is claimed.
async fn execute(
    connection: &mut SqliteConnection,
    [plain, claiming]: [&str; 2],
    rows: Rows,
) -> Result<(), sqlx::Error> {
    let sql = if rows.claims.count == 0 {
        plain
    } else {
        claiming
    };
    sqlx::query_with(sql, rows.arguments()?)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn add<'q, T>(arguments: &mut SqliteArguments<'q>, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    arguments.add(value).map_err(sqlx::Error::Encode)
}
