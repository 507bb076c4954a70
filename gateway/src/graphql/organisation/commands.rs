//! Commands about the organisation, for administrators.

use super::{Department, Unit};
use crate::auth::viewer_with;
use crate::error::Failure;
use crate::graphql::common::{Position, UserError, app, local_id, options, split};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use docket_core::clock::new_id;
use docket_core::desk::{Options, Outcome};
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::{Organisation, OrganisationAction};
use docket_domain::people::Role;
use uuid::Uuid;

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

/// A department's new name.
#[derive(InputObject)]
pub struct RenameDepartmentInput {
    /// Which.
    id: ID,
    /// Its new name, unique among departments.
    name: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the department as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A department's new region.
#[derive(InputObject)]
pub struct ChangeDepartmentRegionInput {
    /// Which.
    id: ID,
    /// Its new region; null takes it away.
    region: Option<String>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the department as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A unit's new name.
#[derive(InputObject)]
pub struct RenameUnitInput {
    /// Which.
    id: ID,
    /// Its new name, unique within its department.
    name: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the unit as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A unit's new department.
#[derive(InputObject)]
pub struct MoveUnitInput {
    /// Which.
    id: ID,
    /// The department above it from now on.
    department_id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the unit as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// The department after the command.
#[derive(SimpleObject)]
pub struct DepartmentPayload {
    /// The department.
    department: Option<Department>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// The unit after the command.
#[derive(SimpleObject)]
pub struct UnitPayload {
    /// The unit.
    unit: Option<Unit>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
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
        #[graphql(desc = "What is to be done.")] input: AddDepartmentInput,
    ) -> Result<DepartmentPayload, Error> {
        let id = fresh::<DepartmentId>(context, input.command_id)?;
        let action = OrganisationAction::AddDepartment {
            id,
            name: input.name,
            region: input.region,
        };
        let options = options(input.command_id, None);
        on_department(context, id, action, options).await
    }

    /// Renames a department (administrators; its leaders). What happened before keeps the name it had then.
    async fn rename_department(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RenameDepartmentInput,
    ) -> Result<DepartmentPayload, Error> {
        let id = local_id("department", &input.id)?;
        let action = OrganisationAction::RenameDepartment {
            id,
            name: input.name,
        };
        let options = options(input.command_id, input.expected_revision);
        on_department(context, id, action, options).await
    }

    /// Gives a department another region, or none (administrators).
    async fn change_department_region(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ChangeDepartmentRegionInput,
    ) -> Result<DepartmentPayload, Error> {
        let id = local_id("department", &input.id)?;
        let action = OrganisationAction::ChangeDepartmentRegion {
            id,
            region: input.region,
        };
        let options = options(input.command_id, input.expected_revision);
        on_department(context, id, action, options).await
    }

    /// Adds a level-2 unit to a department (administrators; the department's leaders).
    async fn add_unit(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddUnitInput,
    ) -> Result<DepartmentPayload, Error> {
        let department = local_id::<DepartmentId>("department", &input.department_id)?;
        let id = fresh::<UnitId>(context, input.command_id)?;
        let action = OrganisationAction::AddUnit {
            id,
            department,
            name: input.name,
        };
        let options = options(input.command_id, None);
        on_department(context, department, action, options).await
    }

    /// Renames a unit (administrators; the leaders of its department). What happened before keeps the name it had then.
    async fn rename_unit(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RenameUnitInput,
    ) -> Result<UnitPayload, Error> {
        let id = local_id("unit", &input.id)?;
        let action = OrganisationAction::RenameUnit {
            id,
            name: input.name,
        };
        let options = options(input.command_id, input.expected_revision);
        on_unit(context, id, action, options).await
    }

    /// Moves a unit, with its people, to another department (administrators). What it was delegated before
    /// stays with it, and goes back to the department that delegated it; only the new one delegates anew.
    async fn move_unit(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MoveUnitInput,
    ) -> Result<UnitPayload, Error> {
        let id = local_id("unit", &input.id)?;
        let action = OrganisationAction::MoveUnit {
            id,
            department: local_id("department", &input.department_id)?,
        };
        let options = options(input.command_id, input.expected_revision);
        on_unit(context, id, action, options).await
    }
}

/// A new office's id: the command's own, so that a repeated command names the same office.
fn fresh<T: From<Uuid>>(context: &Context<'_>, command: Option<Uuid>) -> Result<T, Error> {
    let clock = &*app(context)?.store.clock;
    Ok(command.map_or_else(|| new_id(clock), T::from))
}

async fn on_department(
    context: &Context<'_>,
    id: DepartmentId,
    action: OrganisationAction,
    options: Options,
) -> Result<DepartmentPayload, Error> {
    let (after, user_errors) = organise(context, action, &options).await?;
    Ok(DepartmentPayload {
        position: after.as_ref().map(|after| Position(after.position)),
        department: after.and_then(|after| Department::new(&after.state, id)),
        user_errors,
    })
}

async fn on_unit(
    context: &Context<'_>,
    id: UnitId,
    action: OrganisationAction,
    options: Options,
) -> Result<UnitPayload, Error> {
    let (after, user_errors) = organise(context, action, &options).await?;
    Ok(UnitPayload {
        position: after.as_ref().map(|after| Position(after.position)),
        unit: after.and_then(|after| Unit::new(&after.state, id)),
        user_errors,
    })
}

async fn organise(
    context: &Context<'_>,
    action: OrganisationAction,
    options: &Options,
) -> Result<(Option<Outcome<Organisation>>, Vec<UserError>), Error> {
    // Of which office, the domain says.
    let viewer = viewer_with(context, &[Role::Administrator, Role::Leader])?;
    let done = app(context)?
        .desk
        .organise(&viewer.actor, action, options)
        .await;
    split(context, done.map_err(Failure::from))
}
