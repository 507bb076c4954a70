//! The ops store: durable, but no history. Hashes of passwords and of answers, sessions, failures counted by
//! door; and the security log.
//!
//! It must *not* know names or logins: which account a login names is the journal's to say.

mod captcha;
mod files;
mod leases;
mod prints;
mod recovery;
mod security;
mod sessions;

pub use captcha::{
    Answered, CAPTCHA_AFTER, CAPTCHA_FAILURES_MAX, CAPTCHA_LASTS, CAPTCHAS_USED_MAX, Visit,
};
pub use files::UPLOADS_SWEPT_MAX;
pub use leases::{BEATS, LAPSES, Lease};
pub use prints::PRINTS_WAITING_MAX;
pub use recovery::{RECOVERY_DOORS_MAX, RECOVERY_LOCKED_MAX, RECOVERY_REMEMBERED, Tried};
pub use security::{
    SECURITY_BUCKET, SECURITY_KEPT, SECURITY_PROVEN_MAX, SECURITY_ROWS_MAX, SECURITY_STRANGERS_MAX,
    SecurityEntry, SecurityKind, Subject, network,
};
pub use sessions::{Again, Lifetimes, Opened, SESSIONS_PER_ACCOUNT_MAX};

use crate::clock::{Clock, random_bytes};
use crate::db::Db;
use crate::values;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use docket_domain::ids::{AccountId, EventId};
use sessions::Sessions;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

/// Wrong passwords in a row after which a login is locked, and wrong query codes a ticket's number.
pub const FAILURES_MAX: i64 = 5;
/// How long it stays locked.
pub const LOCKED_FOR: TimeDelta = TimeDelta::minutes(10);
/// How long a session lasts unless told otherwise: a working day with its overtime.
pub const SESSION_LASTS: TimeDelta = TimeDelta::hours(12);
/// How long an access token lasts unless told otherwise.
pub const TOKEN_LASTS: TimeDelta = TimeDelta::minutes(15);
/// Passwords hashed at one time; each takes about 19 MiB.
pub const HASHED_AT_ONCE: usize = 2;
/// Passwords and answers that are checked, or wait for that, at one time: who comes to work all at once must not keep
/// everybody else from working.
pub const CHECKED_AT_ONCE: usize = 32;
/// Doors at which one can knock at the same time; each stands for many.
const TURNS: usize = 256;
/// Shortest and longest password, in characters and bytes.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// See [`PASSWORD_CHARS_MIN`].
pub const PASSWORD_BYTES_MAX: usize = 256;

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS credentials (created_by TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS recoveries (
    created_by TEXT PRIMARY KEY, question TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS captchas_used (captcha {bytes} PRIMARY KEY, expires_at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS captchas_used_by_expiry ON captchas_used (expires_at);
CREATE TABLE IF NOT EXISTS failures (
    door {bytes} PRIMARY KEY, count BIGINT NOT NULL, last_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_by_time ON failures (last_at);
";

/// What can go wrong at the door.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// Login or password is wrong; which one is not told.
    #[error("login or password is wrong")]
    WrongCredentials,
    /// Login or answer to the recovery question is wrong; which one is not told.
    #[error("login or answer is wrong")]
    WrongAnswer,
    /// After failures the next try needs a captcha, and it was missing or wrong.
    #[error("after {CAPTCHA_AFTER} failures in a row a captcha is needed")]
    CaptchaRequired,
    /// Too many tries without a right captcha from one address.
    #[error("held up after {CAPTCHA_FAILURES_MAX} tries without a right captcha")]
    TooManyTries,
    /// A refresh token of no session there is.
    #[error("this session is over")]
    SessionOver,
    /// A refresh token that was used before: the session of this account was ended.
    #[error("a refresh token was used twice: its session was ended")]
    RefreshReused(AccountId),
    /// Too many wrong passwords.
    #[error("locked after {FAILURES_MAX} wrong passwords, for {} minutes", LOCKED_FOR.num_minutes())]
    Locked,
    /// The password is too short or too long.
    #[error(
        "a password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes"
    )]
    UnfitPassword,
    /// Too many wait to be checked.
    #[error("{CHECKED_AT_ONCE} passwords are being checked")]
    Busy,
    /// The password hash cannot be made or read.
    #[error("password hashing failed")]
    Hashing,
    /// The ops store failed.
    #[error("the ops store failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// A password, or the hash of one.
#[derive(Clone)]
pub enum Password {
    /// In the clear.
    Clear(String),
    /// In the clear, and made for an account that brought none: a repeat of its creation brings another, and leaves it the
    /// one it has.
    Made(String),
    /// Hashed already, by [`Ops::hash_password`]: so several accounts are given one cheaply
    /// (demonstrations only).
    Hashed(String),
}

/// Somebody at a door: a login, or a ticket's number. Others at the same door of this process wait behind.
pub struct Knock<'o> {
    ops: &'o Ops,
    door: [u8; 32],
    failures: i64,
    _turn: tokio::sync::MutexGuard<'o, ()>,
}

impl Knock<'_> {
    /// What was shown is right: failures before it are forgotten.
    pub async fn right(&mut self) -> Result<(), OpsError> {
        if self.failures > 0 {
            self.ops.pardon(&self.door).await?;
        }
        Ok(())
    }

    /// What was shown is wrong: it counts.
    pub async fn wrong(&mut self) -> Result<(), OpsError> {
        self.ops.count_failure(&self.door).await
    }
}

