//! Who works in which office: to whom an assignment may be handed. Names are not here; they are sealed in
//! the account.

use crate::projection::{Batch, Column, Projection, ProjectionError, Table, upsert};
use crate::views::Views;
use async_trait::async_trait;
use docket_core::db::Tx;
use docket_core::esrs_store::decode;
use docket_core::values;
use docket_domain::account::Account;
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{AccountId, DepartmentId, UnitId};

/// The projection.
pub struct People;

/// Most people of one office that a query returns.
pub const PEOPLE_MAX: u32 = 1_000;

const TABLE: Table = Table {
    name: "people",
    columns: &[
        Column::Text("account"),
        Column::Text("department"),
        Column::Text("unit"),
    ],
    key: 1,
    indexes: &["department, unit, account"],
};

#[async_trait]
impl Projection for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn version(&self) -> i64 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        prefix: &str,
        batch: &Batch<'_>,
    ) -> Result<(), ProjectionError> {
        let of_accounts = batch
            .records
            .iter()
            .filter(|r| r.category == Account::CATEGORY);
        let mut rows = Vec::new();
        for record in of_accounts {
            let created = decode::<Account>(record)?;
            if let Some(department) = created.department {
                rows.push(values![record.stream, department.0, unit(created.unit)]);
            }
        }
        Ok(upsert(tx, prefix, &TABLE, rows).await?)
    }
}

/// The unit's column: empty for whoever works on level 1.
fn unit(unit: Option<UnitId>) -> String {
    unit.map_or_else(String::new, |unit| unit.to_string())
}

impl Views {
    /// The accounts of an office, at most [`PEOPLE_MAX`].
    pub async fn people(
        &self,
        department: DepartmentId,
        of_unit: Option<UnitId>,
    ) -> Result<Vec<AccountId>, ProjectionError> {
        let sql = "SELECT account FROM people WHERE department = $1 AND unit = $2
             ORDER BY account LIMIT $3";
        let values = values![department.0, unit(of_unit), PEOPLE_MAX];
        let rows = self.db().fetch_all(sql, values).await?;
        let account = |row: &docket_core::db::Row| Ok(AccountId(row.uuid(0)?));
        rows.iter().map(account).collect()
    }
}
