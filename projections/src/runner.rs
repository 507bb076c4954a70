//! The runner: follows the journal in batches. Rows and checkpoint move in one transaction.
//!
//! Several processes may run one on the same views: whoever finds the checkpoint moved on starts again
//! from there. Polling is the truth, waking is a hint.

use crate::fold::{Fold, Folded};
use crate::known::Known;
use crate::projection::{self, Projection, ProjectionError};
use crate::rebuild;
use crate::views::Views;
use crate::write::{Tables, Write, apply_all, writes_of};
use docket_core::db::{Db, Tx};
use docket_core::news::News;
use docket_core::{Journal, JournalError, Record, Store, values};
use docket_domain::Aggregate as _;
use docket_domain::account::Account;
use docket_domain::organisation::Organisation;
use docket_domain::rules::RulesBook;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Span;
use uuid::Uuid;

/// Most records in one batch.
pub const BATCH_RECORDS_MAX: u32 = 2_000;
const BATCH_FULL: usize = BATCH_RECORDS_MAX as usize;
/// How long the runner waits before it tries again when its database or the journal's fails.
const RETRY: Duration = Duration::from_millis(500);
/// How often the head is looked at when nothing wakes the runner.
const POLL: Duration = Duration::from_millis(250);
/// Records of a batch from which on the log is busy: the next batch gathers more.
const BUSY_RECORDS: usize = 8;
/// Least time from the beginning of a batch to that of the next, while the log is busy: what a batch costs, whatever is in
/// it, is paid less often.
const GATHER: Duration = Duration::from_millis(40);

/// What the desk keeps as folded, beside tickets, whose versions it compares.
const DESK_KEEPS: [&str; 3] = [
    Account::CATEGORY,
    Organisation::CATEGORY,
    RulesBook::CATEGORY,
];

/// How a runner fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It follows.
    Following,
    /// It tries again after an error.
    Retrying(String),
    /// It has stopped: the journal holds something it cannot read.
    Stopped(String),
}

/// Most traces of one batch that are told of.
pub const TOLD_MAX: usize = 128;

/// A span for the way of a trace's records into the views; a disabled one where nobody wants to know.
pub type Tell = fn(Uuid) -> Span;

/// A batch that is folded, and not in the views yet.
struct Made {
    /// The position before its first record.
    from: u64,
    records: Vec<Record>,
    folded: Folded,
    writes: Vec<Write>,
    /// They end when rows and checkpoint are in.
    _spans: Vec<Span>,
}

/// The position of the last of some records, or the one before them.
fn end_of(records: &[Record], from: u64) -> u64 {
    records.last().map_or(from, |last| last.position)
}

/// Makes the views' tables and follows the journal.
pub struct Runner {
    db: Db,
    journal: Journal,
    news: News,
    fold: Fold,
    /// The batch that comes next, if it was made while the last one was written.
    ahead: Option<Made>,
    position: watch::Sender<u64>,
    state: watch::Sender<State>,
    caught_up: watch::Sender<Instant>,
    tell: Option<Tell>,
}

impl Runner {
    /// Prepares the views of a store: makes missing tables, rebuilds views of an older version.
    pub async fn open(
        store: &Store,
    ) -> Result<(Self, Views, watch::Receiver<State>), ProjectionError> {
        let db = store.views.clone();
        prepare(store).await?;
        match check_log(store).await {
            Err(error @ ProjectionError::OtherLog { .. }) => {
                tracing::error!(%error, "the views are dropped and folded anew");
                start_over(store).await?;
            }
            checked => checked?,
        }
        let outdated = outdated(&db).await?;
        if !outdated.is_empty() {
            rebuild::rebuild(store, &outdated, &mut |_| {}).await?;
        }
        let (position, positions) = watch::channel(checkpoint(&db).await?);
        let (state, states) = watch::channel(State::Following);
        let known = Known::new();
        let fold = Fold::new(store.journal.clone(), known.clone());
        let (caught_up, caught_up_at) = watch::channel(Instant::now());
        let views = Views::new(db.clone(), known, positions, caught_up_at);
        Ok((
            Self {
                db,
                journal: store.journal.clone(),
                news: store.news.clone(),
                fold,
                ahead: None,
                position,
                state,
                caught_up,
                tell: None,
            },
            views,
            states,
        ))
    }

