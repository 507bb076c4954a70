//! What may be asked of accounts, and when it is refused. Administrators only, and Docket itself at the
//! command line.

use super::{
    Account, AccountEvent, Changed, Created, Deactivated, Erased, NAME_CHARS_MAX, PasswordReset,
    Reactivated,
};
use crate::ids::{AccountId, DepartmentId, ErasureId, UnitId};
use crate::organisation::Organisation;
use crate::people::{Actor, DeskKind, Role};
use crate::refusal::{No, Reason, Refusal, ensure};
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
}

/// Something that may be set, taken away, or not spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Given<T> {
    /// It stays.
    Kept,
    /// It is taken away.
    Nothing,
    /// It is set.
    This(T),
}

/// A command with who gives it.
#[derive(Clone, Debug)]
pub struct AccountCommand {
    /// Who asks: an administrator, or Docket itself at the command line.
    pub actor: Actor,
    /// Which account.
    pub account: AccountId,
    /// The organisation as it stands.
    pub organisation: Arc<Organisation>,
    /// What for.
    pub action: AccountAction,
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
    let by_administrators = !matches!(command.action, AccountAction::Erase { .. });
    let may = by_administrators && actor.has(Role::Administrator);
    ensure(
        may || *actor == Actor::system(),
        No::because(Reason::RoleNotAllowed),
    )?;
    let own = actor.account == command.account;
    let stands = state.exists && !state.erased;
    let there = || ensure(stands, No::at(Reason::NotFound, "id"));
    let not_own = || ensure(!own, No::at(Reason::OwnAccount, "id"));
    match command.action {
        AccountAction::Create(new) => create(state, new, organisation),
        AccountAction::Change(changes) => {
            there()?;
            let changed = change(state, changes, organisation)?;
            // Whoever acts stays an administrator, so that there is one left.
            let stays = changed.roles.contains(&Role::Administrator);
            ensure(stays || !own, No::at(Reason::OwnAccount, "roles"))?;
            Ok(AccountEvent::Changed(changed))
        }
        AccountAction::Deactivate => {
            there()?;
            not_own()?;
            ensure(!state.deactivated, No::at(Reason::NoChange, "id"))?;
            Ok(AccountEvent::Deactivated(Deactivated {}))
        }
        AccountAction::Reactivate => {
            there()?;
            ensure(state.deactivated, No::at(Reason::NoChange, "id"))?;
            Ok(AccountEvent::Reactivated(Reactivated {}))
        }
        AccountAction::ResetPassword => {
            there()?;
            not_own()?;
            Ok(AccountEvent::PasswordReset(PasswordReset {}))
        }
        AccountAction::Erase {
            erasure,
            ground,
            replayed,
        } => {
            there()?;
            let over = state.deactivated || replayed;
            ensure(over, No::because(Reason::AccountActive))?;
            Ok(AccountEvent::Erased(Erased { erasure, ground }))
        }
    }
}

fn create(
    state: &Account,
    new: NewAccount,
    organisation: &Organisation,
) -> Result<AccountEvent, No> {
    if state.exists {
        return Err(No::because(Reason::AlreadyExists));
    }
    check_text("login", &new.login)?;
    check_text("name", &new.name)?;
    check_roles(&new.roles)?;
    check_office(&new.roles, new.department, new.unit, organisation)?;
    Ok(AccountEvent::Created(Created {
        login: new.login,
        name: new.name,
        roles: new.roles,
        department: new.department,
        unit: new.unit,
    }))
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
    let roles = changes.roles.unwrap_or_else(|| state.roles.clone());
    check_roles(&roles)?;
    check_office(&roles, department, unit, organisation)?;
    let same = before == (department, unit) && roles == state.roles;
    if same && changes.name.is_none() {
        return Err(No::because(Reason::NoChange));
    }
    Ok(Changed {
        name: changes.name,
        roles,
        department,
        unit,
    })
}

fn check_text(field: &'static str, text: &Sealed) -> Result<(), No> {
    if text.chars == 0 {
        return Err(No::at(Reason::Required, field));
    }
    if text.chars > NAME_CHARS_MAX {
        let detail = format!("at most {NAME_CHARS_MAX} characters");
        return Err(No::at(Reason::TooLong, field).detailed(detail));
    }
    Ok(())
}

/// One account sits at one desk.
fn check_roles(roles: &[Role]) -> Result<(), No> {
    let Some(first) = roles.first() else {
        return Err(No::at(Reason::Required, "roles"));
    };
    if roles.iter().any(|role| role.desk() != first.desk()) {
        let detail = "one desk's: centre, office, citizen, audit, analysis or administration";
        return Err(No::at(Reason::InvalidValue, "roles").detailed(detail));
    }
    Ok(())
}

/// Clerks and leaders belong to an office; nobody else does (DOMAIN §6).
fn check_office(
    roles: &[Role],
    department: Option<DepartmentId>,
    unit: Option<UnitId>,
    organisation: &Organisation,
) -> Result<(), No> {
    let office_role = roles.iter().any(|role| role.desk() == DeskKind::Office);
    let Some(department) = department else {
        return match (office_role, unit) {
            (true, _) => Err(No::at(Reason::Required, "departmentId")),
            (false, Some(_)) => Err(No::at(Reason::UnknownOffice, "unitId")),
            (false, None) => Ok(()),
        };
    };
    if !office_role {
        let detail = "only clerks and leaders have a department";
        return Err(No::at(Reason::InvalidValue, "departmentId").detailed(detail));
    }
    if organisation.department(department).is_none() {
        return Err(No::at(Reason::UnknownOffice, "departmentId"));
    }
    match unit {
        Some(unit) if !organisation.is_under(unit, department) => {
            Err(No::at(Reason::UnknownOffice, "unitId"))
        }
        _ => Ok(()),
    }
}
