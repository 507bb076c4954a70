//! Erasing: keys are destroyed, and what was sealed under them can be read no more, here or in any copy of
//! log and views. Each erasure stays on record, in the transaction that destroys the keys: so what follows
//! from it can be finished after a kill, and done again on a backup that was taken before it.

use super::{Vault, VaultError};
use crate::db::{Db, Row, Tx, Value, list, pieces};
use crate::values;
use docket_domain::Timestamp;
use docket_domain::ids::{ErasureId, KeyId, LogId};
use docket_domain::ticket::Ground;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long another process may still have a destroyed key in memory.
pub const ERASED_WITHIN: Duration = Duration::from_secs(1);

/// A person erased: ids only, nothing about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// The log the keys were for.
    pub log: LogId,
    /// When.
    pub at: Timestamp,
    /// By what right.
    pub ground: Ground,
    /// Of what it has to be told afterwards: the person's tickets,
    pub tickets: Vec<Uuid>,
    /// and their account.
    pub accounts: Vec<Uuid>,
    /// The keys destroyed.
    pub keys: Vec<KeyId>,
}

/// Notices that another process destroyed keys.
pub(super) struct Watch {
    born: Instant,
    /// When it was last looked, in milliseconds after birth.
    looked: AtomicU64,
    /// How many erasures there were then.
    known: AtomicU64,
    /// Moves whenever keys may have gone.
    generation: AtomicU64,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            looked: AtomicU64::new(0),
            known: AtomicU64::new(0),
            generation: AtomicU64::new(0),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether it is time to look again; told to one caller only.
    fn is_due(&self) -> bool {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        let every = u64::try_from(ERASED_WITHIN.as_millis()).unwrap_or(0) / 2;
        now >= looked + every
            && self
                .looked
                .compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Vault {
    /// The key of the owner known by this, if there is one.
    pub async fn key_of(&self, same_as: &str) -> Result<Option<KeyId>, VaultError> {
        let hash = self.keyed_hash("same_owner", same_as.as_bytes());
        let sql = "SELECT id FROM keys WHERE same_as = $1";
        let row = self.inner.db.fetch_optional(sql, values![hash.as_slice()]);
        let id = row.await?.map(|row| row.uuid(0)).transpose()?;
        Ok(id.map(KeyId))
    }

    /// Destroys an erasure's keys and its tickets' marks, and puts it on record, all at once.
    pub async fn destroy(&self, erasure: &Erasure) -> Result<(), VaultError> {
        let mut tx = self.inner.db.begin().await?;
        destroy_within(&mut tx, erasure).await?;
        tx.commit().await?;
        self.forget_keys();
        Ok(())
    }

    /// Every erasure on record, in order of time.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, VaultError> {
        self.erasures_where("1 = 1").await
    }

    /// Erasures whose consequences are not all drawn yet.
    pub async fn unfinished_erasures(&self) -> Result<Vec<Erasure>, VaultError> {
        self.erasures_where("done_at IS NULL").await
    }

    async fn erasures_where(&self, condition: &str) -> Result<Vec<Erasure>, VaultError> {
        let sql = format!("SELECT {COLUMNS} FROM erasures WHERE {condition} ORDER BY at, id");
        let rows = self.inner.db.fetch_all(&sql, vec![]).await?;
        let read = |row| read(row, self.inner.log);
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Puts on record that all that follows from an erasure is done.
    pub async fn finish_erasure(&self, id: ErasureId) -> Result<(), VaultError> {
        let sql = "UPDATE erasures SET done_at = $1 WHERE id = $2 AND done_at IS NULL";
        let values = values![self.inner.clock.now(), id.0];
        self.inner.db.execute(sql, values).await?;
        Ok(())
    }

    /// Wipes what the database has kept of deleted rows in its files, as far as it can.
    pub async fn scrub(&self) -> Result<(), VaultError> {
        match &self.inner.db {
            Db::Sqlite { .. } => self.inner.db.truncate_wal().await?,
            Db::Postgres(_) => {
                for table in ["keys", "marks"] {
                    let sql = format!("VACUUM {table}");
                    self.inner.db.execute(&sql, vec![]).await?;
                }
            }
        }
        Ok(())
    }

    /// Drops the keys in memory when another process may have destroyed some.
    pub(super) async fn notice_erasures(&self) -> Result<(), VaultError> {
        let watch = &self.inner.watch;
        if !watch.is_due() {
            return Ok(());
        }
        let sql = "SELECT count(*) FROM erasures";
        let row = self.inner.db.fetch_optional(sql, vec![]).await?;
        let count = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        if watch.known.swap(count.unsigned_abs(), Ordering::AcqRel) != count.unsigned_abs() {
            self.forget_keys();
        }
        Ok(())
    }

    fn forget_keys(&self) {
        self.inner.watch.generation.fetch_add(1, Ordering::AcqRel);
        self.inner.cache.clear();
    }
}

const COLUMNS: &str = "id, at, ground, tickets, accounts, destroyed";

fn read(row: &Row, log: LogId) -> Result<Erasure, sqlx::Error> {
    let broken = |what: &str| sqlx::Error::Decode(format!("an erasure's {what} is broken").into());
    let ground = row.text(2)?;
    let known = Ground::ALL.iter().find(|known| known.name() == ground);
    Ok(Erasure {
        id: ErasureId(row.uuid(0)?),
        log,
        at: row.time(1)?,
        ground: *known.ok_or_else(|| broken("ground"))?,
        tickets: serde_json::from_str(&row.text(3)?).map_err(|_| broken("tickets"))?,
        accounts: serde_json::from_str(&row.text(4)?).map_err(|_| broken("accounts"))?,
        keys: serde_json::from_str(&row.text(5)?).map_err(|_| broken("keys"))?,
    })
}

/// [`Vault::destroy`] within a transaction on the key store.
pub(crate) async fn destroy_within(tx: &mut Tx, erasure: &Erasure) -> Result<(), sqlx::Error> {
    let json = |ids: &[Uuid]| serde_json::to_string(ids).unwrap_or_default();
    let keys: Vec<Uuid> = erasure.keys.iter().map(|key| key.0).collect();
    let sql = "INSERT INTO erasures VALUES ($1, $2, $3, $4, $5, $6, NULL) ON CONFLICT DO NOTHING";
    let values = values![
        erasure.id.0,
        erasure.at,
        erasure.ground.name(),
        json(&erasure.tickets),
        json(&erasure.accounts),
        json(&keys)
    ];
    tx.execute(sql, values).await?;
    for (table, column, ids) in [
        ("keys", "id", &keys),
        ("marks", "subject", &erasure.tickets),
    ] {
        for piece in pieces(ids) {
            let list = list(1, piece.len());
            let sql = format!("DELETE FROM {table} WHERE {column} IN ({list})");
            let values = piece.iter().map(|id| Value::from(*id)).collect();
            tx.execute(&sql, values).await?;
        }
    }
    Ok(())
}
