//! A store and its four parts: journal, views, keys, ops; files of a folder, or schemas of a database.

use crate::clock::Clock;
use crate::db::{Db, Durability, Planning};
use crate::files::{Files, FilesError, FilesUrl, S3Access};
use crate::journal::{Journal, JournalError, Purpose};
use crate::news::News;
use crate::ops::{Lifetimes, Ops, OpsError, SESSION_LASTS, TOKEN_LASTS};
use crate::vault::{MasterKey, Vault, VaultError};
use chrono::TimeDelta;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Where a store is: `sqlite:DIR` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A folder of SQLite files.
    Sqlite(PathBuf),
    /// A PostgreSQL database; holds a password, perhaps.
    Postgres(String),
}

impl StoreUrl {
    /// Whether it is a folder of SQLite files.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(dir) = text.strip_prefix("sqlite:")
            && !dir.is_empty()
        {
            return Ok(Self::Sqlite(dir.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(StoreError::Url)
    }
}

impl fmt::Display for StoreUrl {
    /// Never shows a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(dir) => write!(f, "sqlite:{}", dir.display()),
            Self::Postgres(url) => {
                let place = url.rsplit_once('@').map_or_else(
                    || url.split_once("://").map_or("", |(_, rest)| rest),
                    |(_, place)| place,
                );
                write!(f, "postgres://{}", place.split('?').next().unwrap_or(place))
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// What can go wrong when a store is opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store URL.
    #[error("a store is sqlite:DIR or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// A demonstration's store where a real one is asked for, or the other way round.
    #[error(
        "this store was made for a {found} hotline and cannot serve a {wanted} one: use another store"
    )]
    Purpose {
        /// What it was made for.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// No store where one should be.
    #[error("there is no store at {0}: `docket serve` makes one")]
    Missing(String),
    /// Its folder cannot be made.
    #[error("the folder {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The ops store.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// The place of attachments.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A database.
    #[error("the database {place}: {source}")]
    Database {
        /// Which part.
        place: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// Where it is.
    pub url: StoreUrl,
    /// What for. A server states it, and finds no store of another purpose; other tools take either kind,
    /// but make none.
    pub purpose: Option<Purpose>,
    /// Another place for the keys.
    pub keys: Option<StoreUrl>,
    /// Where attachments are; by default a folder beside the store.
    pub files: Option<FilesUrl>,
    /// How an S3-compatible store of them is reached.
    pub s3: S3Access,
    /// Where the master key comes from; by default a file beside the keys.
    pub master: Option<MasterKey>,
    /// Go on though the database would lose acknowledged commands in a power cut.
    pub allow_unsafe: bool,
    /// How long a session lasts from its login.
    pub sessions_last: Duration,
    /// How long an access token lasts.
    pub tokens_last: Duration,
    /// Business time.
    pub clock: Arc<dyn Clock>,
}

/// Where attachments are unless told otherwise: beside the store.
#[must_use]
pub fn default_files(store: &StoreUrl) -> FilesUrl {
    FilesUrl::Folder(match store {
        StoreUrl::Sqlite(dir) => dir.join("files"),
        StoreUrl::Postgres(_) => PathBuf::from("docket-files"),
    })
}

impl StoreOptions {
    /// The bytes of attachments of the store.
    pub fn open_files(&self) -> Result<Files, FilesError> {
        let default = || default_files(&self.url);
        Files::open(&self.files.clone().unwrap_or_else(default), &self.s3)
    }

    /// A real store with everything in one place.
    #[must_use]
    pub fn new(url: StoreUrl, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            purpose: Some(Purpose::Real),
            keys: None,
            files: None,
            s3: S3Access::default(),
            master: None,
            allow_unsafe: false,
            sessions_last: SESSION_LASTS.to_std().unwrap_or_default(),
            tokens_last: TOKEN_LASTS.to_std().unwrap_or_default(),
            clock,
        }
    }
}

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// The log.
    pub journal: Journal,
    /// Sealing keys.
    pub vault: Vault,
    /// Passwords and sessions.
    pub ops: Ops,
    /// The bytes of attachments.
    pub files: Files,
    /// The read models' database: a part of its own, rebuilt at will.
    pub views: Db,
    /// What this process has heard of.
    pub news: News,
    /// Business time.
    pub clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens a store, making what is not there yet.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let files = options.open_files()?;
        let StoreOptions {
            url,
            purpose,
            keys,
            files: _,
            s3: _,
            master,
            allow_unsafe,
            sessions_last,
            tokens_last,
            clock,
        } = options;
        let founded_as = purpose.unwrap_or(Purpose::Real);
        let journal = match &url {
            StoreUrl::Sqlite(dir) => {
                let file = dir.join("journal.db");
                if purpose.is_none() && !file.exists() {
                    return Err(StoreError::Missing(url.to_string()));
                }
                make_folder(dir)?;
                Journal::open_sqlite(&file, founded_as, clock.clone()).await?
            }
            StoreUrl::Postgres(database) => {
                if purpose.is_none() && !Journal::exists_in_postgres(database).await? {
                    return Err(StoreError::Missing(url.to_string()));
                }
                Journal::open_postgres(database, founded_as, allow_unsafe, clock.clone()).await?
            }
        };
        if let Some(wanted) = purpose.filter(|wanted| *wanted != journal.purpose()) {
            let (found, wanted) = (journal.purpose().name(), wanted.name());
            return Err(StoreError::Purpose { found, wanted });
        }
        let keys_url = keys.unwrap_or_else(|| url.clone());
        let master = master.unwrap_or_else(|| default_master(&keys_url));
        let (full, by_index) = (Durability::Full, Planning::ByIndex);
        let keys = part(&keys_url, "keys", full, by_index, allow_unsafe).await?;
        let vault = Vault::open(keys, journal.log_id(), master, clock.clone()).await?;
        let ops = part(&url, "ops", full, by_index, allow_unsafe).await?;
        let lifetimes = Lifetimes {
            session: TimeDelta::from_std(sessions_last).unwrap_or(SESSION_LASTS),
            token: TimeDelta::from_std(tokens_last).unwrap_or(TOKEN_LASTS),
        };
        let ops = Ops::open(ops, clock.clone())
            .await?
            .with_sessions_of(lifetimes);
        let (lazy, free) = (Durability::Lazy, Planning::Free);
        let views = part(&url, "views", lazy, free, allow_unsafe).await?;
        Ok(Self {
            journal,
            vault,
            ops,
            files,
            views,
            news: News::default(),
            clock,
        })
    }
}

