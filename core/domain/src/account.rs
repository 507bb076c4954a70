//! Accounts: who may log in, as what, for which office. Login and name are personal data and sealed;
//! passwords are no part of history at all (the ops store holds their hashes).

use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{AccountId, DepartmentId, EventId, UnitId};
use crate::organisation::{Office, Organisation};
use crate::people::{Actor, DeskKind, Role};
use crate::refusal::{Reason, Refusal};
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest login or name, in characters. A technical limit.
pub const NAME_CHARS_MAX: u32 = 100;

/// An account as folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether it was created.
    pub exists: bool,
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
    /// The account as the giver of commands, as the organisation stands.
    #[must_use]
    pub fn actor(&self, account: AccountId, organisation: &Organisation) -> Actor {
        Actor {
            account,
            roles: self.roles.clone(),
            department: self.department(organisation),
            unit: self.unit,
        }
    }

    /// Its department as the organisation stands: whoever is in a unit belongs to the unit's.
    #[must_use]
    pub fn department(&self, organisation: &Organisation) -> Option<DepartmentId> {
        let of_unit = self.unit.and_then(|unit| organisation.unit(unit));
        of_unit.map(|(above, _)| above.id).or(self.department)
    }

    /// The office whose work the account does, if it does any's.
    #[must_use]
    pub fn office(&self) -> Option<Office> {
        let works = self
            .roles
            .iter()
            .any(|role| role.desk() == DeskKind::Office);
        Office::of(self.department, self.unit).filter(|_| works)
    }
}

