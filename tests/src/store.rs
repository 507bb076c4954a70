//! A store of one test's own: a folder or a database, gone when the test is over.

use docket_core::clock::{Clock, SystemClock, random_bytes};
use docket_core::db::{Db, Durability, Planning};
use docket_core::files::FilesUrl;
use docket_core::journal::{Journal, Purpose};
use docket_core::ops::SESSION_LASTS;
use docket_core::store::{Store, StoreOptions, StoreUrl};
use docket_core::vault::MasterKey;
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a test waits for a condition before it has failed.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A store of one kind, made for one test.
pub enum TestStore {
    /// In a folder.
    Sqlite(tempfile::TempDir),
    /// In a database, with a folder for the master key.
    Postgres {
        /// The server it is on.
        server: String,
        /// The database's name.
        name: String,
        /// The folder.
        dir: tempfile::TempDir,
    },
}

/// Runs a test on a store, and takes the store away whether it passes or not.
pub async fn run(store: TestStore, test: impl AsyncFnOnce(&TestStore)) {
    let outcome = AssertUnwindSafe(test(&store)).catch_unwind().await;
    store.destroy().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// The server that `tests/run` started.
fn server() -> String {
    std::env::var("DOCKET_TEST_POSTGRES").unwrap_or_else(|_| panic!("run tests/run"))
}

/// Runs a statement on the server itself, from another database.
pub async fn administer(statement: &str) {
    administer_at(&server(), statement).await;
}

async fn administer_at(server: &str, statement: &str) {
    let db = Db::postgres(
        &format!("{server}/postgres"),
        "public",
        Planning::Free,
        true,
    )
    .await
    .unwrap();
    db.execute(statement, vec![]).await.unwrap();
    db.close().await;
}

/// Takes a folder away. What closes behind a test may write a last file into it meanwhile.
async fn remove(dir: tempfile::TempDir) {
    let path = dir.keep();
    let ends = Instant::now() + PATIENCE;
    while let Err(error) = std::fs::remove_dir_all(&path) {
        assert!(Instant::now() < ends, "{}: {error}", path.display());
        tokio::task::yield_now().await;
    }
}

impl TestStore {
    /// A new folder.
    #[must_use]
    pub fn sqlite() -> Self {
        // Whatever test comes first: clients are made without TLS's cryptography otherwise, and cannot be.
        docket_core::tls::install_provider();
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A new database.
    pub async fn postgres() -> Self {
        Self::postgres_at(server()).await
    }

    /// A new database on a server of one's own.
    pub async fn postgres_at(server: String) -> Self {
        docket_core::tls::install_provider();
        let name = format!("docket_{}", Uuid::from_bytes(random_bytes()).simple());
        administer_at(&server, &format!("CREATE DATABASE {name}")).await;
        let dir = tempfile::tempdir().unwrap();
        Self::Postgres { server, name, dir }
    }

    async fn destroy(self) {
        match self {
            Self::Sqlite(dir) => remove(dir).await,
            Self::Postgres { server, name, dir } => {
                administer_at(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
                remove(dir).await;
            }
        }
    }

    /// Its folder; on PostgreSQL it holds nothing but the master key.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self {
            Self::Sqlite(dir) | Self::Postgres { dir, .. } => dir.path(),
        }
    }

    /// Its URL as the command line takes it.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(dir) => format!("sqlite:{}", dir.path().display()),
            Self::Postgres { server, name, .. } => format!("{server}/{name}"),
        }
    }

    /// Whether it is on SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Its journal under the machine's clock; opened again, it is another process's for all it knows.
    pub async fn journal(&self) -> Journal {
        self.journal_at(Arc::new(SystemClock)).await
    }

    /// Its journal under a clock.
    pub async fn journal_at(&self, clock: Arc<dyn Clock>) -> Journal {
        open_journal(&self.url(), clock).await
    }

    /// How the whole store is opened: for real, with the master key in its folder.
    #[must_use]
    pub fn options(&self, clock: Arc<dyn Clock>) -> StoreOptions {
        let master = MasterKey::File(self.dir().join("master.key"));
        StoreOptions {
            master: Some(master),
            files: Some(FilesUrl::Folder(self.dir().join("files"))),
            // Tests move their clocks by hours, and do not mean to tell of tokens.
            tokens_last: SESSION_LASTS.to_std().unwrap(),
            ..StoreOptions::new(self.url().parse().unwrap(), clock)
        }
    }

    /// The whole store, for real, under the machine's clock.
    pub async fn open(&self) -> Store {
        self.open_at(Arc::new(SystemClock)).await
    }

    /// The whole store, for real, under a clock.
    pub async fn open_at(&self, clock: Arc<dyn Clock>) -> Store {
        Store::open(self.options(clock)).await.unwrap()
    }

    /// One part's database, to look behind the journal's back.
    pub async fn part(&self, part: &str) -> Db {
        match self {
            Self::Sqlite(dir) => {
                let file = dir.path().join(format!("{part}.db"));
                Db::sqlite(&file, Durability::Full).await
            }
            Self::Postgres { .. } => {
                Db::postgres(&self.url(), &format!("docket_{part}"), Planning::Free, true).await
            }
        }
        .unwrap()
    }

    /// How many rows a table of a part has.
    pub async fn rows(&self, part: &str, table: &str) -> u64 {
        let db = self.part(part).await;
        let count = db
            .fetch_optional(&format!("SELECT count(*) FROM {table}"), vec![])
            .await;
        let count = count.unwrap().expect("count(*) gives a row").int(0);
        db.close().await;
        count.unwrap().unsigned_abs()
    }
}

/// The journal of a store's URL.
pub async fn open_journal(url: &str, clock: Arc<dyn Clock>) -> Journal {
    match url.parse().unwrap() {
        StoreUrl::Sqlite(dir) => {
            Journal::open_sqlite(&dir.join("journal.db"), Purpose::Real, clock).await
        }
        StoreUrl::Postgres(url) => Journal::open_postgres(&url, Purpose::Real, false, clock).await,
    }
    .unwrap()
}
