//! Restoring a backup into an empty store, of either kind whichever it was taken from.
//!
//! All or nothing: on SQLite in a folder beside that takes the store's name when all is well, on PostgreSQL
//! in one transaction. The log is verified where it was written, against the manifest, before that.

use super::attachments;
use super::files::{Reader, sync_folder};
use super::manifest::{Contents, Manifest, check};
use super::snapshot::Snapshot;
use super::tables::{DATA, KEYRING, SECRETS, Table};
use super::verify::verify_within;
use super::{PAGE, Progress, SafekeepingError};
use crate::clock::random_bytes;
use crate::db::{Db, Planning, Tx, Value};
use crate::files::Files;
use crate::store::StoreUrl;
use crate::vault::{Erasure, MasterKey, VaultError, destroy_within, opens};
use crate::{journal, ops, values, vault};
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What comes from where.
pub struct Restore<'r> {
    /// The backup's folder.
    pub dir: &'r Path,
    /// The folder of the keys; `None` restores none.
    pub keys_dir: Option<&'r Path>,
    /// The store to be made.
    pub url: &'r StoreUrl,
    /// Where its keys go.
    pub keys_url: &'r StoreUrl,
    /// Where attachments go; `None` leaves them out.
    pub files: Option<&'r Files>,
    /// Persons erased, as far as is on record anywhere: their keys are not restored.
    pub erasures: &'r [Erasure],
    /// A master key, to be tried on the keys.
    pub master: Option<&'r MasterKey>,
    /// Whether the database may be one that would lose acknowledged commands in a power cut.
    pub allow_unsafe: bool,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// Attachments restored.
    pub files: u64,
    /// Erasures made since the backup, and done again.
    pub erased: usize,
    /// Whether the master key was tried, and opens the keys.
    pub master_tried: bool,
}

/// Restores a backup.
pub async fn restore(
    what: Restore<'_>,
    progress: Progress<'_>,
) -> Result<Restored, SafekeepingError> {
    let manifest = check(what.dir, Contents::Data)?;
    let (_, known) = journal::tables(true);
    if manifest.layout != known {
        let found = manifest.layout;
        return Err(SafekeepingError::Layout { found, known });
    }
    let keys = match what.keys_dir {
        Some(dir) => Some((dir, check_keys(dir, &manifest)?)),
        None => None,
    };
    let master_tried = match (&keys, what.master) {
        (Some((dir, keys)), Some(master)) => {
            try_master(dir, keys, master)?;
            true
        }
        _ => false,
    };
    let from = Checked {
        dir: what.dir,
        manifest: &manifest,
        keys: keys.as_ref().map(|(dir, keys)| (*dir, keys)),
    };
    let beside = files_within(&what)?;
    let apart = what.files.filter(|_| beside.is_none());
    let mut files = 0;
    if let Some(to) = apart {
        files = attachments::restore(what.dir, &manifest, to).await?;
    }
    let erased = match what.url {
        StoreUrl::Sqlite(target) => {
            let (erased, more) =
                into_sqlite(&from, &what, target, beside.as_deref(), progress).await?;
            files += more;
            erased
        }
        StoreUrl::Postgres(target) => into_postgres(&from, &what, target, progress).await?,
    };
    Ok(Restored {
        manifest,
        files,
        erased,
        master_tried,
    })
}

/// Where attachments go within the store's own folder, if they do: then they take its place with it. Anywhere else they
/// are put first, where nobody knows of them if the restore fails.
fn files_within(what: &Restore<'_>) -> Result<Option<PathBuf>, SafekeepingError> {
    let folder = what.files.and_then(Files::folder);
    let (StoreUrl::Sqlite(target), Some(folder)) = (what.url, folder) else {
        return Ok(None);
    };
    let absolute = |path: &Path| std::path::absolute(path).map_err(SafekeepingError::file(path));
    let (target, folder) = (absolute(target)?, absolute(folder)?);
    Ok(folder.strip_prefix(target).ok().map(Path::to_owned))
}

