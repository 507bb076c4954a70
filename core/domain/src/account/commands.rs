//! What may be asked of accounts, and when it is refused. Whose accounts somebody keeps: [`super::rights`].

use super::checks::{
    check_length, check_mobile, check_office, check_quota, check_roles, check_text, once_each,
};
use super::rights::Keeper;
use super::{
    ANSWER_CHARS_MAX, Account, AccountEvent, Changed, Created, Deactivated, Erased,
    PasswordChanged, PasswordRecovered, PasswordReset, Reactivated, RecoverySet,
};
use crate::ids::{AccountId, DepartmentId, ErasureId, UnitId};
use crate::organisation::Organisation;
use crate::people::{Actor, Role};
use crate::refusal::{No, Reason, Refusal, ensure, ensure_revision};
use crate::sealed::Sealed;
use crate::ticket::Ground;
use serde::Serialize;
use std::sync::Arc;

/// What may be asked.
#[derive(Clone, Debug)]
pub enum AccountAction {
    /// Creates it, once.
    Create(NewAccount),
    /// Changes what is given.
    Change(Changes<Sealed>),
    /// Has nobody log in with it any more.
    Deactivate,
    /// Lets its person log in again.
    Reactivate,
    /// Gives it a new password in place of its person.
    ResetPassword,
    /// Gives one's own account a new password. The edge has checked the one before.
    ChangePassword,
    /// Sets question and answer for recovery of one's own account. The edge has checked the password.
    SetRecovery {
        /// The answer's length, as it is compared, in characters.
        answer: u32,
    },
    /// Gives one's own account a new password by the answer to the question. The edge has checked the answer.
    RecoverPassword,
    /// Records that its person was erased: login and name can be read no more. Done by Docket itself.
    Erase {
        /// Which erasure it belongs to.
        erasure: ErasureId,
        /// By what right.
        ground: Ground,
        /// Whether the key is gone already, of a log that was restored to a time before.
        replayed: bool,
    },
}

/// What a new account is.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The login, sealed.
    pub login: Sealed,
    /// The person's name, sealed.
    pub name: Sealed,
    /// Its roles, at least one.
    pub roles: Vec<Role>,
    /// Its department: needed by clerks and leaders.
    pub department: Option<DepartmentId>,
    /// Its unit within the department.
    pub unit: Option<UnitId>,
    /// The person's mobile, sealed.
    pub mobile: Option<Sealed>,
    /// SMS a month.
    pub sms_quota: u32,
    /// How logins of the department's region have to begin, where this one does not: the login itself is
    /// sealed.
    pub lacks_prefix: Option<String>,
}

/// What is to be different about an account.
#[derive(Clone, Debug, Serialize)]
pub struct Changes<T> {
    /// The person's new name.
    pub name: Option<T>,
    /// Its new roles.
    pub roles: Option<Vec<Role>>,
    /// Its new department. Whoever gets one, and no unit with it, leaves the unit they were in.
    pub department: Given<DepartmentId>,
    /// Its new unit. One that comes alone names the department, too.
    pub unit: Given<UnitId>,
    /// The person's new mobile.
    #[serde(skip_serializing_if = "Given::is_kept")]
    pub mobile: Given<T>,
    /// Its new number of SMS a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_quota: Option<u32>,
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Self {
            name: None,
            roles: None,
            department: Given::Kept,
            unit: Given::Kept,
            mobile: Given::Kept,
            sms_quota: None,
        }
    }
}

/// Something that may be set, taken away, or not spoken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Given<T> {
    /// It stays.
    #[default]
    Kept,
    /// It is taken away.
    Nothing,
    /// It is set.
    This(T),
}

impl<T> Given<T> {
    /// Whether it stays.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }

    /// What there is then, of what there was before.
    #[must_use]
    pub fn or(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Kept => before,
            Self::Nothing => None,
            Self::This(new) => Some(new),
        }
    }
}

/// A command with who gives it.
#[derive(Clone, Debug)]
pub struct AccountCommand {
    /// Who asks: an administrator, a department's leader, its person, or Docket itself at the command line.
    pub actor: Actor,
    /// Which account.
    pub account: AccountId,
    /// The organisation as it stands.
    pub organisation: Arc<Organisation>,
    /// What for.
    pub action: AccountAction,
    /// The revision that the client saw; the command is refused if anything was done to the account since.
    pub expected_revision: Option<u32>,
}