/// Asks for an account.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// Who asks: an administrator, or Docket itself at the command line.
    pub actor: Actor,
    /// The organisation as it stands.
    pub organisation: Arc<Organisation>,
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
}

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    const EVENT_TYPES: &'static [&'static str] = &["created"];
    type State = Self;
    type Command = CreateAccount;
    type Event = Created;

    fn decide(state: &Self, command: CreateAccount) -> Result<Vec<Created>, Refusal> {
        let refuse = |reason| Refusal::new("create_account", "account", reason);
        if command.actor != Actor::system() && !command.actor.has(Role::Administrator) {
            return Err(refuse(Reason::RoleNotAllowed));
        }
        if state.exists {
            return Err(refuse(Reason::AlreadyExists));
        }
        for (field, text) in [("login", &command.login), ("name", &command.name)] {
            if text.chars == 0 {
                return Err(refuse(Reason::Required).at(field));
            }
            if text.chars > NAME_CHARS_MAX {
                let detail = format!("at most {NAME_CHARS_MAX} characters");
                return Err(refuse(Reason::TooLong).at(field).because(detail));
            }
        }
        if command.roles.is_empty() {
            return Err(refuse(Reason::Required).at("roles"));
        }
        if !command
            .roles
            .iter()
            .all(|role| role.desk() == command.roles[0].desk())
        {
            let detail = "one desk's: centre, office, citizen, audit, analysis or administration";
            return Err(refuse(Reason::InvalidValue).at("roles").because(detail));
        }
        check_office(&command).map_err(|(reason, field)| refuse(reason).at(field))?;
        Ok(vec![Created {
            login: command.login,
            name: command.name,
            roles: command.roles,
            department: command.department,
            unit: command.unit,
        }])
    }

    fn evolve(state: &mut Self, stamp: &Stamp, event: &Created) {
        *state = Self {
            exists: true,
            created_by: Some(stamp.event),
            login: Some(event.login.clone()),
            name: Some(event.name.clone()),
            roles: event.roles.clone(),
            department: event.department,
            unit: event.unit,
        };
    }

    fn encode(event: &Created) -> Encoded {
        Encoded {
            event_type: "created",
            schema_version: 1,
            data: write_data(event),
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<Created, UnknownEvent> {
        match event_type {
            "created" => read_data(Self::CATEGORY, event_type, data),
            other => Err(UnknownEvent::Type {
                category: Self::CATEGORY,
                event_type: other.into(),
            }),
        }
    }
}

/// Clerks and leaders belong to an office; nobody else does (DOMAIN §6).
fn check_office(command: &CreateAccount) -> Result<(), (Reason, &'static str)> {
    let office_role = command
        .roles
        .iter()
        .any(|r| matches!(r, Role::Clerk | Role::Leader));
    let Some(department) = command.department else {
        return match (office_role, command.unit) {
            (true, _) => Err((Reason::Required, "departmentId")),
            (false, Some(_)) => Err((Reason::UnknownOffice, "unitId")),
            (false, None) => Ok(()),
        };
    };
    if !office_role {
        return Err((Reason::InvalidValue, "departmentId"));
    }
    if command.organisation.department(department).is_none() {
        return Err((Reason::UnknownOffice, "departmentId"));
    }
    match command.unit {
        Some(unit) if !command.organisation.is_under(unit, department) => {
            Err((Reason::UnknownOffice, "unitId"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::scenario::{
        DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT, city, city_after_the_move, id, sealed,
    };

    fn create(
        roles: &[Role],
        department: Option<DepartmentId>,
        unit: Option<UnitId>,
    ) -> CreateAccount {
        CreateAccount {
            actor: Actor {
                roles: vec![Role::Administrator],
                ..Actor::system()
            },
            organisation: city(),
            login: sealed("pt-wang"),
            name: sealed("王小明"),
            roles: roles.to_vec(),
            department,
            unit,
        }
    }

    fn reason(command: CreateAccount) -> Option<(Reason, Option<&'static str>)> {
        Account::decide(&Account::default(), command)
            .err()
            .map(|r| (r.reason, r.field))
    }

    #[test]
    fn clerks_need_an_office_and_the_centre_has_none() {
        use Role::{Clerk, Operator};
        assert_eq!(reason(create(&[Clerk], Some(DEPARTMENT), None)), None);
        assert_eq!(reason(create(&[Clerk], Some(DEPARTMENT), Some(UNIT))), None);
        assert_eq!(reason(create(&[Operator], None, None)), None);
        let refused = |reason, field| Some((reason, Some(field)));
        let no_office = reason(create(&[Clerk], None, None));
        assert_eq!(no_office, refused(Reason::Required, "departmentId"));
        let foreign = reason(create(&[Clerk], Some(OTHER_DEPARTMENT), Some(UNIT)));
        assert_eq!(foreign, refused(Reason::UnknownOffice, "unitId"));
        let centre = reason(create(&[Operator], Some(DEPARTMENT), None));
        assert_eq!(centre, refused(Reason::InvalidValue, "departmentId"));
        let orphan = reason(create(&[Operator], None, Some(UNIT)));
        assert_eq!(orphan, refused(Reason::UnknownOffice, "unitId"));
        assert_eq!(
            reason(create(&[], None, None)),
            refused(Reason::Required, "roles")
        );
    }

    #[test]
    fn a_units_people_move_with_it_and_nobody_else_does() {
        let place = |department, unit| {
            let account = Account {
                roles: vec![Role::Clerk],
                department: Some(department),
                unit,
                ..Account::default()
            };
            let seen = [city(), city_after_the_move()]
                .map(|organisation| account.actor(id(1), &organisation).department);
            (seen.map(Option::unwrap), account.office().unwrap())
        };
        let moved = ([DEPARTMENT, OTHER_DEPARTMENT], Office::Unit(UNIT));
        assert_eq!(place(DEPARTMENT, Some(UNIT)), moved);
        let stayed = ([DEPARTMENT, DEPARTMENT], Office::Department(DEPARTMENT));
        assert_eq!(place(DEPARTMENT, None), stayed);
        let others = ([OTHER_DEPARTMENT; 2], Office::Unit(OTHER_UNIT));
        assert_eq!(place(OTHER_DEPARTMENT, Some(OTHER_UNIT)), others);
    }

    #[test]
    fn nobody_sits_at_two_desks() {
        use Role::{Administrator, Auditor, Citizen, Clerk, Dispatcher, Leader, Operator};
        assert_eq!(reason(create(&[Operator, Dispatcher], None, None)), None);
        assert_eq!(
            reason(create(&[Clerk, Leader], Some(DEPARTMENT), None)),
            None
        );
        for roles in [
            [Clerk, Auditor],
            [Operator, Clerk],
            [Dispatcher, Leader],
            [Auditor, Administrator],
            [Citizen, Operator],
        ] {
            let refused = reason(create(&roles, Some(DEPARTMENT), None));
            assert_eq!(
                refused,
                Some((Reason::InvalidValue, Some("roles"))),
                "{roles:?}"
            );
        }
    }

    #[test]
    fn only_administrators_create_and_only_once() {
        let mut command = create(&[Role::Operator], None, None);
        command.actor.roles = vec![Role::Operator];
        assert_eq!(reason(command), Some((Reason::RoleNotAllowed, None)));
        let existing = Account {
            exists: true,
            ..Account::default()
        };
        let again = Account::decide(&existing, create(&[Role::Operator], None, None));
        assert_eq!(again.unwrap_err().reason, Reason::AlreadyExists);
    }

    #[test]
    fn empty_and_over_long_names_are_refused() {
        let mut command = create(&[Role::Operator], None, None);
        command.name = sealed("");
        assert_eq!(reason(command), Some((Reason::Required, Some("name"))));
        let mut command = create(&[Role::Operator], None, None);
        command.login = sealed(&"a".repeat(101));
        assert_eq!(reason(command), Some((Reason::TooLong, Some("login"))));
    }
}