/// A handle on the ops store. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    db: Db,
    clock: Arc<dyn Clock>,
    hashing: Arc<Semaphore>,
    checking: Arc<Semaphore>,
    /// Guesses at one door take turns, so that those sent all at once are counted one by one.
    turns: Arc<[Mutex<()>; TURNS]>,
    /// Captchas shown from one address take turns, too. Taken after a door's turn, never before.
    asked: Arc<[Mutex<()>; TURNS]>,
    sessions: Arc<Sessions>,
    /// How long sessions and tokens last.
    lifetimes: Lifetimes,
    /// A hash nobody's password has: verified when the login is unknown, so that time tells nothing.
    decoy: Arc<str>,
}

impl Ops {
    /// Opens the ops store, making it if it is empty.
    pub async fn open(db: Db, clock: Arc<dyn Clock>) -> Result<Self, OpsError> {
        db.create(SCHEMA).await?;
        db.create(leases::SCHEMA).await?;
        db.create(recovery::SCHEMA).await?;
        db.create(files::SCHEMA).await?;
        db.create(prints::SCHEMA).await?;
        db.create(sessions::SCHEMA).await?;
        db.create(security::SCHEMA).await?;
        let secret = URL_SAFE_NO_PAD.encode(random_bytes::<16>());
        let decoy = tokio::task::spawn_blocking(move || hash(&secret)).await;
        let decoy = decoy.map_err(|_| OpsError::Hashing)??.into();
        Ok(Self {
            db,
            clock,
            hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            checking: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
            turns: Arc::new(std::array::from_fn(|_| Mutex::new(()))),
            asked: Arc::new(std::array::from_fn(|_| Mutex::new(()))),
            sessions: Arc::default(),
            lifetimes: Lifetimes {
                session: SESSION_LASTS,
                token: TOKEN_LASTS,
            },
            decoy,
        })
    }

    /// With sessions and tokens that last so long; those there are already keep their end.
    #[must_use]
    pub fn with_sessions_of(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// Its database, for what is kept beside: the digests of the log.
    pub(crate) const fn database(&self) -> &Db {
        &self.db
    }

    /// The settings that keep it safe.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, OpsError> {
        Ok(self.db.settings().await?)
    }

    /// Hashes a password, if it is fit to be one.
    pub async fn hash_password(&self, password: &Password) -> Result<String, OpsError> {
        let clear = match password {
            Password::Clear(clear) | Password::Made(clear) => clear.clone(),
            Password::Hashed(hashed) => return Ok(hashed.clone()),
        };
        if clear.chars().count() < PASSWORD_CHARS_MIN || clear.len() > PASSWORD_BYTES_MAX {
            return Err(OpsError::UnfitPassword);
        }
        self.hash_text(clear).await
    }

    async fn hash_text(&self, clear: String) -> Result<String, OpsError> {
        let _permit = self.hashing().await?;
        let hashed = tokio::task::spawn_blocking(move || hash(&clear)).await;
        hashed.map_err(|_| OpsError::Hashing)?
    }