    /// Tells each trace when its records are in the views.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        let tell = Some(tell);
        Self { tell, ..self }
    }

    /// A span for each trace in a batch that wants one.
    fn tell(&self, records: &[Record]) -> Vec<Span> {
        let Some(tell) = self.tell else {
            return Vec::new();
        };
        let mut seen = HashSet::new();
        records
            .iter()
            .map(|record| record.correlation)
            .filter(|trace| seen.insert(*trace))
            .map(tell)
            .filter(|span| !span.is_disabled())
            .take(TOLD_MAX)
            .collect()
    }

    /// Follows the journal until nobody holds the views any more.
    pub async fn run(mut self) {
        let mut head = self.journal.watch();
        while !self.position.is_closed() {
            let began = Instant::now();
            let stepped = self.step().await;
            if stepped.is_ok() {
                self.state.send_if_modified(|s| {
                    std::mem::replace(s, State::Following) != State::Following
                });
            }
            match stepped {
                Ok(0) => {
                    let _ = tokio::time::timeout(POLL, head.changed()).await;
                }
                // One that is full has more behind it.
                Ok(BUSY_RECORDS..BATCH_FULL) => tokio::time::sleep_until(began + GATHER).await,
                Ok(_) => {}
                Err(
                    error @ (ProjectionError::Database(_)
                    | ProjectionError::Journal(JournalError::Database(_))),
                ) => {
                    tracing::warn!(%error, "the views could not be moved; trying again");
                    self.state.send_replace(State::Retrying(error.to_string()));
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the projections have stopped");
                    self.state.send_replace(State::Stopped(error.to_string()));
                    self.position.closed().await;
                }
            }
        }
    }

    /// Applies one batch: of so many records. Where it is full, the next is made meanwhile.
    async fn step(&mut self) -> Result<usize, ProjectionError> {
        let from = *self.position.borrow();
        let ahead = self.ahead.take().filter(|made| made.from == from);
        let made = match ahead {
            None => self.make(from).await?,
            ahead => ahead,
        };
        let Some(made) = made else {
            self.caught_up.send_replace(Instant::now());
            return Ok(0);
        };
        let Made {
            records,
            folded,
            writes,
            _spans,
            ..
        } = made;
        if records.len() < BATCH_FULL {
            let applied = self.apply(from, &records, writes).await?;
            self.fold.keep(folded);
            return Ok(if applied { records.len() } else { 1 });
        }
        // There is more behind it, which may go on from what this one comes to.
        self.fold.keep(folded);
        let next = self.make(end_of(&records, from));
        let (applied, ahead) = tokio::join!(self.apply(from, &records, writes), next);
        // What went wrong with the next goes wrong again when its turn comes.
        self.ahead = ahead.ok().flatten();
        Ok(if applied? { records.len() } else { 1 })
    }

    /// Reads and folds what comes after a position; none where nothing does. Needs nothing of the views.
    async fn make(&self, from: u64) -> Result<Option<Made>, ProjectionError> {
        let records = self.journal.read_all(from, BATCH_RECORDS_MAX).await?;
        if records.is_empty() {
            return Ok(None);
        }
        let spans = self.tell(&records);
        let folded = self.fold.fold(&records).await?;
        let writes = writes_of(&projection::all(), &folded.batch(&records))?;
        Ok(Some(Made {
            from,
            records,
            folded,
            writes,
            _spans: spans,
        }))
    }

    /// Brings a batch into the views; not where another process was faster.
    async fn apply(
        &self,
        from: u64,
        records: &[Record],
        writes: Vec<Write>,
    ) -> Result<bool, ProjectionError> {
        let to = end_of(records, from);
        let mut tx = self.db.begin_by_index().await?;
        let at = lock_checkpoint(&mut tx).await?;
        if at != from {
            // It read what this one does not.
            drop(tx);
            self.news.heard(at);
            self.position.send_replace(at);
            return Ok(false);
        }
        apply_all(&mut tx, "", Tables::Filled, writes).await?;
        move_checkpoint(&mut tx, to).await?;
        tx.commit().await?;
        let kept = |record: &&Record| DESK_KEEPS.contains(&&*record.category);
        if let Some(last) = records.iter().rev().find(kept) {
            self.news.heard(last.position);
        }
        self.position.send_replace(to);
        for record in records {
            tracing::trace!(correlation = %record.correlation, position = record.position, "in the views");
        }
        tracing::debug!(from, to, "the views moved");
        Ok(true)
    }
}

