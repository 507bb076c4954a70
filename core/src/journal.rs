//! The journal: one append-only log for all aggregates of one hotline.
//!
//! **Promises**, each with a test on both stores (`tests/cases/journal/`):
//! stream versions and global positions are contiguous and in commit order; a reader that has read to N
//! has read everything up to N; one command is one commit, whole or not at all; a command id takes
//! effect once; claims are unique; an acknowledged commit survives a killed process and a power cut.
//!
//! * [`record`]: the stored event and its canonical encoding.
//! * [`Meter`]: what is measured. `writer`: group commit. `reader`: gathered reads. `follow`: other processes' appends.
//! * `sqlite`, `postgres`: the two stores. [`upcast`]: old schema versions.
//!
//! It must *not* know what the events mean.

mod backend;
mod follow;
mod meter;
mod postgres;
mod reader;
pub mod record;
mod sqlite;
mod standing;
pub mod upcast;
mod writer;

pub use backend::{Claim, Commit, LogInfo, NewEvent, Receipt, StoredCommand, StreamId};
pub use meter::Meter;
pub use record::Record;

use crate::clock::Clock;
use backend::Backend;
use docket_domain::Timestamp;
use docket_domain::ids::{CommandId, LogId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

/// Most records one read returns.
pub const READ_MAX: u32 = 5_000;
/// Most commits waiting for the writer; beyond it callers wait.
pub const QUEUE_MAX: usize = 4_096;
/// Most bytes of one event's data.
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// Most events of one commit.
pub const EVENTS_PER_COMMIT_MAX: usize = 1_000;
/// Most claims of one commit.
pub const CLAIMS_PER_COMMIT_MAX: usize = 1_000;
/// How often the head is looked up when nothing wakes us: the truth behind every wake-up.
pub const POLL: Duration = Duration::from_millis(50);

/// What can go wrong with the journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The stream is not where the writer thought.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict {
        /// What the writer expected.
        expected: u64,
        /// Where the stream is.
        actual: u64,
    },
    /// The command id was used before for something else.
    #[error("this command id was used for another command")]
    CommandReused,
    /// Something that must be unique is taken.
    #[error("the {kind} is taken")]
    ClaimTaken {
        /// What: `login`, `ticket_number`, `query_code`.
        kind: String,
    },
    /// A commit beyond the journal's limits.
    #[error("the commit is over the journal's limit of {limit}")]
    TooLarge {
        /// Which limit.
        limit: &'static str,
    },
    /// A stored event that this version of Docket cannot read.
    #[error("position {position}: {reason}")]
    Unreadable {
        /// Where.
        position: u64,
        /// Why.
        reason: String,
    },
    /// History is never deleted.
    #[error("the journal deletes nothing")]
    Undeletable,
    /// The database failed or is out of reach; whether the commit took effect is told by its command id.
    #[error("the journal's database failed: {0}")]
    Database(Arc<sqlx::Error>),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

impl From<sqlx::Error> for JournalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// A handle on the journal. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    log: LogInfo,
    queue: mpsc::Sender<writer::Waiting>,
    reads: mpsc::Sender<reader::Waiting>,
    head: watch::Sender<u64>,
    appended: AtomicU64,
    meter: Meter,
}

/// The statements that make the journal's tables, and their layout.
pub(crate) const fn tables(sqlite: bool) -> (&'static str, i64) {
    let schema = if sqlite {
        sqlite::SCHEMA
    } else {
        postgres::SCHEMA
    };
    (schema, backend::SCHEMA_VERSION)
}

/// What keeps history from being edited: each trigger on the events with what it does, by name, as the
/// database tells them.
pub(crate) fn guards(sqlite: bool) -> Vec<(String, String)> {
    let mut guards = if sqlite {
        sqlite::guards()
    } else {
        postgres::guards()
    };
    guards.sort();
    guards
}

