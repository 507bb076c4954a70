//! The organisation: level-1 departments and the level-2 units under them. One stream holds it all.

use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{DepartmentId, UnitId};
use crate::people::{Actor, Role};
use crate::refusal::{Reason, Refusal};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Longest name of an office, in characters. A technical limit.
pub const NAME_CHARS_MAX: usize = 100;
/// Most departments, and most units of one department. A technical limit.
pub const OFFICES_MAX: usize = 2_000;

/// The tree as folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisation {
    /// The hotline's name; empty before it is founded.
    pub name: String,
    /// The zone in which its days are counted, fixed at founding.
    pub time_zone: Option<Tz>,
    /// Level-1 departments in order of birth.
    pub departments: Vec<Department>,
}

/// A level-1 department (一级部门).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its id.
    pub id: DepartmentId,
    /// Its name.
    pub name: String,
    /// Its region: a field of its own, never derived from a login prefix (S1: two regions share one).
    pub region: Option<String>,
    /// Its level-2 units in order of birth.
    pub units: Vec<Unit>,
}

/// A level-2 unit (二级部门).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its name.
    pub name: String,
}

impl Organisation {
    /// A department by id.
    #[must_use]
    pub fn department(&self, id: DepartmentId) -> Option<&Department> {
        self.departments.iter().find(|d| d.id == id)
    }

    /// A unit by id, with its department.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<(&Department, &Unit)> {
        self.departments
            .iter()
            .find_map(|d| d.units.iter().find(|u| u.id == id).map(|u| (d, u)))
    }

    /// Whether the unit is one of the department's.
    #[must_use]
    pub fn is_under(&self, unit: UnitId, department: DepartmentId) -> bool {
        self.unit(unit).is_some_and(|(d, _)| d.id == department)
    }
}

/// What may be asked.
#[derive(Clone, Debug, Serialize)]
pub enum OrganisationAction {
    /// Founds the hotline, once.
    Found {
        /// Its name.
        name: String,
        /// IANA zone in which its days are counted.
        time_zone: Tz,
    },
    /// Adds a level-1 department.
    AddDepartment {
        /// Its new id.
        id: DepartmentId,
        /// Its name, unique among departments.
        name: String,
        /// Its region.
        region: Option<String>,
    },
    /// Adds a level-2 unit.
    AddUnit {
        /// Its new id.
        id: UnitId,
        /// The department above it.
        department: DepartmentId,
        /// Its name, unique within the department.
        name: String,
    },
}

/// A command with who gives it.
#[derive(Clone, Debug)]
pub struct OrganisationCommand {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub action: OrganisationAction,
}

/// What happened. Names of offices are public, so they are in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrganisationEvent {
    /// The hotline was founded.
    Founded(Founded),
    /// A department was added.
    DepartmentAdded(DepartmentAdded),
    /// A unit was added.
    UnitAdded(UnitAdded),
}

/// The hotline was founded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    /// Its name.
    pub name: String,
    /// IANA zone in which its days are counted.
    pub time_zone: String,
}

/// A department was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentAdded {
    /// Its id.
    pub department: DepartmentId,
    /// Its name.
    pub name: String,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A unit was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitAdded {
    /// Its id.
    pub unit: UnitId,
    /// The department above it.
    pub department: DepartmentId,
    /// Its name.
    pub name: String,
}

