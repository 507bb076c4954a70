//! A thin layer over the two databases: one SQL text for both wherever the dialects allow.
//!
//! Placeholders are `$1`, `$2`, …; values are integers, texts, bytes and reals, each nullable. Times are
//! microseconds since 1970 UTC as integers. It must *not* know what is stored.

mod lending;
mod reading;
mod rows;
mod safety;
mod value;

pub use lending::{Lent, Pool, Transaction};
pub use rows::{ROWS_PER_STATEMENT, pieces, placeholders};
pub use safety::POSTGRES_SAFETY;
pub use value::{Row, Value, time_of};

use lending::{Keeping, Stay};
use safety::{assert_postgres, assert_sqlite};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, Postgres, Sqlite};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use value::{postgres_arguments, sqlite_arguments};

/// How long a SQLite writer waits for another process's write to end.
pub const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// Read connections per SQLite file.
pub const SQLITE_READERS: u32 = 4;
/// Connections per PostgreSQL pool.
pub const POSTGRES_CONNECTIONS: u32 = 10;
/// How long a task waits for a connection before it gets an error.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection to PostgreSQL stays.
const POSTGRES_STAY: Stay = Stay {
    in_all: Duration::from_mins(30),
    unused: Duration::from_mins(10),
};
/// Prepared statements kept per connection: batches have many sizes.
pub const STATEMENT_CACHE: usize = 1_024;

/// Begins a transaction that has SQLite's one write lock from the start.
const WRITING: &str = "BEGIN IMMEDIATE";
/// Begins a transaction in which PostgreSQL shows one state to the end.
const UNMOVING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a transaction in which PostgreSQL looks rows up by index, whatever it knew of a table when it made a plan.
const BY_INDEX: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
                        SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/// One database of one of the two kinds.
#[derive(Clone, Debug)]
pub enum Db {
    /// A SQLite file: one connection that writes, several that read.
    Sqlite {
        /// Writes.
        write: Pool<Sqlite>,
        /// Reads.
        read: Pool<Sqlite>,
    },
    /// A PostgreSQL schema.
    Postgres(Pool<Postgres>),
}

/// How surely a SQLite file must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on disk when it returns (`synchronous=FULL`).
    Full,
    /// May lose the last commits, never its consistency (`NORMAL`): for what can be rebuilt.
    Lazy,
}

/// Pages of 4 KiB the write-ahead log grows by before it is copied into the file. A page written often
/// meanwhile is copied once.
const SQLITE_CHECKPOINT_PAGES: u32 = 8_000;
/// Page cache of the connection that writes, in KiB.
const SQLITE_WRITER_CACHE_KIB: u32 = 16_384;

/// The settings every writing connection to a SQLite file has.
#[must_use]
pub fn sqlite_options(file: &Path, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Lazy => SqliteSynchronous::Normal,
        })
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(STATEMENT_CACHE)
}

/// How PostgreSQL may plan. Prepared statements keep their plans, which may have been made when a table was
/// still empty and reading all of it was cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planning {
    /// Every look-up goes by index: for tables that are only ever looked up.
    ByIndex,
    /// As PostgreSQL sees fit: for tables that are also read whole.
    Free,
}

impl Planning {
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ByIndex => &[
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_seqscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
            ],
            // A batch of rows is one statement's arrays: more than the four megabytes there are by default.
            Self::Free => &[("work_mem", "32MB")],
        }
    }
}

/// The settings of a PostgreSQL connection into one schema.
pub fn postgres_options(
    url: &str,
    schema: &str,
    planning: Planning,
) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name("docket")
        .options([("search_path", schema)])
        // Compiling a statement that runs for a millisecond costs more than it gains.
        .options([("jit", "off")])
        // A statement ends soon after whoever waited for it is gone.
        .options([("client_connection_check_interval", "10s")])
        // Written for this level: an appender must see what the one before it committed.
        .options([("default_transaction_isolation", "read\\ committed")])
        .options(planning.settings().iter().copied())
        .statement_cache_capacity(STATEMENT_CACHE))
}

