//! Building views beside the serving ones: to replace them, or to verify them row by row.
//!
//! A build has tables of its own under a prefix. It folds the log up to where the views are stream by stream
//! (`ahead`), what came in meanwhile by position, while the old tables serve; in the last transaction it
//! catches up with the checkpoint exactly, and either takes the old tables' place or is compared with them.

mod ahead;
mod compare;
mod verify;

pub use verify::{DIFFERENCES_MAX, Difference, DifferenceKind, Verification, verify};

use crate::fold::{Fold, Folded};
use crate::known::Known;
use crate::projection::{self, Projection, ProjectionError, Table};
use crate::runner::{
    BATCH_RECORDS_MAX, check_log, checkpoint, lock_checkpoint, move_checkpoint, prepare,
};
use crate::write::{Tables, Write, apply_all, writes_of};
use chrono::TimeDelta;
use docket_core::clock::random_bytes;
use docket_core::db::{Db, Tx};
use docket_core::{Journal, Record, Store, values};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::time::Duration;

/// How far behind the checkpoint a rebuild may be when it takes the lock for its last step.
const CLOSE_ENOUGH: u64 = BATCH_RECORDS_MAX as u64;
/// After so long a build that was not finished is another's no more, and its tables are dropped.
const ABANDONED_AFTER: TimeDelta = TimeDelta::days(2);
/// Projections written at one time on PostgreSQL, each by a connection of its own.
const WRITING: usize = 2;
/// A lock is waited for as long as it takes, again.
const UNLIMITED: &str = "SET LOCAL lock_timeout = DEFAULT";
/// How long a vacuum begun by hand is waited for, which gives way to nobody.
const VACUUM_GONE_WITHIN: Duration = Duration::from_mins(10);
/// How long readers are held up by a rebuild that waits for its turn, and it by them; far less than PostgreSQL takes
/// to look for a deadlock.
const LOCKS_WITHIN: Duration = Duration::from_millis(100);
/// How often it tries, some ten minutes long, before it gives up and leaves the tables that serve as they are.
const LOCK_TRIES_MAX: u32 = 3_000;

/// Told how far a build is: position reached, position wanted.
pub type Progress<'p> = &'p mut (dyn FnMut((u64, u64)) + Send);

/// One projection's standing.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its name.
    pub name: &'static str,
    /// The version its tables are of; `None` when they are missing.
    pub stored_version: Option<i64>,
    /// The version of this program.
    pub version: i64,
    /// The position it has reached.
    pub position: u64,
    /// The journal's last position.
    pub head: u64,
}

/// How the views stand.
pub async fn status(store: &Store) -> Result<Vec<Status>, ProjectionError> {
    prepare(store).await?;
    check_log(store).await?;
    let position = checkpoint(&store.views).await?;
    let head = store.journal.head().await?;
    let mut rows = Vec::new();
    for projection in projection::all() {
        let sql = "SELECT version FROM projections WHERE name = $1";
        let row = store
            .views
            .fetch_optional(sql, values![projection.name()])
            .await?;
        rows.push(Status {
            name: projection.name(),
            stored_version: row.map(|r| r.int(0)).transpose()?,
            version: projection.version(),
            position,
            head,
        });
    }
    Ok(rows)
}

/// Rebuilds projections from the start of the log, and puts them in the place of the old ones. The
/// number of records folded. Only the last commit, which switches them, waits for the disk.
///
/// All of them together are folded up to where the journal ended when it began, whether or not somebody follows it, and
/// take the checkpoint along; a runner beside finds it moved and goes on from there. Some of them are folded up to the
/// checkpoint, which is that of the others, too.
pub async fn rebuild(
    store: &Store,
    projections: &[&'static dyn Projection],
    progress: Progress<'_>,
) -> Result<u64, ProjectionError> {
    prepare(store).await?;
    check_log(store).await?;
    let chosen = |p: &&dyn Projection| projections.iter().any(|q| q.name() == p.name());
    let all = projection::all().iter().all(chosen);
    let head = if all { store.journal.head().await? } else { 0 };
    let mut build = Build::start(store, projections).await?;
    loop {
        let wanted = checkpoint(&store.views).await?.max(head);
        build.advance(wanted, progress).await?;
        if build.position >= wanted {
            build.index().await?;
            let mut tx = store.views.begin().await?;
            build.send_vacuum_away(&mut tx).await?;
            let live = lock_checkpoint(&mut tx).await?;
            let wanted = live.max(head);
            // What came in meanwhile is folded under the lock, if it is little.
            if wanted.saturating_sub(build.position) <= CLOSE_ENOUGH {
                build.step_in(&mut tx, wanted).await?;
                build.switch(&mut tx).await?;
                if wanted > live {
                    move_checkpoint(&mut tx, wanted).await?;
                }
                tx.commit().await?;
                return Ok(build.position);
            }
        }
    }
}

/// A build beside.
struct Build<'s> {
    db: &'s Db,
    journal: &'s Journal,
    projections: Vec<&'static dyn Projection>,
    prefix: String,
    name: String,
    fold: Fold,
    position: u64,
    indexed: bool,
}

