//! Searching a store for what must not be in it: every byte of every file, every row of every table.

use crate::store::TestStore;
use docket_core::db::Db;
use std::path::Path;

/// Everything a store holds.
pub async fn dump(store: &TestStore) -> Vec<u8> {
    if store.is_sqlite() {
        files(store.dir())
    } else {
        tables(store).await
    }
}

/// Whether a dump holds a text, in UTF-8 or as the hexadecimal digits of it.
#[must_use]
pub fn contains(dump: &[u8], text: &str) -> bool {
    let hex = crate::golden::hex(text.as_bytes());
    [text.as_bytes(), hex.as_bytes()]
        .iter()
        .any(|needle| dump.windows(needle.len()).any(|window| window == *needle))
}

/// Every byte of every file of a store.
fn files(dir: &Path) -> Vec<u8> {
    let mut dump = Vec::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        dump.extend(std::fs::read(&path).unwrap());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for wanted in ["journal.db", "keys.db", "ops.db", "views.db"] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
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
