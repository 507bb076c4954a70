//! What may be asked of the organisation, and when it is refused: by administrators, and by a department's leader what
//! is in the own department (S1 部门信息维护).

use super::{
    Department, DepartmentAdded, DepartmentRegionChanged, DepartmentRenamed, Founded,
    NAME_CHARS_MAX, OFFICES_MAX, Organisation, OrganisationEvent, Unit, UnitAdded, UnitMoved,
    UnitRenamed,
};
use crate::ids::{DepartmentId, UnitId};
use crate::people::{Actor, Role};
use crate::refusal::{Detail, No, Reason, Refusal, ensure, ensure_revision};
use crate::text::{clean, code_point};
use chrono_tz::Tz;
use serde::Serialize;

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
    /// Gives a department another name.
    RenameDepartment {
        /// Which.
        id: DepartmentId,
        /// Its new name, unique among departments.
        name: String,
    },
    /// Gives a department another region, or none.
    ChangeDepartmentRegion {
        /// Which.
        id: DepartmentId,
        /// Its new region.
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
    /// Gives a unit another name.
    RenameUnit {
        /// Which.
        id: UnitId,
        /// Its new name, unique within its department.
        name: String,
    },
    /// Puts a unit under another department.
    MoveUnit {
        /// Which.
        id: UnitId,
        /// The department above it from now on; it has no unit of that name yet.
        department: DepartmentId,
    },
}

impl OrganisationAction {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Found { .. } => "found",
            Self::AddDepartment { .. } => "add_department",
            Self::RenameDepartment { .. } => "rename_department",
            Self::ChangeDepartmentRegion { .. } => "change_department_region",
            Self::AddUnit { .. } => "add_unit",
            Self::RenameUnit { .. } => "rename_unit",
            Self::MoveUnit { .. } => "move_unit",
        }
    }
}

/// A command with who gives it.
#[derive(Clone, Debug)]
pub struct OrganisationCommand {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub action: OrganisationAction,
    /// The revision of the office that the client saw; the command is refused if that has changed since.
    pub expected_revision: Option<u32>,
}

pub(super) fn decide(
    state: &Organisation,
    command: OrganisationCommand,
) -> Result<OrganisationEvent, Refusal> {
    let name = command.action.name();
    let decided = if may(state, &command.actor, &command.action) {
        as_seen(state, &command.action, command.expected_revision)
            .and_then(|()| judge(state, command.action))
    } else {
        Err(No::because(Reason::RoleNotAllowed))
    };
    decided.map_err(|no| no.to(name, "organisation"))
}

fn may(state: &Organisation, actor: &Actor, action: &OrganisationAction) -> bool {
    use OrganisationAction as A;
    if *actor == Actor::system() || actor.has(Role::Administrator) {
        return true;
    }
    if !actor.has(Role::Leader) || actor.unit.is_some() {
        return false;
    }
    let own = |department: DepartmentId| actor.department == Some(department);
    match action {
        A::RenameDepartment { id, .. } => own(*id),
        A::AddUnit { department, .. } => own(*department),
        A::RenameUnit { id, .. } => state.unit(*id).is_some_and(|(above, _)| own(above.id)),
        A::Found { .. }
        | A::AddDepartment { .. }
        | A::ChangeDepartmentRegion { .. }
        | A::MoveUnit { .. } => false,
    }
}

/// Refuses a change of an office that was changed since it was seen. One that is new, or is none, has no revision.
fn as_seen(
    state: &Organisation,
    action: &OrganisationAction,
    expected: Option<u32>,
) -> Result<(), No> {
    use OrganisationAction as A;
    let revision = match action {
        A::RenameDepartment { id, .. } | A::ChangeDepartmentRegion { id, .. } => {
            state.department(*id).map(Department::revision)
        }
        A::RenameUnit { id, .. } | A::MoveUnit { id, .. } => {
            state.unit(*id).map(|(_, unit)| unit.revision())
        }
        A::Found { .. } | A::AddDepartment { .. } | A::AddUnit { .. } => None,
    };
    revision.map_or(Ok(()), |revision| ensure_revision(expected, revision))
}

