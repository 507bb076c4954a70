//! Founding a hotline, its offices and its accounts.

use super::{Desk, DeskError, Options, Outcome};
use crate::clock::new_id;
use crate::journal::{Claim, JournalError};
use crate::ops::{OpsError, Password};
use crate::vault::NewKey;
use docket_domain::Timestamp;
use docket_domain::account::{Account, CreateAccount};
use docket_domain::ids::{AccountId, CommandId, DepartmentId, EventId, KeyId, UnitId};
use docket_domain::organisation::{Organisation, OrganisationAction, OrganisationCommand};
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{Publish, RulesBook};
use docket_domain::sealed::KeyOwner;
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
    /// Founds a store that has no rules or organisation yet; does nothing to one that has.
    pub async fn found(&self, name: &str, pack: &str, holidays: &str) -> Result<(), DeskError> {
        let actor = Actor::system();
        let command = |step: &str| CommandId(self.named(&format!("found {step}")));
        if self.published().await?.current.is_none() {
            let publish = Publish {
                actor: actor.clone(),
                pack: pack.into(),
                holidays: holidays.into(),
            };
            let envelope = self.envelope(
                &actor,
                Some(command("rules")),
                "publish",
                &(pack, holidays),
                0,
            );
            Self::first_of_two(
                self.run::<RulesBook>(self.named("rules"), envelope, || publish.clone())
                    .await,
            )?;
            self.forget();
        }
        if self.organisation().await?.name.is_empty() {
            let rules = self.rules().await?;
            let action = OrganisationAction::Found {
                name: name.into(),
                time_zone: rules.calendar.zone,
            };
            let found = OrganisationCommand {
                actor: actor.clone(),
                action,
            };
            let envelope = self.envelope(&actor, Some(command("organisation")), "found", &name, 0);
            let id = self.named("organisation");
            Self::first_of_two(
                self.run::<Organisation>(id, envelope, || found.clone())
                    .await,
            )?;
            self.forget();
        }
        Ok(())
    }

    /// Two processes may found one store at once: the second finds it done.
    pub(super) fn first_of_two<S>(outcome: Result<Outcome<S>, DeskError>) -> Result<(), DeskError> {
        match outcome {
            Ok(_) | Err(DeskError::Journal(JournalError::CommandReused)) => Ok(()),
            Err(DeskError::Refused(r)) if r.reason == docket_domain::Reason::AlreadyExists => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The keyed hash under which a login is known.
    #[must_use]
    pub fn login_hash(&self, login: &str) -> [u8; 32] {
        self.vault
            .keyed_hash("login", login.trim().to_lowercase().as_bytes())
    }

    /// Changes the organisation.
    pub async fn organise(
        &self,
        actor: &Actor,
        action: OrganisationAction,
        options: &Options,
    ) -> Result<Outcome<Organisation>, DeskError> {
        let envelope = self.envelope(actor, options.command, "organise", &action, 0);
        if let Some(done) = self.done_before::<Organisation>(options, &envelope).await? {
            return Ok(done);
        }
        let command = OrganisationCommand {
            actor: actor.clone(),
            action,
        };
        self.run::<Organisation>(self.named("organisation"), envelope, || command.clone())
            .await
    }

    /// Checks a login and its password and opens a session: whose, its token, and when it ends.
    pub async fn log_in(
        &self,
        login: &str,
        password: String,
    ) -> Result<(AccountId, String, Timestamp), DeskError> {
        let hash = self.login_hash(login);
        let known = match self.journal.claimed_by("login", &hash).await? {
            Some(id) => self.credential(AccountId(id)).await?,
            None => None,
        };
        Ok(self.ops.log_in(&hash, known, password).await?)
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
        self.ops.end_sessions(account, session).await?;
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
        let command = CreateAccount {
            actor: actor.clone(),
            organisation: self.organisation().await?,
            login: self
                .vault
                .seal(key, event, "login", new.login.trim())
                .await?,
            name: self.vault.seal(key, event, "name", new.name.trim()).await?,
            roles: new.roles,
            department: new.department,
            unit: new.unit,
        };
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
}
