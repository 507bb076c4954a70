//! The organisation: level-1 departments and the level-2 units under them. One stream holds it all, and the
//! folded tree knows what every office was called and where it belonged at any time.

mod commands;
mod events;
#[cfg(test)]
mod tests;

pub use commands::{OrganisationAction, OrganisationCommand};
pub use events::{
    DepartmentAdded, DepartmentRegionChanged, DepartmentRenamed, Founded, OrganisationEvent,
    UnitAdded, UnitMoved, UnitRenamed,
};

use crate::ids::{DepartmentId, UnitId};
use crate::time::Timestamp;
use chrono_tz::Tz;

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
    /// Its level-2 units in order of arrival.
    pub units: Vec<Unit>,
    /// Everything that changed it, its birth first.
    pub history: Vec<Change>,
}

/// A level-2 unit (二级部门).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its name.
    pub name: String,
    /// Everything that changed it, its birth first.
    pub history: Vec<Change>,
}

impl Department {
    /// How often it was changed, its birth included; its units' changes are their own.
    #[must_use]
    pub fn revision(&self) -> u32 {
        revision(&self.history)
    }
}

impl Unit {
    /// How often it was changed, its birth included.
    #[must_use]
    pub fn revision(&self) -> u32 {
        revision(&self.history)
    }
}

fn revision(history: &[Change]) -> u32 {
    u32::try_from(history.len()).unwrap_or(u32::MAX)
}

/// A department or a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Office {
    /// A level-1 department.
    Department(DepartmentId),
    /// A level-2 unit, whatever department it is under.
    Unit(UnitId),
}

impl Office {
    /// Where somebody of a department, or of a unit in it, works.
    #[must_use]
    pub fn of(department: Option<DepartmentId>, unit: Option<UnitId>) -> Option<Self> {
        let of_unit = unit.map(Self::Unit);
        of_unit.or_else(|| department.map(Self::Department))
    }
}

/// A change of an office, with what it was from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What changed.
    pub kind: ChangeKind,
    /// Its name from then on.
    pub name: String,
    /// The department it belonged to from then on; `None` for departments.
    pub department: Option<DepartmentId>,
    /// Its region from then on; departments have one, or none.
    pub region: Option<String>,
}

/// What changed about an office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was added.
    Added,
    /// It got another name.
    Renamed,
    /// It was put under another department.
    Moved,
    /// It got another region, or lost it.
    RegionChanged,
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

    /// The department of a name: whoever bears it now, or else bore it last. Rule packs name departments, and
    /// are older than some renames.
    #[must_use]
    pub fn department_named(&self, name: &str) -> Option<&Department> {
        let bears = |department: &&Department| department.name == name;
        self.departments.iter().find(bears).or_else(|| {
            let bore = |department: &&Department| {
                let mut past = department.history.iter().rev();
                past.find(|change| change.name == name).map(|c| c.at)
            };
            let former = self.departments.iter().filter(|d| bore(d).is_some());
            former.max_by_key(bore)
        })
    }

    /// The name an office had at a time; one that is older than the office gets its first.
    #[must_use]
    pub fn name_at(&self, office: Office, at: Timestamp) -> Option<&str> {
        let history = match office {
            Office::Department(id) => &self.department(id)?.history,
            Office::Unit(id) => &self.unit(id)?.1.history,
        };
        let then = history.iter().rev().find(|change| change.at <= at);
        then.or(history.first()).map(|change| change.name.as_str())
    }

    /// The name an office has.
    #[must_use]
    pub fn name_of(&self, office: Office) -> Option<&str> {
        match office {
            Office::Department(id) => self.department(id).map(|d| d.name.as_str()),
            Office::Unit(id) => self.unit(id).map(|(_, u)| u.name.as_str()),
        }
    }

    fn department_mut(&mut self, id: DepartmentId) -> Option<&mut Department> {
        self.departments.iter_mut().find(|d| d.id == id)
    }
}