impl<'s> Build<'s> {
    async fn start(
        store: &'s Store,
        projections: &[&'static dyn Projection],
    ) -> Result<Self, ProjectionError> {
        drop_abandoned(store).await?;
        // The time is in the name, so that what a killed process left behind can be told.
        let tail: String = random_bytes::<4>()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let name = format!("{}_{tail}", store.clock.now().timestamp());
        let build = Self {
            db: &store.views,
            journal: &store.journal,
            projections: projections.to_vec(),
            prefix: format!("build_{name}_"),
            name,
            fold: Fold::new(store.journal.clone(), Known::new()),
            position: 0,
            indexed: false,
        };
        let mut tx = build.db.begin().await?;
        for table in build.tables() {
            let create = table.create(&build.prefix, tx.is_sqlite());
            tx.execute(&create, vec![]).await?;
        }
        tx.commit().await?;
        Ok(build)
    }

    /// Makes the indexes: all at once over full tables takes a fraction of keeping them up row by row. A
    /// transaction each, so that a server's runner has its turns in between.
    async fn index(&mut self) -> Result<(), ProjectionError> {
        if std::mem::replace(&mut self.indexed, true) {
            return Ok(());
        }
        for table in self.tables() {
            for statement in table.create_indexes(&self.prefix, &self.name) {
                self.db.execute(&statement, vec![]).await?;
            }
        }
        Ok(())
    }

    fn tables(&self) -> impl Iterator<Item = &'static Table> {
        self.projections.iter().flat_map(|p| p.tables())
    }

    /// Which tables serve now. Nothing on SQLite, where a transaction that reads keeps its tables.
    async fn serving_tables(&self) -> Result<Vec<Option<i64>>, ProjectionError> {
        let mut ids = Vec::new();
        if !self.db.is_sqlite() {
            for table in self.tables() {
                let sql = "SELECT to_regclass($1)::oid::bigint";
                let row = self.db.fetch_optional(sql, values![table.name]).await?;
                ids.push(row.map(|r| r.int_or_null(0)).transpose()?.flatten());
            }
        }
        Ok(ids)
    }

    /// Those of them that there are, if any.
    async fn names_of_serving(&self) -> Result<Option<String>, ProjectionError> {
        let ids = self.serving_tables().await?;
        let there = self.tables().zip(ids).filter(|(_, id)| id.is_some());
        let names: Vec<&str> = there.map(|(table, _)| table.name).collect();
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }

    /// Folds up to a position, a transaction a batch.
    async fn advance(&mut self, to: u64, progress: Progress<'_>) -> Result<(), ProjectionError> {
        if self.position == 0 {
            self.fold_streams(to, progress).await?;
        } else if self.position < to {
            self.index().await?;
        }
        while self.position < to {
            // Folded before the transaction: on SQLite the runner of a server waits for its turn to write.
            if let Some(batch) = self.fold_next(to).await? {
                let mut tx = self.db.begin_lazily().await?;
                self.write(&mut tx, batch).await?;
                tx.commit().await?;
            }
            progress((self.position, to));
        }
        Ok(())
    }

    async fn write_lazily(
        &self,
        writes: impl IntoIterator<Item = Write>,
    ) -> Result<(), ProjectionError> {
        let mut tx = self.db.begin_lazily().await?;
        apply_all(&mut tx, &self.prefix, Tables::Empty, writes).await?;
        Ok(tx.commit().await?)
    }

    /// Folds everything up to a position, stream by stream.
    async fn fold_streams(
        &mut self,
        to: u64,
        progress: Progress<'_>,
    ) -> Result<(), ProjectionError> {
        let mut batches = ahead::by_stream(self.journal, &self.projections, to);
        let mut done = 0;
        while let Some(batch) = batches.recv().await {
            let batch = batch?;
            if self.db.is_sqlite() {
                self.write_lazily(batch.writes.into_iter().flatten())
                    .await?;
            } else {
                // Nobody sees these tables yet: they need not move together.
                let each = batch.writes.into_iter().map(|w| self.write_lazily(w));
                let mut each = stream::iter(each).buffer_unordered(WRITING);
                while let Some(()) = each.try_next().await? {}
            }
            done += batch.records;
            progress((done, to));
        }
        // Positions have no gaps: so many records there are, or the log is not the one the views are of.
        if done < to {
            return Err(ProjectionError::OtherLog {
                position: to,
                head: done,
            });
        }
        self.position = to;
        Ok(())
    }

    /// Folds up to a position within one transaction.
    async fn step_in(&mut self, tx: &mut Tx, to: u64) -> Result<(), ProjectionError> {
        while self.position < to {
            if let Some(batch) = self.fold_next(to).await? {
                self.write(tx, batch).await?;
            }
        }
        Ok(())
    }

