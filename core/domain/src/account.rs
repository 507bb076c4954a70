//! Accounts: who may log in, as what, for which office. Login and name are personal data and sealed;
//! passwords are no part of history at all (the ops store holds their hashes).

mod commands;
mod events;
#[cfg(test)]
mod tests;

pub use commands::{AccountAction, AccountCommand, Changes, Given, NewAccount};
pub use events::{AccountEvent, Changed, Created, Deactivated, Erased, PasswordReset, Reactivated};

use crate::ids::{AccountId, DepartmentId, EventId, UnitId};
use crate::organisation::{Office, Organisation};
use crate::people::{Actor, DeskKind, Role};
use crate::sealed::Sealed;

/// Longest login or name, in characters. A technical limit.
pub const NAME_CHARS_MAX: u32 = 100;

/// An account as folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether it was created.
    pub exists: bool,
    /// Whether it is deactivated: nobody logs in with it, and nothing is handed to it.
    pub deactivated: bool,
    /// Whether its person was erased: it has no name and no login any more, and stays deactivated.
    pub erased: bool,
    /// The event that created it: the ops store keeps its password under this id.
    pub created_by: Option<EventId>,
    /// The login, sealed.
    pub login: Option<Sealed>,
    /// The person's name, sealed.
    pub name: Option<Sealed>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its department when it was told; somebody in a unit moves with the unit. See [`Self::department`].
    department: Option<DepartmentId>,
    /// Its unit.
    pub unit: Option<UnitId>,
}

impl Account {
    /// The account as the giver of commands, as the organisation stands; `None` while it is deactivated.
    #[must_use]
    pub fn actor(&self, account: AccountId, organisation: &Organisation) -> Option<Actor> {
        (self.exists && !self.deactivated).then(|| Actor {
            account,
            roles: self.roles.clone(),
            department: self.department(organisation),
            unit: self.unit,
        })
    }

    /// Its department as the organisation stands: whoever is in a unit belongs to the unit's.
    #[must_use]
    pub fn department(&self, organisation: &Organisation) -> Option<DepartmentId> {
        let of_unit = self.unit.and_then(|unit| organisation.unit(unit));
        of_unit.map(|(above, _)| above.id).or(self.department)
    }

    /// The office whose work the account does, if it does any's: none while it is deactivated.
    #[must_use]
    pub fn office(&self) -> Option<Office> {
        let in_office = |role: &Role| role.desk() == DeskKind::Office;
        let works = !self.deactivated && self.roles.iter().any(in_office);
        Office::of(self.department, self.unit).filter(|_| works)
    }
}
