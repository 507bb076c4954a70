//! What happens to an account, and how its state follows.

use super::{Account, AccountCommand};
use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{DepartmentId, ErasureId, UnitId};
use crate::people::Role;
use crate::refusal::Refusal;
use crate::sealed::Sealed;
use crate::ticket::Ground;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// It was created.
    Created(Created),
    /// Name, roles or place were changed.
    Changed(Changed),
    /// It was deactivated.
    Deactivated(Deactivated),
    /// It was reactivated.
    Reactivated(Reactivated),
    /// Somebody else gave it a new password.
    PasswordReset(PasswordReset),
    /// Its person changed the password.
    PasswordChanged(PasswordChanged),
    /// Its person set question and answer for recovery.
    RecoverySet(RecoverySet),
    /// Its person got in by the answer to the recovery question, and set a new password.
    PasswordRecovered(PasswordRecovered),
    /// Its person was erased.
    Erased(Erased),
}

/// An account was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The login, sealed.
    pub login: Sealed,
    /// The person's name, sealed.
    pub name: Sealed,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// The person's mobile, sealed. Since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Sealed>,
    /// SMS a month. Since version 2.
    #[serde(default)]
    pub sms_quota: u32,
}

/// An account was changed: all that it is from then on, and the name if that is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The person's new name, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// The person's mobile, sealed. Since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Sealed>,
    /// SMS a month. Since version 2.
    #[serde(default)]
    pub sms_quota: u32,
}

/// An account was deactivated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivated {}

/// An account was reactivated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reactivated {}

/// Somebody else gave the account a new password. That it was done is history; the password is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordReset {}

/// The account's person changed their own password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {}

/// The account's person set question and answer for recovery. Neither is history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySet {}

/// The account's person answered the recovery question, and set a new password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRecovered {}

/// The account's person was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Which erasure it belongs to.
    pub erasure: ErasureId,
    /// By what right.
    pub ground: Ground,
}

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    const EVENT_TYPES: &'static [&'static str] = &[
        "created",
        "changed",
        "deactivated",
        "reactivated",
        "password_reset",
        "password_changed",
        "recovery_set",
        "password_recovered",
        "erased",
    ];
    type State = Self;
    type Command = AccountCommand;
    type Event = AccountEvent;

    fn decide(state: &Self, command: AccountCommand) -> Result<Vec<AccountEvent>, Refusal> {
        super::commands::decide(state, command).map(|event| vec![event])
    }

    fn evolve(state: &mut Self, stamp: &Stamp, event: &AccountEvent) {
        match event {
            AccountEvent::Created(e) => {
                *state = Self {
                    exists: true,
                    deactivated: false,
                    erased: false,
                    created_by: Some(stamp.event),
                    login: Some(e.login.clone()),
                    name: Some(e.name.clone()),
                    roles: e.roles.clone(),
                    department: e.department,
                    unit: e.unit,
                    mobile: e.mobile.clone(),
                    sms_quota: e.sms_quota,
                    password_set_at: Some(stamp.at),
                    revision: state.revision,
                };
            }
            AccountEvent::Changed(e) => {
                if let Some(name) = &e.name {
                    state.name = Some(name.clone());
                }
                state.roles.clone_from(&e.roles);
                state.department = e.department;
                state.unit = e.unit;
                state.mobile.clone_from(&e.mobile);
                state.sms_quota = e.sms_quota;
            }
            AccountEvent::Deactivated(Deactivated {}) => state.deactivated = true,
            AccountEvent::Reactivated(Reactivated {}) => state.deactivated = false,
            AccountEvent::PasswordReset(PasswordReset {})
            | AccountEvent::PasswordChanged(PasswordChanged {})
            | AccountEvent::PasswordRecovered(PasswordRecovered {}) => {
                state.password_set_at = Some(stamp.at);
            }
            AccountEvent::RecoverySet(RecoverySet {}) => {}
            AccountEvent::Erased(_) => {
                (state.login, state.name, state.mobile) = (None, None, None);
                (state.deactivated, state.erased) = (true, true);
            }
        }
        state.revision += 1;
    }

    fn encode(event: &AccountEvent) -> Encoded {
        let (event_type, schema_version, data) = match event {
            AccountEvent::Created(e) => ("created", 2, write_data(e)),
            AccountEvent::Changed(e) => ("changed", 2, write_data(e)),
            AccountEvent::Deactivated(e) => ("deactivated", 1, write_data(e)),
            AccountEvent::Reactivated(e) => ("reactivated", 1, write_data(e)),
            AccountEvent::PasswordReset(e) => ("password_reset", 1, write_data(e)),
            AccountEvent::PasswordChanged(e) => ("password_changed", 1, write_data(e)),
            AccountEvent::RecoverySet(e) => ("recovery_set", 1, write_data(e)),
            AccountEvent::PasswordRecovered(e) => ("password_recovered", 1, write_data(e)),
            AccountEvent::Erased(e) => ("erased", 1, write_data(e)),
        };
        Encoded {
            event_type,
            schema_version,
            data,
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<AccountEvent, UnknownEvent> {
        use AccountEvent as E;
        fn read<E: serde::de::DeserializeOwned>(t: &str, data: &str) -> Result<E, UnknownEvent> {
            read_data(Account::CATEGORY, t, data)
        }
        Ok(match event_type {
            "created" => E::Created(read(event_type, data)?),
            "changed" => E::Changed(read(event_type, data)?),
            "deactivated" => E::Deactivated(read(event_type, data)?),
            "reactivated" => E::Reactivated(read(event_type, data)?),
            "password_reset" => E::PasswordReset(read(event_type, data)?),
            "password_changed" => E::PasswordChanged(read(event_type, data)?),
            "recovery_set" => E::RecoverySet(read(event_type, data)?),
            "password_recovered" => E::PasswordRecovered(read(event_type, data)?),
            "erased" => E::Erased(read(event_type, data)?),
            other => {
                return Err(UnknownEvent::Type {
                    category: Self::CATEGORY,
                    event_type: other.into(),
                });
            }
        })
    }
}
