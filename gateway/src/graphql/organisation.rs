//! The organisation: level-1 departments and their level-2 units.

use super::common::{UserError, app, global_id, local_id, options, split};
use crate::auth::{viewer, viewer_with};
use crate::error::{Failure, system};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use docket_core::clock::new_id;
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::{self as domain, OrganisationAction};
use docket_domain::people::Role;
use uuid::Uuid;

/// A level-1 department (一级部门).
#[derive(SimpleObject, Clone)]
pub struct Department {
    /// Global id.
    id: ID,
    /// Its name.
    pub(super) name: String,
    /// Its region.
    region: Option<String>,
    /// Its level-2 units.
    units: Vec<Unit>,
}

/// A level-2 unit (二级部门).
#[derive(SimpleObject, Clone)]
pub struct Unit {
    /// Global id.
    id: ID,
    /// Its name.
    name: String,
}

impl From<&domain::Department> for Department {
    fn from(department: &domain::Department) -> Self {
        Self {
            id: global_id("department", department.id.0),
            name: department.name.clone(),
            region: department.region.clone(),
            units: department.units.iter().map(Unit::from).collect(),
        }
    }
}

impl From<&domain::Unit> for Unit {
    fn from(unit: &domain::Unit) -> Self {
        Self {
            id: global_id("unit", unit.id.0),
            name: unit.name.clone(),
        }
    }
}

impl Department {
    pub(super) async fn find(
        context: &Context<'_>,
        id: DepartmentId,
    ) -> Result<Option<Self>, Error> {
        let organisation = app(context)?
            .desk
            .organisation()
            .await
            .map_err(|e| system(&e))?;
        Ok(organisation.department(id).map(Self::from))
    }
}

impl Unit {
    pub(super) async fn find(context: &Context<'_>, id: UnitId) -> Result<Option<Self>, Error> {
        let organisation = app(context)?
            .desk
            .organisation()
            .await
            .map_err(|e| system(&e))?;
        Ok(organisation.unit(id).map(|(_, unit)| Self::from(unit)))
    }
}

/// Queries about the organisation.
#[derive(Default)]
pub struct OrganisationQuery;

#[Object]
impl OrganisationQuery {
    /// Every level-1 department with its units.
    async fn departments(&self, context: &Context<'_>) -> Result<Vec<Department>, Error> {
        viewer(context)?;
        let organisation = app(context)?
            .desk
            .organisation()
            .await
            .map_err(|e| system(&e))?;
        Ok(organisation
            .departments
            .iter()
            .map(Department::from)
            .collect())
    }
}

/// A department to be added.
#[derive(InputObject)]
pub struct AddDepartmentInput {
    /// Its name, unique among departments.
    name: String,
    /// Its region.
    region: Option<String>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// A unit to be added.
#[derive(InputObject)]
pub struct AddUnitInput {
    /// The department above it.
    department_id: ID,
    /// Its name, unique within the department.
    name: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// The department after the command.
#[derive(SimpleObject)]
pub struct DepartmentPayload {
    /// The department.
    department: Option<Department>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands about the organisation.
#[derive(Default)]
pub struct OrganisationMutation;

#[Object]
impl OrganisationMutation {
    /// Adds a level-1 department (administrators).
    async fn add_department(
        &self,
        context: &Context<'_>,
        input: AddDepartmentInput,
    ) -> Result<DepartmentPayload, Error> {
        let id = fresh::<DepartmentId>(context, input.command_id)?;
        let action = OrganisationAction::AddDepartment {
            id,
            name: input.name,
            region: input.region,
        };
        organise(context, id, action, input.command_id).await
    }

    /// Adds a level-2 unit to a department (administrators).
    async fn add_unit(
        &self,
        context: &Context<'_>,
        input: AddUnitInput,
    ) -> Result<DepartmentPayload, Error> {
        let department = local_id::<DepartmentId>("department", &input.department_id)?;
        let id = fresh::<UnitId>(context, input.command_id)?;
        let action = OrganisationAction::AddUnit {
            id,
            department,
            name: input.name,
        };
        organise(context, department, action, input.command_id).await
    }
}

/// A new office's id: the command's own, so that a repeated command names the same office.
fn fresh<T: From<Uuid>>(context: &Context<'_>, command: Option<Uuid>) -> Result<T, Error> {
    let clock = &*app(context)?.store.clock;
    Ok(command.map_or_else(|| new_id(clock), T::from))
}

async fn organise(
    context: &Context<'_>,
    department: DepartmentId,
    action: OrganisationAction,
    command: Option<Uuid>,
) -> Result<DepartmentPayload, Error> {
    let viewer = viewer_with(context, &[Role::Administrator])?;
    let done = app(context)?
        .desk
        .organise(&viewer.actor, action, &options(command, None)?)
        .await;
    let (outcome, user_errors) = split(context, done.map_err(Failure::from))?;
    let department = outcome.and_then(|o| o.state.department(department).map(Department::from));
    Ok(DepartmentPayload {
        department,
        user_errors,
    })
}
