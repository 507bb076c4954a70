//! The digests of the log: a hash of every record, noted apart from the journal soon after it was written.
//!
//! A record's **digest** is the leaf hash of RFC 6962 over its canonical encoding, `SHA-256(0x00 ‖ record)`:
//! the hash tree to come stands on the same. The **running hash** chains them over the whole log:
//! `R(0)` is 32 zero bytes, `R(n) = SHA-256(0x02 ‖ R(n-1) ‖ digest(n))`. A position with its running hash is
//! a checkpoint, `POSITION:HASH` when written down: it stands for everything up to there.
//!
//! The server notes digests behind the appends, in the ops store, by tiles of [`TILE`]; so an append costs
//! nothing, and what the last second brought is not noted yet. Why: `docs/decisions/0020`.
//!
//! It must *not* know what the records mean.

use crate::db::{Db, Tx};
use crate::journal::{Journal, JournalError, Record};
use crate::ops::{Ops, OpsError};
use crate::values;
use docket_domain::ids::LogId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Digests in one tile, as C2SP's tiled logs have them.
pub const TILE: u64 = 256;
/// Most records noted in one transaction.
const BATCH: u32 = 2_000;
/// How long the keeper rests when it has caught up: many small appends are noted as one.
pub const NOTED_EVERY: Duration = Duration::from_secs(1);

/// How long the keeper rests after a full batch, in times the batch took: while it catches up, it leaves three
/// quarters of a core to those who are waited for.
const RESTS: u32 = 3;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS digest_head (
    one BIGINT PRIMARY KEY, log TEXT NOT NULL, position BIGINT NOT NULL, running {bytes} NOT NULL
);
CREATE TABLE IF NOT EXISTS digest_tiles (tile BIGINT PRIMARY KEY, digests {bytes} NOT NULL);
";

/// A SHA-256 hash; written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of some pieces, one after the other.
    #[must_use]
    pub fn of(pieces: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for piece in pieces {
            hash.update(piece);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a hash is 64 hexadecimal digits";
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A record's digest.
#[must_use]
pub fn digest(record: &Record, log: LogId) -> Hash {
    Hash::of(&[&[0x00], &record.canonical(log)])
}

/// A position and the running hash there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The position; 0 is before the first record.
    pub position: u64,
    /// The running hash.
    pub running: Hash,
}

impl Checkpoint {
    /// The checkpoint after one more record.
    #[must_use]
    pub fn then(self, digest: &Hash) -> Self {
        Self {
            position: self.position + 1,
            running: Hash::of(&[&[0x02], &self.running.0, &digest.0]),
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.running)
    }
}

impl FromStr for Checkpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a checkpoint is POSITION:HASH, as `docket verify` prints it";
        let (position, running) = text.trim().split_once(':').ok_or(WRONG)?;
        Ok(Self {
            position: position.parse().map_err(|_| WRONG)?,
            running: running.parse()?,
        })
    }
}

/// What can go wrong while digests are noted.
#[derive(Debug, thiserror::Error)]
enum NotingError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(
        "digests up to position {noted} of log {log} are noted, and the journal is of log {found}, at position {head}"
    )]
    OtherLog {
        noted: u64,
        log: LogId,
        found: LogId,
        head: u64,
    },
}

/// The digests noted in an ops store.
#[derive(Clone)]
pub struct Digests {
    db: Db,
}

impl Digests {
    /// Opens the digests beside an ops store's other tables, making theirs if they are missing.
    pub async fn open(ops: &Ops) -> Result<Self, sqlx::Error> {
        let db = ops.database().clone();
        db.create(SCHEMA).await?;
        Ok(Self { db })
    }

    /// The digests in an ops store opened to be read.
    pub(crate) const fn within(db: Db) -> Self {
        Self { db }
    }

    /// Which log's digests are noted, and up to where. `None`: none are, or there are no such tables.
    pub async fn noted(&self) -> Result<Option<(LogId, Checkpoint)>, sqlx::Error> {
        let there = if self.db.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE name = 'digest_head'"
        } else {
            "SELECT 'there' WHERE to_regclass('digest_head') IS NOT NULL"
        };
        if self.db.fetch_optional(there, vec![]).await?.is_none() {
            return Ok(None);
        }
        let sql = "SELECT log, position, running FROM digest_head";
        let row = self.db.fetch_optional(sql, vec![]).await?;
        row.map(|row| Ok((LogId(row.uuid(0)?), checkpoint(&row, 1)?)))
            .transpose()
    }

    /// The digests of a tile, one after the other; tile 0 begins with position 1.
    pub async fn tile(&self, tile: u64) -> Result<Vec<u8>, sqlx::Error> {
        let sql = "SELECT digests FROM digest_tiles WHERE tile = $1";
        let tile = i64::try_from(tile).unwrap_or(i64::MAX);
        let row = self.db.fetch_optional(sql, values![tile]).await?;
        Ok(row.map(|row| row.bytes(0)).transpose()?.unwrap_or_default())
    }

    /// Notes records that follow a checkpoint. Gives the checkpoint after them, or where another process has
    /// come meanwhile.
    async fn note(
        &self,
        log: LogId,
        from: Checkpoint,
        records: &[Record],
    ) -> Result<Checkpoint, sqlx::Error> {
        let mut tx = self.db.begin().await?;
        let at = lock(&mut tx, log).await?;
        if at != from {
            return Ok(at);
        }
        let mut to = from;
        let mut tile = to.position / TILE;
        let mut bytes = self.tile(tile).await?;
        bytes.truncate(usize::try_from(to.position % TILE).unwrap_or(0) * 32);
        for record in records {
            let digest = digest(record, log);
            to = to.then(&digest);
            bytes.extend_from_slice(&digest.0);
            if to.position.is_multiple_of(TILE) {
                write_tile(&mut tx, tile, std::mem::take(&mut bytes)).await?;
                tile += 1;
            }
        }
        if !bytes.is_empty() {
            write_tile(&mut tx, tile, bytes).await?;
        }
        let sql = "UPDATE digest_head SET position = $1, running = $2";
        let position = i64::try_from(to.position).unwrap_or(i64::MAX);
        tx.execute(sql, values![position, to.running.0.as_slice()])
            .await?;
        tx.commit().await?;
        Ok(to)
    }
}

