//! Sessions: who is behind a token, remembered for as long as another process's ending of it may go unseen.

use super::{Ops, OpsError};
use crate::clock::random_bytes;
use crate::desk::REFRESH;
use crate::values;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use docket_domain::Timestamp;
use docket_domain::ids::AccountId;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Sessions remembered.
const REMEMBERED_MAX: usize = 10_000;

type Hash = [u8; 32];

/// A session as it was found.
#[derive(Clone, Copy)]
struct Found {
    account: AccountId,
    until: Timestamp,
    at: Instant,
}

/// Sessions found lately.
pub(super) struct Sessions {
    known: Cache<Hash, Found>,
    /// Counts sessions ended here: what was read before one ended is not remembered after.
    ended: AtomicU64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            known: Cache::new(REMEMBERED_MAX),
            ended: AtomicU64::new(0),
        }
    }
}

impl Ops {
    /// Opens a session: its token, and when it ends.
    pub(super) async fn open_session(
        &self,
        account: AccountId,
    ) -> Result<(String, Timestamp), OpsError> {
        let now = self.clock.now();
        let token = URL_SAFE_NO_PAD.encode(random_bytes::<32>());
        let until = now + self.session_lasts;
        let session = values![hash(&token).as_slice(), account.0, now, until];
        let sql = "INSERT INTO sessions VALUES ($1, $2, $3, $4)";
        self.db.execute(sql, session).await?;
        let sql = "DELETE FROM sessions WHERE expires_at < $1";
        self.db.execute(sql, values![now]).await?;
        Ok((token, until))
    }

    /// The account of a live session, and when it ends; at most [`REFRESH`] old where another process ended
    /// it.
    pub async fn session(&self, token: &str) -> Result<Option<(AccountId, Timestamp)>, OpsError> {
        let (hash, now) = (hash(token), self.clock.now());
        let known = self.sessions.known.get(&hash);
        if let Some(found) = known.filter(|found| found.at.elapsed() < REFRESH) {
            return Ok((found.until > now).then_some((found.account, found.until)));
        }
        let (ended, at) = (self.sessions.ended.load(Ordering::SeqCst), Instant::now());
        let sql = "SELECT account, expires_at FROM sessions WHERE token = $1 AND expires_at > $2";
        let row = self
            .db
            .fetch_optional(sql, values![hash.as_slice(), now])
            .await?;
        let Some(row) = row else {
            self.sessions.known.remove(&hash);
            return Ok(None);
        };
        let (account, until) = (AccountId(row.uuid(0)?), row.time(1)?);
        let found = Found { account, until, at };
        self.sessions.known.insert(hash, found);
        // After the insertion, so that an end in between is seen here, or forgets what was inserted.
        if self.sessions.ended.load(Ordering::SeqCst) != ended {
            self.sessions.known.remove(&hash);
        }
        Ok(Some((account, until)))
    }

    /// How many sessions there are that are not over.
    pub async fn sessions_open(&self) -> Result<u64, OpsError> {
        let sql = "SELECT COUNT(*) FROM sessions WHERE expires_at > $1";
        let row = self
            .db
            .fetch_optional(sql, values![self.clock.now()])
            .await?;
        let count = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Ends every session of an account, or every one but one.
    pub async fn end_sessions(
        &self,
        account: AccountId,
        but: Option<&str>,
    ) -> Result<(), OpsError> {
        let sql = "DELETE FROM sessions WHERE account = $1 AND token <> $2";
        let kept = but.map_or_else(Vec::new, |token| hash(token).to_vec());
        self.db.execute(sql, values![account.0, kept]).await?;
        self.forget_sessions();
        Ok(())
    }

    /// Ends a session.
    pub async fn log_out(&self, token: &str) -> Result<(), OpsError> {
        let sql = "DELETE FROM sessions WHERE token = $1";
        let ended = values![hash(token).as_slice()];
        self.db.execute(sql, ended).await?;
        self.forget_sessions();
        Ok(())
    }

    fn forget_sessions(&self) {
        self.sessions.ended.fetch_add(1, Ordering::SeqCst);
        self.sessions.known.clear();
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}