    /// Reads and folds a batch of what comes next up to a position.
    async fn fold_next(
        &mut self,
        to: u64,
    ) -> Result<Option<(Vec<Record>, Folded)>, ProjectionError> {
        let limit = u32::try_from(to - self.position)
            .unwrap_or(u32::MAX)
            .min(BATCH_RECORDS_MAX);
        let records = self.journal.read_all(self.position, limit).await?;
        if records.is_empty() {
            // The views are ahead of the journal: it was replaced by an older one.
            self.position = to;
            return Ok(None);
        }
        let folded = self.fold.fold(&records).await?;
        Ok(Some((records, folded)))
    }

    /// Writes a folded batch.
    async fn write(
        &mut self,
        tx: &mut Tx,
        (records, folded): (Vec<Record>, Folded),
    ) -> Result<(), ProjectionError> {
        let writes = writes_of(&self.projections, &folded.batch(&records))?;
        apply_all(tx, &self.prefix, Tables::Filled, writes).await?;
        self.fold.keep(folded);
        self.position = records.last().map_or(self.position, |last| last.position);
        Ok(())
    }

    /// Keeps PostgreSQL from cleaning up the tables that serve, and stops it where it is at it: it takes minutes over a
    /// large table, and gives way only to who waits longer than [`Self::lock_serving`] does. Whoever reads or writes
    /// them is not held up by that.
    async fn send_vacuum_away(&self, tx: &mut Tx) -> Result<(), ProjectionError> {
        if let Some(names) = self.names_of_serving().await? {
            let limit = format!(
                "SET LOCAL lock_timeout = {}",
                VACUUM_GONE_WITHIN.as_millis()
            );
            tx.execute(&limit, vec![]).await?;
            let lock = format!("LOCK TABLE {names} IN SHARE UPDATE EXCLUSIVE MODE");
            tx.execute(&lock, vec![]).await?;
            tx.execute(UNLIMITED, vec![]).await?;
        }
        Ok(())
    }

    /// Locks the tables that serve, all of them or none: whoever reads several takes them in another order, and each
    /// would wait for the other for ever.
    async fn lock_serving(&self, tx: &mut Tx) -> Result<(), ProjectionError> {
        let Some(names) = self.names_of_serving().await? else {
            return Ok(());
        };
        let lock = format!("LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE");
        let limit = format!("SET LOCAL lock_timeout = {}", LOCKS_WITHIN.as_millis());
        let mut tries = 1;
        tx.execute("SAVEPOINT unlocked", vec![]).await?;
        loop {
            // Forgotten with every rollback to the savepoint.
            tx.execute(&limit, vec![]).await?;
            match tx.execute(&lock, vec![]).await {
                Ok(_) => break,
                Err(error) if is_lock_timeout(&error) && tries < LOCK_TRIES_MAX => {
                    tries += 1;
                    tx.execute("ROLLBACK TO SAVEPOINT unlocked", vec![]).await?;
                    tokio::time::sleep(LOCKS_WITHIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        tx.execute(UNLIMITED, vec![]).await?;
        Ok(())
    }

    /// Takes the old tables' place.
    async fn switch(&self, tx: &mut Tx) -> Result<(), ProjectionError> {
        self.lock_serving(tx).await?;
        for table in self.tables() {
            let name = table.name;
            tx.execute(&format!("DROP TABLE IF EXISTS {name}"), vec![])
                .await?;
            let rename = format!("ALTER TABLE {}{name} RENAME TO {name}", self.prefix);
            tx.execute(&rename, vec![]).await?;
        }
        for projection in &self.projections {
            let sql = "INSERT INTO projections VALUES ($1, $2)
                       ON CONFLICT (name) DO UPDATE SET version = excluded.version";
            tx.execute(sql, values![projection.name(), projection.version()])
                .await?;
        }
        Ok(())
    }

    async fn discard(self) -> Result<(), ProjectionError> {
        let mut tx = self.db.begin().await?;
        for table in self.tables() {
            tx.execute(
                &format!("DROP TABLE IF EXISTS {}{}", self.prefix, table.name),
                vec![],
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Whether PostgreSQL gave up waiting for a lock.
fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("55P03")
}

/// Drops the tables of builds that a killed process left behind.
async fn drop_abandoned(store: &Store) -> Result<(), ProjectionError> {
    let sql = if store.views.is_sqlite() {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'build%'"
    } else {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
         AND tablename LIKE 'build%'"
    };
    let limit = (store.clock.now() - ABANDONED_AFTER).timestamp();
    for row in store.views.fetch_all(sql, vec![]).await? {
        let table = row.text(0)?;
        let born = table
            .split('_')
            .nth(1)
            .and_then(|born| born.parse::<i64>().ok());
        if born.is_some_and(|born| born < limit) {
            store
                .views
                .execute(&format!("DROP TABLE IF EXISTS {table}"), vec![])
                .await?;
        }
    }
    Ok(())
}