/// The keys must be of the same log, and not older than it.
fn check_keys(dir: &Path, data: &Manifest) -> Result<Manifest, SafekeepingError> {
    let keys = check(dir, Contents::Keys)?;
    if keys.log != data.log {
        let reason = format!("its keys are of log {}, the data of {}", keys.log, data.log);
        return Err(SafekeepingError::unusable(dir, reason));
    }
    if keys.taken_at < data.taken_at {
        let reason = "its keys are older than the data: they may not open all of it";
        return Err(SafekeepingError::unusable(dir, reason));
    }
    Ok(keys)
}

fn try_master(dir: &Path, keys: &Manifest, master: &MasterKey) -> Result<(), SafekeepingError> {
    let secrets = keys.file(dir, &SECRETS)?;
    let missing = || SafekeepingError::unusable(dir, "it has no look-up secret");
    let mut reader = Reader::open(dir, secrets.ok_or_else(missing)?)?;
    while let Some(line) = reader.line()? {
        let row = SECRETS
            .read_line(&line)
            .map_err(|what| reader.damaged(&what))?;
        if let [Value::Text(Some(name)), Value::Bytes(Some(wrapped))] = row.as_slice()
            && name == "lookup"
        {
            return if opens(master, wrapped)? {
                Ok(())
            } else {
                Err(VaultError::WrongMaster(dir.display().to_string()).into())
            };
        }
    }
    Err(missing())
}

/// A checked backup.
struct Checked<'f> {
    dir: &'f Path,
    manifest: &'f Manifest,
    keys: Option<(&'f Path, &'f Manifest)>,
}

/// The statements that make a part's tables.
fn schema(part: &str, sqlite: bool) -> String {
    let bytes = if sqlite { "BLOB" } else { "BYTEA" };
    match part {
        "journal" => journal::tables(sqlite).0.to_owned(),
        "ops" => ops::SCHEMA.replace("{bytes}", bytes),
        _ => vault::SCHEMA.replace("{bytes}", bytes),
    }
}

/// Fills one part within a transaction.
async fn fill(
    tx: &mut Tx,
    part: &str,
    tables: &[&'static Table],
    dir: &Path,
    manifest: &Manifest,
) -> Result<(), SafekeepingError> {
    tx.script(&schema(part, tx.is_sqlite())).await?;
    for table in tables.iter().filter(|table| table.part == part) {
        let Some(file) = manifest.file(dir, table)? else {
            continue;
        };
        let mut reader = Reader::open(dir, file)?;
        let mut rows = Vec::new();
        loop {
            let line = reader.line()?;
            if let Some(line) = &line {
                let damaged = |what| reader.damaged(&format!("line {}: {what}", reader.rows()));
                rows.push(table.read_line(line).map_err(damaged)?);
            }
            if line.is_none() || rows.len() == PAGE as usize {
                table.insert(tx, std::mem::take(&mut rows)).await?;
            }
            if line.is_none() {
                break;
            }
        }
        reader.finish()?;
    }
    Ok(())
}

/// Fills the keys, but for those of persons who were erased meanwhile: how many persons. All that follows from
/// any erasure is drawn anew by whoever opens the store next, since the log may be older than it.
async fn fill_keys(
    tx: &mut Tx,
    (dir, manifest): (&Path, &Manifest),
    erasures: &[Erasure],
) -> Result<usize, SafekeepingError> {
    fill(tx, "keys", &KEYRING, dir, manifest).await?;
    let mut again = 0;
    for erasure in erasures {
        let sql = "SELECT id FROM erasures WHERE id = $1";
        if tx.fetch_all(sql, values![erasure.id.0]).await?.is_empty() {
            destroy_within(tx, erasure).await?;
            again += 1;
        }
    }
    let sql = "UPDATE erasures SET done_at = NULL";
    tx.execute(sql, vec![]).await?;
    Ok(again)
}

/// Verifies the log where it was written, and that it is the one that was backed up.
async fn verify_log(
    tx: Tx,
    manifest: &Manifest,
    progress: Progress<'_>,
) -> Result<Tx, SafekeepingError> {
    let snapshot = Snapshot::within(tx, None).await?;
    let birth = (snapshot.birth.log, snapshot.birth.purpose.clone());
    let (report, snapshot) = verify_within(snapshot, manifest.checkpoint(), progress).await?;
    if birth != (manifest.log, manifest.purpose.clone()) || report.head != manifest.head {
        let what = "its birth certificate or last position differs from the manifest";
        return Err(SafekeepingError::NotTheSame(what.into()));
    }
    match report.findings.first() {
        None => Ok(snapshot.into_tx()),
        Some(finding) => Err(SafekeepingError::NotTheSame(match finding.position {
            Some(position) => format!("position {position}: {}", finding.what),
            None => finding.what.clone(),
        })),
    }
}

/// A folder that is taken away unless it was kept.
struct Draft(Option<PathBuf>);

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(dir) = &self.0 {
            // What cannot be taken away has a name that no store has.
            let _ = fs::remove_dir_all(dir);
        }
    }
}

