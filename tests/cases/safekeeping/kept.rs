//! A backup keeps every table there is: one that is new must be put on the list, or on the other.

use docket_core::db::Db;
use docket_core::safekeeping::tables::{DATA, KEYRING, LEFT_OUT};
use docket_tests::server::Server;
use docket_tests::{TestStore, on_both_stores};
use std::collections::BTreeSet;

on_both_stores! { every_table_and_column_is_kept_or_left_out_by_name }

/// `TABLE` or `TABLE.COLUMN` of a part.
async fn there(store: &TestStore, part: &str) -> BTreeSet<String> {
    let db: Db = store.part(part).await;
    let sql = if store.is_sqlite() {
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
            .to_owned()
    } else {
        format!(
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = 'docket_{part}'"
        )
    };
    let mut names = BTreeSet::new();
    for row in db.fetch_all(&sql, vec![]).await.unwrap() {
        let (table, column) = (row.text(0).unwrap(), row.text(1).unwrap());
        if !LEFT_OUT
            .iter()
            .any(|(p, name, _)| *p == part && *name == table)
        {
            names.insert(format!("{table}.{column}"));
        }
    }
    db.close().await;
    names
}

async fn every_table_and_column_is_kept_or_left_out_by_name(store: &TestStore) {
    let _server = Server::start(store).await;
    for part in ["journal", "ops", "keys"] {
        let kept: BTreeSet<String> = DATA
            .iter()
            .chain(&KEYRING)
            .filter(|table| table.part == part)
            .flat_map(|table| {
                table
                    .columns
                    .iter()
                    .map(|c| format!("{}.{}", table.name, c.0))
            })
            .collect();
        assert_eq!(there(store, part).await, kept, "{part}");
    }
}
