//! Whose accounts somebody keeps: administrators, and Docket itself at the command line, everybody's; the
//! leader of a level-1 department those of its clerks and leaders, in the department itself and in its units
//! (S1: 部门管理 → 人员添加).

use super::{Account, Changed};
use crate::ids::DepartmentId;
use crate::organisation::Organisation;
use crate::people::{Actor, DeskKind, Role};
use crate::refusal::{No, Reason, ensure};

/// Whose accounts somebody keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Everybody's.
    All,
    /// Those of a department.
    Of(DepartmentId),
}

impl Actor {
    /// The department whose accounts the account keeps as its leader: level 1 only.
    #[must_use]
    pub fn leads_department(&self) -> Option<DepartmentId> {
        let leads = self.has(Role::Leader) && self.unit.is_none();
        self.department.filter(|_| leads)
    }

    /// Whether the account keeps an account, so that all of it is shown to it.
    #[must_use]
    pub fn keeps(&self, account: &Account, organisation: &Organisation) -> bool {
        Keeper::of(self).is_ok_and(|keeper| keeper.keeps(account, organisation).is_ok())
    }
}

impl Keeper {
    pub(super) fn of(actor: &Actor) -> Result<Self, No> {
        if actor.has(Role::Administrator) || *actor == Actor::system() {
            return Ok(Self::All);
        }
        let department = actor.leads_department();
        department
            .map(Self::Of)
            .ok_or(No::because(Reason::RoleNotAllowed))
    }

    /// Whether it keeps an account. Of others' it does not even learn that they are there.
    pub(super) fn keeps(self, account: &Account, organisation: &Organisation) -> Result<(), No> {
        let its = |department| {
            let staff = account.roles.iter().all(|r| r.desk() == DeskKind::Office);
            staff && account.department(organisation) == Some(department)
        };
        match self {
            Self::All => Ok(()),
            Self::Of(department) => ensure(its(department), No::at(Reason::NotFound, "id")),
        }
    }

    /// Whether it may give an account these roles in this department.
    pub(super) fn may_have(
        self,
        roles: &[Role],
        department: Option<DepartmentId>,
    ) -> Result<(), No> {
        let Self::Of(own) = self else {
            return Ok(());
        };
        let staff = roles.iter().all(|r| r.desk() == DeskKind::Office);
        ensure(staff, No::at(Reason::NotOwnStaff, "roles"))?;
        let there = department == Some(own);
        ensure(there, No::at(Reason::NotOwnStaff, "departmentId"))
    }

    /// Whoever changes their own account stays what lets them: an administrator, so that there is one left; a
    /// leader gives themselves neither other roles nor another place.
    pub(super) fn stays_keeper(
        self,
        before: &Account,
        after: &Changed,
        organisation: &Organisation,
    ) -> Result<(), No> {
        match self {
            Self::All => {
                let stays = after.roles.contains(&Role::Administrator);
                ensure(stays, No::at(Reason::OwnAccount, "roles"))
            }
            Self::Of(_) => {
                let same = before.roles == after.roles;
                ensure(same, No::at(Reason::OwnAccount, "roles"))?;
                let place = (before.department(organisation), before.unit);
                let stays = place == (after.department, after.unit);
                ensure(stays, No::at(Reason::OwnAccount, "unitId"))
            }
        }
    }
}
