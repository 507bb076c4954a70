//! Captchas at a door: needed after a few failures, and good for one try each. A try without one is only refused: it
//! costs nobody's login anything, and whoever makes many of them is held up by their own address.
//!
//! Which captcha is whose, and what its answer is, is the desk's to say. Here is kept only which were used, for as
//! long as they would be good: so any number may be asked for, and nothing can be filled up by asking.

use super::{FAILURES_MAX, Knock, Ops, OpsError};
use crate::values;
use chrono::TimeDelta;
use docket_domain::Timestamp;

/// Failures in a row after which the next tries at a door need a captcha. Fewer than lock it.
pub const CAPTCHA_AFTER: i64 = 2;
const _: () = assert!(CAPTCHA_AFTER < FAILURES_MAX);
/// How long a captcha is good.
pub const CAPTCHA_LASTS: TimeDelta = TimeDelta::minutes(3);
/// Used captchas remembered at most; beyond, none is taken until some are over.
pub const CAPTCHAS_USED_MAX: i64 = 100_000;

/// Tries in a row without a right captcha after which an address is held up, as long as a lock lasts.
pub const CAPTCHA_FAILURES_MAX: i64 = 20;

/// What somebody brings to a door beside the secret.
#[derive(Clone, Debug)]
pub struct Visit {
    /// A captcha they answered.
    pub captcha: Option<Answered>,
    /// The keyed hash of where they come from.
    pub from: [u8; 32],
}

/// A captcha as somebody answered it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Which.
    pub id: Vec<u8>,
    /// Until when it is good.
    pub until: Timestamp,
    /// Whether the answer is right.
    pub right: bool,
}

impl Knock<'_> {
    /// Lets somebody try after failures only if they answered a captcha.
    pub async fn admit(&self, visit: &Visit) -> Result<(), OpsError> {
        self.ops.admit(self.failures, visit).await
    }
}

impl Ops {
    /// Lets somebody try at a door with so many failures if it needs no captcha, or they answered one. One that is
    /// missing, wrong, over or used before counts against where they come from, and not at the door.
    pub(super) async fn admit(&self, failures: i64, visit: &Visit) -> Result<(), OpsError> {
        if failures < CAPTCHA_AFTER {
            return Ok(());
        }
        let turn = usize::from(visit.from[0]) % self.asked.len();
        let _turn = self.asked[turn].lock().await;
        let without = self.failures(&visit.from).await?;
        if without >= CAPTCHA_FAILURES_MAX {
            return Err(OpsError::TooManyTries);
        }
        if let Some(captcha) = &visit.captcha
            && self.use_up(captcha).await?
            && captcha.right
        {
            if without > 0 {
                self.pardon(&visit.from).await?;
            }
            return Ok(());
        }
        self.count_failure(&visit.from).await?;
        Err(OpsError::CaptchaRequired)
    }

    /// Whether the next try at a door needs a captcha.
    pub async fn needs_captcha(&self, door: &[u8; 32]) -> Result<bool, OpsError> {
        Ok(self.failures(door).await? >= CAPTCHA_AFTER)
    }

    /// Uses a captcha up, right or wrong: whether it was good still.
    async fn use_up(&self, captcha: &Answered) -> Result<bool, OpsError> {
        let now = self.clock.now();
        if captcha.until <= now {
            return Ok(false);
        }
        let sql = "DELETE FROM captchas_used WHERE expires_at <= $1";
        self.db.execute(sql, values![now]).await?;
        let sql = "SELECT count(*) FROM captchas_used";
        let row = self.db.fetch_optional(sql, vec![]).await?;
        if row.map(|row| row.int(0)).transpose()?.unwrap_or(0) >= CAPTCHAS_USED_MAX {
            return Ok(false);
        }
        let sql = "INSERT INTO captchas_used VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let used = values![captcha.id.as_slice(), captcha.until];
        Ok(self.db.execute(sql, used).await? == 1)
    }
}