impl Db {
    /// Opens (and makes) a SQLite file. Every connection is checked to have the settings asked for.
    pub async fn sqlite(file: &Path, durability: Durability) -> Result<Self, sqlx::Error> {
        let options = sqlite_options(file, durability);
        let pool = |most: u32, options: SqliteConnectOptions| {
            Pool::open(Keeping {
                options,
                check: Box::new(move |connection| Box::pin(assert_sqlite(connection, durability))),
                most,
                patience: ACQUIRE_TIMEOUT + SQLITE_BUSY_TIMEOUT,
                stays: None,
            })
        };
        // What is deleted is overwritten: keys and passwords above all.
        let secure_delete = match durability {
            Durability::Full => "on",
            Durability::Lazy => "off",
        };
        let writing = options
            .clone()
            .pragma("secure_delete", secure_delete)
            .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES.to_string())
            .pragma("cache_size", format!("-{SQLITE_WRITER_CACHE_KIB}"));
        let write = patiently(|| pool(1, writing.clone())).await?;
        let reading = options.pragma("query_only", "on");
        let read = patiently(|| pool(SQLITE_READERS, reading.clone())).await?;
        Ok(Self::Sqlite { write, read })
    }

    /// Opens (and makes) a schema of a PostgreSQL database.
    pub async fn postgres(
        url: &str,
        schema: &str,
        planning: Planning,
        allow_unsafe: bool,
    ) -> Result<Self, sqlx::Error> {
        let options = postgres_options(url, schema, planning)?;
        // A pool waits for a server that is starting. Whoever opens a store is told at once that there is none.
        let mut first = PgConnection::connect_with(&options).await?;
        assert_postgres(&mut first, allow_unsafe).await?;
        first.close().await?;
        let pool: Pool<Postgres> = Pool::open(Keeping {
            options,
            check: Box::new(move |connection| Box::pin(assert_postgres(connection, allow_unsafe))),
            most: POSTGRES_CONNECTIONS,
            patience: ACQUIRE_TIMEOUT,
            stays: Some(POSTGRES_STAY),
        })
        .await?;
        // Two processes may found a store at once; CREATE SCHEMA IF NOT EXISTS races without a lock.
        let mut tx = pool.begin(None).await?;
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('docket schema'))")
            .execute(&mut *tx)
            .await?;
        sqlx::query(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Self::Postgres(pool))
    }

    /// Creates tables from one text for both databases: `{bytes}` stands for the type of bytes.
    pub async fn create(&self, schema: &str) -> Result<(), sqlx::Error> {
        self.script(
            &schema.replace("{bytes}", "BLOB"),
            &schema.replace("{bytes}", "BYTEA"),
        )
        .await
    }

    /// Runs a script of statements in one transaction, behind a lock against another process's.
    pub async fn script(&self, sqlite: &str, postgres: &str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { write, .. } => {
                let mut tx = write.begin(Some(WRITING)).await?;
                sqlx::raw_sql(sqlite).execute(&mut *tx).await?;
                tx.commit().await?;
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin(None).await?;
                sqlx::query("SELECT pg_advisory_xact_lock(hashtext('docket schema'))")
                    .execute(&mut *tx)
                    .await?;
                sqlx::raw_sql(postgres).execute(&mut *tx).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Reads every row of a query.
    pub async fn fetch_all(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite { read, .. } => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                Ok(query
                    .fetch_all(read)
                    .await?
                    .into_iter()
                    .map(Row::Sqlite)
                    .collect())
            }
            Self::Postgres(pool) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                Ok(query
                    .fetch_all(pool)
                    .await?
                    .into_iter()
                    .map(Row::Postgres)
                    .collect())
            }
        }
    }

    /// Reads the first row of a query, if there is one.
    pub async fn fetch_optional(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, sqlx::Error> {
        match self {
            Self::Sqlite { read, .. } => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                Ok(query.fetch_optional(read).await?.map(Row::Sqlite))
            }
            Self::Postgres(pool) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                Ok(query.fetch_optional(pool).await?.map(Row::Postgres))
            }
        }
    }

    /// Runs one statement in a transaction of its own; the number of rows it changed.
    pub async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite { write, .. } => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                Ok(query.execute(write).await?.rows_affected())
            }
            Self::Postgres(pool) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                Ok(query.execute(pool).await?.rows_affected())
            }
        }
    }

    /// Begins a transaction that writes. On SQLite it takes the file's one write lock at once.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin(Some(WRITING)).await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin(None).await?),
        })
    }

    /// The same, for rows that are looked up by their keys alone, in a database whose tables are also read whole.
    pub async fn begin_by_index(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { .. } => self.begin().await?,
            Self::Postgres(pool) => Tx::Postgres(pool.begin(Some(BY_INDEX)).await?),
        })
    }

    /// As [`Self::begin`], but on PostgreSQL the commit returns before it is on disk; the next one of [`Self::begin`] takes it
    /// along. For what counts only once such a commit has come after it.
    pub async fn begin_lazily(&self) -> Result<Tx, sqlx::Error> {
        let mut tx = self.begin().await?;
        if !self.is_sqlite() {
            tx.execute("SET LOCAL synchronous_commit = off", vec![])
                .await?;
        }
        Ok(tx)
    }

    /// Begins a transaction that reads one unmoving state.
    pub async fn begin_read(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin(None).await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin(Some(UNMOVING)).await?),
        })
    }

    /// The settings that decide whether a commit survives a power cut, on a connection that writes.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut settings = Vec::new();
        match self {
            Self::Sqlite { write, .. } => {
                let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
                    .fetch_one(write)
                    .await?;
                let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
                    .fetch_one(write)
                    .await?;
                settings.push(("journal_mode".to_owned(), mode));
                settings.push(("synchronous".to_owned(), synchronous.to_string()));
            }
            Self::Postgres(pool) => {
                for name in POSTGRES_SAFETY {
                    let value = sqlx::query_scalar(&format!("SHOW {name}"))
                        .fetch_one(pool)
                        .await?;
                    settings.push((name.to_owned(), value));
                }
            }
        }
        Ok(settings)
    }

    /// Whether this is SQLite, for the few texts that differ.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Copies a SQLite file's write-ahead log back into the file and empties it, so that nothing which was
    /// written over or deleted lingers there. Waits for readers as long as for writers.
    pub async fn truncate_wal(&self) -> Result<(), sqlx::Error> {
        let Self::Sqlite { write, .. } = self else {
            return Ok(());
        };
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(write)
            .await?;
        if busy == 0 {
            return Ok(());
        }
        Err(sqlx::Error::Protocol(
            "the write-ahead log could not be emptied: somebody is reading for long".into(),
        ))
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction of either kind; rolled back when dropped.
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<Postgres>),
}

impl Tx {
    /// Runs one statement; the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_with(sql, sqlite_arguments(values)?)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Self::Postgres(tx) => sqlx::query_with(sql, postgres_arguments(values)?)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Reads every row of a query.
    pub async fn fetch_all(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_with(sql, sqlite_arguments(values)?)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            Self::Postgres(tx) => sqlx::query_with(sql, postgres_arguments(values)?)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// Makes it permanent.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Whether this is SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// `$1, $2, $3` for a list of three.
#[must_use]
pub fn list(from: usize, count: usize) -> String {
    (from..from + count)
        .map(|n| format!("${n}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Tries again while another process makes the same file: turning a fresh one to WAL needs it alone, and
/// SQLite does not wait for that by itself.
async fn patiently<T, F>(open: impl Fn() -> F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let give_up = tokio::time::Instant::now() + SQLITE_BUSY_TIMEOUT;
    loop {
        match open().await {
            Err(error) if is_busy(&error) && tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            opened => return opened,
        }
    }
}

/// Whether SQLite found its file locked.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == BUSY)
}