fn judge(state: &Organisation, action: OrganisationAction) -> Result<OrganisationEvent, No> {
    use OrganisationAction as A;
    use OrganisationEvent as E;
    Ok(match action {
        A::Found { name, time_zone } => {
            if !state.name.is_empty() {
                return Err(No::because(Reason::AlreadyExists));
            }
            E::Founded(Founded {
                name: text(&name, "name")?,
                time_zone: time_zone.name().to_owned(),
            })
        }
        A::AddDepartment { id, name, region } => {
            let name = text(&name, "name")?;
            let region = region.map(|r| text(&r, "region")).transpose()?;
            is_new(state.department(id).is_none())?;
            is_free(state, &name)?;
            has_room(state.departments.len(), "departments")?;
            E::DepartmentAdded(DepartmentAdded {
                department: id,
                name,
                region,
            })
        }
        A::RenameDepartment { id, name } => {
            let department = known(state, id, "id")?;
            let name = text(&name, "name")?;
            differs(name != department.name, "name")?;
            is_free(state, &name)?;
            E::DepartmentRenamed(DepartmentRenamed {
                department: id,
                name,
            })
        }
        A::ChangeDepartmentRegion { id, region } => {
            let department = known(state, id, "id")?;
            let region = region.map(|r| text(&r, "region")).transpose()?;
            differs(region != department.region, "region")?;
            E::DepartmentRegionChanged(DepartmentRegionChanged {
                department: id,
                region,
            })
        }
        A::AddUnit {
            id,
            department,
            name,
        } => {
            let name = text(&name, "name")?;
            let above = known(state, department, "departmentId")?;
            is_new(state.unit(id).is_none())?;
            is_free_in(above, &name, "name")?;
            has_room(above.units.len(), "units")?;
            E::UnitAdded(UnitAdded {
                unit: id,
                department,
                name,
            })
        }
        A::RenameUnit { id, name } => {
            let (above, unit) = known_unit(state, id)?;
            let name = text(&name, "name")?;
            differs(name != unit.name, "name")?;
            is_free_in(above, &name, "name")?;
            E::UnitRenamed(UnitRenamed { unit: id, name })
        }
        A::MoveUnit { id, department } => {
            let (above, unit) = known_unit(state, id)?;
            let to = known(state, department, "departmentId")?;
            differs(to.id != above.id, "departmentId")?;
            is_free_in(to, &unit.name, "departmentId")?;
            has_room(to.units.len(), "units")?;
            E::UnitMoved(UnitMoved {
                unit: id,
                department,
            })
        }
    })
}

/// A name or a region as it is kept.
fn text(text: &str, field: &'static str) -> Result<String, No> {
    let text = clean(text)
        .map_err(|control| No::at(Reason::ControlCharacter, field).detailed(code_point(control)))?;
    if text.is_empty() {
        return Err(No::at(Reason::Required, field));
    }
    if text.chars().count() > NAME_CHARS_MAX {
        let detail = Detail::at_most_characters(NAME_CHARS_MAX);
        return Err(No::at(Reason::TooLong, field).detailed(detail));
    }
    Ok(text)
}

fn known<'o>(
    state: &'o Organisation,
    id: DepartmentId,
    field: &'static str,
) -> Result<&'o Department, No> {
    let found = state.department(id);
    found.ok_or(No::at(Reason::UnknownOffice, field))
}

fn known_unit(state: &Organisation, id: UnitId) -> Result<(&Department, &Unit), No> {
    state.unit(id).ok_or(No::at(Reason::UnknownOffice, "id"))
}

fn differs(differs: bool, field: &'static str) -> Result<(), No> {
    ensure(differs, No::at(Reason::NoChange, field))
}

/// No office has the id yet: an id made from a command's is as unique as that.
fn is_new(is_new: bool) -> Result<(), No> {
    ensure(is_new, No::at(Reason::AlreadyExists, "name"))
}

/// No department bears the name now. One that another bore before is free.
fn is_free(state: &Organisation, name: &str) -> Result<(), No> {
    let taken = state.departments.iter().any(|d| d.name == name);
    ensure(!taken, No::at(Reason::AlreadyExists, "name"))
}

/// No unit of the department bears the name now.
fn is_free_in(department: &Department, name: &str, field: &'static str) -> Result<(), No> {
    let taken = department.units.iter().any(|u| u.name == name);
    ensure(!taken, No::at(Reason::AlreadyExists, field))
}

fn has_room(offices: usize, what: &str) -> Result<(), No> {
    let detail = (
        format!("至多{OFFICES_MAX}个"),
        format!("at most {OFFICES_MAX} {what}"),
    );
    ensure(
        offices < OFFICES_MAX,
        No::because(Reason::InvalidValue).detailed(detail),
    )
}
