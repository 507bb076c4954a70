//! The runner: follows the journal in batches. Rows and checkpoint move in one transaction.
//!
//! Several processes may run one on the same views: whoever finds the checkpoint moved on starts again
//! from there. Polling is the truth, waking is a hint.

use crate::projection::{self, Batch, Projection, ProjectionError, TicketChange};
use crate::rebuild;
use crate::views::Views;
use docket_core::db::{Db, Tx};
use docket_core::esrs_store::decode;
use docket_core::{Journal, JournalError, Record, Store, values};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::TicketId;
use docket_domain::organisation::Organisation;
use docket_domain::ticket::Ticket;
use quick_cache::unsync::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// Most records in one batch.
pub const BATCH_RECORDS_MAX: u32 = 2_000;
/// Folded tickets the fold keeps; others are read from the journal again.
pub const FOLDED_MAX: usize = 10_000;
/// How long the runner waits before it tries again when its database or the journal's fails.
const RETRY: Duration = Duration::from_millis(500);
/// How often the head is looked at when nothing wakes the runner.
const POLL: Duration = Duration::from_millis(250);

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

/// Makes the views' tables and follows the journal.
pub struct Runner {
    db: Db,
    journal: Journal,
    fold: Fold,
    position: watch::Sender<u64>,
    state: watch::Sender<State>,
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
        let fold = Fold::new(store.journal.clone());
        let views = Views::new(db.clone(), positions);
        Ok((
            Self {
                db,
                journal: store.journal.clone(),
                fold,
                position,
                state,
            },
            views,
            states,
        ))
    }

    /// Follows the journal until nobody holds the views any more.
    pub async fn run(mut self) {
        let mut head = self.journal.watch();
        while !self.position.is_closed() {
            let stepped = self.step().await;
            if stepped.is_ok() {
                self.state.send_if_modified(|s| {
                    std::mem::replace(s, State::Following) != State::Following
                });
            }
            match stepped {
                Ok(true) => {}
                Ok(false) => {
                    let _ = tokio::time::timeout(POLL, head.changed()).await;
                }
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

    /// Applies one batch; false when there was nothing to apply.
    async fn step(&mut self) -> Result<bool, ProjectionError> {
        let from = *self.position.borrow();
        let records = self.journal.read_all(from, BATCH_RECORDS_MAX).await?;
        let Some(last) = records.last() else {
            return Ok(false);
        };
        let to = last.position;
        let folded = self.fold.fold(&records).await?;
        let mut tx = self.db.begin().await?;
        let at = lock_checkpoint(&mut tx).await?;
        if at != from {
            // Another process was here.
            drop(tx);
            self.position.send_replace(at);
            return Ok(true);
        }
        apply(&mut tx, "", &projection::all(), &folded.batch(&records)).await?;
        move_checkpoint(&mut tx, to).await?;
        tx.commit().await?;
        self.fold.keep(folded);
        self.position.send_replace(to);
        Ok(true)
    }
}

/// Applies a batch to some projections under a prefix.
pub(crate) async fn apply(
    tx: &mut Tx,
    prefix: &str,
    projections: &[&'static dyn Projection],
    batch: &Batch<'_>,
) -> Result<(), ProjectionError> {
    for projection in projections {
        projection.apply(tx, prefix, batch).await?;
    }
    Ok(())
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

/// Folds tickets once for every projection.
pub(crate) struct Fold {
    journal: Journal,
    known: Cache<Uuid, (u64, Arc<Ticket>)>,
    zone: Option<chrono_tz::Tz>,
}

/// A folded batch.
pub(crate) struct Folded {
    changes: Vec<TicketChange>,
    zone: chrono_tz::Tz,
}

impl Folded {
    pub(crate) fn batch<'b>(&'b self, records: &'b [Record]) -> Batch<'b> {
        Batch {
            records,
            changes: &self.changes,
            zone: self.zone,
        }
    }
}

impl Fold {
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            journal,
            known: Cache::new(FOLDED_MAX),
            zone: None,
        }
    }

    /// Folds the tickets of a batch, reading the earlier history of those not known.
    pub(crate) async fn fold(&mut self, records: &[Record]) -> Result<Folded, ProjectionError> {
        let mut index: HashMap<Uuid, usize> = HashMap::new();
        let mut changes: Vec<TicketChange> = Vec::new();
        let missing = self.missing(records);
        let earlier = match records.first() {
            Some(first) if !missing.is_empty() => {
                self.journal
                    .read_streams(&missing, first.position - 1)
                    .await?
            }
            _ => Vec::new(),
        };
        let mut old: HashMap<Uuid, (u64, Ticket)> = HashMap::new();
        for record in &earlier {
            let (version, ticket) = old.entry(record.stream).or_default();
            *version = record.version;
            Ticket::evolve(ticket, &record.stamp(), &decode::<Ticket>(record)?);
        }
        for record in records.iter().filter(|r| r.category == Ticket::CATEGORY) {
            let slot = *index.entry(record.stream).or_insert_with(|| {
                let before = match old.remove(&record.stream) {
                    Some((_, ticket)) => Arc::new(ticket),
                    None if record.version == 1 => Arc::default(),
                    None => self
                        .known
                        .get(&record.stream)
                        .map(|k| k.1.clone())
                        .unwrap_or_default(),
                };
                let after = before.clone();
                changes.push(TicketChange {
                    id: TicketId(record.stream),
                    before,
                    after,
                    version: 0,
                    position: 0,
                });
                changes.len() - 1
            });
            let change = &mut changes[slot];
            let event = decode::<Ticket>(record)?;
            Ticket::evolve(Arc::make_mut(&mut change.after), &record.stamp(), &event);
            change.version = record.version;
            change.position = record.position;
        }
        let zone = self.zone(changes.is_empty()).await?;
        Ok(Folded { changes, zone })
    }

    /// Tickets whose earlier history has to be read.
    fn missing(&self, records: &[Record]) -> Vec<Uuid> {
        let mut seen = std::collections::HashSet::new();
        let first = |r: &&Record| r.category == Ticket::CATEGORY && seen.insert(r.stream);
        let unknown = |r: &&Record| {
            r.version > 1
                && self
                    .known
                    .get(&r.stream)
                    .is_none_or(|(version, _)| version + 1 != r.version)
        };
        records
            .iter()
            .filter(first)
            .filter(unknown)
            .map(|r| r.stream)
            .collect()
    }

    /// Remembers a batch that was applied.
    pub(crate) fn keep(&mut self, folded: Folded) {
        for change in folded.changes {
            self.known
                .insert(change.id.0, (change.version, change.after));
        }
    }

    /// The organisation's zone, fixed at founding.
    async fn zone(&mut self, not_needed: bool) -> Result<chrono_tz::Tz, ProjectionError> {
        if let Some(zone) = self.zone {
            return Ok(zone);
        }
        for stream in self.journal.streams_of(Organisation::CATEGORY, 1).await? {
            let mut organisation = Organisation::default();
            for record in self.journal.read_stream(stream, 0).await? {
                let event = decode::<Organisation>(&record)?;
                Organisation::evolve(&mut organisation, &record.stamp(), &event);
            }
            self.zone = organisation.time_zone;
        }
        match self.zone {
            Some(zone) => Ok(zone),
            None if not_needed => Ok(chrono_tz::UTC),
            None => Err(ProjectionError::NotFounded),
        }
    }
}
