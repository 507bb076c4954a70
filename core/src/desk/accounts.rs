//! Accounts: creating and changing them, and a new password in place of their person.

use super::texts::kept;
use super::{Desk, DeskError, Options, Outcome};
use crate::clock::new_id;
use crate::journal::{Claim, JournalError};
use crate::ops::Password;
use crate::vault::NewKey;
use docket_domain::Aggregate as _;
use docket_domain::account::{
    self as domain, ANSWER_CHARS_MAX, Account, AccountAction, AccountCommand, Changes, Given,
    LOGIN_SIGNS, MOBILE_CHARS_MAX, MOBILE_DIGITS, RecoveryQuestion, is_login, is_mobile,
    normal_answer,
};
use docket_domain::ids::{AccountId, DepartmentId, EventId, KeyId, UnitId};
use docket_domain::people::{Actor, Role};
use docket_domain::sealed::{KeyOwner, Sealed};
use docket_domain::text::is_blank;
use docket_domain::{Detail, Reason, Refusal};
use serde::Serialize;

/// An account to be created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewAccount {
    /// The login.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// The department.
    pub department: Option<DepartmentId>,
    /// The unit.
    pub unit: Option<UnitId>,
    /// The person's mobile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// SMS a month.
    #[serde(skip_serializing_if = "is_none_at_all")]
    pub sms_quota: u32,
    /// How its password is recovered. No part of the fingerprint, which is in the log.
    #[serde(skip)]
    pub recovery: Option<Recovery>,
}

/// How a forgotten password is to be recovered.
#[derive(Clone)]
pub struct Recovery {
    /// The question.
    pub question: RecoveryQuestion,
    /// The answer, in the clear.
    pub answer: String,
}

impl std::fmt::Debug for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recovery")
    }
}

impl Desk {
    /// Creates an account. Its password goes to the ops store first, under the id of the event to be: one
    /// without an account opens nothing, while an account without a password would hold its login for ever.
    pub async fn create_account(
        &self,
        actor: &Actor,
        new: NewAccount,
        password: Password,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let mut envelope = self.envelope(actor, options.command, "create_account", &new, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return self.same_password(done, &password).await;
        }
        check_login(&new.login)?;
        kept("create_account", "name", &new.name)?;
        if let Some(mobile) = &new.mobile {
            check_mobile("create_account", mobile)?;
        }
        // An unfit password or answer must leave no account behind.
        self.check_password(&password).await?;
        let recovery = self.hashed_recovery(new.recovery.as_ref()).await?;
        let hashed = self.ops.hash_password(&password).await?;
        envelope.claims = vec![Claim {
            kind: "login",
            value: self.login_hash(&new.login).to_vec(),
        }];
        let id = match options.command {
            Some(command) => AccountId(self.named(&format!("account {command}"))),
            None => new_id(&*self.clock),
        };
        let key = KeyId(id.0);
        self.vault
            .make_keys(vec![NewKey {
                id: key,
                owner: KeyOwner::Account,
                same_as: None,
            }])
            .await?;
        let event = envelope.event;
        let created = self.sealed_account(key, event, new).await?;
        let action = AccountAction::Create(created);
        let command = self.account_command(actor, id, action, options).await?;
        self.ops.set_hash(event, &hashed).await?;
        if let Some((question, answer)) = &recovery {
            self.ops.set_recovery(event, *question, answer).await?;
        }
        let outcome = self
            .run_new::<Account>(id.0, envelope, || command.clone())
            .await;
        match outcome {
            Ok(outcome) if outcome.state.created_by == Some(event) => Ok(outcome),
            // The same command from elsewhere was faster.
            Ok(outcome) => {
                self.ops.forget(event).await?;
                self.same_password(outcome, &password).await
            }
            // Whether it took effect is open: its password stays.
            Err(DeskError::Journal(JournalError::Database(error))) => {
                Err(JournalError::Database(error).into())
            }
            Err(error) => {
                self.ops.forget(event).await?;
                Err(error)
            }
        }
    }

    async fn hashed_recovery(
        &self,
        recovery: Option<&Recovery>,
    ) -> Result<Option<(RecoveryQuestion, String)>, DeskError> {
        let Some(Recovery { question, answer }) = recovery else {
            return Ok(None);
        };
        check_answer(answer)?;
        Ok(Some((*question, self.ops.hash_answer(answer).await?)))
    }