impl AccountAction {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create_account",
            Self::Change(_) => "change_account",
            Self::Deactivate => "deactivate_account",
            Self::Reactivate => "reactivate_account",
            Self::ResetPassword => "reset_password",
            Self::ChangePassword => "change_password",
            Self::SetRecovery { .. } => "set_recovery",
            Self::RecoverPassword => "recover_password",
            Self::Erase { .. } => "erase",
        }
    }
}

pub(super) fn decide(state: &Account, command: AccountCommand) -> Result<AccountEvent, Refusal> {
    let name = command.action.name();
    judge(state, command).map_err(|no| no.to(name, "account"))
}

fn judge(state: &Account, command: AccountCommand) -> Result<AccountEvent, No> {
    let (actor, organisation) = (&command.actor, &*command.organisation);
    let stands = state.exists && !state.erased;
    let there = || ensure(stands, No::at(Reason::NotFound, "id"));
    let own = actor.account == command.account;
    let as_seen = || ensure_revision(command.expected_revision, state.revision);
    let by_its_person = || {
        ensure(own, No::because(Reason::RoleNotAllowed))?;
        there()?;
        ensure(!state.deactivated, No::at(Reason::NotFound, "id"))?;
        as_seen()
    };
    match command.action {
        AccountAction::ChangePassword => {
            by_its_person()?;
            Ok(AccountEvent::PasswordChanged(PasswordChanged {}))
        }
        AccountAction::SetRecovery { answer } => {
            by_its_person()?;
            check_length("answer", answer, ANSWER_CHARS_MAX)?;
            Ok(AccountEvent::RecoverySet(RecoverySet {}))
        }
        AccountAction::RecoverPassword => {
            by_its_person()?;
            Ok(AccountEvent::PasswordRecovered(PasswordRecovered {}))
        }
        AccountAction::Erase {
            erasure,
            ground,
            replayed,
        } => {
            let system = *actor == Actor::system();
            ensure(system, No::because(Reason::RoleNotAllowed))?;
            there()?;
            let over = state.deactivated || replayed;
            ensure(over, No::because(Reason::AccountActive))?;
            Ok(AccountEvent::Erased(Erased { erasure, ground }))
        }
        AccountAction::Create(new) => {
            let keeper = Keeper::of(actor)?;
            ensure(!state.exists, No::because(Reason::AlreadyExists))?;
            match faults(&new, keeper, organisation).into_iter().next() {
                Some(first) => Err(first),
                None => Ok(AccountEvent::Created(created(new))),
            }
        }
        action @ (AccountAction::Change(_)
        | AccountAction::Deactivate
        | AccountAction::Reactivate
        | AccountAction::ResetPassword) => {
            let keeper = Keeper::of(actor)?;
            there()?;
            keeper.keeps(state, organisation)?;
            as_seen()?;
            keep(state, action, keeper, own, organisation)
        }
    }
}

/// What a keeper of the account does with it.
fn keep(
    state: &Account,
    action: AccountAction,
    keeper: Keeper,
    own: bool,
    organisation: &Organisation,
) -> Result<AccountEvent, No> {
    let not_own = || ensure(!own, No::at(Reason::OwnAccount, "id"));
    match action {
        AccountAction::Change(changes) => {
            let changed = change(state, changes, organisation)?;
            keeper.may_have(&changed.roles, changed.department)?;
            if own {
                keeper.stays_keeper(state, &changed, organisation)?;
            }
            Ok(AccountEvent::Changed(changed))
        }
        AccountAction::Deactivate => {
            not_own()?;
            ensure(!state.deactivated, No::at(Reason::NoChange, "id"))?;
            Ok(AccountEvent::Deactivated(Deactivated {}))
        }
        AccountAction::Reactivate => {
            ensure(state.deactivated, No::at(Reason::NoChange, "id"))?;
            Ok(AccountEvent::Reactivated(Reactivated {}))
        }
        AccountAction::ResetPassword => {
            not_own()?;
            Ok(AccountEvent::PasswordReset(PasswordReset {}))
        }
        AccountAction::Create(_)
        | AccountAction::ChangePassword
        | AccountAction::SetRecovery { .. }
        | AccountAction::RecoverPassword
        | AccountAction::Erase { .. } => Err(No::because(Reason::RoleNotAllowed)),
    }
}