fn make_folder(dir: &PathBuf) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let fail = |source| StoreError::Folder {
        path: dir.display().to_string(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(fail)
}

fn default_master(keys: &StoreUrl) -> MasterKey {
    MasterKey::File(match keys {
        StoreUrl::Sqlite(dir) => dir.join("master.key"),
        StoreUrl::Postgres(_) => PathBuf::from("docket-keys/master.key"),
    })
}

async fn part(
    url: &StoreUrl,
    place: &'static str,
    durability: Durability,
    planning: Planning,
    allow_unsafe: bool,
) -> Result<Db, StoreError> {
    let fail = |source| StoreError::Database { place, source };
    match url {
        StoreUrl::Sqlite(dir) => {
            make_folder(dir)?;
            Db::sqlite(&dir.join(format!("{place}.db")), durability)
                .await
                .map_err(fail)
        }
        StoreUrl::Postgres(url) => {
            let schema = format!("docket_{place}");
            Db::postgres(url, &schema, planning, allow_unsafe)
                .await
                .map_err(fail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_its_password() {
        let url: StoreUrl = "postgres://docket:s3cret@db.example:5432/city?sslmode=require"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5432/city");
        assert!(!format!("{url:?}").contains("s3cret"));
        assert!("mysql://x".parse::<StoreUrl>().is_err());
        assert!("sqlite:".parse::<StoreUrl>().is_err());
    }
}
