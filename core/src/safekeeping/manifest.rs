//! The manifest of a backup: what it holds, written last. A folder without one is no backup.

use super::SafekeepingError;
use super::attachments::{self, Kept};
use super::files::{Reader, read_manifest};
use super::tables::Table;
use crate::digests::{Checkpoint, Hash};
use docket_domain::Timestamp;
use docket_domain::ids::LogId;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format of the folder.
pub const FORMAT: u32 = 1;
/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";

/// What a folder of a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Journal and ops.
    Data,
    /// Wrapped keys.
    Keys,
}

/// A backup's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the folder: [`FORMAT`].
    pub format: u32,
    /// What it holds.
    pub contents: Contents,
    /// The Docket that wrote it.
    pub docket: String,
    /// The log.
    pub log: LogId,
    /// What the log was made for: `real` or `demo`.
    pub purpose: String,
    /// The layout of the journal's tables.
    pub layout: i64,
    /// When it was taken: nothing later is in it, and of keys everything earlier.
    pub taken_at: Timestamp,
    /// The last position of the log (of keys: of the log they were taken after).
    pub head: u64,
    /// The running hash there.
    pub running: Hash,
    /// Attachments, of data; `None` where they were left out, or an earlier Docket wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Kept>,
    /// Its files.
    pub files: Vec<File>,
}

/// One file of a backup: the rows of one table, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The part of the store.
    pub part: String,
    /// The table.
    pub table: String,
    /// Its name in the folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Hash,
}

impl Manifest {
    /// The checkpoint an auditor writes down.
    #[must_use]
    pub const fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            position: self.head,
            running: self.running,
        }
    }

    /// The file of a table; `None` of one that an earlier Docket did not have yet.
    pub(super) fn file(
        &self,
        dir: &Path,
        table: &Table,
    ) -> Result<Option<&File>, SafekeepingError> {
        let is = |file: &&File| file.part == table.part && file.table == table.name;
        let found = self.files.iter().find(is);
        if found.is_none() && !table.may_be_missing() {
            let reason = format!("it has no {}", table.name);
            return Err(SafekeepingError::unusable(dir, reason));
        }
        Ok(found)
    }
}

/// Reads a backup's manifest and every byte of its files, and refuses one that is not as it was written.
pub fn check(dir: &Path, contents: Contents) -> Result<Manifest, SafekeepingError> {
    let manifest = check_either(dir)?;
    if manifest.contents != contents {
        let reason = match contents {
            Contents::Data => "it holds keys, not data",
            Contents::Keys => "it holds data, not keys",
        };
        return Err(SafekeepingError::unusable(dir, reason));
    }
    Ok(manifest)
}

/// [`check`] of a folder that may hold data or keys.
pub fn check_either(dir: &Path) -> Result<Manifest, SafekeepingError> {
    let manifest = read_manifest(dir)?;
    for file in &manifest.files {
        let mut reader = Reader::open(dir, file)?;
        while reader.line()?.is_some() {}
        reader.finish()?;
    }
    attachments::check(dir, &manifest)?;
    Ok(manifest)
}
