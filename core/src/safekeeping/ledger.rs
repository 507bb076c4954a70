//! The ledger of erasures: who was forgotten, as ids, in a file apart from the store and its backups. A backup
//! restored would bring back what was erased after it was taken; with the ledger it does not.

use super::SafekeepingError;
use crate::clock::random_bytes;
use crate::vault::Erasure;
use docket_domain::ids::{ErasureId, LogId};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A ledger: one line of JSON an erasure.
pub struct Ledger {
    path: PathBuf,
    erasures: BTreeMap<(docket_domain::Timestamp, ErasureId), Erasure>,
}

impl Ledger {
    /// Reads a ledger of a log; one that is not there is empty.
    pub fn open(path: &Path, log: LogId) -> Result<Self, SafekeepingError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(SafekeepingError::file(path))?,
        };
        let mut erasures = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |what: &str| {
                let path = path.display();
                SafekeepingError::Place(format!("the ledger {path}, line {number}: {what}"))
            };
            let erasure: Erasure =
                serde_json::from_str(line).map_err(|_| wrong("it is no erasure"))?;
            if erasure.log != log {
                return Err(wrong("it is of another log"));
            }
            erasures.insert((erasure.at, erasure.id), erasure);
        }
        Ok(Self {
            path: path.to_owned(),
            erasures,
        })
    }

    /// Its erasures, in order of time.
    #[must_use]
    pub fn erasures(&self) -> Vec<Erasure> {
        self.erasures.values().cloned().collect()
    }

    /// Adds what it does not have, and puts it on disk: whole or as it was.
    pub fn add(&mut self, erasures: Vec<Erasure>) -> Result<(), SafekeepingError> {
        let before = self.erasures.len();
        let keyed = erasures.into_iter().map(|e| ((e.at, e.id), e));
        self.erasures.extend(keyed);
        if self.erasures.len() == before {
            return Ok(());
        }
        let mut text = String::new();
        for erasure in self.erasures.values() {
            text.push_str(&serde_json::to_string(erasure).expect("ids and words are JSON"));
            text.push('\n');
        }
        let tail = Uuid::from_bytes(random_bytes()).simple().to_string();
        let draft = self.path.with_extension(tail);
        let written = write_new(&draft, text.as_bytes());
        let placed = written.and_then(|()| fs::rename(&draft, &self.path));
        if placed.is_err() {
            // Whatever is left of it has a name that no ledger has.
            let _ = fs::remove_file(&draft);
        }
        placed.map_err(SafekeepingError::file(&self.path))?;
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        super::files::sync_folder(folder.unwrap_or(Path::new(".")))
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
