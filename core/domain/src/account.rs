//! Accounts: who may log in, as what, for which office. Login, name and mobile are personal data and sealed;
//! passwords and answers for recovery are no part of history at all (the ops store holds their hashes).

mod checks;
mod commands;
mod events;
mod recovery;
mod rights;
#[cfg(test)]
mod tests;
mod texts;

pub use commands::{AccountAction, AccountCommand, Changes, Given, NewAccount, mistakes};
pub use events::{
    AccountEvent, Changed, Created, Deactivated, Erased, PasswordChanged, PasswordRecovered,
    PasswordReset, Reactivated, RecoverySet,
};

pub use recovery::{RecoveryQuestion, normal_answer};
pub use texts::{LOGIN_SIGNS, MOBILE_DIGITS, is_login, is_mobile};

use crate::ids::{AccountId, DepartmentId, EventId, UnitId};
use crate::organisation::{Office, Organisation};
use crate::people::{Actor, DeskKind, Role};
use crate::sealed::Sealed;
use crate::time::Timestamp;
use chrono::TimeDelta;

/// Longest login or name, in characters. A technical limit.
pub const NAME_CHARS_MAX: u32 = 100;
/// Longest mobile number, in characters. A technical limit.
pub const MOBILE_CHARS_MAX: u32 = 32;
/// Most messages a month that an account may be allowed. A technical limit.
pub const SMS_QUOTA_MAX: u32 = 100_000;
/// Longest answer to a recovery question, in characters. A technical limit.
pub const ANSWER_CHARS_MAX: u32 = 64;

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
    /// Its person's mobile, sealed: for alerts by SMS (S1: advised, not required).
    pub mobile: Option<Sealed>,
    /// How many SMS a month it may send (S1: 0 unless somebody says otherwise).
    pub sms_quota: u32,
    /// When its password was last set, by whomever.
    pub password_set_at: Option<Timestamp>,
    /// 1 when created, and one more with everything that is done to it. Logging in is no such thing.
    pub revision: u32,
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

    /// Whether its password is older than a rule pack lets it become; 0 days: it never is.
    #[must_use]
    pub fn is_password_expired(&self, expires_days: u16, now: Timestamp) -> bool {
        let lasts = TimeDelta::days(i64::from(expires_days));
        let since = self.password_set_at.filter(|_| expires_days > 0);
        since.is_some_and(|since| now - since >= lasts)
    }

    /// The office whose work the account does, if it does any's: none while it is deactivated.
    #[must_use]
    pub fn office(&self) -> Option<Office> {
        let in_office = |role: &Role| role.desk() == DeskKind::Office;
        let works = !self.deactivated && self.roles.iter().any(in_office);
        Office::of(self.department, self.unit).filter(|_| works)
    }
}
