//! Captchas at a door: needed after a few failures, and good for one try each.
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
    /// Lets somebody try after failures only if they answered a captcha. One that is missing, wrong, over or used
    /// before counts as a failure itself.
    pub async fn admit(&mut self, captcha: Option<&Answered>) -> Result<(), OpsError> {
        if self.failures < CAPTCHA_AFTER {
            return Ok(());
        }
        if let Some(captcha) = captcha
            && self.ops.use_up(captcha).await?
            && captcha.right
        {
            return Ok(());
        }
        self.wrong().await?;
        Err(OpsError::CaptchaRequired)
    }
}

impl Ops {
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