    async fn hashing(&self) -> Result<SemaphorePermit<'_>, OpsError> {
        let permit = self.hashing.acquire().await;
        permit.map_err(|_| OpsError::Hashing)
    }

    /// Sets the hashed password of the account that an event created, or will.
    pub async fn set_hash(&self, created_by: EventId, hashed: &str) -> Result<(), OpsError> {
        self.db
            .execute(
                "INSERT INTO credentials VALUES ($1, $2)
                 ON CONFLICT (created_by) DO UPDATE SET password = excluded.password",
                values![created_by.0, hashed],
            )
            .await?;
        Ok(())
    }

    /// Removes the password of an account that was not created after all, and how it is recovered.
    pub async fn forget(&self, created_by: EventId) -> Result<(), OpsError> {
        for table in ["credentials", "recoveries"] {
            let sql = format!("DELETE FROM {table} WHERE created_by = $1");
            self.db.execute(&sql, values![created_by.0]).await?;
        }
        Ok(())
    }

    /// Wipes what the database has kept of deleted rows in its files, as far as it can.
    pub async fn scrub(&self) -> Result<(), OpsError> {
        match &self.db {
            Db::Sqlite { .. } => self.db.truncate_wal().await?,
            Db::Postgres(_) => {
                self.db.execute("VACUUM credentials", vec![]).await?;
                self.db.execute("VACUUM recoveries", vec![]).await?;
            }
        }
        Ok(())
    }

    /// Whether the account that an event created has this password. A hash says nothing against it, nor one that was made.
    pub async fn fits(&self, created_by: EventId, password: &Password) -> Result<bool, OpsError> {
        match password {
            Password::Clear(clear) => {
                let stored = self.stored(created_by).await?;
                self.is_right(stored.as_deref(), clear.clone()).await
            }
            Password::Made(_) | Password::Hashed(_) => Ok(true),
        }
    }

    /// Whether a secret is the one whose hash is stored. One that is not there takes as long, so that time tells
    /// nothing.
    async fn is_right(&self, stored: Option<&str>, secret: String) -> Result<bool, OpsError> {
        if secret.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let there = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let _place = self.checking.try_acquire().map_err(|_| OpsError::Busy)?;
        let _permit = self.hashing().await?;
        let fits = tokio::task::spawn_blocking(move || verify(&secret, &stored)).await;
        Ok(there && fits.map_err(|_| OpsError::Hashing)?)
    }

    /// Forgets the failures at a door (a login, say), and so unlocks it.
    pub async fn pardon(&self, door: &[u8; 32]) -> Result<(), OpsError> {
        let sql = "DELETE FROM failures WHERE door = $1";
        self.db.execute(sql, values![door.as_slice()]).await?;
        Ok(())
    }

    /// Checks the password of the account that a login names, if it names one, and opens a session. The login comes as a keyed hash, the account with what it was created by. After
    /// [`CAPTCHA_AFTER`] failures a captcha has to be answered, too.
    pub async fn log_in(
        &self,
        login: &[u8; 32],
        account: Option<(AccountId, EventId)>,
        password: String,
        visit: &Visit,
        again: Option<Again>,
    ) -> Result<Opened, OpsError> {
        let mut knock = self.knock(login).await?;
        knock.admit(visit).await?;
        let (account, created_by, fitted) =
            self.check_password(&mut knock, account, password).await?;
        drop(knock);
        let opened = self.open_session(account, again).await?;
        // Whoever sets a new password ends the sessions there are by then. This one may have come after.
        if self.stored(created_by).await?.as_deref() != Some(fitted.as_str()) {
            self.log_out(&opened.token).await?;
            return Err(OpsError::WrongCredentials);
        }
        Ok(opened)
    }

    /// The account, with the hash that fitted, if it has this password. Failures are counted whether the login
    /// exists or not, so that a lock tells nothing.
    async fn check_password(
        &self,
        knock: &mut Knock<'_>,
        account: Option<(AccountId, EventId)>,
        password: String,
    ) -> Result<(AccountId, EventId, String), OpsError> {
        let stored = match account {
            Some((_, created_by)) => self.stored(created_by).await?,
            None => None,
        };
        let fits = self.is_right(stored.as_deref(), password).await?;
        if let (true, Some((account, created_by)), Some(stored)) = (fits, account, stored) {
            knock.right().await?;
            return Ok((account, created_by, stored));
        }
        knock.wrong().await?;
        Err(OpsError::WrongCredentials)
    }

    async fn stored(&self, created_by: EventId) -> Result<Option<String>, OpsError> {
        let sql = "SELECT password FROM credentials WHERE created_by = $1";
        let row = self.db.fetch_optional(sql, values![created_by.0]).await?;
        Ok(row.map(|row| row.text(0)).transpose()?)
    }

    /// Steps up to a door, unless it is locked after too many failures.
    pub async fn knock(&self, door: &[u8; 32]) -> Result<Knock<'_>, OpsError> {
        let turn = self.turn(door).await;
        let failures = self.failures(door).await?;
        if failures >= FAILURES_MAX {
            return Err(OpsError::Locked);
        }
        Ok(Knock {
            ops: self,
            door: *door,
            failures,
            _turn: turn,
        })
    }

    async fn turn(&self, door: &[u8; 32]) -> tokio::sync::MutexGuard<'_, ()> {
        self.turns[usize::from(door[0]) % TURNS].lock().await
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
