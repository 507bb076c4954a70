//! Keeping a log safe: verifying it, backing a store up and restoring it.
//!
//! * `snapshot`: one unmoving state of a part, read by pages. `tables`: every table that is kept.
//! * [`verify`](mod@verify): what is wrong with a log, by position.
//! * `vitals`: sizes, counts and versions.
//! * `attachments`: their bytes, in the store and in backups.
//! * [`ledger`]: persons erased, on record apart from the store.
//! * [`backup`](mod@backup), [`restore`](mod@restore): a store as plain files with a manifest, and back.
//!
//! All of it works beside a server, and holds no more in memory than a page. It must *not* change a store
//! that is there.

mod attachments;
pub mod backup;
mod files;
pub mod ledger;
pub mod manifest;
pub mod restore;
mod snapshot;
pub mod tables;
pub mod verify;
mod vitals;

pub use attachments::Kept;
pub use backup::{Backup, backup};
pub use ledger::Ledger;
pub use manifest::{Manifest, check, check_either};
pub use restore::{Restore, Restored, restore};
pub use snapshot::Snapshot;
pub use verify::{Finding, Report, Verify, verify};
pub use vitals::{Vitals, vitals};

use crate::files::FilesError;
use crate::vault::VaultError;
use std::path::Path;

/// Rows read at a time.
pub const PAGE: u32 = 1_000;

/// Told how far a long job is: done, wanted.
pub type Progress<'p> = &'p mut (dyn FnMut((u64, u64)) + Send);

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum SafekeepingError {
    /// No store where one should be.
    #[error("there is no store at {0}")]
    Missing(String),
    /// A database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The bytes of attachments.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file or folder failed.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The log is laid out by another Docket.
    #[error(
        "the journal's tables have layout {found}, and this Docket knows {known}: use the Docket that made them, or a later one"
    )]
    Layout {
        /// What was found.
        found: i64,
        /// What is known.
        known: i64,
    },
    /// The log cannot be read where it must be.
    #[error("position {position}: {reason}; `docket verify` says more")]
    Unreadable {
        /// Where.
        position: u64,
        /// Why.
        reason: String,
    },
    /// A place that must be empty is not, or two that must differ do not.
    #[error("{0}")]
    Place(String),
    /// The backup is damaged or not finished.
    #[error("the backup {path} cannot be used: {reason}")]
    Unusable {
        /// Its folder.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was restored is not what was backed up.
    #[error("what was restored is not what was backed up: {0}")]
    NotTheSame(String),
}

impl SafekeepingError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }

    fn unusable(dir: &Path, reason: impl Into<String>) -> Self {
        Self::Unusable {
            path: dir.display().to_string(),
            reason: reason.into(),
        }
    }
}
