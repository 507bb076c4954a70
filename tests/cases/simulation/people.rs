//! Who takes part, and the city they live in.

use docket_domain::ids::DepartmentId;
use docket_domain::organisation::{Organisation, OrganisationAction};
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::scenario::{
    self, DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT, everybody, id,
};
use std::sync::Arc;
use uuid::Uuid;

/// A department without a unit.
pub const THIRD_DEPARTMENT: DepartmentId = DepartmentId(Uuid::from_u128(0xD3));

/// Its departments.
pub const DEPARTMENTS: [DepartmentId; 3] = [DEPARTMENT, OTHER_DEPARTMENT, THIRD_DEPARTMENT];

/// The scenarios' city, with a third department.
pub fn city() -> Arc<Organisation> {
    let mut city = scenario::city();
    scenario::reorganise(Arc::make_mut(&mut city), third_department());
    city
}

/// What makes the third department.
pub fn third_department() -> OrganisationAction {
    OrganisationAction::AddDepartment {
        id: THIRD_DEPARTMENT,
        name: "水务局".into(),
        region: None,
    }
}

/// Everybody, at both levels of each department; the last is Docket itself, and before it whoever shows the
/// query code.
pub fn people() -> Vec<Actor> {
    let office = |n: u128, role, department, unit| Actor {
        account: id(n),
        roles: vec![role],
        department: Some(department),
        unit,
    };
    let mut people: Vec<Actor> = everybody().into_iter().map(|(_, actor)| actor).collect();
    people.extend([
        office(0xB1, Role::Leader, DEPARTMENT, Some(UNIT)),
        office(0xB2, Role::Leader, OTHER_DEPARTMENT, None),
        office(0xB3, Role::Clerk, OTHER_DEPARTMENT, Some(OTHER_UNIT)),
        office(0xB4, Role::Clerk, THIRD_DEPARTMENT, None),
        office(0xB5, Role::Leader, THIRD_DEPARTMENT, None),
        // Nobody decides on the appeal of their own decision: there are two of each who may.
        Actor {
            account: id(0xB7),
            ..scenario::office()
        },
        Actor {
            account: id(0xB8),
            ..scenario::joint_meeting()
        },
        Actor {
            account: id(0xB6),
            ..scenario::citizen()
        },
        Actor::bearer(),
        Actor::system(),
    ]);
    people
}

/// The account at its place as the organisation stands, as the desk reads it.
pub fn placed(mut actor: Actor, organisation: &Organisation) -> Actor {
    if let Some((department, _)) = actor.unit.and_then(|unit| organisation.unit(unit)) {
        actor.department = Some(department.id);
    }
    actor
}