fn checkpoint(row: &crate::db::Row, from: usize) -> Result<Checkpoint, sqlx::Error> {
    let running = row.bytes(from + 1)?;
    Ok(Checkpoint {
        position: u64::try_from(row.int(from)?).unwrap_or(0),
        running: Hash(running.try_into().unwrap_or_default()),
    })
}

/// Where the digests are, held until the transaction ends.
async fn lock(tx: &mut Tx, log: LogId) -> Result<Checkpoint, sqlx::Error> {
    let start = Checkpoint::default();
    let sql = "INSERT INTO digest_head VALUES (1, $1, 0, $2) ON CONFLICT DO NOTHING";
    tx.execute(sql, values![log.0, start.running.0.as_slice()])
        .await?;
    let sql = if tx.is_sqlite() {
        "SELECT position, running FROM digest_head"
    } else {
        "SELECT position, running FROM digest_head FOR UPDATE"
    };
    let rows = tx.fetch_all(sql, vec![]).await?;
    rows.first().map_or(Ok(start), |row| checkpoint(row, 0))
}

async fn write_tile(tx: &mut Tx, tile: u64, digests: Vec<u8>) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO digest_tiles VALUES ($1, $2)
               ON CONFLICT (tile) DO UPDATE SET digests = excluded.digests";
    let tile = i64::try_from(tile).unwrap_or(i64::MAX);
    tx.execute(sql, values![tile, digests]).await?;
    Ok(())
}

/// Notes digests behind the journal for as long as it is held.
pub struct Keeper(AbortHandle);

impl Keeper {
    /// Starts following a journal.
    pub async fn start(journal: Journal, ops: &Ops) -> Result<Self, OpsError> {
        let digests = Digests::open(ops).await?;
        Ok(Self(tokio::spawn(keep(journal, digests)).abort_handle()))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(journal: Journal, digests: Digests) {
    loop {
        let Err(error) = follow(&journal, &digests).await;
        if let NotingError::OtherLog { .. } = error {
            tracing::error!(%error, "digests are noted no more; `docket verify` says more");
            return;
        }
        tracing::warn!(%error, "digests could not be noted; trying again");
        tokio::time::sleep(NOTED_EVERY * 10).await;
    }
}

/// Notes until something fails.
async fn follow(
    journal: &Journal,
    digests: &Digests,
) -> Result<std::convert::Infallible, NotingError> {
    let (found, head) = (journal.log_id(), journal.head().await?);
    let (log, mut at) = digests
        .noted()
        .await?
        .unwrap_or((found, Checkpoint::default()));
    if log != found || at.position > head {
        let noted = at.position;
        return Err(NotingError::OtherLog {
            noted,
            log,
            found,
            head,
        });
    }
    let mut appended = journal.watch();
    loop {
        let began = Instant::now();
        let records = journal.read_all(at.position, BATCH).await?;
        if !records.is_empty() {
            at = digests.note(log, at, &records).await?;
        }
        if records.len() < BATCH as usize {
            tokio::time::sleep(NOTED_EVERY).await;
            // Whoever looks later than this finds nothing new: the head moves with every append anywhere.
            let _ = appended.wait_for(|head| *head > at.position).await;
        } else {
            tokio::time::sleep(began.elapsed() * RESTS).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_written_and_read() {
        let start = Checkpoint::default();
        let next = start.then(&Hash::of(&[b"one"]));
        assert_eq!(next.to_string().parse(), Ok(next));
        assert_ne!(next.running, start.then(&Hash::of(&[b"two"])).running);
        for wrong in ["", "7", "7:abc", "x:00", &format!("1:{}", "g".repeat(64))] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_running_hash_is_what_the_documentation_says() {
        let digest = Hash::of(&[&[0x00], b"record"]);
        let mut bytes = vec![0x02];
        bytes.extend([0; 32]);
        bytes.extend(digest.0);
        let by_hand = Sha256::digest(&bytes);
        assert_eq!(Checkpoint::default().then(&digest).running.0, *by_hand);
    }
}
