//! How a store fares: sizes, counts and versions, for `docket doctor`.

use super::SafekeepingError;
use super::snapshot::{Snapshot, reading};
use crate::db::Db;
use crate::digests::Digests;
use crate::store::StoreUrl;
use docket_domain::Timestamp;

/// The parts of a store, each with a table that is there when the part is.
const PARTS: [(&str, &str); 4] = [
    ("journal", "log"),
    ("keys", "keys"),
    ("ops", "credentials"),
    ("views", "checkpoint"),
];

/// What was measured.
#[derive(Debug)]
pub struct Vitals {
    /// `SQLite 3.x` or `PostgreSQL 1x`.
    pub database: String,
    /// The layout of the journal's tables.
    pub layout: i64,
    /// The last position.
    pub head: u64,
    /// When the last record was recorded.
    pub recorded_at: Option<Timestamp>,
    /// Tickets in the log.
    pub tickets: u64,
    /// Sealing keys.
    pub keys: u64,
    /// How far digests are noted.
    pub noted: u64,
    /// Bytes on disk of each part that is there, without its write-ahead log.
    pub bytes: Vec<(&'static str, u64)>,
}

/// Measures a store. Changes nothing.
pub async fn vitals(url: &StoreUrl, keys: &StoreUrl) -> Result<Vitals, SafekeepingError> {
    let mut snapshot = Snapshot::open(url).await?;
    let sql = "SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1";
    let rows = snapshot.tx.fetch_all(sql, vec![]).await?;
    let recorded_at = rows.first().map(|row| row.time(0)).transpose()?;
    let sql = "SELECT count(*) FROM events WHERE category = 'ticket' AND version = 1";
    let rows = snapshot.tx.fetch_all(sql, vec![]).await?;
    let tickets = rows.first().map(|row| row.int(0)).transpose()?;
    let sql = if snapshot.tx.is_sqlite() {
        "SELECT 'SQLite ' || sqlite_version()"
    } else {
        "SELECT 'PostgreSQL ' || current_setting('server_version')"
    };
    let rows = snapshot.tx.fetch_all(sql, vec![]).await?;
    let database = rows.first().map(|row| row.text(0)).transpose()?;
    let mut bytes = Vec::new();
    for (part, landmark) in PARTS {
        let place = if part == "keys" { keys } else { url };
        if let Some(db) = reading(place, part, landmark).await? {
            bytes.push((part, size(place, part, &db).await?));
        }
    }
    let noted = match reading(url, "ops", "digest_head").await? {
        Some(db) => Digests::within(db).noted().await?,
        None => None,
    };
    let sealing = match reading(keys, "keys", "keys").await? {
        Some(db) => count(&db, "SELECT count(*) FROM keys").await?,
        None => 0,
    };
    Ok(Vitals {
        database: database.unwrap_or_default(),
        layout: snapshot.birth.layout,
        head: snapshot.head,
        recorded_at,
        tickets: tickets.unwrap_or(0).unsigned_abs(),
        keys: sealing,
        noted: noted.map_or(0, |(_, checkpoint)| checkpoint.position),
        bytes,
    })
}

async fn count(db: &Db, sql: &str) -> Result<u64, sqlx::Error> {
    let row = db.fetch_optional(sql, vec![]).await?;
    let count = row.map(|row| row.int(0)).transpose()?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Bytes of a part: its pages, or its schema's tables with their indexes.
async fn size(url: &StoreUrl, part: &str, db: &Db) -> Result<u64, sqlx::Error> {
    match url {
        // What the file comes to once its write-ahead log is copied back.
        StoreUrl::Sqlite(_) => {
            let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
            count(db, sql).await
        }
        StoreUrl::Postgres(_) => {
            let sql = format!(
                "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_class c
                 WHERE c.relkind = 'r' AND c.relnamespace = 'docket_{part}'::regnamespace"
            );
            count(db, &sql).await
        }
    }
}
