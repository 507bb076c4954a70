//! Connections that are not a server's: those that only read, to verify, export and back up beside one; and
//! the one that makes a file which nobody else has yet.

use super::lending::Keeping;
use super::{
    ACQUIRE_TIMEOUT, Db, POSTGRES_STAY, Planning, Pool, SQLITE_BUSY_TIMEOUT, STATEMENT_CACHE, Tx,
    postgres_options,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;

impl Db {
    /// Opens a SQLite file that is there, to read it.
    pub async fn sqlite_reading(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        Self::sqlite_single(options).await
    }

    /// Makes a SQLite file that nobody else has open, all of it in the one file. Who opens it later turns it
    /// to WAL.
    pub async fn sqlite_making(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .pragma("secure_delete", "on")
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full);
        Self::sqlite_single(options).await
    }

    /// One connection for everything. Sorting spills into files: a whole log is not held in memory.
    async fn sqlite_single(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENT_CACHE);
        let pool = Pool::open(Keeping {
            options,
            check: Box::new(|_| Box::pin(async { Ok(()) })),
            most: 1,
            patience: ACQUIRE_TIMEOUT + SQLITE_BUSY_TIMEOUT,
            stays: None,
        })
        .await?;
        Ok(Self::Sqlite {
            write: pool.clone(),
            read: pool,
        })
    }

    /// Opens a schema of a PostgreSQL database, to read it; makes none.
    pub async fn postgres_reading(url: &str, schema: &str) -> Result<Self, sqlx::Error> {
        let options = postgres_options(url, schema, Planning::Free)?;
        let pool = Pool::open(Keeping {
            options,
            check: Box::new(|_| Box::pin(async { Ok(()) })),
            most: 1,
            patience: ACQUIRE_TIMEOUT,
            stays: Some(POSTGRES_STAY),
        })
        .await?;
        Ok(Self::Postgres(pool))
    }
}

impl Tx {
    /// Runs a script of statements.
    pub async fn script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => {
                sqlx::raw_sql(script).execute(&mut **tx).await?;
            }
            Self::Postgres(tx) => {
                sqlx::raw_sql(script).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }
}
