//! The files of a backup: written so that they are on disk or not there, read so that damage is noticed.

use super::SafekeepingError;
use super::manifest::{FORMAT, File, MANIFEST, Manifest};
use super::tables::Table;
use crate::digests::Hash;
use crate::journal::DATA_BYTES_MAX;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Longest line: an event's data, every character of it escaped, and the rest of the record.
const LINE_BYTES_MAX: u64 = 6 * DATA_BYTES_MAX as u64 + 4_096;

/// Makes a folder for its owner only; one that is there must be empty.
pub(super) fn make_empty(dir: &Path) -> Result<(), SafekeepingError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(SafekeepingError::file(dir))?;
    let mut entries = fs::read_dir(dir).map_err(SafekeepingError::file(dir))?;
    if entries.next().is_none() {
        return Ok(());
    }
    let unfinished = if dir.join(MANIFEST).exists() {
        ""
    } else {
        " (a backup without its manifest was not finished: delete it)"
    };
    Err(SafekeepingError::Place(format!(
        "the folder {} is not empty{unfinished}: name another",
        dir.display()
    )))
}

/// Puts what a folder lists on disk.
pub(super) fn sync_folder(dir: &Path) -> Result<(), SafekeepingError> {
    let open = fs::File::open(dir).and_then(|dir| dir.sync_all());
    open.map_err(SafekeepingError::file(dir))
}

fn create(path: &Path) -> Result<fs::File, SafekeepingError> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(SafekeepingError::file(path))
}

/// Writes a table's file.
pub(super) struct Writer {
    out: BufWriter<fs::File>,
    path: PathBuf,
    hash: Sha256,
    file: File,
}

impl Writer {
    pub(super) fn create(dir: &Path, table: &Table) -> Result<Self, SafekeepingError> {
        let name = format!("{}.{}.jsonl", table.part, table.name);
        let path = dir.join(&name);
        Ok(Self {
            out: BufWriter::with_capacity(1 << 18, create(&path)?),
            path,
            hash: Sha256::new(),
            file: File {
                part: table.part.into(),
                table: table.name.into(),
                name,
                rows: 0,
                bytes: 0,
                sha256: Hash::default(),
            },
        })
    }

    pub(super) fn line(&mut self, mut line: String) -> Result<(), SafekeepingError> {
        line.push('\n');
        self.hash.update(line.as_bytes());
        self.file.rows += 1;
        self.file.bytes += line.len() as u64;
        let written = self.out.write_all(line.as_bytes());
        written.map_err(SafekeepingError::file(&self.path))
    }

    /// On disk when it returns.
    pub(super) fn finish(mut self) -> Result<File, SafekeepingError> {
        let synced = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all());
        synced.map_err(SafekeepingError::file(&self.path))?;
        self.file.sha256 = Hash(self.hash.finalize().into());
        Ok(self.file)
    }
}

/// Reads a table's file.
pub(super) struct Reader {
    input: BufReader<fs::File>,
    dir: PathBuf,
    hash: Sha256,
    expected: File,
    rows: u64,
    bytes: u64,
}

impl Reader {
    pub(super) fn open(dir: &Path, file: &File) -> Result<Self, SafekeepingError> {
        if file.name.contains('/') {
            return Err(SafekeepingError::unusable(dir, "it names a file elsewhere"));
        }
        let path = dir.join(&file.name);
        let opened = fs::File::open(&path)
            .map_err(|error| SafekeepingError::unusable(dir, format!("{}: {error}", file.name)))?;
        Ok(Self {
            input: BufReader::with_capacity(1 << 18, opened),
            dir: dir.to_owned(),
            hash: Sha256::new(),
            expected: file.clone(),
            rows: 0,
            bytes: 0,
        })
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> Result<Option<String>, SafekeepingError> {
        let mut line = Vec::new();
        let read = (&mut self.input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        let count = read.map_err(SafekeepingError::file(&self.dir.join(&self.expected.name)))?;
        if count == 0 {
            return Ok(None);
        }
        self.hash.update(&line);
        self.rows += 1;
        self.bytes += count as u64;
        if line.pop() != Some(b'\n') {
            return Err(self.damaged("ends in the middle of a line, or a line is too long"));
        }
        match String::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.damaged(&format!("line {} is no UTF-8", self.rows))),
        }
    }

    pub(super) fn damaged(&self, what: &str) -> SafekeepingError {
        SafekeepingError::unusable(&self.dir, format!("{} {what}", self.expected.name))
    }

    /// The number of the line read last.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Refuses a file that is not as it was written.
    pub(super) fn finish(self) -> Result<(), SafekeepingError> {
        let (rows, bytes) = (self.rows, self.bytes);
        if (rows, bytes) != (self.expected.rows, self.expected.bytes) {
            let (wanted, size) = (self.expected.rows, self.expected.bytes);
            return Err(self.damaged(&format!(
                "has {rows} lines in {bytes} bytes, not {wanted} in {size}"
            )));
        }
        if Hash(self.hash.clone().finalize().into()) != self.expected.sha256 {
            return Err(self.damaged("was changed: its SHA-256 differs"));
        }
        Ok(())
    }
}

/// Writes the manifest: whole, and last of all.
pub(super) fn write_manifest(dir: &Path, manifest: &Manifest) -> Result<(), SafekeepingError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("a manifest is a plain struct");
    text.push('\n');
    sync_folder(dir)?;
    let (draft, path) = (dir.join("manifest.draft"), dir.join(MANIFEST));
    let mut file = create(&draft)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(SafekeepingError::file(&path))?;
    sync_folder(dir)
}

pub(super) fn read_manifest(dir: &Path) -> Result<Manifest, SafekeepingError> {
    let text = match fs::read_to_string(dir.join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let reason = "it has no manifest: it is no backup, or was not finished";
            return Err(SafekeepingError::unusable(dir, reason));
        }
        Err(error) => return Err(SafekeepingError::file(dir)(error)),
    };
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| SafekeepingError::unusable(dir, format!("its manifest: {error}")))?;
    if manifest.format != FORMAT {
        let reason = format!(
            "its format is {}, and this Docket knows {FORMAT}",
            manifest.format
        );
        return Err(SafekeepingError::unusable(dir, reason));
    }
    Ok(manifest)
}