fn draft_beside(target: &Path) -> Result<Draft, SafekeepingError> {
    let absolute = std::path::absolute(target).map_err(SafekeepingError::file(target))?;
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    let tail = Uuid::from_bytes(random_bytes()).simple();
    let dir = absolute.with_file_name(format!(".{name}.restoring-{tail}"));
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir);
    made.map_err(SafekeepingError::file(&dir))?;
    Ok(Draft(Some(dir)))
}

async fn into_sqlite(
    from: &Checked<'_>,
    what: &Restore<'_>,
    target: &Path,
    files_in: Option<&Path>,
    progress: Progress<'_>,
) -> Result<(usize, u64), SafekeepingError> {
    let occupied = target.exists()
        && fs::read_dir(target)
            .map_err(SafekeepingError::file(target))?
            .next()
            .is_some();
    if occupied {
        return Err(SafekeepingError::Place(format!(
            "{} is not empty: a backup is restored into a new store only",
            what.url
        )));
    }
    let mut draft = draft_beside(target)?;
    let dir = draft.0.clone().unwrap_or_default();
    let journal = Db::sqlite_making(&dir.join("journal.db")).await?;
    let mut tx = journal.begin().await?;
    fill(&mut tx, "journal", &DATA, from.dir, from.manifest).await?;
    let tx = verify_log(tx, from.manifest, progress).await?;
    tx.commit().await?;
    settle(journal, &dir.join("journal.db")).await?;
    let file = dir.join("ops.db");
    let ops = Db::sqlite_making(&file).await?;
    let mut tx = ops.begin().await?;
    fill(&mut tx, "ops", &DATA, from.dir, from.manifest).await?;
    tx.commit().await?;
    settle(ops, &file).await?;
    let erased = match (from.keys, what.keys_url == what.url) {
        (Some(keys), true) => fill_keys_file(&dir, keys, what.erasures).await?,
        (Some(_), false) => restore_keys(from, what).await?,
        (None, _) => 0,
    };
    let mut files = 0;
    if let Some(within) = files_in {
        let to = Files::in_folder(&dir.join(within));
        files = attachments::restore(from.dir, from.manifest, &to).await?;
    }
    sync_folder(&dir)?;
    // Takes the place of an empty folder, and of no other.
    fs::rename(&dir, target).map_err(SafekeepingError::file(target))?;
    draft.0 = None;
    sync_folder(dir.parent().unwrap_or(Path::new("/")))?;
    Ok((erased, files))
}

async fn fill_keys_file(
    dir: &Path,
    keys: (&Path, &Manifest),
    erasures: &[Erasure],
) -> Result<usize, SafekeepingError> {
    let file = dir.join("keys.db");
    let db = Db::sqlite_making(&file).await?;
    let mut tx = db.begin().await?;
    let erased = fill_keys(&mut tx, keys, erasures).await?;
    tx.commit().await?;
    settle(db, &file).await?;
    Ok(erased)
}