/// What kind of store is wanted or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A city's.
    Real,
    /// A demonstration's: invented data and known passwords.
    Demo,
}

impl Purpose {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Demo => "demo",
        }
    }
}

impl Journal {
    /// Opens the journal in a SQLite file, making it if there is none.
    pub async fn open_sqlite(
        file: &Path,
        purpose: Purpose,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        let backend = sqlite::Sqlite::open(file, purpose, &*clock).await?;
        Self::start(Arc::new(backend), clock).await
    }

    /// Opens the journal in a PostgreSQL database, making it if there is none.
    pub async fn open_postgres(
        url: &str,
        purpose: Purpose,
        allow_unsafe: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        let backend = postgres::Postgres::open(url, purpose, allow_unsafe, &*clock).await?;
        Self::start(Arc::new(backend), clock).await
    }

    /// Whether a PostgreSQL database holds a journal.
    pub async fn exists_in_postgres(url: &str) -> Result<bool, JournalError> {
        Ok(postgres::exists(url).await?)
    }

    async fn start(backend: Arc<dyn Backend>, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let log = backend.log().await?;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (reads, wanted) = mpsc::channel(QUEUE_MAX);
        let (known, _) = watch::channel(backend.head().await?);
        let (appended, to_announce) = watch::channel(0);
        let head = known.clone();
        let heads = writer::Heads { known, appended };
        let meter = Meter::default();
        tokio::spawn(writer::run(
            backend.clone(),
            waiting,
            heads,
            clock,
            meter.clone(),
        ));
        tokio::spawn(follow::announce(backend.clone(), to_announce.clone()));
        tokio::spawn(follow::follow(backend.clone(), head.clone(), to_announce));
        let wanted = Arc::new(Mutex::new(wanted));
        for _ in 0..reader::READERS {
            tokio::spawn(reader::run(backend.clone(), wanted.clone()));
        }
        let inner = Arc::new(Inner {
            backend,
            log,
            queue,
            reads,
            head,
            appended: 0.into(),
            meter,
        });
        Ok(Self { inner })
    }