/// Every mistake of an account to be created, by somebody who may keep accounts. The first is what it is refused for.
#[must_use]
pub fn mistakes(actor: &Actor, new: &NewAccount, organisation: &Organisation) -> Vec<Refusal> {
    let found = match Keeper::of(actor) {
        Ok(keeper) => faults(new, keeper, organisation),
        Err(no) => vec![no],
    };
    let refusal = |no: No| no.to("create_account", "account");
    found.into_iter().map(refusal).collect()
}

/// What is wrong with the fields of a new account, in their order.
fn faults(new: &NewAccount, keeper: Keeper, organisation: &Organisation) -> Vec<No> {
    let roles = once_each(new.roles.clone());
    let roles_fit = check_roles(&roles);
    // Which offices there may be depends on the roles.
    let office = match &roles_fit {
        Ok(()) => check_office(&roles, new.department, new.unit, organisation),
        Err(_) => Ok(()),
    };
    let allowed = match (&roles_fit, &office) {
        (Ok(()), Ok(())) => keeper.may_have(&roles, new.department),
        (Err(_), _) | (_, Err(_)) => Ok(()),
    };
    let prefix = new.lacks_prefix.as_ref();
    let prefixed = prefix
        .filter(|_| new.department.is_some())
        .map_or(Ok(()), |prefix| {
            Err(No::at(Reason::LoginPrefix, "login").detailed(prefix.clone()))
        });
    let checks = [
        check_text("login", &new.login),
        check_text("name", &new.name),
        roles_fit,
        office,
        check_mobile(new.mobile.as_ref()),
        check_quota(new.sms_quota),
        prefixed,
        allowed,
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn created(new: NewAccount) -> Created {
    Created {
        login: new.login,
        name: new.name,
        roles: once_each(new.roles),
        department: new.department,
        unit: new.unit,
        mobile: new.mobile,
        sms_quota: new.sms_quota,
    }
}

fn change(
    state: &Account,
    changes: Changes<Sealed>,
    organisation: &Organisation,
) -> Result<Changed, No> {
    if let Some(name) = &changes.name {
        check_text("name", name)?;
    }
    let before = (state.department(organisation), state.unit);
    let above = |unit| organisation.unit(unit).map(|(above, _)| above.id);
    let (department, unit) = match (changes.department, changes.unit) {
        (Given::Kept, Given::Kept) => before,
        (Given::Kept, Given::Nothing) => (before.0, None),
        (Given::Kept, Given::This(unit)) => (above(unit).or(before.0), Some(unit)),
        (Given::Nothing, Given::This(unit)) => (None, Some(unit)),
        (Given::Nothing, Given::Kept | Given::Nothing) => (None, None),
        (Given::This(department), Given::This(unit)) => (Some(department), Some(unit)),
        (Given::This(department), Given::Kept | Given::Nothing) => (Some(department), None),
    };
    let roles = changes.roles.map(once_each);
    let roles = roles.unwrap_or_else(|| state.roles.clone());
    check_roles(&roles)?;
    check_office(&roles, department, unit, organisation)?;
    let sms_quota = changes.sms_quota.unwrap_or(state.sms_quota);
    check_quota(sms_quota)?;
    let mobile = match &changes.mobile {
        Given::Kept => state.mobile.clone(),
        Given::Nothing => None,
        Given::This(mobile) => Some(mobile.clone()),
    };
    check_mobile(mobile.as_ref())?;
    let same = before == (department, unit)
        && roles == state.roles
        && mobile == state.mobile
        && sms_quota == state.sms_quota;
    if same && changes.name.is_none() {
        return Err(No::because(Reason::NoChange));
    }
    Ok(Changed {
        name: changes.name,
        roles,
        department,
        unit,
        mobile,
        sms_quota,
    })
}
