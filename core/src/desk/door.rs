//! The door: letting people in, their own passwords, and recovering one that was forgotten.

use super::accounts::{Recovery, answer_chars};
use super::captcha::Visitor;
use super::{Desk, DeskError, Options, Outcome};
use crate::journal::JournalError;
use crate::ops::{Again, Opened, OpsError, PASSWORD_BYTES_MAX, Password, SecurityKind, Tried};
use docket_domain::account::{Account, AccountAction, RecoveryQuestion};
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{AccountId, CommandId, EventId};
use docket_domain::people::Actor;
use docket_domain::rules::PasswordRules;
use docket_domain::{Reason, Refusal};
use std::net::IpAddr;

impl Desk {
    /// The keyed hash under which a login is known.
    #[must_use]
    pub fn login_hash(&self, login: &str) -> [u8; 32] {
        self.login_door("login", login)
    }

    pub(super) fn login_door(&self, purpose: &str, login: &str) -> [u8; 32] {
        let login = login.trim().to_lowercase();
        self.vault.keyed_hash(purpose, login.as_bytes())
    }

    /// Checks a login and its password and opens a session. After failures a captcha has to be solved, too.
    pub async fn log_in(
        &self,
        login: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<Opened, DeskError> {
        let known = match self.account_of(login).await? {
            Some(id) => self.credential(id).await?,
            None => None,
        };
        let subject = self.subject_of(login, known.map(|(id, _)| id));
        let let_in = self.let_in(login, known, password, visitor).await;
        self.note_login(&let_in, subject, visitor.address).await?;
        let_in
    }

    async fn let_in(
        &self,
        login: &str,
        known: Option<(AccountId, EventId)>,
        password: String,
        visitor: &Visitor,
    ) -> Result<Opened, DeskError> {
        let hash = self.login_hash(login);
        let visit = self.visit(visitor);
        let again = visitor
            .command
            .map(|command| self.again("login", &hash, command));
        let opened = self
            .ops
            .log_in(&hash, known, password, &visit, again)
            .await?;
        // Looked at after the session was opened: whoever deactivates ends the sessions there are by then.
        let account = self.reload::<Account>(opened.account.0, None).await?;
        if account.state.deactivated {
            self.ops.log_out(&opened.token).await?;
            return Err(DeskError::Deactivated);
        }
        Ok(opened)
    }

    /// What the tokens are made of that a command gets, and gets again when it is sent again.
    fn again(&self, purpose: &str, shown: &[u8], command: CommandId) -> Again {
        let asked = [command.0.as_bytes(), shown].concat();
        Again::of(self.vault.keyed_hash(purpose, &asked))
    }

    /// Gives the next tokens of a session for its refresh token. Sent again with the same command's id it gives the same
    /// ones.
    pub async fn refresh_session(
        &self,
        refresh_token: &str,
        command: Option<CommandId>,
        address: Option<IpAddr>,
    ) -> Result<Opened, DeskError> {
        let shown = refresh_token.as_bytes();
        let again = command.map(|command| self.again("refresh", shown, command));
        let refreshed = self.ops.refresh(refresh_token, again).await;
        if let Err(OpsError::RefreshReused(account)) = refreshed {
            let reused = SecurityKind::TokenReused;
            self.note(reused, Some(account), address, 1).await?;
        }
        Ok(refreshed?)
    }

    /// Ends the session of an account's access token, with every token it has.
    pub async fn log_out(
        &self,
        account: AccountId,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<(), DeskError> {
        self.ops.log_out(token).await?;
        self.note(SecurityKind::Logout, Some(account), address, 1)
            .await
    }

    /// Ends a session by its refresh token, or by an access token that may be over.
    pub async fn end_session(
        &self,
        token: Option<&str>,
        refresh_token: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<(), DeskError> {
        if let Some(token) = token {
            self.ops.log_out(token).await?;
        }
        if let Some(refresh_token) = refresh_token
            && let Some(account) = self.ops.log_out_by(refresh_token).await?
        {
            self.note(SecurityKind::Logout, Some(account), address, 1)
                .await?;
        }
        Ok(())
    }

    /// Whether the next try to log in needs a captcha: the same for logins that exist and that do not.
    pub async fn login_needs_captcha(&self, login: &str) -> Result<bool, DeskError> {
        Ok(self.ops.needs_captcha(&self.login_hash(login)).await?)
    }

    /// Whether the next try to recover a password needs a captcha.
    pub async fn recovery_needs_captcha(&self, login: &str) -> Result<bool, DeskError> {
        let door = self.login_door("recovery_of", login);
        Ok(self.ops.answer_needs_captcha(&door).await?)
    }

    /// The tries to recover a login's password that failed since this was last asked; to be asked for whoever has just
    /// logged in with it.
    pub async fn tell_tried(&self, login: &str) -> Result<Option<Tried>, DeskError> {
        let door = self.login_door("recovery_of", login);
        Ok(self.ops.tell_tried(&door).await?)
    }

    /// The account that a login names, if it names one.
    pub async fn account_of(&self, login: &str) -> Result<Option<AccountId>, DeskError> {
        let hash = self.login_hash(login);
        let id = self.journal.claimed_by("login", &hash).await?;
        Ok(id.map(AccountId))
    }

    /// What passwords must be like by the rules in force; the least where there are none yet.
    pub async fn password_rules(&self) -> Result<PasswordRules, DeskError> {
        let published = self.published().await?;
        let current = published.current.as_ref();
        Ok(current.map_or_else(PasswordRules::default, |rules| rules.password()))
    }

    /// Refuses a password that the rules in force do not let. A hash says nothing of what it is of.
    pub(super) async fn check_password(&self, password: &Password) -> Result<(), DeskError> {
        let rules = self.password_rules().await?;
        match password {
            Password::Clear(clear) | Password::Made(clear)
                if !rules.lets(clear) || clear.len() > PASSWORD_BYTES_MAX =>
            {
                Err(DeskError::UnfitPassword(rules))
            }
            Password::Clear(_) | Password::Made(_) | Password::Hashed(_) => Ok(()),
        }
    }

    /// Whether an account's password is older than the rules in force let it become.
    pub async fn must_change_password(&self, id: AccountId) -> Result<bool, DeskError> {
        let expires = self.password_rules().await?.expires_days;
        if expires == 0 {
            return Ok(false);
        }
        let account = self.account(id).await?;
        Ok(account.is_some_and(|account| account.is_password_expired(expires, self.now())))
    }

    /// Changes one's own password, and ends every session but the one it is changed from. The event comes last.
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: String,
        new: String,
        session: &str,
        address: Option<IpAddr>,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let (id, same, clear) = (actor.account, old == new, new.clone());
        let new = Password::Clear(new);
        let action = AccountAction::ChangePassword;
        let envelope = self.envelope(actor, options.command, action.name(), &id, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            // By the door, where guesses are counted.
            let fits = self.own_password(id, clear).await;
            return match fits {
                Ok(_) => Ok(done),
                Err(DeskError::Ops(OpsError::WrongCredentials)) => {
                    Err(JournalError::CommandReused.into())
                }
                Err(error) => Err(error),
            };
        }
        let command = self
            .account_command(actor, id, action.clone(), options)
            .await?;
        let state = self.reload::<Account>(id.0, None).await?.state;
        Account::decide(&state, command)?;
        // One that broke off between the new password and its event is done again when it is repeated.
        let created_by = match self.own_password(id, old).await {
            Err(error @ DeskError::Ops(OpsError::WrongCredentials | OpsError::Locked)) => {
                let again = self.broken_off(&state, &new, options, &error).await?;
                if again.is_none() {
                    let refused = SecurityKind::PasswordRefused;
                    self.note(refused, Some(id), address, 1).await?;
                }
                again.ok_or(error)?
            }
            checked => {
                let created_by = checked?;
                if same {
                    let refusal = Refusal::new("change_password", "account", Reason::NoChange);
                    return Err(refusal.at("newPassword").into());
                }
                created_by
            }
        };
        self.check_password(&new).await?;
        let hashed = self.ops.hash_password(&new).await?;
        self.ops.set_hash(created_by, &hashed).await?;
        self.ops.end_sessions(id, Some(session)).await?;
        self.keep_account(actor, id, action, options).await
    }

    /// Under what a password is kept that a command has set already which was not heard of again: only one that may have
    /// been sent before, and whose old password is not it any more because the new one is.
    async fn broken_off(
        &self,
        account: &Account,
        new: &Password,
        options: &Options,
        refused: &DeskError,
    ) -> Result<Option<EventId>, DeskError> {
        let wrong = matches!(refused, DeskError::Ops(OpsError::WrongCredentials));
        let Some(created_by) = account
            .created_by
            .filter(|_| wrong && options.command.is_some())
        else {
            return Ok(None);
        };
        Ok(self.ops.fits(created_by, new).await?.then_some(created_by))
    }

    /// Sets question and answer for recovery of one's own account, against its password.
    pub async fn set_recovery(
        &self,
        actor: &Actor,
        recovery: &Recovery,
        password: String,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        let id = actor.account;
        let created_by = self.own_password(id, password).await?;
        let action = AccountAction::SetRecovery {
            answer: answer_chars(&recovery.answer),
        };
        let envelope = self.envelope(actor, options.command, action.name(), &id, 0);
        let (question, answer) = (recovery.question, &recovery.answer);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return if self.ops.has_recovery(created_by, question, answer).await? {
                Ok(done)
            } else {
                Err(JournalError::CommandReused.into())
            };
        }
        let command = self
            .account_command(actor, id, action.clone(), options)
            .await?;
        let account = self.reload::<Account>(id.0, None).await?;
        Account::decide(&account.state, command)?;
        let hashed = self.ops.hash_answer(answer).await?;
        self.ops.set_recovery(created_by, question, &hashed).await?;
        self.keep_account(actor, id, action, options).await
    }

    /// Under what one's own password is kept, if this is it.
    async fn own_password(&self, id: AccountId, password: String) -> Result<EventId, DeskError> {
        let Some((_, created_by)) = self.credential(id).await? else {
            return Err(OpsError::WrongCredentials.into());
        };
        // Not the login's door: strangers can lock that, and must not keep anybody from this.
        let door = self.vault.keyed_hash("password_of", id.0.as_bytes());
        let mut knock = self.ops.knock(&door).await?;
        if !self
            .ops
            .fits(created_by, &Password::Clear(password))
            .await?
        {
            knock.wrong().await?;
            return Err(OpsError::WrongCredentials.into());
        }
        knock.right().await?;
        Ok(created_by)
    }

    /// The question that recovers the password of a login; of one that does not exist or has none, always the
    /// same other one, so that it tells nothing.
    pub async fn recovery_question(&self, login: &str) -> Result<RecoveryQuestion, DeskError> {
        let decoy = RecoveryQuestion::decoy(&self.login_door("recovery_decoy", login));
        let known = match self.account_of(login).await? {
            Some(id) => self.credential(id).await?,
            None => None,
        };
        let own = match known {
            Some((_, created_by)) => self.ops.recovery_question(created_by).await?,
            None => None,
        };
        Ok(own.unwrap_or(decoy))
    }

    /// Gives the account of a login a new password against the answer to its question, and ends its sessions.
    /// Wrong answers are counted by login, at a door of their own, whether there is such an account or not.
    pub async fn recover_password(
        &self,
        login: &str,
        answer: &str,
        new: String,
        visitor: &Visitor,
    ) -> Result<Outcome<Account>, DeskError> {
        let new = Password::Clear(new);
        self.check_password(&new).await?;
        let known = match self.account_of(login).await? {
            Some(id) => self.credential(id).await?,
            None => None,
        };
        let door = self.login_door("recovery_of", login);
        let visit = self.visit(visitor);
        let checked = self.ops.check_answer(&door, known, answer, &visit).await;
        let subject = self.subject_of(login, known.map(|(id, _)| id));
        self.note_recovery(&checked, subject, visitor.address)
            .await?;
        let (id, created_by) = checked?;
        self.reload::<Account>(id.0, None).await?;
        let actor = self.actor(id).await?.ok_or(DeskError::Deactivated)?;
        let action = AccountAction::RecoverPassword;
        let options = &Options {
            command: visitor.command,
            ..Options::default()
        };
        let envelope = self.envelope(&actor, options.command, action.name(), &id, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            return self.same_password(done, &new).await;
        }
        // Not before: whoever is locked out makes no work.
        let hashed = self.ops.hash_password(&new).await?;
        self.ops.set_hash(created_by, &hashed).await?;
        self.ops.end_sessions(id, None).await?;
        self.keep_account(&actor, id, action, options).await
    }

    /// An account, and the id under which its password is kept.
    async fn credential(&self, id: AccountId) -> Result<Option<(AccountId, EventId)>, DeskError> {
        let account = self.account(id).await?;
        Ok(account
            .and_then(|account| account.created_by)
            .map(|by| (id, by)))
    }
}
