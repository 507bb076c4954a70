//! The ops store: durable, but no history. Password hashes, sessions, failures counted by door.
//!
//! It must *not* know names or logins: which account a login names is the journal's to say.

use crate::clock::{Clock, random_bytes};
use crate::db::Db;
use crate::values;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use docket_domain::Timestamp;
use docket_domain::ids::AccountId;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Wrong passwords in a row after which a login is locked, and wrong query codes a ticket's number.
pub const FAILURES_MAX: i64 = 5;
/// How long it stays locked.
pub const LOCKED_FOR: TimeDelta = TimeDelta::minutes(10);
/// How long a session lasts: a working day with its overtime.
pub const SESSION_LASTS: TimeDelta = TimeDelta::hours(12);
/// Passwords hashed at one time; each takes about 19 MiB.
pub const HASHED_AT_ONCE: usize = 2;
/// Shortest and longest password, in characters and bytes.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// See [`PASSWORD_CHARS_MIN`].
pub const PASSWORD_BYTES_MAX: usize = 256;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS credentials (account TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    door {bytes} PRIMARY KEY, count BIGINT NOT NULL, last_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_by_time ON failures (last_at);
CREATE TABLE IF NOT EXISTS sessions (
    token {bytes} PRIMARY KEY, account TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires_at);
";

/// What can go wrong at the door.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// Login or password is wrong; which one is not told.
    #[error("login or password is wrong")]
    WrongCredentials,
    /// Too many wrong passwords.
    #[error("locked after {FAILURES_MAX} wrong passwords, for {} minutes", LOCKED_FOR.num_minutes())]
    Locked,
    /// The password is too short or too long.
    #[error(
        "a password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes"
    )]
    UnfitPassword,
    /// The password hash cannot be made or read.
    #[error("password hashing failed")]
    Hashing,
    /// The ops store failed.
    #[error("the ops store failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// A handle on the ops store. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    db: Db,
    clock: Arc<dyn Clock>,
    hashing: Arc<Semaphore>,
    /// A hash nobody's password has: verified when the login is unknown, so that time tells nothing.
    decoy: Arc<str>,
}

impl Ops {
    /// Opens the ops store, making it if it is empty.
    pub async fn open(db: Db, clock: Arc<dyn Clock>) -> Result<Self, OpsError> {
        db.create(SCHEMA).await?;
        let secret = URL_SAFE_NO_PAD.encode(random_bytes::<16>());
        let decoy = tokio::task::spawn_blocking(move || hash(&secret)).await;
        let decoy = decoy.map_err(|_| OpsError::Hashing)??.into();
        Ok(Self {
            db,
            clock,
            hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            decoy,
        })
    }

    /// Sets the password of an account.
    pub async fn set_password(&self, account: AccountId, password: String) -> Result<(), OpsError> {
        let hashed = self.hash_password(password).await?;
        self.set_hash(account, &hashed).await
    }

