//! Who works in which office: to whom an assignment may be handed. Names are not here; they are sealed in
//! the account. Somebody of a unit is found by the unit alone, so that moving it changes nothing here.

use crate::inbox::Holder;
use crate::projection::{self, Batch, Column, Projection, ProjectionError, Table};
use crate::views::Views;
use crate::write::Write;
use docket_core::values;
use docket_domain::ids::AccountId;
use docket_domain::organisation::Office;

/// The projection.
pub struct People;

/// Most people of one office that a query returns.
pub const PEOPLE_MAX: u32 = 1_000;

const TABLE: Table = Table {
    name: "people",
    columns: &[Column::Id("account"), Column::Id("office")],
    key: 1,
    indexes: &["office, account"],
};

impl Projection for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn version(&self) -> i64 {
        3
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let mut rows = Vec::new();
        let mut gone = Vec::new();
        for (id, account) in batch.accounts {
            match account.office() {
                Some(office) => {
                    rows.push(values![projection::id(id.0), Holder::from(office).key()]);
                }
                None => gone.push(id.0),
            }
        }
        Ok(vec![
            Write::RemoveOf(&TABLE, "account", gone),
            Write::PutOnce(&TABLE, rows),
        ])
    }
}

impl Views {
    /// The accounts of an office, at most [`PEOPLE_MAX`].
    pub async fn people(&self, office: Office) -> Result<Vec<AccountId>, ProjectionError> {
        let sql = "SELECT account FROM people WHERE office = $1 ORDER BY account LIMIT $2";
        let values = values![Holder::from(office).key(), PEOPLE_MAX];
        let rows = self.db().fetch_all(sql, values).await?;
        let account = |row: &docket_core::db::Row| Ok(AccountId(row.id(0)?));
        rows.iter().map(account).collect()
    }
}