/// Closes a file that was made, with all of it on disk.
async fn settle(db: Db, file: &Path) -> Result<(), SafekeepingError> {
    db.close().await;
    let synced = fs::File::open(file).and_then(|file| file.sync_all());
    synced.map_err(SafekeepingError::file(file))
}

/// Restores keys into a place apart from the store.
async fn restore_keys(from: &Checked<'_>, what: &Restore<'_>) -> Result<usize, SafekeepingError> {
    let Some(keys) = from.keys else {
        return Ok(0);
    };
    match what.keys_url {
        StoreUrl::Sqlite(dir) => {
            let path = dir.join("keys.db");
            if path.exists() {
                let told = format!("there are keys at {} already", what.keys_url);
                return Err(SafekeepingError::Place(told));
            }
            let draft = draft_beside(&path)?;
            let beside = draft.0.as_deref().unwrap_or(Path::new("."));
            let erased = fill_keys_file(beside, keys, what.erasures).await?;
            let file = beside.join("keys.db");
            fs::rename(&file, &path).map_err(SafekeepingError::file(&path))?;
            sync_folder(dir)?;
            Ok(erased)
        }
        StoreUrl::Postgres(url) => {
            let db = target(url, what.allow_unsafe).await?;
            let mut tx = db.begin().await?;
            enter(&mut tx, "keys", "secrets", what.keys_url).await?;
            let erased = fill_keys(&mut tx, keys, what.erasures).await?;
            tx.commit().await?;
            Ok(erased)
        }
    }
}

async fn target(url: &str, allow_unsafe: bool) -> Result<Db, SafekeepingError> {
    Ok(Db::postgres(url, "public", Planning::Free, allow_unsafe).await?)
}

/// Makes a part's schema and goes into it; refuses one that has its tables.
async fn enter(
    tx: &mut Tx,
    part: &str,
    landmark: &str,
    url: &StoreUrl,
) -> Result<(), SafekeepingError> {
    // The lock under which stores are founded: nobody makes these tables meanwhile.
    let lock = "SELECT pg_advisory_xact_lock(hashtext('docket schema'))";
    tx.execute(lock, vec![]).await?;
    let sql = "SELECT 'free' WHERE to_regclass($1) IS NULL";
    let rows = tx
        .fetch_all(sql, values![format!("docket_{part}.{landmark}")])
        .await?;
    if rows.is_empty() {
        return Err(SafekeepingError::Place(format!(
            "{url} has a {part} part already: a backup is restored into a new store only"
        )));
    }
    let script = format!(
        "CREATE SCHEMA IF NOT EXISTS docket_{part}; SET LOCAL search_path TO docket_{part}"
    );
    tx.script(&script).await?;
    Ok(())
}

async fn into_postgres(
    from: &Checked<'_>,
    what: &Restore<'_>,
    url: &str,
    progress: Progress<'_>,
) -> Result<usize, SafekeepingError> {
    let db = target(url, what.allow_unsafe).await?;
    let mut tx = db.begin().await?;
    enter(&mut tx, "ops", "credentials", what.url).await?;
    fill(&mut tx, "ops", &DATA, from.dir, from.manifest).await?;
    let mut erased = 0;
    if let Some(keys) = from.keys.filter(|_| what.keys_url == what.url) {
        enter(&mut tx, "keys", "secrets", what.url).await?;
        erased = fill_keys(&mut tx, keys, what.erasures).await?;
    }
    enter(&mut tx, "journal", "log", what.url).await?;
    fill(&mut tx, "journal", &DATA, from.dir, from.manifest).await?;
    // So that verification is planned for full tables.
    tx.script("ANALYZE events; ANALYZE commands; ANALYZE claims")
        .await?;
    let tx = verify_log(tx, from.manifest, progress).await?;
    if what.keys_url != what.url {
        erased = restore_keys(from, what).await?;
    }
    tx.commit().await?;
    Ok(erased)
}
