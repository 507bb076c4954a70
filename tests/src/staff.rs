//! Accounts for a hotline's staff, so that tests can log in over the wire.

use docket_core::desk::{Desk, NewAccount, Options, Password};
use docket_core::ops::Ops;
use docket_domain::ids::{AccountId, DepartmentId, UnitId};
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT};

/// Everybody's password.
pub const PASSWORD: &str = "correct-horse";

/// Logins, roles and offices of the small city's staff (see [`crate::city::found`]).
pub const STAFF: &[(&str, Role, Option<DepartmentId>, Option<UnitId>)] = &[
    ("operator", Role::Operator, None, None),
    ("dispatcher", Role::Dispatcher, None, None),
    ("call-back", Role::CallBack, None, None),
    ("supervisor", Role::Supervisor, None, None),
    ("office", Role::Office, None, None),
    ("joint-meeting", Role::JointMeeting, None, None),
    ("clerk", Role::Clerk, Some(DEPARTMENT), None),
    ("leader", Role::Leader, Some(DEPARTMENT), None),
    ("unit-clerk", Role::Clerk, Some(DEPARTMENT), Some(UNIT)),
    ("other-clerk", Role::Clerk, Some(OTHER_DEPARTMENT), None),
    (
        "other-unit-clerk",
        Role::Clerk,
        Some(OTHER_DEPARTMENT),
        Some(OTHER_UNIT),
    ),
    ("citizen", Role::Citizen, None, None),
    ("other-citizen", Role::Citizen, None, None),
    ("auditor", Role::Auditor, None, None),
    ("analyst", Role::Analyst, None, None),
    ("admin", Role::Administrator, None, None),
];

/// Hires one person. The password is hashed once for all: see [`hash`].
pub async fn hire(
    desk: &Desk,
    hashed: &str,
    login: &str,
    role: Role,
    department: Option<DepartmentId>,
    unit: Option<UnitId>,
) -> AccountId {
    let new = NewAccount {
        login: login.into(),
        name: format!("{login} by name"),
        roles: vec![role],
        department,
        unit,
        ..NewAccount::default()
    };
    let password = Password::Hashed(hashed.into());
    let hired = desk
        .create_account(&Actor::system(), new, password, &Options::default())
        .await;
    AccountId(hired.unwrap().id)
}

/// The hash of [`PASSWORD`].
pub async fn hash(ops: &Ops) -> String {
    ops.hash_password(&Password::Clear(PASSWORD.into()))
        .await
        .unwrap()
}

/// Hires all of [`STAFF`].
pub async fn hire_all(desk: &Desk, ops: &Ops) {
    let hashed = hash(ops).await;
    for (login, role, department, unit) in STAFF {
        hire(desk, &hashed, login, *role, *department, *unit).await;
    }
}
