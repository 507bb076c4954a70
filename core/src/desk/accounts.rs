//! Accounts: creating and changing them, letting people in and keeping them out.

use super::{Desk, DeskError, Options, Outcome};
use crate::clock::new_id;
use crate::journal::{Claim, JournalError};
use crate::ops::{OpsError, Password};
use crate::vault::NewKey;
use docket_domain::account::{self as domain, Account, AccountAction, AccountCommand, Changes};
use docket_domain::ids::{AccountId, DepartmentId, EventId, KeyId, UnitId};
use docket_domain::people::{Actor, Role};
use docket_domain::sealed::{KeyOwner, Sealed};
use docket_domain::{Aggregate as _, Timestamp};
use serde::Serialize;

/// An account to be created.
#[derive(Clone, Debug, Serialize)]
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
}

impl Desk {
    /// The keyed hash under which a login is known.
    #[must_use]
    pub fn login_hash(&self, login: &str) -> [u8; 32] {
        self.vault
            .keyed_hash("login", login.trim().to_lowercase().as_bytes())
    }

    /// Checks a login and its password and opens a session: whose, its token, and when it ends.
    pub async fn log_in(
        &self,
        login: &str,
        password: String,
    ) -> Result<(AccountId, String, Timestamp), DeskError> {
        let hash = self.login_hash(login);
        let known = match self.account_of(login).await? {
            Some(id) => self.credential(id).await?,
            None => None,
        };
        let opened = self.ops.log_in(&hash, known, password).await?;
        // Looked at after the session was opened: whoever deactivates ends the sessions there are by then.
        let account = self.reload::<Account>(opened.0.0, None).await?;
        if account.state.deactivated {
            self.ops.log_out(&opened.1).await?;
            return Err(DeskError::Deactivated);
        }
        Ok(opened)
    }

    /// The account that a login names, if it names one.
    pub async fn account_of(&self, login: &str) -> Result<Option<AccountId>, DeskError> {
        let hash = self.login_hash(login);
        let id = self.journal.claimed_by("login", &hash).await?;
        Ok(id.map(AccountId))
    }

    /// Changes one's own password, and ends every session but the one it is changed from.
    pub async fn change_password(
        &self,
        account: AccountId,
        old: String,
        new: String,
        session: &str,
    ) -> Result<(), DeskError> {
        let Some((_, created_by)) = self.credential(account).await? else {
            return Err(OpsError::WrongCredentials.into());
        };
        // Not the login's door: strangers can lock that, and must not keep anybody from this.
        let door = self.vault.keyed_hash("password_of", account.0.as_bytes());
        let mut knock = self.ops.knock(&door).await?;
        if !self.ops.fits(created_by, &Password::Clear(old)).await? {
            knock.wrong().await?;
            return Err(OpsError::WrongCredentials.into());
        }
        let hashed = self.ops.hash_password(&Password::Clear(new)).await?;
        self.ops.set_hash(created_by, &hashed).await?;
        self.ops.end_sessions(account, Some(session)).await?;
        knock.right().await?;
        Ok(())
    }

    /// An account, and the id under which its password is kept.
    async fn credential(&self, id: AccountId) -> Result<Option<(AccountId, EventId)>, DeskError> {
        let account = self.account(id).await?;
        Ok(account
            .and_then(|account| account.created_by)
            .map(|by| (id, by)))
    }

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
        // An unfit password must leave no account behind.
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
        let created = domain::NewAccount {
            login: self
                .vault
                .seal(key, event, "login", new.login.trim())
                .await?,
            name: self.vault.seal(key, event, "name", new.name.trim()).await?,
            roles: new.roles,
            department: new.department,
            unit: new.unit,
        };
        let action = AccountAction::Create(created);
        let command = self.account_command(actor, id, action).await?;
        self.ops.set_hash(event, &hashed).await?;
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

    /// A repeat must be one in its password, too. Not for the fingerprint to tell: that is in the log.
    async fn same_password(
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

    /// Changes name, roles or place of an account.
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
        let name = match changes.name {
            Some(name) => self.new_name(id, envelope.event, name.trim()).await?,
            None => None,
        };
        let action = AccountAction::Change(Changes {
            name,
            roles: changes.roles,
            department: changes.department,
            unit: changes.unit,
        });
        let command = self.account_command(actor, id, action).await?;
        self.run::<Account>(id.0, envelope, || command.clone())
            .await
    }

    /// A name sealed for an account; `None` where it is the one it has, or there is no account to have one.
    async fn new_name(
        &self,
        id: AccountId,
        event: EventId,
        name: &str,
    ) -> Result<Option<Sealed>, DeskError> {
        let account = self.account(id).await?;
        let Some(sealed) = account.as_ref().and_then(|account| account.name.as_ref()) else {
            return Ok(None);
        };
        let before = self.vault.open_text("name", sealed).await?;
        if before.as_deref() == Some(name) {
            return Ok(None);
        }
        let sealed = self.vault.seal(KeyId(id.0), event, "name", name).await?;
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
        let command = self.account_command(actor, id, action).await?;
        let account = self.reload::<Account>(id.0, None).await?;
        Account::decide(&account.state, command.clone())?;
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
    async fn keep_account(
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
        let command = self.account_command(actor, id, action).await?;
        self.run::<Account>(id.0, envelope, || command.clone())
            .await
    }

    async fn account_command(
        &self,
        actor: &Actor,
        account: AccountId,
        action: AccountAction,
    ) -> Result<AccountCommand, DeskError> {
        Ok(AccountCommand {
            actor: actor.clone(),
            account,
            organisation: self.organisation().await?,
            action,
        })
    }
}
