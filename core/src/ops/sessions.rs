//! Sessions: who is behind a token, remembered for as long as another process's ending of it may go unseen.
//!
//! A session is one row. It has a short-lived access token, sent with every request, and a refresh token, which is
//! good once: for the next two tokens. Of both only hashes are kept. A refresh token names its session, so that one
//! from before is known for what it is for as long as the session lasts, and none of them has to be remembered.
//!
//! A command that names itself by an id gets tokens that are made of that id and of what was shown, under a key of the
//! store: sent again after a lost answer it gets the same ones, and nothing had to be kept for it.

use super::{Ops, OpsError};
use crate::clock::random_bytes;
use crate::db::Tx;
use crate::desk::REFRESH;
use crate::values;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use docket_domain::Timestamp;
use docket_domain::ids::AccountId;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Sessions remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Sessions of one account at a time; beyond, the oldest end.
pub const SESSIONS_PER_ACCOUNT_MAX: i64 = 1_000;
/// Bytes of a refresh token that name its session, and that are secret.
const NAME: usize = 16;
const SECRET: usize = 32;

pub(super) const SCHEMA: &str = "
DROP TABLE IF EXISTS sessions;
CREATE TABLE IF NOT EXISTS session_families (
    family {bytes} PRIMARY KEY, account TEXT NOT NULL, refresh {bytes} NOT NULL, access {bytes} NOT NULL,
    started_at BIGINT NOT NULL, ends_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS session_families_by_account ON session_families (account, started_at);
CREATE INDEX IF NOT EXISTS session_families_by_end ON session_families (ends_at);
CREATE TABLE IF NOT EXISTS access_tokens (
    token {bytes} PRIMARY KEY, family {bytes} NOT NULL, expires_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS access_tokens_by_family ON access_tokens (family);
CREATE INDEX IF NOT EXISTS access_tokens_by_expiry ON access_tokens (expires_at);
CREATE TABLE IF NOT EXISTS logins_taken (login {bytes} PRIMARY KEY, ends_at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS logins_taken_by_end ON logins_taken (ends_at);
";

type Hash = [u8; 32];

/// How long sessions and their tokens last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A session from its login on, however often it is refreshed.
    pub session: TimeDelta,
    /// An access token; never longer than its session.
    pub token: TimeDelta,
}

/// What somebody is given who was let in.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose session it is.
    pub account: AccountId,
    /// The access token.
    pub token: String,
    /// Until when that is good.
    pub expires_at: Timestamp,
    /// The refresh token: good once.
    pub refresh_token: String,
    /// When the session ends, whatever is refreshed.
    pub ends_at: Timestamp,
}

/// What the tokens are made of that a command gets which may be sent again: a keyed hash of its id and of the secret that
/// it shows. Who has not both cannot make them.
#[derive(Clone, Copy)]
pub struct Again([u8; 32]);

impl Again {
    /// Of a hash that only the store can make.
    #[must_use]
    pub const fn of(keyed: [u8; 32]) -> Self {
        Self(keyed)
    }

    fn make(self, what: &[u8]) -> Hash {
        hash(&[what, &self.0].concat())
    }

    fn family(self) -> [u8; NAME] {
        let whole = self.make(b"family");
        std::array::from_fn(|at| whole[at])
    }
}

/// The secrets of a session's two tokens.
struct Secrets {
    refresh: [u8; SECRET],
    access: [u8; 32],
}

impl Secrets {
    fn new(again: Option<Again>) -> Self {
        match again {
            Some(again) => Self {
                refresh: again.make(b"refresh"),
                access: again.make(b"access"),
            },
            None => Self {
                refresh: random_bytes::<SECRET>(),
                access: random_bytes::<32>(),
            },
        }
    }
}

/// A session's row.
struct Family {
    account: AccountId,
    refresh: Vec<u8>,
    access: Vec<u8>,
    ends_at: Timestamp,
}

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
    /// Opens a session. A login sent again gets the one that it opened, as long as that was not refreshed: one that is over
    /// is not opened again.
    pub(super) async fn open_session(
        &self,
        account: AccountId,
        again: Option<Again>,
    ) -> Result<Opened, OpsError> {
        let now = self.clock.now();
        self.sweep(now, account).await?;
        let family = again.map_or_else(random_bytes::<NAME>, Again::family);
        let ends_at = now + self.lifetimes.session;
        let opened = self.issue(account, &family, now, ends_at, &Secrets::new(again));
        let mut tx = self.db.begin().await?;
        if let Some(again) = again {
            let sql = "INSERT INTO logins_taken VALUES ($1, $2) ON CONFLICT (login) DO NOTHING";
            let taken = values![again.make(b"taken").as_slice(), ends_at];
            if tx.execute(sql, taken).await? == 0 {
                drop(tx);
                return self.opened_before(opened, &family).await;
            }
        }
        let row = values![
            hash(&family).as_slice(),
            account.0,
            hash(opened.refresh_token.as_bytes()).as_slice(),
            hash(opened.token.as_bytes()).as_slice(),
            now,
            ends_at
        ];
        let sql = "INSERT INTO session_families VALUES ($1, $2, $3, $4, $5, $6)";
        tx.execute(sql, row).await?;
        keep_access(&mut tx, &family, &opened).await?;
        tx.commit().await?;
        Ok(opened)
    }

    /// The tokens that a session was given before, if these are the newest of it.
    async fn opened_before(&self, made: Opened, family: &[u8; NAME]) -> Result<Opened, OpsError> {
        let found = self.family(&hash(family)).await?;
        let found = found.ok_or(OpsError::SessionOver)?;
        let newest =
            found.account == made.account && found.refresh == hash(made.refresh_token.as_bytes());
        if !newest {
            return Err(OpsError::SessionOver);
        }
        let sql = "SELECT expires_at FROM access_tokens WHERE token = $1";
        let token = hash(made.token.as_bytes());
        let row = self
            .db
            .fetch_optional(sql, values![token.as_slice()])
            .await?;
        // One that is over is not needed; the refresh token is good all the same.
        let expires_at = row.map(|row| row.time(0)).transpose()?;
        Ok(Opened {
            expires_at: expires_at.unwrap_or_else(|| self.clock.now()),
            ends_at: found.ends_at,
            ..made
        })
    }

    /// A session that is not over, by the hash of its name.
    async fn family(&self, name: &Hash) -> Result<Option<Family>, OpsError> {
        let sql = "SELECT account, refresh, access, ends_at FROM session_families
                   WHERE family = $1 AND ends_at > $2";
        let found = values![name.as_slice(), self.clock.now()];
        let Some(row) = self.db.fetch_optional(sql, found).await? else {
            return Ok(None);
        };
        Ok(Some(Family {
            account: AccountId(row.uuid(0)?),
            refresh: row.bytes(1)?,
            access: row.bytes(2)?,
            ends_at: row.time(3)?,
        }))
    }

    fn issue(
        &self,
        account: AccountId,
        family: &[u8; NAME],
        now: Timestamp,
        ends_at: Timestamp,
        secrets: &Secrets,
    ) -> Opened {
        let refresh = [family.as_slice(), &secrets.refresh].concat();
        Opened {
            account,
            token: URL_SAFE_NO_PAD.encode(secrets.access),
            expires_at: (now + self.lifetimes.token).min(ends_at),
            refresh_token: URL_SAFE_NO_PAD.encode(refresh),
            ends_at,
        }
    }

    /// Takes away what is over, and the oldest sessions of an account that has too many.
    async fn sweep(&self, now: Timestamp, account: AccountId) -> Result<(), OpsError> {
        for table in ["session_families", "logins_taken"] {
            let sql = format!("DELETE FROM {table} WHERE ends_at <= $1");
            self.db.execute(&sql, values![now]).await?;
        }
        // Tokens that are over stay as long as their session may last: it can be ended by them.
        let sql = "DELETE FROM access_tokens WHERE expires_at <= $1";
        let long_over = now - self.lifetimes.session;
        self.db.execute(sql, values![long_over]).await?;
        let sql = "DELETE FROM session_families WHERE family IN (
                   SELECT family FROM session_families WHERE account = $1
                   ORDER BY started_at DESC LIMIT $2 OFFSET $3)";
        let beyond = values![
            account.0,
            SESSIONS_PER_ACCOUNT_MAX,
            SESSIONS_PER_ACCOUNT_MAX - 1
        ];
        if self.db.execute(sql, beyond).await? > 0 {
            self.forget_sessions();
        }
        Ok(())
    }

    /// Gives the next two tokens of a session for its refresh token. The access token before lasts as long as it
    /// would have, so that what is under way with it can be finished; those before that are over. A refresh token
    /// that was used before is in two hands: the session ends, whoever of them came first. Unless it is the same command
    /// sent again: that gets the tokens it got, until one of them was used to refresh.
    pub async fn refresh(
        &self,
        refresh_token: &str,
        again: Option<Again>,
    ) -> Result<Opened, OpsError> {
        let family = family_of(refresh_token).ok_or(OpsError::SessionOver)?;
        let name = hash(&family);
        let now = self.clock.now();
        let found = self.family(&name).await?.ok_or(OpsError::SessionOver)?;
        let (account, before) = (found.account, found.access);
        let shown = hash(refresh_token.as_bytes());
        let opened = self.issue(account, &family, now, found.ends_at, &Secrets::new(again));
        if found.refresh == shown {
            let mut tx = self.db.begin().await?;
            let sql = "UPDATE session_families SET refresh = $1, access = $2
                       WHERE family = $3 AND refresh = $4";
            let next = values![
                hash(opened.refresh_token.as_bytes()).as_slice(),
                hash(opened.token.as_bytes()).as_slice(),
                name.as_slice(),
                shown.as_slice()
            ];
            if tx.execute(sql, next).await? == 1 {
                let sql = "DELETE FROM access_tokens WHERE family = $1 AND token <> $2";
                tx.execute(sql, values![name.as_slice(), before]).await?;
                keep_access(&mut tx, &family, &opened).await?;
                tx.commit().await?;
                return Ok(opened);
            }
        }
        if again.is_some() {
            match self.opened_before(opened, &family).await {
                Err(OpsError::SessionOver) => {}
                done => return done,
            }
        }
        // Nobody but who was given one can name a session.
        let sql = "DELETE FROM session_families WHERE family = $1";
        let ended = self.db.execute(sql, values![name.as_slice()]).await?;
        self.forget_sessions();
        // Ended meanwhile by its own log-out, say: that is no reuse.
        if ended == 0 {
            return Err(OpsError::SessionOver);
        }
        Err(OpsError::RefreshReused(account))
    }

    /// The account behind an access token, and when that ends; at most [`REFRESH`] old where another process ended
    /// its session.
    pub async fn session(&self, token: &str) -> Result<Option<(AccountId, Timestamp)>, OpsError> {
        let (hash, now) = (hash(token.as_bytes()), self.clock.now());
        let known = self.sessions.known.get(&hash);
        if let Some(found) = known.filter(|found| found.at.elapsed() < REFRESH) {
            return Ok((found.until > now).then_some((found.account, found.until)));
        }
        let (ended, at) = (self.sessions.ended.load(Ordering::SeqCst), Instant::now());
        let sql = "SELECT f.account, t.expires_at FROM access_tokens t
                   JOIN session_families f ON f.family = t.family
                   WHERE t.token = $1 AND t.expires_at > $2";
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
        let sql = "SELECT COUNT(*) FROM session_families WHERE ends_at > $1";
        let row = self
            .db
            .fetch_optional(sql, values![self.clock.now()])
            .await?;
        let count = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Ends every session of an account, or every one but that of an access token.
    pub async fn end_sessions(
        &self,
        account: AccountId,
        but: Option<&str>,
    ) -> Result<(), OpsError> {
        let sql = "DELETE FROM session_families WHERE account = $1
                   AND family NOT IN (SELECT family FROM access_tokens WHERE token = $2)";
        let kept = but.map_or_else(Vec::new, |token| hash(token.as_bytes()).to_vec());
        self.db.execute(sql, values![account.0, kept]).await?;
        self.forget_sessions();
        Ok(())
    }

    /// Ends the session of an access token, with every token it has.
    pub async fn log_out(&self, token: &str) -> Result<(), OpsError> {
        let sql = "DELETE FROM session_families
                   WHERE family IN (SELECT family FROM access_tokens WHERE token = $1)";
        let token = hash(token.as_bytes());
        // Anybody may send any token: the others are not forgotten for one that is none.
        if self.db.execute(sql, values![token.as_slice()]).await? > 0 {
            self.forget_sessions();
        }
        self.sessions.known.remove(&token);
        Ok(())
    }

    /// Ends the session of a refresh token, with every token it has: whose it was.
    pub async fn log_out_by(&self, refresh_token: &str) -> Result<Option<AccountId>, OpsError> {
        let Some(family) = family_of(refresh_token) else {
            return Ok(None);
        };
        let name = hash(&family);
        let Some(found) = self.family(&name).await? else {
            return Ok(None);
        };
        let sql = "DELETE FROM session_families WHERE family = $1";
        self.db.execute(sql, values![name.as_slice()]).await?;
        self.forget_sessions();
        Ok(Some(found.account))
    }

    fn forget_sessions(&self) {
        self.sessions.ended.fetch_add(1, Ordering::SeqCst);
        self.sessions.known.clear();
    }
}

async fn keep_access(tx: &mut Tx, family: &[u8; NAME], opened: &Opened) -> Result<(), sqlx::Error> {
    let token = hash(opened.token.as_bytes());
    let row = values![token.as_slice(), hash(family).as_slice(), opened.expires_at];
    let sql = "INSERT INTO access_tokens VALUES ($1, $2, $3)";
    tx.execute(sql, row).await?;
    Ok(())
}

/// The name of the session that a refresh token is of, if it is one.
fn family_of(refresh_token: &str) -> Option<[u8; NAME]> {
    let bytes = URL_SAFE_NO_PAD.decode(refresh_token).ok()?;
    let whole = bytes.len() == NAME + SECRET;
    bytes.first_chunk().copied().filter(|_| whole)
}

fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}
