//! The ledger of erasures: who was forgotten, as ids, in a file apart from the store and its backups. A backup
//! restored would bring back what was erased after it was taken; with the ledger it does not.

use super::SafekeepingError;
use crate::clock::random_bytes;
use crate::vault::Erasure;
use docket_domain::ids::{ErasureId, LogId};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
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

    /// Whether it can be written: looked at before anybody is erased. Makes its folder.
    pub fn check(&self) -> Result<(), SafekeepingError> {
        if let Some(folder) = self.path.parent() {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder);
            made.map_err(SafekeepingError::file(folder))?;
        }
        let draft = self.draft();
        let written = write_new(&draft, &[]).and_then(|()| fs::remove_file(&draft));
        written.map_err(SafekeepingError::file(&self.path))
    }

    /// How many of some erasures it lacks.
    #[must_use]
    pub fn lacks(&self, erasures: &[Erasure]) -> usize {
        let lacks = |e: &&Erasure| !self.erasures.contains_key(&(e.at, e.id));
        erasures.iter().filter(lacks).count()
    }

    fn draft(&self) -> PathBuf {
        let tail = Uuid::from_bytes(random_bytes()).simple().to_string();
        self.path.with_extension(tail)
    }

    /// Its erasures, in order of time.
    #[must_use]
    pub fn erasures(&self) -> Vec<Erasure> {
        self.erasures.values().cloned().collect()
    }

    /// Adds what it does not have, and puts it on disk: whole or as it was.
    pub fn add(&mut self, erasures: Vec<Erasure>) -> Result<(), SafekeepingError> {
        if self.lacks(&erasures) == 0 {
            return Ok(());
        }
        self.check()?;
        let keyed = erasures.into_iter().map(|e| ((e.at, e.id), e));
        self.erasures.extend(keyed);
        let mut text = String::new();
        for erasure in self.erasures.values() {
            text.push_str(&serde_json::to_string(erasure).expect("ids and words are JSON"));
            text.push('\n');
        }
        let draft = self.draft();
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