impl Aggregate for Organisation {
    const CATEGORY: &'static str = "organisation";
    const EVENT_TYPES: &'static [&'static str] = &["founded", "department_added", "unit_added"];
    type State = Self;
    type Command = OrganisationCommand;
    type Event = OrganisationEvent;

    fn decide(
        state: &Self,
        command: OrganisationCommand,
    ) -> Result<Vec<OrganisationEvent>, Refusal> {
        let action = match command.action {
            OrganisationAction::Found { .. } => "found",
            OrganisationAction::AddDepartment { .. } => "add_department",
            OrganisationAction::AddUnit { .. } => "add_unit",
        };
        let refuse = |reason| Refusal::new(action, "organisation", reason);
        if command.actor != Actor::system() && !command.actor.has(Role::Administrator) {
            return Err(refuse(Reason::RoleNotAllowed));
        }
        match command.action {
            OrganisationAction::Found { name, time_zone } => {
                if !state.name.is_empty() {
                    return Err(refuse(Reason::AlreadyExists));
                }
                let name = checked_name(&name, &refuse)?;
                let time_zone = time_zone.name().to_owned();
                Ok(vec![OrganisationEvent::Founded(Founded {
                    name,
                    time_zone,
                })])
            }
            OrganisationAction::AddDepartment { id, name, region } => {
                let name = checked_name(&name, &refuse)?;
                let region = region.map(|r| checked_name(&r, &refuse)).transpose()?;
                if state
                    .departments
                    .iter()
                    .any(|d| d.id == id || d.name == name)
                {
                    return Err(refuse(Reason::AlreadyExists).at("name"));
                }
                if state.departments.len() >= OFFICES_MAX {
                    let detail = format!("at most {OFFICES_MAX} departments");
                    return Err(refuse(Reason::InvalidValue).because(detail));
                }
                let event = DepartmentAdded {
                    department: id,
                    name,
                    region,
                };
                Ok(vec![OrganisationEvent::DepartmentAdded(event)])
            }
            OrganisationAction::AddUnit {
                id,
                department,
                name,
            } => {
                let name = checked_name(&name, &refuse)?;
                let above = state
                    .department(department)
                    .ok_or_else(|| refuse(Reason::UnknownOffice).at("departmentId"))?;
                if state.unit(id).is_some() || above.units.iter().any(|u| u.name == name) {
                    return Err(refuse(Reason::AlreadyExists).at("name"));
                }
                if above.units.len() >= OFFICES_MAX {
                    let detail = format!("at most {OFFICES_MAX} units");
                    return Err(refuse(Reason::InvalidValue).because(detail));
                }
                Ok(vec![OrganisationEvent::UnitAdded(UnitAdded {
                    unit: id,
                    department,
                    name,
                })])
            }
        }
    }

    fn evolve(state: &mut Self, _stamp: &Stamp, event: &OrganisationEvent) {
        match event {
            OrganisationEvent::Founded(e) => {
                state.name.clone_from(&e.name);
                state.time_zone = e.time_zone.parse().ok();
            }
            OrganisationEvent::DepartmentAdded(e) => state.departments.push(Department {
                id: e.department,
                name: e.name.clone(),
                region: e.region.clone(),
                units: Vec::new(),
            }),
            OrganisationEvent::UnitAdded(e) => {
                if let Some(above) = state.departments.iter_mut().find(|d| d.id == e.department) {
                    above.units.push(Unit {
                        id: e.unit,
                        name: e.name.clone(),
                    });
                }
            }
        }
    }

    fn encode(event: &OrganisationEvent) -> Encoded {
        let (event_type, data) = match event {
            OrganisationEvent::Founded(e) => ("founded", write_data(e)),
            OrganisationEvent::DepartmentAdded(e) => ("department_added", write_data(e)),
            OrganisationEvent::UnitAdded(e) => ("unit_added", write_data(e)),
        };
        Encoded {
            event_type,
            schema_version: 1,
            data,
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<OrganisationEvent, UnknownEvent> {
        const CATEGORY: &str = Organisation::CATEGORY;
        Ok(match event_type {
            "founded" => OrganisationEvent::Founded(read_data(CATEGORY, event_type, data)?),
            "department_added" => {
                OrganisationEvent::DepartmentAdded(read_data(CATEGORY, event_type, data)?)
            }
            "unit_added" => OrganisationEvent::UnitAdded(read_data(CATEGORY, event_type, data)?),
            other => {
                return Err(UnknownEvent::Type {
                    category: CATEGORY,
                    event_type: other.into(),
                });
            }
        })
    }
}

fn checked_name(name: &str, refuse: &impl Fn(Reason) -> Refusal) -> Result<String, Refusal> {
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(refuse(Reason::Required).at("name"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(refuse(Reason::TooLong)
            .at("name")
            .because(format!("at most {NAME_CHARS_MAX}")));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::scenario::{id, stamp};

    fn admin() -> Actor {
        Actor {
            roles: vec![Role::Administrator],
            ..Actor::system()
        }
    }

    fn run(state: &mut Organisation, action: OrganisationAction) -> Result<(), Reason> {
        let command = OrganisationCommand {
            actor: admin(),
            action,
        };
        let events = Organisation::decide(state, command).map_err(|r| r.reason)?;
        for event in events {
            Organisation::evolve(state, &stamp(), &event);
        }
        Ok(())
    }

    #[test]
    fn a_tree_grows_and_refuses_doubles_and_orphans() {
        use OrganisationAction as A;
        let mut org = Organisation::default();
        let time_zone = chrono_tz::Asia::Shanghai;
        run(
            &mut org,
            A::Found {
                name: "云州市".into(),
                time_zone,
            },
        )
        .unwrap();
        let again = run(
            &mut org,
            A::Found {
                name: "云州市".into(),
                time_zone,
            },
        );
        assert_eq!(again, Err(Reason::AlreadyExists));

        let add = |n, name: &str| A::AddDepartment {
            id: id(n),
            name: name.into(),
            region: None,
        };
        run(&mut org, add(1, " 城管局 ")).unwrap();
        assert_eq!(org.departments[0].name, "城管局");
        assert_eq!(run(&mut org, add(2, "城管局")), Err(Reason::AlreadyExists));
        assert_eq!(run(&mut org, add(2, "  ")), Err(Reason::Required));
        assert_eq!(
            run(&mut org, add(2, &"长".repeat(101))),
            Err(Reason::TooLong)
        );
        assert_eq!(run(&mut org, add(2, &"长".repeat(100))), Ok(()));

        let unit = |n, department, name: &str| A::AddUnit {
            id: id(n),
            department,
            name: name.into(),
        };
        run(&mut org, unit(3, id(1), "中队")).unwrap();
        assert_eq!(
            run(&mut org, unit(4, id(1), "中队")),
            Err(Reason::AlreadyExists)
        );
        assert_eq!(
            run(&mut org, unit(4, id(9), "中队")),
            Err(Reason::UnknownOffice)
        );
        assert!(org.is_under(id(3), id(1)));
        assert!(!org.is_under(id(3), id(2)));
    }

    #[test]
    fn clerks_do_not_change_the_tree() {
        let actor = Actor {
            roles: vec![Role::Clerk, Role::Leader],
            ..Actor::system()
        };
        let action = OrganisationAction::AddDepartment {
            id: id(1),
            name: "x".into(),
            region: None,
        };
        let refused = Organisation::decide(
            &Organisation::default(),
            OrganisationCommand { actor, action },
        );
        assert_eq!(refused.unwrap_err().reason, Reason::RoleNotAllowed);
    }
}
