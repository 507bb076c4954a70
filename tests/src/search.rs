//! Searching a store for what must not be in it: every byte of every file, and every row of every table.

use crate::store::TestStore;
use docket_core::db::Db;
use docket_domain::Timestamp;
use memchr::memmem;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Everything a store holds, written since a time: files, and on PostgreSQL rows as well.
pub async fn dump(store: &TestStore, since: Timestamp) -> Vec<Vec<u8>> {
    if store.is_sqlite() {
        return files(store.dir());
    }
    let mut dump = cluster_files(store, since).await;
    dump.push(tables(store).await);
    dump
}

/// Whether a dump holds a text, in UTF-8 or as the hexadecimal digits of it.
#[must_use]
pub fn contains<B: AsRef<[u8]>>(dump: &[B], text: &str) -> bool {
    let hex = crate::golden::hex(text.as_bytes());
    [text.as_bytes(), hex.as_bytes()].iter().any(|needle| {
        let finder = memmem::Finder::new(needle);
        dump.iter()
            .any(|piece| finder.find(piece.as_ref()).is_some())
    })
}

/// Every byte of every file of a store.
fn files(dir: &Path) -> Vec<Vec<u8>> {
    let mut dump = Vec::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            dump.extend(below(&path));
            continue;
        }
        dump.push(std::fs::read(&path).unwrap());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for wanted in ["journal.db", "keys.db", "ops.db", "views.db"] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
    dump
}

/// Every byte of every file of a folder and those within it.
#[must_use]
pub fn below(dir: &Path) -> Vec<Vec<u8>> {
    let mut dump = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            dump.extend(below(&path));
        } else {
            dump.push(std::fs::read(&path).unwrap());
        }
    }
    dump
}

/// Every byte of every file of a database, and of the server's write-ahead log since a time.
async fn cluster_files(store: &TestStore, since: Timestamp) -> Vec<Vec<u8>> {
    let db: Db = store.part("journal").await;
    db.execute("CHECKPOINT", vec![]).await.unwrap();
    let sql = "SELECT current_setting('data_directory'),
                      (SELECT oid::text FROM pg_database WHERE datname = current_database())";
    let row = db.fetch_optional(sql, vec![]).await.unwrap().unwrap();
    let (data, oid) = (row.text(0).unwrap(), row.text(1).unwrap());
    let base = PathBuf::from(&data).join("base").join(oid);
    let wal = PathBuf::from(&data).join("pg_wal");
    let mut dump = Vec::new();
    for (folder, everything) in [(base, true), (wal, false)] {
        let before = dump.len();
        for entry in std::fs::read_dir(folder).expect("the tests' own server, its files at hand") {
            let path = entry.unwrap().path();
            // Gone, or a folder: a server at work clears up.
            let Ok(about) = path.metadata() else { continue };
            if about.is_file()
                && (everything || about.modified().unwrap() >= SystemTime::from(since))
            {
                dump.extend(std::fs::read(&path));
            }
        }
        assert!(dump.len() > before, "both folders hold what was written");
    }
    dump
}

/// Every row of every table of a database, as text.
async fn tables(store: &TestStore) -> Vec<u8> {
    let db: Db = store.part("journal").await;
    let sql = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
               WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let tables = db.fetch_all(sql, vec![]).await.unwrap();
    assert!(tables.len() >= 8, "journal, keys and ops have their tables");
    let mut dump = Vec::new();
    for table in tables {
        let sql = format!("SELECT t::text FROM {} t", table.text(0).unwrap());
        for row in db.fetch_all(&sql, vec![]).await.unwrap() {
            dump.extend(row.text(0).unwrap().into_bytes());
            dump.push(b'\n');
        }
    }
    dump
}
