//! Backing up: a store as plain files, while it is being written to.
//!
//! First the journal, as one unmoving state; then ops; then the keys, into a folder of their own. A key is on
//! disk before the event that uses it, so keys taken after the log open all of it. The manifest is written
//! last. Format: `docs/operations.md`; why: `docs/decisions/0021`.

use super::attachments::Found;
use super::files::{Writer, make_empty, write_manifest};
use super::manifest::{Contents, FORMAT, File, Manifest};
use super::snapshot::{Snapshot, reading, record_of};
use super::tables::{CLAIMS, COMMANDS, CREDENTIALS, EVENTS, KEYRING, LOG, SECRETS, Table};
use super::verify::erased;
use super::{PAGE, Progress, SafekeepingError};
use crate::clock::Clock;
use crate::db::Tx;
use crate::digests::{Checkpoint, digest};
use crate::files::Files;
use crate::store::StoreUrl;
use std::path::{Path, PathBuf};

/// What goes where.
pub struct Backup<'b> {
    /// The store.
    pub url: &'b StoreUrl,
    /// Where its keys are.
    pub keys_url: &'b StoreUrl,
    /// The folder for journal and ops: new or empty.
    pub dir: &'b Path,
    /// The folder for the keys, apart from it; `None` leaves them out.
    pub keys_dir: Option<&'b Path>,
    /// Where attachments are; `None` leaves them out.
    pub files: Option<&'b Files>,
    /// Business time.
    pub clock: &'b dyn Clock,
}

/// Backs a store up.
pub async fn backup(
    what: Backup<'_>,
    progress: Progress<'_>,
) -> Result<Manifest, SafekeepingError> {
    if let Some(keys_dir) = what.keys_dir {
        apart(what.dir, keys_dir)?;
    }
    let mut snapshot = Snapshot::open(what.url).await?;
    let taken_at = what.clock.now();
    make_empty(what.dir)?;
    if let Some(keys_dir) = what.keys_dir {
        make_empty(keys_dir)?;
    }
    let mut found = what.files.map(|_| Found::new(what.dir)).transpose()?;
    let events = write_events(&mut snapshot, what.dir, found.as_mut(), progress).await?;
    let (events, checkpoint) = events;
    let birth = snapshot.birth.clone();
    let mut tx = snapshot.into_tx();
    let mut files = vec![events];
    for table in [&LOG, &COMMANDS, &CLAIMS] {
        files.push(write_table(&mut tx, table, what.dir).await?);
    }
    drop(tx);
    let mut attachments = None;
    if let (Some(from), Some(found)) = (what.files, found) {
        let (list, kept) = found.keep(from, what.dir, progress).await?;
        files.push(list);
        attachments = Some(kept);
    }
    files.extend(write_part(what.url, &[&CREDENTIALS], what.dir).await?);
    let manifest = |contents, files| Manifest {
        format: FORMAT,
        contents,
        docket: env!("CARGO_PKG_VERSION").into(),
        log: birth.log,
        purpose: birth.purpose.clone(),
        layout: birth.layout,
        taken_at,
        head: checkpoint.position,
        running: checkpoint.running,
        attachments: attachments.filter(|_| contents == Contents::Data),
        files,
    };
    if let Some(keys_dir) = what.keys_dir {
        let files = write_part(what.keys_url, &KEYRING, keys_dir).await?;
        write_manifest(keys_dir, &manifest(Contents::Keys, files))?;
    }
    let manifest = manifest(Contents::Data, files);
    write_manifest(what.dir, &manifest)?;
    Ok(manifest)
}

/// Refuses to put keys where the data is: whoever finds one folder must not find both.
fn apart(dir: &Path, keys_dir: &Path) -> Result<(), SafekeepingError> {
    let absolute = |path: &Path| -> Result<PathBuf, SafekeepingError> {
        let absolute = std::path::absolute(path).map_err(SafekeepingError::file(path))?;
        // What is not there yet is told by its nearest folder that is.
        let mut there = absolute.as_path();
        while !there.exists() {
            match there.parent() {
                Some(parent) => there = parent,
                None => return Ok(absolute),
            }
        }
        let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
        let real = there.canonicalize().map_err(SafekeepingError::file(path))?;
        Ok(real.join(rest))
    };
    let (data, keys) = (absolute(dir)?, absolute(keys_dir)?);
    if data.starts_with(&keys) || keys.starts_with(&data) {
        return Err(SafekeepingError::Place(
            "keys go into a folder of their own: neither may be the other or within it".into(),
        ));
    }
    Ok(())
}

async fn write_events(
    snapshot: &mut Snapshot,
    dir: &Path,
    mut found: Option<&mut Found>,
    progress: Progress<'_>,
) -> Result<(File, Checkpoint), SafekeepingError> {
    let mut file = Writer::create(dir, &EVENTS)?;
    // Their files are gone.
    let erased = erased(&mut snapshot.tx).await?;
    let mut at = Checkpoint::default();
    loop {
        let rows = snapshot.rows(at.position).await?;
        if rows.is_empty() {
            return Ok((file.finish()?, at));
        }
        for row in &rows {
            let unreadable = |column: &str| SafekeepingError::Unreadable {
                position: at.position + 1,
                reason: format!("its {column} cannot be read"),
            };
            let values = EVENTS.values(row).map_err(unreadable)?;
            let line = EVENTS.line(&values);
            let record = record_of(values).map_err(unreadable)?;
            if record.position != at.position + 1 {
                return Err(unreadable("record is missing and"));
            }
            if let Some(found) = found.as_mut().filter(|_| !erased.contains(&record.stream)) {
                found.note(&record)?;
            }
            at = at.then(&digest(&record, snapshot.birth.log));
            file.line(line)?;
        }
        progress((at.position, snapshot.head));
    }
}

async fn write_table(tx: &mut Tx, table: &Table, dir: &Path) -> Result<File, SafekeepingError> {
    let mut file = Writer::create(dir, table)?;
    if table.may_be_missing() && !table.is_there(tx).await? {
        return file.finish();
    }
    let mut after = None;
    loop {
        let rows = table.page(tx, after.as_deref(), PAGE).await?;
        if rows.is_empty() {
            return file.finish();
        }
        for row in &rows {
            let values = table.values(row).map_err(|column| {
                let name = table.name;
                SafekeepingError::Place(format!(
                    "a row of {name} has a {column} that cannot be read"
                ))
            })?;
            file.line(table.line(&values))?;
            after = Some(values[..table.key].to_vec());
        }
    }
}

/// Writes tables of a part other than the journal, as one unmoving state.
async fn write_part(
    url: &StoreUrl,
    tables: &[&Table],
    dir: &Path,
) -> Result<Vec<File>, SafekeepingError> {
    let first = tables.first().map_or(&SECRETS, |table| *table);
    let missing = || SafekeepingError::Missing(format!("{url}, part {}", first.part));
    let db = reading(url, first.part, first.name)
        .await?
        .ok_or_else(missing)?;
    let mut tx = db.begin_read().await?;
    let mut files = Vec::new();
    for table in tables {
        files.push(write_table(&mut tx, table, dir).await?);
    }
    Ok(files)
}
