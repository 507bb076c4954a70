//! How a forgotten password is recovered: which question an account has, and the hash of its answer.
//!
//! Answers are easier to guess than passwords. So wrong ones are remembered for long, each locks for twice as long as
//! the one before, and whoever logs in is told of them. All of it by door, whether there is such a login or not.

use super::captcha::CAPTCHA_AFTER;
use super::{FAILURES_MAX, LOCKED_FOR, Ops, OpsError, Visit};
use crate::values;
use chrono::TimeDelta;
use docket_domain::Timestamp;
use docket_domain::account::{RecoveryQuestion, normal_answer};
use docket_domain::ids::{AccountId, EventId};

/// Longest lock of recovery.
pub const RECOVERY_LOCKED_MAX: TimeDelta = TimeDelta::days(1);
/// How long wrong answers are remembered after the last of them.
pub const RECOVERY_REMEMBERED: TimeDelta = TimeDelta::days(30);
/// Doors with wrong answers remembered at most; beyond, those with the fewest go first, the oldest before others.
pub const RECOVERY_DOORS_MAX: i64 = 100_000;
/// Doors that go at one time: to find them all are looked at.
const DOORS_DROPPED: i64 = RECOVERY_DOORS_MAX / 100;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS recovery_tries (
    door {bytes} PRIMARY KEY, count BIGINT NOT NULL, untold BIGINT NOT NULL, last_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS recovery_tries_by_time ON recovery_tries (last_at);
";

/// Wrong answers that a login's person has not been told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How many.
    pub count: u32,
    /// When the last of them was.
    pub last_at: Timestamp,
}

impl Ops {
    /// Hashes an answer, as it is compared.
    pub async fn hash_answer(&self, answer: &str) -> Result<String, OpsError> {
        self.hash_text(normal_answer(answer)).await
    }

    /// Sets question and hashed answer of the account that an event created, or will.
    pub async fn set_recovery(
        &self,
        created_by: EventId,
        question: RecoveryQuestion,
        hashed: &str,
    ) -> Result<(), OpsError> {
        let sql = "INSERT INTO recoveries VALUES ($1, $2, $3) ON CONFLICT (created_by) DO UPDATE
                   SET question = excluded.question, answer = excluded.answer";
        let values = values![created_by.0, question.code(), hashed];
        self.db.execute(sql, values).await?;
        Ok(())
    }

    /// The question of the account that an event created, if it has one.
    pub async fn recovery_question(
        &self,
        created_by: EventId,
    ) -> Result<Option<RecoveryQuestion>, OpsError> {
        let sql = "SELECT question FROM recoveries WHERE created_by = $1";
        let row = self.db.fetch_optional(sql, values![created_by.0]).await?;
        let code = row.map(|row| row.text(0)).transpose()?;
        Ok(code.and_then(|code| RecoveryQuestion::from_code(&code)))
    }

    /// Whether the account that an event created has this question and this answer.
    pub async fn has_recovery(
        &self,
        created_by: EventId,
        question: RecoveryQuestion,
        answer: &str,
    ) -> Result<bool, OpsError> {
        let sql = "SELECT answer FROM recoveries WHERE created_by = $1 AND question = $2";
        let asked = values![created_by.0, question.code()];
        let row = self.db.fetch_optional(sql, asked).await?;
        let stored = row.map(|row| row.text(0)).transpose()?;
        self.is_right(stored.as_deref(), normal_answer(answer))
            .await
    }

    /// The account whose recovery question has this answer. Failures are counted by door, whether there is such
    /// an account or not; the door is another than the login's. After
    /// [`FAILURES_MAX`] in a row each locks for twice as long as the one before, up to [`RECOVERY_LOCKED_MAX`].
    pub async fn check_answer(
        &self,
        door: &[u8; 32],
        account: Option<(AccountId, EventId)>,
        answer: &str,
        visit: &Visit,
    ) -> Result<(AccountId, EventId), OpsError> {
        let _turn = self.turn(door).await;
        let (failures, last_at) = self.wrong_answers(door).await?;
        if last_at.is_some_and(|at| self.clock.now() < at + locked_for(failures)) {
            return Err(OpsError::Locked);
        }
        self.admit(failures, visit).await?;
        let stored = match account {
            Some((_, created_by)) => {
                let sql = "SELECT answer FROM recoveries WHERE created_by = $1";
                let row = self.db.fetch_optional(sql, values![created_by.0]).await?;
                row.map(|row| row.text(0)).transpose()?
            }
            None => None,
        };
        let fits = self
            .is_right(stored.as_deref(), normal_answer(answer))
            .await?;
        if let Some(account) = account.filter(|_| fits) {
            if failures > 0 {
                let sql = "UPDATE recovery_tries SET count = 0 WHERE door = $1";
                self.db.execute(sql, values![door.as_slice()]).await?;
            }
            return Ok(account);
        }
        self.count_wrong_answer(door).await?;
        Err(OpsError::WrongAnswer)
    }

