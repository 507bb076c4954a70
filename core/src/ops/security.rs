//! The security log: who was let in and who was not, counted by hour.
//!
//! It says nothing that a stranger could not be made to say: no password, no token, and of a login that no account has
//! a keyed hash alone. What strangers cause is counted in few rows an hour, so that none of them can fill the store up,
//! nor wash away what is known of those who proved who they are.

use super::{Ops, OpsError};
use crate::db::{Row, list};
use crate::span::Span;
use crate::values;
use chrono::{DurationRound as _, TimeDelta};
use docket_domain::Timestamp;
use docket_domain::ids::AccountId;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv6Addr};

/// What is of one kind, subject and address within so long is one row.
pub const SECURITY_BUCKET: TimeDelta = TimeDelta::hours(1);
/// How long rows are kept: six months, which the Cybersecurity Law (网络安全法) asks of network logs.
pub const SECURITY_KEPT: TimeDelta = TimeDelta::days(184);
/// Rows that strangers can cause an hour; what goes beyond is counted without subject and address.
pub const SECURITY_STRANGERS_MAX: i64 = 1_000;
/// Rows that those can cause an hour who proved who they are; what goes beyond as above.
pub const SECURITY_PROVEN_MAX: i64 = 10_000;
/// Rows in all; beyond, strangers' go first, the oldest before others. Looked at once an hour.
pub const SECURITY_ROWS_MAX: i64 = 200_000;
/// Bytes of a hash that are kept.
const HASH_BYTES: usize = 8;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS security_log (
    hour BIGINT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, address TEXT NOT NULL,
    proven BIGINT NOT NULL, count BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
    PRIMARY KEY (hour, kind, subject, address)
);
CREATE INDEX IF NOT EXISTS security_log_by_proof ON security_log (proven, hour);
";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $proven:literal;)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SecurityKind { $($(#[$doc])* $name,)+ }

        impl SecurityKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Whether only somebody can cause it who proved who they are.
            #[must_use]
            pub const fn is_proven(self) -> bool {
                match self { $(Self::$name => $proven,)+ }
            }
        }
    };
}

kinds! {
    /// A login with the right password.
    Login = "login", true;
    /// A login or password that was wrong.
    LoginRefused = "login_refused", false;
    /// A try at a login that is locked after wrong passwords.
    LoginLocked = "login_locked", false;
    /// The right password of an account that is deactivated.
    LoginDeactivated = "login_deactivated", true;
    /// A try without the captcha it needed.
    CaptchaMissed = "captcha_missed", false;
    /// A try from an address that is held up after too many without a captcha.
    HeldUp = "held_up", false;
    /// A session that its person ended.
    Logout = "logout", true;
    /// A refresh token used twice: its session was ended.
    TokenReused = "token_reused", true;
    /// A wrong old password, of somebody logged in.
    PasswordRefused = "password_refused", true;
    /// A password recovered by the answer to its question.
    Recovery = "recovery", true;
    /// A wrong answer to a question for recovery, or of a login that does not exist.
    RecoveryRefused = "recovery_refused", false;
    /// A try to recover while that is locked.
    RecoveryLocked = "recovery_locked", false;
    /// A wrong query code of a ticket's number.
    QueryCodeRefused = "query_code_refused", false;
    /// A try at a ticket's number that is locked after wrong query codes.
    QueryCodeLocked = "query_code_locked", false;
    /// A token of the identity provider that was not taken.
    BearerRefused = "bearer_refused", false;
    /// Requests over a rate. Noted once a minute of an account or address.
    RateLimited = "rate_limited", false;
}

impl SecurityKind {
    /// By its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An account there is.
    Account(AccountId),
    /// Something typed that names none: its keyed hash.
    Unknown([u8; 32]),
    /// Nobody in particular.
    Nobody,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account:{}", id.0),
            Self::Unknown(hash) => {
                f.write_str("unknown:")?;
                hash[..HASH_BYTES]
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Nobody => Ok(()),
        }
    }
}

/// A row of the security log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEntry {
    /// The hour it counts.
    pub hour: Timestamp,
    /// What happened, by its stable name.
    pub kind: String,
    /// `account:` and an id, `unknown:` and a hash, or nothing.
    pub subject: String,
    /// An IPv4 address, the network of an IPv6 address, or nothing.
    pub address: String,
    /// How often.
    pub count: u64,
    /// When first within the hour.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
}

impl SecurityEntry {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            hour: row.time(0)?,
            kind: row.text(1)?,
            subject: row.text(2)?,
            address: row.text(3)?,
            count: u64::try_from(row.int(4)?).unwrap_or(0),
            first_at: row.time(5)?,
            last_at: row.time(6)?,
        })
    }
}

