//! Accounts in bulk: each as `createAccount` would create or refuse it, with an outcome of its own.

use super::keeping::{AccountPayload, CreateAccountInput, after, create};
use crate::auth::keeper;
use crate::error::{Code, fault_because};
use crate::graphql::common::{Position, UserError};
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use docket_domain::{Reason, Refusal};
use std::collections::HashSet;
use uuid::Uuid;

/// Most accounts at one time: the passwords of so many are hashed within a request's time.
pub(super) const ACCOUNTS_AT_ONCE: usize = 200;

/// Accounts to be created.
#[derive(InputObject)]
pub struct CreateAccountsInput {
    /// The accounts, at most 200, each with a login of its own.
    accounts: Vec<CreateAccountInput>,
    /// Sent again with the same id, an account that was created is not created again: it is told as it was, if it is sent as it
    /// was. One that was refused is tried again, and may be corrected. Accounts are told apart by their logins, in
    /// any order.
    command_id: Option<Uuid>,
}

/// What became of accounts.
#[derive(SimpleObject)]
pub struct CreateAccountsPayload {
    /// What became of each, in the order they were sent.
    outcomes: Vec<AccountPayload>,
    /// The position of the last event there was: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not, of all that were refused; `path` begins with `input`, `accounts` and the place from 0 on.
    user_errors: Vec<UserError>,
}

/// Creating accounts in bulk.
#[derive(Default)]
pub struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Creates accounts, at most 200, each as `createAccount` would: some may be created and others refused
    /// (administrators; leaders of a department for its clerks and leaders). If the request breaks off, send it again
    /// with the same `commandId`: it goes on.
    #[graphql(complexity = "10_000 + 50 * child_complexity")]
    async fn create_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccountsInput,
    ) -> Result<CreateAccountsPayload, Error> {
        let viewer = keeper(context)?;
        if input.accounts.len() > ACCOUNTS_AT_ONCE {
            let detail = (
                format!("一次至多{ACCOUNTS_AT_ONCE}个账号"),
                format!("at most {ACCOUNTS_AT_ONCE} accounts at a time"),
            );
            return Err(fault_because(Code::TooLarge, detail));
        }
        // All are read before the first is created.
        let read = input.accounts.into_iter().map(|row| row.read(viewer));
        let asked = read.collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        let mut payload = CreateAccountsPayload {
            outcomes: Vec::with_capacity(asked.len()),
            position: None,
            user_errors: Vec::new(),
        };
        for (place, mut asked) in asked.into_iter().enumerate() {
            let login = asked.new.login.trim().to_lowercase();
            let of_whole = input.command_id.map(|whole| one_of(whole, &login));
            asked.command = asked.command.or(of_whole);
            let mut outcome = if seen.insert(login) {
                create(context, viewer, asked).await?
            } else {
                let twice = Refusal::new("create_account", "account", Reason::AlreadyExists);
                after(context, Err(twice.at("login").into()))?
            };
            for error in &mut outcome.user_errors {
                error.put_under("accounts", place);
            }
            payload.user_errors.extend_from_slice(&outcome.user_errors);
            payload.position = payload.position.max(outcome.position);
            payload.outcomes.push(outcome);
        }
        Ok(payload)
    }
}

/// The command of one account of a list: told apart by their logins, in any order.
pub(super) fn one_of(whole: Uuid, login: &str) -> Uuid {
    Uuid::new_v5(&whole, format!("account {login}").as_bytes())
}