    /// Whether the next answer at a door needs a captcha.
    pub async fn answer_needs_captcha(&self, door: &[u8; 32]) -> Result<bool, OpsError> {
        Ok(self.wrong_answers(door).await?.0 >= CAPTCHA_AFTER)
    }

    /// The wrong answers at a door that nobody was told of; told now, they are so no more. To be asked for whoever
    /// has logged in.
    pub async fn tell_tried(&self, door: &[u8; 32]) -> Result<Option<Tried>, OpsError> {
        let sql = "SELECT untold, last_at FROM recovery_tries WHERE door = $1 AND untold > 0";
        let row = self
            .db
            .fetch_optional(sql, values![door.as_slice()])
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (count, last_at) = (row.int(0)?, row.time(1)?);
        // Of those that have come since the next login tells.
        let sql = "UPDATE recovery_tries SET untold = untold - $2 WHERE door = $1 AND untold >= $2";
        let told = values![door.as_slice(), count];
        if self.db.execute(sql, told).await? == 0 {
            return Ok(None);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Some(Tried { count, last_at }))
    }

    /// Wrong answers in a row at a door, and when the last of them was.
    async fn wrong_answers(&self, door: &[u8; 32]) -> Result<(i64, Option<Timestamp>), OpsError> {
        let since = self.clock.now() - RECOVERY_REMEMBERED;
        let sql = "SELECT count, last_at FROM recovery_tries WHERE door = $1 AND last_at > $2";
        let row = self
            .db
            .fetch_optional(sql, values![door.as_slice(), since])
            .await?;
        Ok(match row {
            Some(row) => (row.int(0)?, Some(row.time(1)?)),
            None => (0, None),
        })
    }

    async fn count_wrong_answer(&self, door: &[u8; 32]) -> Result<(), OpsError> {
        let now = self.clock.now();
        let sql = "DELETE FROM recovery_tries WHERE last_at <= $1";
        let over = values![now - RECOVERY_REMEMBERED];
        self.db.execute(sql, over).await?;
        let sql =
            "INSERT INTO recovery_tries VALUES ($1, 1, 1, $2) ON CONFLICT (door) DO UPDATE SET
                   count = recovery_tries.count + 1, untold = recovery_tries.untold + 1,
                   last_at = excluded.last_at";
        self.db.execute(sql, values![door.as_slice(), now]).await?;
        let sql = "SELECT count(*) FROM recovery_tries";
        let row = self.db.fetch_optional(sql, vec![]).await?;
        if row.map(|row| row.int(0)).transpose()?.unwrap_or(0) > RECOVERY_DOORS_MAX {
            // Names made up by the thousand displace each other, and not who is being tried in earnest.
            let sql = "DELETE FROM recovery_tries WHERE door IN (
                       SELECT door FROM recovery_tries ORDER BY count + untold, last_at LIMIT $1)";
            self.db.execute(sql, values![DOORS_DROPPED]).await?;
        }
        Ok(())
    }
}

/// How long so many wrong answers in a row lock, from the last of them on.
fn locked_for(failures: i64) -> TimeDelta {
    let doublings = failures - FAILURES_MAX;
    if doublings < 0 {
        return TimeDelta::zero();
    }
    // Far beyond the longest, and far from overflowing.
    let times = 1 << doublings.min(16);
    (LOCKED_FOR * times).min(RECOVERY_LOCKED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_answer_locks_twice_as_long_up_to_a_day() {
        let minutes = |failures| locked_for(failures).num_minutes();
        assert_eq!([0, 1, 4].map(minutes), [0, 0, 0]);
        assert_eq!([5, 6, 7, 8].map(minutes), [10, 20, 40, 80]);
        assert_eq!(
            [12, 13, 100, i64::MAX].map(minutes),
            [1_280, 1_440, 1_440, 1_440]
        );
    }
}