    async fn sealed_account(
        &self,
        key: KeyId,
        event: EventId,
        new: NewAccount,
    ) -> Result<domain::NewAccount, DeskError> {
        let login = new.login.trim();
        let lacks_prefix = self.lacking_prefix(new.department, login).await?;
        let name = kept("create_account", "name", &new.name)?;
        let seal = async |field, text: &str| self.vault.seal(key, event, field, text.trim()).await;
        Ok(domain::NewAccount {
            login: seal("login", login).await?,
            name: seal("name", &name).await?,
            mobile: match &new.mobile {
                Some(mobile) => Some(seal("mobile", mobile).await?),
                None => None,
            },
            roles: new.roles,
            department: new.department,
            unit: new.unit,
            sms_quota: new.sms_quota,
            lacks_prefix,
        })
    }

    /// What a login of a department would have to begin with, where it does not.
    pub(super) async fn lacking_prefix(
        &self,
        department: Option<DepartmentId>,
        login: &str,
    ) -> Result<Option<String>, DeskError> {
        let organisation = self.organisation().await?;
        let department = department.and_then(|id| organisation.department(id));
        let region = department.and_then(|department| department.region.as_deref());
        let published = self.published().await?;
        let rules = published.current.as_ref().filter(|_| department.is_some());
        Ok(rules.and_then(|rules| rules.lacking_prefix(region, login).map(str::to_owned)))
    }

    /// A repeat must be one in its password, too, unless that is made anew each time. Not for the fingerprint to tell: that
    /// is in the log.
    pub(super) async fn same_password(
        &self,
        done: Outcome<Account>,
        password: &Password,
    ) -> Result<Outcome<Account>, DeskError> {
        let fits = match done.state.created_by {
            Some(by) => self.ops.fits(by, password).await?,
            None => false,
        };
        if fits {
            Ok(done)
        } else {
            Err(JournalError::CommandReused.into())
        }
    }

    /// Changes name, mobile, roles, place or messages of an account.
    pub async fn change_account(
        &self,
        actor: &Actor,
        id: AccountId,
        changes: Changes<String>,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let payload = (id, &changes);
        let envelope = self.envelope(actor, options.command, "change_account", &payload, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return Ok(done);
        }
        // Whether there is such an account or not: it must not tell.
        if let Given::This(mobile) = &changes.mobile {
            check_mobile("change_account", mobile)?;
        }
        // Whose key is gone has no text any more, and is given none.
        let known = self.account(id).await?.filter(|account| !account.erased);
        let (mut name, mut mobile) = (None, Given::Kept);
        if let Some(account) = known {
            if let Some(new) = &changes.name {
                let has = account.name.as_ref();
                name = self.anew(id, envelope.event, "name", new, has).await?;
            }
            mobile = match &changes.mobile {
                Given::Kept => Given::Kept,
                Given::Nothing => Given::Nothing,
                Given::This(new) => {
                    let has = account.mobile.as_ref();
                    let anew = self.anew(id, envelope.event, "mobile", new, has).await?;
                    anew.map_or(Given::Kept, Given::This)
                }
            };
        }
        let action = AccountAction::Change(Changes {
            name,
            mobile,
            sms_quota: changes.sms_quota,
            roles: changes.roles,
            department: changes.department,
            unit: changes.unit,
        });
        let command = self.account_command(actor, id, action, options).await?;
        self.run::<Account>(id.0, envelope, || command.clone())
            .await
    }

    /// A text sealed for an account; `None` where it is the one it has.
    async fn anew(
        &self,
        id: AccountId,
        event: EventId,
        field: &'static str,
        text: &str,
        has: Option<&Sealed>,
    ) -> Result<Option<Sealed>, DeskError> {
        let text = kept("change_account", field, text)?;
        if let Some(has) = has
            && self.vault.open_text(field, has).await?.as_ref() == Some(&text)
        {
            return Ok(None);
        }
        let sealed = self.vault.seal(KeyId(id.0), event, field, &text).await?;
        Ok(Some(sealed))
    }

    /// Deactivates an account and ends its sessions.
    pub async fn deactivate_account(
        &self,
        actor: &Actor,
        id: AccountId,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let outcome = self
            .keep_account(actor, id, AccountAction::Deactivate, options)
            .await?;
        self.end_dead_sessions(id).await?;
        Ok(outcome)
    }

    /// Reactivates an account. Its password is the one it had, its sessions are over.
    pub async fn reactivate_account(
        &self,
        actor: &Actor,
        id: AccountId,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        // The process that deactivated it may have been killed before it ended them.
        self.end_dead_sessions(id).await?;
        self.keep_account(actor, id, AccountAction::Reactivate, options)
            .await
    }

    /// Ends the sessions of an account that is deactivated now: nothing opens with them, but were they left,
    /// they would open again with the account.
    async fn end_dead_sessions(&self, id: AccountId) -> Result<(), DeskError> {
        if self.reload::<Account>(id.0, None).await?.state.deactivated {
            self.ops.end_sessions(id, None).await?;
        }
        Ok(())
    }

