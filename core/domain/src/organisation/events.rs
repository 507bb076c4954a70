//! What happens to the organisation, and how the tree follows. Names of offices are public, so they are in
//! the clear.

use super::{Change, ChangeKind, Department, Organisation, Unit};
use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{DepartmentId, UnitId};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrganisationEvent {
    /// The hotline was founded.
    Founded(Founded),
    /// A department was added.
    DepartmentAdded(DepartmentAdded),
    /// A department was renamed.
    DepartmentRenamed(DepartmentRenamed),
    /// A department's region was changed.
    DepartmentRegionChanged(DepartmentRegionChanged),
    /// A unit was added.
    UnitAdded(UnitAdded),
    /// A unit was renamed.
    UnitRenamed(UnitRenamed),
    /// A unit was moved to another department.
    UnitMoved(UnitMoved),
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

/// A department was renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentRenamed {
    /// Which.
    pub department: DepartmentId,
    /// Its new name.
    pub name: String,
}

/// A department's region was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentRegionChanged {
    /// Which.
    pub department: DepartmentId,
    /// Its new region; none where it was taken away.
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

/// A unit was renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRenamed {
    /// Which.
    pub unit: UnitId,
    /// Its new name.
    pub name: String,
}

/// A unit was moved to another department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitMoved {
    /// Which.
    pub unit: UnitId,
    /// The department above it from now on.
    pub department: DepartmentId,
}

impl Aggregate for Organisation {
    const CATEGORY: &'static str = "organisation";
    const EVENT_TYPES: &'static [&'static str] = &[
        "founded",
        "department_added",
        "department_renamed",
        "department_region_changed",
        "unit_added",
        "unit_renamed",
        "unit_moved",
    ];
    type State = Self;
    type Command = super::OrganisationCommand;
    type Event = OrganisationEvent;

    fn decide(
        state: &Self,
        command: super::OrganisationCommand,
    ) -> Result<Vec<OrganisationEvent>, crate::refusal::Refusal> {
        super::commands::decide(state, command).map(|event| vec![event])
    }

    fn evolve(state: &mut Self, stamp: &Stamp, event: &OrganisationEvent) {
        match event {
            OrganisationEvent::Founded(e) => {
                state.name.clone_from(&e.name);
                state.time_zone = e.time_zone.parse().ok();
            }
            OrganisationEvent::DepartmentAdded(e) => {
                let mut department = Department {
                    id: e.department,
                    name: e.name.clone(),
                    region: e.region.clone(),
                    units: Vec::new(),
                    history: Vec::new(),
                };
                department.note(stamp, ChangeKind::Added);
                state.departments.push(department);
            }
            OrganisationEvent::DepartmentRenamed(e) => {
                if let Some(department) = state.department_mut(e.department) {
                    department.name.clone_from(&e.name);
                    department.note(stamp, ChangeKind::Renamed);
                }
            }
            OrganisationEvent::DepartmentRegionChanged(e) => {
                if let Some(department) = state.department_mut(e.department) {
                    department.region.clone_from(&e.region);
                    department.note(stamp, ChangeKind::RegionChanged);
                }
            }
            OrganisationEvent::UnitAdded(e) => {
                let unit = Unit {
                    id: e.unit,
                    name: e.name.clone(),
                    history: Vec::new(),
                };
                state.put(unit, e.department, stamp, ChangeKind::Added);
            }
            OrganisationEvent::UnitRenamed(e) => {
                for department in &mut state.departments {
                    let id = department.id;
                    if let Some(unit) = department.units.iter_mut().find(|u| u.id == e.unit) {
                        unit.name.clone_from(&e.name);
                        unit.note(stamp, ChangeKind::Renamed, id);
                    }
                }
            }
            OrganisationEvent::UnitMoved(e) => {
                let moved = state.departments.iter_mut().find_map(|department| {
                    let at = department.units.iter().position(|u| u.id == e.unit)?;
                    Some(department.units.remove(at))
                });
                if let Some(unit) = moved {
                    state.put(unit, e.department, stamp, ChangeKind::Moved);
                }
            }
        }
    }

    fn encode(event: &OrganisationEvent) -> Encoded {
        let (event_type, data) = match event {
            OrganisationEvent::Founded(e) => ("founded", write_data(e)),
            OrganisationEvent::DepartmentAdded(e) => ("department_added", write_data(e)),
            OrganisationEvent::DepartmentRenamed(e) => ("department_renamed", write_data(e)),
            OrganisationEvent::DepartmentRegionChanged(e) => {
                ("department_region_changed", write_data(e))
            }
            OrganisationEvent::UnitAdded(e) => ("unit_added", write_data(e)),
            OrganisationEvent::UnitRenamed(e) => ("unit_renamed", write_data(e)),
            OrganisationEvent::UnitMoved(e) => ("unit_moved", write_data(e)),
        };
        Encoded {
            event_type,
            schema_version: 1,
            data,
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<OrganisationEvent, UnknownEvent> {
        use OrganisationEvent as E;
        fn read<E: serde::de::DeserializeOwned>(t: &str, data: &str) -> Result<E, UnknownEvent> {
            read_data(Organisation::CATEGORY, t, data)
        }
        Ok(match event_type {
            "founded" => E::Founded(read(event_type, data)?),
            "department_added" => E::DepartmentAdded(read(event_type, data)?),
            "department_renamed" => E::DepartmentRenamed(read(event_type, data)?),
            "department_region_changed" => E::DepartmentRegionChanged(read(event_type, data)?),
            "unit_added" => E::UnitAdded(read(event_type, data)?),
            "unit_renamed" => E::UnitRenamed(read(event_type, data)?),
            "unit_moved" => E::UnitMoved(read(event_type, data)?),
            other => {
                return Err(UnknownEvent::Type {
                    category: Self::CATEGORY,
                    event_type: other.into(),
                });
            }
        })
    }
}

impl Organisation {
    /// Puts a unit under a department, last of its units.
    fn put(&mut self, mut unit: Unit, under: DepartmentId, stamp: &Stamp, kind: ChangeKind) {
        if let Some(department) = self.department_mut(under) {
            unit.note(stamp, kind, under);
            department.units.push(unit);
        }
    }
}

impl Department {
    fn note(&mut self, stamp: &Stamp, kind: ChangeKind) {
        self.history.push(Change {
            at: stamp.at,
            kind,
            name: self.name.clone(),
            department: None,
            region: self.region.clone(),
        });
    }
}

impl Unit {
    fn note(&mut self, stamp: &Stamp, kind: ChangeKind, under: DepartmentId) {
        self.history.push(Change {
            at: stamp.at,
            kind,
            name: self.name.clone(),
            department: Some(under),
            region: None,
        });
    }
}