    /// Hashes a password, so that several logins can be given it cheaply (demonstrations only).
    pub async fn hash_password(&self, password: String) -> Result<String, OpsError> {
        if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
            return Err(OpsError::UnfitPassword);
        }
        let _permit = self
            .hashing
            .acquire()
            .await
            .map_err(|_| OpsError::Hashing)?;
        let hashed = tokio::task::spawn_blocking(move || hash(&password)).await;
        hashed.map_err(|_| OpsError::Hashing)?
    }

    /// Sets an already hashed password of an account.
    pub async fn set_hash(&self, account: AccountId, hashed: &str) -> Result<(), OpsError> {
        self.db
            .execute(
                "INSERT INTO credentials VALUES ($1, $2)
                 ON CONFLICT (account) DO UPDATE SET password = excluded.password",
                values![account.0, hashed],
            )
            .await?;
        Ok(())
    }

    /// Forgets the failures at a door (a login, say), and so unlocks it.
    pub async fn pardon(&self, door: &[u8; 32]) -> Result<(), OpsError> {
        let sql = "DELETE FROM failures WHERE door = $1";
        self.db.execute(sql, values![door.as_slice()]).await?;
        Ok(())
    }

    /// Removes the password of an account that was not made after all.
    pub async fn forget(&self, account: AccountId) -> Result<(), OpsError> {
        let sql = "DELETE FROM credentials WHERE account = $1";
        self.db.execute(sql, values![account.0]).await?;
        Ok(())
    }

    /// Checks the password of the account that a login names, if it names one, and opens a session: its
    /// token, and when it ends. The login comes as a keyed hash.
    pub async fn log_in(
        &self,
        login: &[u8; 32],
        account: Option<AccountId>,
        password: String,
    ) -> Result<(AccountId, String, Timestamp), OpsError> {
        let account = self.check_password(login, account, password).await?;
        let now = self.clock.now();
        let token = URL_SAFE_NO_PAD.encode(random_bytes::<32>());
        let expires = now + SESSION_LASTS;
        self.db
            .execute(
                "INSERT INTO sessions VALUES ($1, $2, $3, $4)",
                values![token_hash(&token), account.0, now, expires],
            )
            .await?;
        self.db
            .execute("DELETE FROM sessions WHERE expires_at < $1", values![now])
            .await?;
        Ok((account, token, expires))
    }

    /// The account, if it has this password. Failures are counted whether the login exists or not, so
    /// that a lock tells nothing.
    async fn check_password(
        &self,
        login: &[u8; 32],
        account: Option<AccountId>,
        password: String,
    ) -> Result<AccountId, OpsError> {
        // Taken before the lock is looked at: guesses sent all at once wait here, and find it shut.
        let _permit = self
            .hashing
            .acquire()
            .await
            .map_err(|_| OpsError::Hashing)?;
        if self.failures(login).await? >= FAILURES_MAX {
            return Err(OpsError::Locked);
        }
        let stored = match account {
            Some(account) => self.password_of(account).await?,
            None => None,
        };
        let account = account.filter(|_| stored.is_some());
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = password.len() <= PASSWORD_BYTES_MAX && {
            let verified = tokio::task::spawn_blocking(move || verify(&password, &stored)).await;
            verified.map_err(|_| OpsError::Hashing)?
        };
        if let Some(account) = account.filter(|_| fits) {
            self.pardon(login).await?;
            return Ok(account);
        }
        self.count_failure(login).await?;
        Err(OpsError::WrongCredentials)
    }

    /// Counts a try at something that is quickly checked, before it is checked: so tries sent all at once
    /// count too. A right one is [pardoned](Self::pardon). False when it is locked after too many.
    pub async fn may_try(&self, door: &[u8; 32]) -> Result<bool, OpsError> {
        // Who tries while it is locked does not lock it for longer.
        if self.failures(door).await? >= FAILURES_MAX {
            return Ok(false);
        }
        self.count_failure(door).await?;
        Ok(self.failures(door).await? <= FAILURES_MAX)
    }

    /// Failures in a row, the last not longer ago than a lock lasts.
    async fn failures(&self, door: &[u8; 32]) -> Result<i64, OpsError> {
        let since = self.clock.now() - LOCKED_FOR;
        let sql = "SELECT count FROM failures WHERE door = $1 AND last_at > $2";
        let row = self
            .db
            .fetch_optional(sql, values![door.as_slice(), since])
            .await?;
        Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or(0))
    }

    async fn count_failure(&self, door: &[u8; 32]) -> Result<(), OpsError> {
        let now = self.clock.now();
        let since = now - LOCKED_FOR;
        self.db
            .execute(
                "INSERT INTO failures VALUES ($1, 1, $2) ON CONFLICT (door) DO UPDATE SET
                    count = CASE WHEN failures.last_at > $3 THEN failures.count + 1 ELSE 1 END,
                    last_at = excluded.last_at",
                values![door.as_slice(), now, since],
            )
            .await?;
        self.db
            .execute("DELETE FROM failures WHERE last_at <= $1", values![since])
            .await?;
        Ok(())
    }

    async fn password_of(&self, account: AccountId) -> Result<Option<String>, OpsError> {
        let sql = "SELECT password FROM credentials WHERE account = $1";
        let row = self.db.fetch_optional(sql, values![account.0]).await?;
        Ok(row.map(|row| row.text(0)).transpose()?)
    }

    /// The account of a live session, and when it ends.
    pub async fn session(&self, token: &str) -> Result<Option<(AccountId, Timestamp)>, OpsError> {
        let sql = "SELECT account, expires_at FROM sessions WHERE token = $1 AND expires_at > $2";
        let row = self
            .db
            .fetch_optional(sql, values![token_hash(token), self.clock.now()])
            .await?;
        Ok(row
            .map(|row| Ok::<_, sqlx::Error>((AccountId(row.uuid(0)?), row.time(1)?)))
            .transpose()?)
    }

    /// Ends a session.
    pub async fn log_out(&self, token: &str) -> Result<(), OpsError> {
        self.db
            .execute(
                "DELETE FROM sessions WHERE token = $1",
                values![token_hash(token)],
            )
            .await?;
        Ok(())
    }
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn hash(password: &str) -> Result<String, OpsError> {
    let salt = SaltString::encode_b64(&random_bytes::<16>()).map_err(|_| OpsError::Hashing)?;
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hashed.map_err(|_| OpsError::Hashing)?.to_string())
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}
