//! How a forgotten password is recovered: which question an account has, and the hash of its answer.

use super::{Ops, OpsError, Visit};
use crate::values;
use docket_domain::account::{RecoveryQuestion, normal_answer};
use docket_domain::ids::{AccountId, EventId};

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

    /// The account whose recovery question has this answer. Failures are counted by door, whether there is such
    /// an account or not; the door is another than the login's.
    pub async fn check_answer(
        &self,
        door: &[u8; 32],
        account: Option<(AccountId, EventId)>,
        answer: &str,
        visit: &Visit,
    ) -> Result<(AccountId, EventId), OpsError> {
        let mut knock = self.knock(door).await?;
        knock.admit(visit).await?;
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
            knock.right().await?;
            return Ok(account);
        }
        knock.wrong().await?;
        Err(OpsError::WrongAnswer)
    }
}
