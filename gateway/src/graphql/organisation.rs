//! The organisation: level-1 departments, their level-2 units, and how both came to be as they are.

mod commands;

pub use commands::OrganisationMutation;

use super::common::{Position, app, global_id, wait_for};
use super::limits::counted;
use crate::auth::viewer;
use crate::error::{Code, fault_because, system};
use async_graphql::{Context, Enum, Error, ID, Object};
use chrono::{DateTime, Utc};
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::{self as domain, Office, Organisation};
use std::sync::Arc;

/// Changes of an office shown, the latest; a technical limit.
const HISTORY_MAX: usize = 200;

/// The organisation as it stands.
pub(super) async fn organisation(context: &Context<'_>) -> Result<Arc<Organisation>, Error> {
    let organisation = app(context)?.desk.organisation().await;
    organisation.map_err(|e| system(&e))
}

/// A level-1 department (一级部门), as it is now.
#[derive(Clone)]
pub struct Department {
    of: Arc<Organisation>,
    index: usize,
}

/// A level-2 unit (二级部门), as it is now.
#[derive(Clone)]
pub struct Unit {
    under: Department,
    index: usize,
}

impl Department {
    pub(super) fn new(of: &Arc<Organisation>, id: DepartmentId) -> Option<Self> {
        let index = of.departments.iter().position(|d| d.id == id)?;
        let of = of.clone();
        Some(Self { of, index })
    }

    pub(super) async fn find(
        context: &Context<'_>,
        id: DepartmentId,
    ) -> Result<Option<Self>, Error> {
        Ok(Self::new(&organisation(context).await?, id))
    }

    fn state(&self) -> Result<&domain::Department, Error> {
        let found = self.of.departments.get(self.index);
        found.ok_or_else(|| fault_because(Code::Internal, "a department"))
    }
}

/// A level-1 department (一级部门), as it is now.
#[Object]
impl Department {
    /// Global id.
    pub async fn id(&self) -> Result<ID, Error> {
        Ok(global_id("department", self.state()?.id.0))
    }

    /// Moves with every change of it. Give it as `expectedRevision`.
    async fn revision(&self) -> Result<u32, Error> {
        Ok(self.state()?.revision())
    }

    /// Its name.
    async fn name(&self) -> Result<&str, Error> {
        Ok(&self.state()?.name)
    }

    /// Its region.
    async fn region(&self) -> Result<Option<&String>, Error> {
        Ok(self.state()?.region.as_ref())
    }

    /// Its level-2 units.
    #[graphql(complexity = "10 * child_complexity")]
    async fn units(&self, context: &Context<'_>) -> Result<Vec<Unit>, Error> {
        let all = 0..self.state()?.units.len();
        let unit = |index| Unit {
            under: self.clone(),
            index,
        };
        counted(context, all.map(unit).collect())
    }

    /// What it was called and which region it had, from when on: its latest 200 changes in order.
    #[graphql(complexity = "5 * child_complexity")]
    async fn history(&self, context: &Context<'_>) -> Result<Vec<OfficeChange>, Error> {
        let latest = OfficeChange::latest(&self.of, &self.state()?.history);
        counted(context, latest)
    }
}

impl Unit {
    pub(super) fn new(of: &Arc<Organisation>, id: UnitId) -> Option<Self> {
        let (above, _) = of.unit(id)?;
        let index = above.units.iter().position(|u| u.id == id)?;
        let under = Department::new(of, above.id)?;
        Some(Self { under, index })
    }

    pub(super) async fn find(context: &Context<'_>, id: UnitId) -> Result<Option<Self>, Error> {
        Ok(Self::new(&organisation(context).await?, id))
    }

    fn state(&self) -> Result<&domain::Unit, Error> {
        let found = self.under.state()?.units.get(self.index);
        found.ok_or_else(|| fault_because(Code::Internal, "a unit"))
    }
}

/// A level-2 unit (二级部门), as it is now.
#[Object]
impl Unit {
    /// Global id.
    pub async fn id(&self) -> Result<ID, Error> {
        Ok(global_id("unit", self.state()?.id.0))
    }

    /// Moves with every change of it. Give it as `expectedRevision`.
    async fn revision(&self) -> Result<u32, Error> {
        Ok(self.state()?.revision())
    }

    /// Its name.
    async fn name(&self) -> Result<&str, Error> {
        Ok(&self.state()?.name)
    }

    /// The department it is under.
    async fn department(&self) -> &Department {
        &self.under
    }

    /// What it was called and which department it belonged to, from when on: its latest 200 changes in order.
    #[graphql(complexity = "5 * child_complexity")]
    async fn history(&self, context: &Context<'_>) -> Result<Vec<OfficeChange>, Error> {
        let latest = OfficeChange::latest(&self.under.of, &self.state()?.history);
        counted(context, latest)
    }
}

/// What changed about an office.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::ChangeKind")]
pub enum OfficeChangeKind {
    /// It was added.
    Added,
    /// It got another name.
    Renamed,
    /// A unit was put under another department.
    Moved,
    /// A department got another region, or lost it.
    RegionChanged,
}

/// A change of an office, with what it was from then on.
pub struct OfficeChange {
    of: Arc<Organisation>,
    change: domain::Change,
}

impl OfficeChange {
    fn latest(of: &Arc<Organisation>, history: &[domain::Change]) -> Vec<Self> {
        let latest = &history[history.len().saturating_sub(HISTORY_MAX)..];
        let change = |change: &domain::Change| Self {
            of: of.clone(),
            change: change.clone(),
        };
        latest.iter().map(change).collect()
    }
}

/// A change of an office, with what it was from then on.
#[Object]
impl OfficeChange {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.change.at
    }

    /// What changed.
    async fn kind(&self) -> OfficeChangeKind {
        self.change.kind.into()
    }

    /// Its name from then on.
    async fn name(&self) -> &str {
        &self.change.name
    }

    /// A unit's department from then on, as that department is now; null for departments.
    async fn department(&self) -> Option<Department> {
        Department::new(&self.of, self.change.department?)
    }

    /// What that department was called then.
    async fn department_name(&self) -> Option<&str> {
        let department = Office::Department(self.change.department?);
        self.of.name_at(department, self.change.at)
    }

    /// A department's region from then on; null for units, and where it has none.
    async fn region(&self) -> Option<&String> {
        self.change.region.as_ref()
    }
}

/// Queries about the organisation.
#[derive(Default)]
pub struct OrganisationQuery;

#[Object]
impl OrganisationQuery {
    /// Every level-1 department with its units, in order of birth; there are at most 2,000.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn departments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<Department>, Error> {
        viewer(context)?;
        wait_for(context, min_position).await?;
        let of = organisation(context).await?;
        let department = |index| Department {
            of: of.clone(),
            index,
        };
        let all = 0..of.departments.len();
        counted(context, all.map(department).collect())
    }
}
