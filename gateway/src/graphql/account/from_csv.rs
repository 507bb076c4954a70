//! Accounts in bulk from the text of a CSV file: the same list as `docket account import` takes, row by row.

use super::Account;
use super::bulk::{ACCOUNTS_AT_ONCE, one_of};
use crate::auth::{Viewer, keeper};
use crate::error::{Code, Refused, fault_because, system};
use crate::graphql::common::{Position, UserError, app, options};
use crate::import::encoding::Encoding;
use crate::import::records::{Record, Records};
use crate::import::rejects::Reject;
use crate::staff_list::{Header, password, refused, reject_of};
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use docket_core::Desk;
use docket_core::desk::{Outcome, Password};
use docket_domain::account::Account as AccountState;
use docket_domain::ids::AccountId;
use docket_domain::organisation::Organisation;
use docket_domain::rules::PasswordRules;
use docket_domain::{Reason, Refusal};
use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;
use uuid::Uuid;

/// The field that the list is in.
const LIST: &str = "csv";

/// A list of accounts to be created.
#[derive(InputObject)]
pub struct CreateAccountsFromCsvInput {
    /// The CSV, with commas. Its first line names the columns, in any order, in English or Chinese: `login`, `name`, `role` (these are
    /// needed), `department`, `unit`, `mobile`, `sms_quota`, `password`, `recovery_question`, `recovery_answer`. At most 200 rows.
    csv: String,
    /// Makes a password for every account without one. It is told with the account, this once.
    generate_passwords: Option<bool>,
    /// Sent again with the same id, an account that was created is not created again: it is told as it was, without the
    /// password that was made for it. A row that was refused is tried again, and may be corrected. Rows are told apart by
    /// their logins, in any order.
    command_id: Option<Uuid>,
}

/// What became of a row.
#[derive(SimpleObject)]
pub struct AccountRowOutcome {
    /// The line it begins on; the columns' names are on line 1.
    line: u64,
    /// The account; null where it was refused.
    account: Option<Account>,
    /// The password that was made for it: nobody can read it again. Null where the list has one, and where the account was
    /// there before.
    password: Option<String>,
    /// Everything that is wrong with the row. `path` is `input`, `csv`, the line and the column.
    user_errors: Vec<UserError>,
}

/// What became of a list.
#[derive(SimpleObject)]
pub struct CreateAccountsFromCsvPayload {
    /// What became of each row, in their order.
    outcomes: Vec<AccountRowOutcome>,
    /// The position of the last event there was: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not, of all rows that were refused; or of the list, if it is none.
    user_errors: Vec<UserError>,
}

/// Creating accounts from a list.
#[derive(Default)]
pub struct ListMutation;

#[Object]
impl ListMutation {
    /// Creates accounts from the text of a CSV file, at most 200, each as `createAccount` would: some may be created and others
    /// refused (administrators; leaders of a department for its clerks and leaders). The list is that of
    /// `docket account import`. If the request breaks off, send it again with the same `commandId`: it goes on.
    #[graphql(complexity = "10_000 + 50 * child_complexity")]
    async fn create_accounts_from_csv(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccountsFromCsvInput,
    ) -> Result<CreateAccountsFromCsvPayload, Error> {
        let viewer = keeper(context)?;
        let desk = &app(context)?.desk;
        let makes = input.generate_passwords.unwrap_or(false);
        let (header, records) = match read(&input.csv, makes)? {
            Ok(list) => list,
            Err(refusal) => {
                return Ok(CreateAccountsFromCsvPayload {
                    outcomes: Vec::new(),
                    position: None,
                    user_errors: UserError::of(context, &Refused::from(refusal)),
                });
            }
        };
        let organisation = desk.organisation().await.map_err(|error| system(&error))?;
        let rules = desk.password_rules().await;
        let mut work = Work {
            viewer,
            desk,
            organisation,
            made_by: makes.then_some(rules.map_err(|error| system(&error))?),
            whole: input.command_id,
            seen: HashSet::new(),
        };
        let mut payload = CreateAccountsFromCsvPayload {
            outcomes: Vec::with_capacity(records.len()),
            position: None,
            user_errors: Vec::new(),
        };
        for record in records {
            let (created, mistakes) = match work.take(&header, &record).await? {
                Ok(created) => (Some(created), Vec::new()),
                Err(mistakes) => (None, mistakes),
            };
            let told = |reject: &Reject| UserError::of_row(context, LIST, record.line, reject);
            let user_errors: Vec<UserError> = mistakes.iter().map(told).collect();
            payload.user_errors.extend_from_slice(&user_errors);
            let (outcome, password) = created.unzip();
            let position = outcome.as_ref().map(|outcome| Position(outcome.position));
            payload.position = payload.position.max(position);
            payload.outcomes.push(AccountRowOutcome {
                line: record.line,
                account: outcome.map(|outcome| Account {
                    id: AccountId(outcome.id),
                    state: outcome.state,
                }),
                password: password.flatten(),
                user_errors,
            });
        }
        Ok(payload)
    }
}