    /// Gives an account a new password in place of its person, and ends its sessions. The event comes last: it
    /// says what was done, and a command that broke off before it is done again when it is repeated.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        id: AccountId,
        password: Password,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let action = AccountAction::ResetPassword;
        let envelope = self.envelope(actor, options.command, action.name(), &id, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return self.same_password(done, &password).await;
        }
        let command = self.account_command(actor, id, action, options).await?;
        let account = self.reload::<Account>(id.0, None).await?;
        Account::decide(&account.state, command.clone())?;
        self.check_password(&password).await?;
        let hashed = self.ops.hash_password(&password).await?;
        if let Some(created_by) = account.state.created_by {
            self.ops.set_hash(created_by, &hashed).await?;
        }
        self.ops.end_sessions(id, None).await?;
        self.run::<Account>(id.0, envelope, || command.clone())
            .await
    }

    /// Says of an account that its person was erased, and forgets its password.
    pub(super) async fn say_erased(
        &self,
        id: AccountId,
        action: AccountAction,
        options: &Options,
    ) -> Result<(), DeskError> {
        let account = self.reload::<Account>(id.0, None).await?;
        if let Some(created_by) = account.state.created_by {
            self.ops.forget(created_by).await?;
        }
        self.ops.end_sessions(id, None).await?;
        self.keep_account(&Actor::system(), id, action, options)
            .await
            .map(|_| ())
    }

    /// A command on an account that is all in the event.
    pub(super) async fn keep_account(
        &self,
        actor: &Actor,
        id: AccountId,
        action: AccountAction,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let envelope = self.envelope(actor, options.command, action.name(), &id, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return Ok(done);
        }
        let command = self.account_command(actor, id, action, options).await?;
        self.run::<Account>(id.0, envelope, || command.clone())
            .await
    }

    pub(super) async fn account_command(
        &self,
        actor: &Actor,
        account: AccountId,
        action: AccountAction,
        options: &Options,
    ) -> Result<AccountCommand, DeskError> {
        Ok(AccountCommand {
            actor: actor.clone(),
            account,
            organisation: self.organisation().await?,
            action,
            expected_revision: options.expected_revision,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_none_at_all(sms_quota: &u32) -> bool {
    *sms_quota == 0
}

/// Refuses a login with what none may have. One that is empty or too long the domain refuses.
pub(super) fn check_login(login: &str) -> Result<(), Refusal> {
    if is_login(login.trim()) {
        return Ok(());
    }
    let signs = LOGIN_SIGNS.map(String::from).join(" ");
    let detail = (
        format!("须为文字、数字或 {signs}"),
        format!("letters and digits of any script, and {signs}"),
    );
    let refusal = Refusal::new("create_account", "account", Reason::InvalidValue);
    Err(refusal.at("login").because(detail))
}

/// Refuses what is no mobile. One that is empty or too long the domain refuses.
pub(super) fn check_mobile(action: &'static str, mobile: &str) -> Result<(), Refusal> {
    let mobile = mobile.trim();
    let told = mobile.is_empty() || mobile.chars().count() > MOBILE_CHARS_MAX as usize;
    if told || is_mobile(mobile) {
        return Ok(());
    }
    let (least, most) = (MOBILE_DIGITS.start(), MOBILE_DIGITS.end());
    let detail = (
        format!("须为{least}至{most}位数字，前可加+，间可有空格和连字符"),
        format!("{least} to {most} digits, + before, spaces and dashes between"),
    );
    let refusal = Refusal::new(action, "account", Reason::InvalidValue);
    Err(refusal.at("mobile").because(detail))
}

/// Refuses an answer that says nothing, or too much.
pub(super) fn check_answer(answer: &str) -> Result<(), Refusal> {
    let refuse = |reason| {
        let refusal = Refusal::new("create_account", "account", reason);
        refusal.at("recoveryAnswer")
    };
    match answer_chars(answer) {
        0 => Err(refuse(Reason::Required)),
        1..=ANSWER_CHARS_MAX => Ok(()),
        _ => {
            let detail = Detail::at_most_characters(ANSWER_CHARS_MAX);
            Err(refuse(Reason::TooLong).because(detail))
        }
    }
}

/// How long an answer is as it is compared, in characters.
pub(super) fn answer_chars(answer: &str) -> u32 {
    if is_blank(answer) {
        return 0;
    }
    u32::try_from(normal_answer(answer).chars().count()).unwrap_or(u32::MAX)
}
