//! The offices the letters go to, those of the demonstration's city, and how a dispatcher chooses.

use super::mailbag::Letter;
use docket_core::desk::{Desk, Options};
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::{Actor, Role};
use docket_tests::commits::fresh;
use docket_tests::staff::hire;
use serde::Deserialize;
use std::cmp::Reverse;

const CITY: &str = include_str!("../../../gateway/src/demo/city.toml");

/// The hash of [`docket_tests::staff::PASSWORD`] at the least cost Argon2 has: in the year that is played,
/// staff log in a couple of thousand times, and it is not the hashing that is tried here.
const HASHED: &str =
    "$argon2id$v=19$m=8,t=1,p=1$bm90IGEgcmVhbCBzYWx0IQ$rODldCt1cVTLWNajAcrA0R9yVFWkc0nqLetVaNgFth8";

/// The city, as far as letters need it.
#[derive(Deserialize)]
pub struct City {
    departments: Vec<Department>,
}

/// A department.
#[derive(Deserialize)]
pub struct Department {
    #[serde(skip, default = "fresh")]
    id: DepartmentId,
    code: String,
    name: String,
    topics: Vec<String>,
    units: Vec<Unit>,
}

/// A unit.
#[derive(Deserialize)]
pub struct Unit {
    #[serde(skip, default = "fresh")]
    id: UnitId,
    code: String,
    name: String,
}

/// Where a letter goes.
pub struct Route<'c> {
    /// The department that is tried first.
    pub first: &'c Department,
    /// The next best.
    pub second: &'c Department,
    /// Whether a topic word said so, not mere turn.
    pub known: bool,
}

impl Department {
    /// Its global id.
    pub fn global_id(&self) -> String {
        format!("department:{}", self.id)
    }

    /// Its clerk's login.
    pub fn clerk(&self) -> String {
        format!("{}-clerk", self.code)
    }

    /// The unit whose turn it is.
    pub fn unit(&self, number: usize) -> &Unit {
        &self.units[number % self.units.len()]
    }

    fn fits(&self, letter: &Letter) -> usize {
        let times =
            |word: &String| letter.title.matches(word).count() + letter.body.matches(word).count();
        self.topics.iter().map(times).sum()
    }
}

impl Unit {
    /// Its global id.
    pub fn global_id(&self) -> String {
        format!("unit:{}", self.id)
    }

    /// Its clerk's login.
    pub fn clerk(&self) -> String {
        format!("{}-clerk", self.code)
    }
}

impl City {
    /// Reads it.
    pub fn read() -> Self {
        toml::from_str(CITY).unwrap()
    }

    /// Where a letter goes: where most of its words belong; departments in turn where that is a tie.
    pub fn route(&self, number: usize, letter: &Letter) -> Route<'_> {
        let count = self.departments.len();
        let mut ranked: Vec<_> = (0..count)
            .map(|turn| &self.departments[(number + turn) % count])
            .map(|department| (department.fits(letter), department))
            .collect();
        ranked.sort_by_key(|(fits, _)| Reverse(*fits));
        Route {
            first: ranked[0].1,
            second: ranked[1].1,
            known: ranked[0].0 > 0,
        }
    }

    /// Makes the offices and hires their staff and the centre's.
    pub async fn set_up(&self, desk: &Desk) {
        for (login, role) in [
            ("operator", Role::Operator),
            ("dispatcher", Role::Dispatcher),
            ("auditor", Role::Auditor),
        ] {
            hire(desk, HASHED, login, role, None, None).await;
        }
        for department in &self.departments {
            let Department { id, name, .. } = department;
            let add = OrganisationAction::AddDepartment {
                id: *id,
                name: name.clone(),
                region: None,
            };
            organise(desk, add).await;
            hire(
                desk,
                HASHED,
                &department.clerk(),
                Role::Clerk,
                Some(*id),
                None,
            )
            .await;
            for unit in &department.units {
                let add = OrganisationAction::AddUnit {
                    id: unit.id,
                    department: *id,
                    name: unit.name.clone(),
                };
                organise(desk, add).await;
                hire(
                    desk,
                    HASHED,
                    &unit.clerk(),
                    Role::Clerk,
                    Some(*id),
                    Some(unit.id),
                )
                .await;
            }
        }
    }
}

async fn organise(desk: &Desk, action: OrganisationAction) {
    let system = Actor::system();
    desk.organise(&system, action, &Options::default())
        .await
        .unwrap();
}