/// The columns and the rows of a list, or why it is none.
fn read(csv: &str, makes: bool) -> Result<Result<(Header, Vec<Record>), Refusal>, Error> {
    let refuse = |reason, field| Refusal::new("create_accounts", "account", reason).at(field);
    let broken = |_| fault_because(Code::Internal, "a list in memory");
    let bytes = csv.as_bytes();
    let text = &bytes[Encoding::mark_of(bytes)..];
    let mut records = Records::new(Cursor::new(text), b',');
    let Some(first) = records.next_record().map_err(broken)? else {
        return Ok(Err(refuse(Reason::Required, LIST)));
    };
    let header = match Header::read(&first, Encoding::Utf8) {
        Ok(header) => header,
        Err(why) => return Ok(Err(refuse(Reason::InvalidValue, LIST).because(why))),
    };
    if !header.has_passwords() && !makes {
        let refusal = refuse(Reason::Required, "generatePasswords");
        let detail = (
            "名单中没有 password 一列",
            "the list has no column password",
        );
        return Ok(Err(refusal.because(detail)));
    }
    let mut rows = Vec::new();
    while let Some(record) = records.next_record().map_err(broken)? {
        if rows.len() == ACCOUNTS_AT_ONCE {
            let detail = (
                format!("一次至多{ACCOUNTS_AT_ONCE}个账号"),
                format!("at most {ACCOUNTS_AT_ONCE} accounts at a time"),
            );
            return Err(fault_because(Code::TooLarge, detail));
        }
        rows.push(record);
    }
    Ok(Ok((header, rows)))
}

/// An account as it was created, and the password that was made for it.
type Created = (Outcome<AccountState>, Option<String>);

/// What is needed to take a row.
struct Work<'w> {
    viewer: &'w Viewer,
    desk: &'w Desk,
    organisation: Arc<Organisation>,
    /// What passwords that are made have to be; `None`: none are made.
    made_by: Option<PasswordRules>,
    whole: Option<Uuid>,
    /// Logins of the rows so far, as they are compared.
    seen: HashSet<String>,
}

impl Work<'_> {
    /// Takes a row, or says everything that is wrong with it.
    async fn take(
        &mut self,
        header: &Header,
        record: &Record,
    ) -> Result<Result<Created, Vec<Reject>>, Error> {
        let actor = &self.viewer.actor;
        let mut row = match header.row(record, &self.organisation, actor.department) {
            Ok(row) => row,
            Err(reject) => return Ok(Err(vec![reject])),
        };
        let login = row.new.login.to_lowercase();
        if !login.is_empty() && !self.seen.insert(login.clone()) {
            let twice = "another row of the list has this login";
            let reject = refused(Reason::AlreadyExists, "login", twice);
            row.mistakes.add(reject);
        }
        let password = match (row.password.take(), self.made_by) {
            (Some(password), _) => Some(Password::Clear(password)),
            (None, Some(rules)) => Some(Password::Made(password::made(rules))),
            (None, None) => {
                row.mistakes.add(refused(Reason::Required, "password", ""));
                None
            }
        };
        let password = match password {
            Some(password) if row.mistakes.is_empty() => password,
            other => {
                row.judge(self.desk, actor, other.as_ref()).await?;
                return Ok(Err(row.mistakes.all()));
            }
        };
        let command = self.whole.map(|whole| one_of(whole, &login));
        let (options, new) = (options(command, None), row.new.clone());
        let created = self
            .desk
            .create_account(actor, new, password.clone(), &options);
        match created.await {
            Ok(outcome) => {
                let made = match password {
                    Password::Made(made) if !outcome.repeated => Some(made),
                    Password::Made(_) | Password::Clear(_) | Password::Hashed(_) => None,
                };
                Ok(Ok((outcome, made)))
            }
            Err(error) => {
                row.mistakes.add(reject_of(error)?);
                row.judge(self.desk, actor, Some(&password)).await?;
                Ok(Err(row.mistakes.all()))
            }
        }
    }
}