/// The part of an address that one subscriber cannot change: of IPv6 the first half.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Ops {
    /// Counts something that happened so often.
    pub async fn note(
        &self,
        kind: SecurityKind,
        subject: Subject,
        address: Option<IpAddr>,
        times: u32,
    ) -> Result<(), OpsError> {
        let now = self.clock.now();
        let hour = now.duration_trunc(SECURITY_BUCKET).unwrap_or(now);
        let address = address.map_or_else(String::new, |address| match network(address) {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("{v6}/64"),
        });
        let subject = subject.to_string();
        let sql = "UPDATE security_log SET count = count + $1, last_at = $2
                   WHERE hour = $3 AND kind = $4 AND subject = $5 AND address = $6";
        let (name, times) = (kind.name(), i64::from(times));
        let known = values![times, now, hour, name, subject.as_str(), address.as_str()];
        if self.db.execute(sql, known).await? > 0 {
            return Ok(());
        }
        let (subject, address) = if self.is_full(hour, kind.is_proven()).await? {
            (String::new(), String::new())
        } else {
            (subject, address)
        };
        let proven = i64::from(kind.is_proven());
        let sql = "INSERT INTO security_log VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
                   ON CONFLICT (hour, kind, subject, address) DO UPDATE SET
                   count = security_log.count + excluded.count, last_at = excluded.last_at";
        let row = values![hour, name, subject, address, proven, times, now];
        self.db.execute(sql, row).await?;
        Ok(())
    }

    /// Whether an hour has as many rows as it may have. The first row of an hour has the old ones swept away.
    async fn is_full(&self, hour: Timestamp, proven: bool) -> Result<bool, OpsError> {
        let sql = "SELECT COUNT(*) FROM security_log WHERE proven = $1 AND hour = $2";
        let of = values![i64::from(proven), hour];
        let row = self.db.fetch_optional(sql, of).await?;
        let rows = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        if rows == 0 {
            self.sweep_security_log().await?;
        }
        Ok(rows
            >= if proven {
                SECURITY_PROVEN_MAX
            } else {
                SECURITY_STRANGERS_MAX
            })
    }

    async fn sweep_security_log(&self) -> Result<(), OpsError> {
        let sql = "DELETE FROM security_log WHERE hour <= $1";
        let over = values![self.clock.now() - SECURITY_KEPT];
        self.db.execute(sql, over).await?;
        let sql = "SELECT COUNT(*) FROM security_log";
        let row = self.db.fetch_optional(sql, vec![]).await?;
        let rows = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        if rows > SECURITY_ROWS_MAX {
            let sql = "DELETE FROM security_log WHERE (hour, kind, subject, address) IN (
                       SELECT hour, kind, subject, address FROM security_log
                       ORDER BY proven, hour LIMIT $1)";
            let beyond = values![rows - SECURITY_ROWS_MAX];
            self.db.execute(sql, beyond).await?;
        }
        Ok(())
    }

    /// A stretch of the security log, the newest hours first, in the order it is read: of one kind or all. Of a
    /// place only what names its row is looked at.
    pub async fn security_log(
        &self,
        kind: Option<SecurityKind>,
        span: &Span<SecurityEntry>,
    ) -> Result<Vec<SecurityEntry>, OpsError> {
        let mut values = values![kind.map_or("", SecurityKind::name)];
        let mut conditions = String::new();
        let (after, before) = Span::<SecurityEntry>::compares(true);
        for (compare, place) in [(after, &span.after), (before, &span.before)] {
            let Some(place) = place else { continue };
            let marks = list(values.len() + 1, 4);
            let _ = write!(
                conditions,
                " AND (hour, kind, subject, address) {compare} ({marks})"
            );
            let (kind, subject) = (place.kind.as_str(), place.subject.as_str());
            values.extend(values![place.hour, kind, subject, place.address.as_str()]);
        }
        values.push(i64::from(span.limit).into());
        let (limit, way) = (values.len(), span.direction(true));
        let sql = format!(
            "SELECT hour, kind, subject, address, count, first_at, last_at FROM security_log
             WHERE ($1 = '' OR kind = $1){conditions}
             ORDER BY hour {way}, kind {way}, subject {way}, address {way} LIMIT ${limit}"
        );
        let rows = self.db.fetch_all(&sql, values).await?;
        Ok(rows
            .iter()
            .map(SecurityEntry::read)
            .collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in SecurityKind::ALL {
            assert_eq!(SecurityKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(SecurityKind::from_name("none"), None);
    }
}
