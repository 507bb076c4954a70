//! Attachments kept: looked at where they are, and in backups. A backup lists them among its files, and has their sealed
//! bytes in a folder beside, laid out as a store's own.

use super::files::{Reader, Writer};
use super::manifest::{File, Manifest};
use super::tables::{Kind, Table};
use super::{Progress, SafekeepingError};
use crate::db::Value;
use crate::files::{Files, within};
use crate::journal::Record;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::ObjectId;
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::attach_file::FileAttached;
use docket_domain::ticket::{FileHash, Ticket};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::Path;

/// The folder of their bytes in a backup.
pub const FOLDER: &str = "attachments";
/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

const COLUMNS: &[(&str, Kind)] = &[
    ("position", Kind::Int),
    ("object", Kind::Uuid),
    ("hash", Kind::Text),
];

/// The list of attachments whose bytes are in a backup.
const KEPT: Table = Table {
    part: "files",
    name: "attachments",
    columns: COLUMNS,
    key: 1,
};
/// Those that were found in the log, before their bytes are copied.
const FOUND: Table = Table {
    name: "attachments.found",
    ..KEPT
};

/// What a manifest tells of attachments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// How many are in the backup.
    pub files: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// How many should be, and were not there.
    pub missing: u64,
}

/// The bytes that an event tells of.
pub(super) fn of_record(record: &Record) -> Option<(ObjectId, FileHash)> {
    if record.category != Ticket::CATEGORY || record.event_type != FileAttached::TYPE {
        return None;
    }
    let event: FileAttached = serde_json::from_str(&record.data).ok()?;
    Some((event.object, event.hash))
}

/// Attachments found while the log is read.
pub(super) struct Found(Writer);

impl Found {
    pub(super) fn new(dir: &Path) -> Result<Self, SafekeepingError> {
        Ok(Self(Writer::create(dir, &FOUND)?))
    }

    pub(super) fn note(&mut self, record: &Record) -> Result<(), SafekeepingError> {
        let Some((object, hash)) = of_record(record) else {
            return Ok(());
        };
        let position = i64::try_from(record.position).unwrap_or(i64::MAX);
        self.0.line(FOUND.line(&line(position, object, hash)))
    }

    /// Copies the bytes of all of them into a backup: the list of those that are in it, and what is told of them.
    pub(super) async fn keep(
        self,
        files: &Files,
        dir: &Path,
        progress: Progress<'_>,
    ) -> Result<(File, Kept), SafekeepingError> {
        let found = self.0.finish()?;
        let to = Files::in_folder(&dir.join(FOLDER));
        let mut list = Writer::create(dir, &KEPT)?;
        let mut kept = Kept::default();
        let mut reader = Reader::open(dir, &found)?;
        while let Some(text) = reader.line()? {
            let (position, object, hash) = read(&FOUND, &reader, &text)?;
            match files.copy(object, hash, &to).await {
                Ok(Some(bytes)) => {
                    kept.files += 1;
                    kept.bytes += bytes;
                    list.line(KEPT.line(&line(position, object, hash)))?;
                }
                // Or altered: the backup is finished without it, and says so.
                Ok(None) | Err(crate::files::FilesError::Changed(_)) => kept.missing += 1,
                Err(error) => return Err(error.into()),
            }
            progress((reader.rows(), found.rows));
        }
        reader.finish()?;
        let path = dir.join(&found.name);
        std::fs::remove_file(&path).map_err(SafekeepingError::file(&path))?;
        Ok((list.finish()?, kept))
    }
}

/// The list of attachments in a backup, if it has one.
fn list(manifest: &Manifest) -> Option<&File> {
    let mut files = manifest.files.iter();
    files.find(|file| file.part == KEPT.part && file.table == KEPT.name)
}

/// Reads every byte of the attachments in a backup, and refuses one that is not as it was stored.
pub(super) fn check(dir: &Path, manifest: &Manifest) -> Result<(), SafekeepingError> {
    let Some(list) = list(manifest) else {
        return Ok(());
    };
    let mut reader = Reader::open(dir, list)?;
    while let Some(text) = reader.line()? {
        let (position, object, hash) = read(&KEPT, &reader, &text)?;
        let path = dir.join(FOLDER).join(within(object));
        if hash_of(&path).ok() != Some(hash) {
            let what = format!("the attachment of position {position} is missing or was changed");
            return Err(SafekeepingError::unusable(dir, what));
        }
    }
    reader.finish()
}

/// Copies the attachments of a backup to where a store has them: how many.
pub(super) async fn restore(
    dir: &Path,
    manifest: &Manifest,
    to: &Files,
) -> Result<u64, SafekeepingError> {
    let Some(list) = list(manifest) else {
        return Ok(0);
    };
    let from = Files::in_folder(&dir.join(FOLDER));
    let mut reader = Reader::open(dir, list)?;
    while let Some(text) = reader.line()? {
        let (position, object, hash) = read(&KEPT, &reader, &text)?;
        if from.copy(object, hash, to).await?.is_none() {
            let what = format!("the attachment of position {position} is missing");
            return Err(SafekeepingError::unusable(dir, what));
        }
    }
    let count = reader.rows();
    reader.finish()?;
    Ok(count)
}

fn hash_of(path: &Path) -> std::io::Result<FileHash> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(FileHash(hash.finalize().into())),
            some => hash.update(&buffer[..some]),
        }
    }
}

fn line(position: i64, object: ObjectId, hash: FileHash) -> Vec<Value> {
    vec![
        Value::from(position),
        Value::from(object.0),
        Value::from(hash.to_string()),
    ]
}

fn read(
    table: &Table,
    reader: &Reader,
    text: &str,
) -> Result<(i64, ObjectId, FileHash), SafekeepingError> {
    let values = table
        .read_line(text)
        .map_err(|what| reader.damaged(&what))?;
    match values.as_slice() {
        [
            Value::Int(Some(position)),
            Value::Text(Some(object)),
            Value::Text(Some(hash)),
        ] => {
            let no_id = |_| reader.damaged("has an object that is no id");
            let object = object.parse().map_err(no_id)?;
            let hash = hash.parse().map_err(|what| reader.damaged(what))?;
            Ok((*position, object, hash))
        }
        _ => Err(reader.damaged("has a line without position, object or hash")),
    }
}