    /// The log's id.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.inner.log.id
    }

    /// Whether this is a demonstration's log.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.inner.log.purpose
    }

    /// Appends one command's events, or its being a no-op. Returns when it is on disk.
    #[tracing::instrument(level = "debug", skip_all, fields(correlation = %commit.correlation))]
    pub async fn append(&self, commit: Commit) -> Result<Receipt, JournalError> {
        if commit.events.len() > EVENTS_PER_COMMIT_MAX {
            return Err(JournalError::TooLarge {
                limit: "events per commit",
            });
        }
        if commit.claims.len() > CLAIMS_PER_COMMIT_MAX {
            return Err(JournalError::TooLarge {
                limit: "claims per commit",
            });
        }
        if commit.events.iter().any(|e| e.data.len() > DATA_BYTES_MAX) {
            return Err(JournalError::TooLarge {
                limit: "bytes per event",
            });
        }
        // No stream is that long: refused here, so that nothing below overflows.
        if commit.expected > u64::MAX / 4 {
            let (expected, actual) = (commit.expected, self.version(commit.stream.id).await?);
            return Err(JournalError::Conflict { expected, actual });
        }
        let began = Instant::now();
        let (reply, outcome) = oneshot::channel();
        let waiting = writer::Waiting {
            commit,
            reply,
            tries: 0,
            queued: tracing::debug_span!("queued"),
        };
        self.inner
            .queue
            .send(waiting)
            .await
            .map_err(|_| JournalError::Closed)?;
        let receipt = outcome.await.map_err(|_| JournalError::Closed)??;
        self.inner
            .meter
            .append_seconds
            .observe(began.elapsed().as_secs_f64());
        if !receipt.repeated {
            self.inner.appended.fetch_add(1, Ordering::Relaxed);
        }
        Ok(receipt)
    }

    /// Commits appended through this handle and its clones, no-ops included, repeats not.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.inner.appended.load(Ordering::Relaxed)
    }

    /// The records of one stream after a version, in order, at most [`READ_MAX`].
    pub async fn read_stream(&self, stream: Uuid, after: u64) -> Result<Vec<Record>, JournalError> {
        let (reply, records) = oneshot::channel();
        let wanted = backend::Wanted { stream, after };
        self.inner
            .reads
            .send(reader::Waiting { wanted, reply })
            .await
            .map_err(|_| JournalError::Closed)?;
        records.await.map_err(|_| JournalError::Closed)?
    }

    /// Every record of several streams up to a position, in order of position.
    pub async fn read_streams(
        &self,
        streams: &[Uuid],
        until: u64,
    ) -> Result<Vec<Record>, JournalError> {
        Ok(self
            .inner
            .backend
            .read_streams(streams, 0, until, u32::MAX)
            .await?)
    }

    /// The records after a position, in order, at most `limit` (and [`READ_MAX`]).
    pub async fn read_all(&self, after: u64, limit: u32) -> Result<Vec<Record>, JournalError> {
        Ok(self
            .inner
            .backend
            .read_all(after, limit.min(READ_MAX))
            .await?)
    }

    /// Records up to a position in the order of streams and, within one, of versions, at most `limit` (and
    /// [`READ_MAX`]) after a stream's version. Streams begun near each other are near each other here.
    pub async fn read_by_stream(
        &self,
        after: (Uuid, u64),
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, JournalError> {
        let limit = limit.min(READ_MAX);
        let read = self.inner.backend.read_by_stream(after, until, limit);
        Ok(read.await?)
    }

    /// The last position, read from the store.
    pub async fn head(&self) -> Result<u64, JournalError> {
        Ok(self.inner.backend.head().await?)
    }

    /// A stream's version: 0 when there is none.
    pub async fn version(&self, stream: Uuid) -> Result<u64, JournalError> {
        Ok(self.inner.backend.version(stream).await?)
    }

    /// What became of a command, if it was taken.
    pub async fn command(&self, command: CommandId) -> Result<Option<StoredCommand>, JournalError> {
        Ok(self.inner.backend.command(command).await?)
    }

    /// The streams that commands changed, by one statement; those that were not taken are left out.
    pub async fn streams_changed_by(
        &self,
        commands: &[CommandId],
    ) -> Result<Vec<(CommandId, Uuid)>, JournalError> {
        Ok(self.inner.backend.streams_changed_by(commands).await?)
    }

    /// The stream that holds a claim.
    pub async fn claimed_by(&self, kind: &str, value: &[u8]) -> Result<Option<Uuid>, JournalError> {
        Ok(self.inner.backend.claimed_by(kind, value).await?)
    }

    /// The ids of every stream of a category, in order of birth.
    pub async fn streams_of(&self, category: &str, limit: u32) -> Result<Vec<Uuid>, JournalError> {
        Ok(self.inner.backend.streams_of(category, limit).await?)
    }

    /// Streams of a category with an event after a position whose data has a text in it, in order of birth.
    /// Reads all of the data: for what is rare.
    pub async fn streams_with(
        &self,
        category: &str,
        text: &str,
        after: u64,
    ) -> Result<Vec<Uuid>, JournalError> {
        let backend = &self.inner.backend;
        Ok(backend.streams_with(category, text, after).await?)
    }

    /// Follows the last position as this process learns of it. A hint: reading is the truth.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.head.subscribe()
    }

    /// What is measured of it.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    /// How many commits wait for the writer, and how many reads for a reader.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let of = |capacity: usize| QUEUE_MAX - capacity;
        (
            of(self.inner.queue.capacity()),
            of(self.inner.reads.capacity()),
        )
    }

    /// The settings in force on a fresh writing connection, as `(name, value)`.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, JournalError> {
        Ok(self.inner.backend.settings().await?)
    }

    /// When the log was born.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.inner.log.created_at
    }
}