/// Makes the tables that are missing, and the checkpoint.
pub(crate) async fn prepare(store: &Store) -> Result<(), ProjectionError> {
    let db = &store.views;
    db.create(
        "CREATE TABLE IF NOT EXISTS checkpoint (
             one BIGINT PRIMARY KEY, position BIGINT NOT NULL, log TEXT NOT NULL
         );
         CREATE TABLE IF NOT EXISTS projections (name TEXT PRIMARY KEY, version BIGINT NOT NULL);",
    )
    .await?;
    let mut tx = db.begin().await?;
    let log = store.journal.log_id().to_string();
    let sql = "INSERT INTO checkpoint VALUES (1, 0, $1) ON CONFLICT DO NOTHING";
    tx.execute(sql, values![log.as_str()]).await?;
    let start = lock_checkpoint(&mut tx).await? == 0;
    for projection in projection::all() {
        let sql = "SELECT version FROM projections WHERE name = $1";
        let known = !tx
            .fetch_all(sql, values![projection.name()])
            .await?
            .is_empty();
        // A view that is new to a journal already read is built beside, like one of an older version.
        if start && !known {
            for table in projection.tables() {
                let create = table.create("", tx.is_sqlite());
                tx.execute(&create, vec![]).await?;
                for statement in table.create_indexes("", "first") {
                    tx.execute(&statement, vec![]).await?;
                }
            }
            let sql = "INSERT INTO projections VALUES ($1, $2)";
            tx.execute(sql, values![projection.name(), projection.version()])
                .await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn outdated(db: &Db) -> Result<Vec<&'static dyn Projection>, ProjectionError> {
    let mut outdated = Vec::new();
    for projection in projection::all() {
        let sql = "SELECT version FROM projections WHERE name = $1";
        let row = db.fetch_optional(sql, values![projection.name()]).await?;
        if row.map(|r| r.int(0)).transpose()? != Some(projection.version()) {
            outdated.push(projection);
        }
    }
    Ok(outdated)
}

/// The views' position.
pub(crate) async fn checkpoint(db: &Db) -> Result<u64, ProjectionError> {
    let row = db
        .fetch_optional("SELECT position FROM checkpoint", vec![])
        .await?;
    Ok(row
        .map(|r| r.int(0))
        .transpose()?
        .map_or(0, |n| u64::try_from(n).unwrap_or(0)))
}

/// Refuses views that are of another log, or ahead of their journal: it was replaced by an older one.
pub(crate) async fn check_log(store: &Store) -> Result<(), ProjectionError> {
    let sql = "SELECT log, position FROM checkpoint";
    let Some(row) = store.views.fetch_optional(sql, vec![]).await? else {
        return Ok(());
    };
    let position = u64::try_from(row.int(1)?).unwrap_or(0);
    let head = store.journal.head().await?;
    if row.text(0)? == store.journal.log_id().to_string() && position <= head {
        return Ok(());
    }
    Err(ProjectionError::OtherLog { position, head })
}

/// Empties views that are of another log, or ahead of their journal, to be folded anew.
async fn start_over(store: &Store) -> Result<(), ProjectionError> {
    let mut tx = store.views.begin().await?;
    for table in projection::all().iter().flat_map(|p| p.tables()) {
        tx.execute(&format!("DROP TABLE IF EXISTS {}", table.name), vec![])
            .await?;
    }
    tx.execute("DELETE FROM projections", vec![]).await?;
    tx.execute("DELETE FROM checkpoint", vec![]).await?;
    tx.commit().await?;
    prepare(store).await
}

/// The views' position, held until the transaction ends.
pub(crate) async fn lock_checkpoint(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let sql = if tx.is_sqlite() {
        "SELECT position FROM checkpoint"
    } else {
        "SELECT position FROM checkpoint FOR UPDATE"
    };
    let rows = tx.fetch_all(sql, vec![]).await?;
    let position = rows.first().map(|r| r.int(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(position).unwrap_or(0))
}

pub(crate) async fn move_checkpoint(tx: &mut Tx, to: u64) -> Result<(), sqlx::Error> {
    tx.execute(
        "UPDATE checkpoint SET position = $1",
        vec![crate::card::int(to)],
    )
    .await?;
    Ok(())
}
