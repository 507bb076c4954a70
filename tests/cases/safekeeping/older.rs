//! A store that an older Docket made: kept in the tests as text, opened, verified, worked on and kept on.
//!
//! `fixtures/layout-1` is of layout 1, with invented people. It is never made anew: when the layout moves
//! on, its folder stays and the next one is added.

use super::{docket, verified};
use docket_core::db::{Db, Durability};
use docket_tests::TestStore;
use docket_tests::server::Server;
use docket_tests::staff::PASSWORD;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// What its log was, to the last byte.
const CHECKPOINT: &str = include_str!("../../fixtures/layout-1/checkpoint");

async fn lay_out(store: &TestStore) {
    let from: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures", "layout-1"]
        .iter()
        .collect();
    for part in ["journal", "keys", "ops"] {
        let script = fs::read_to_string(from.join(format!("{part}.sql"))).unwrap();
        let file = store.dir().join(format!("{part}.db"));
        let db = Db::sqlite(&file, Durability::Full).await.unwrap();
        db.script(&script, "").await.unwrap();
        db.close().await;
    }
    let master = store.dir().join("master.key");
    fs::copy(from.join("master.key"), &master).unwrap();
    fs::set_permissions(&master, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_layout_1_is_verified_served_and_appended_to() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        lay_out(store).await;
        let (clean, said) =
            docket(store, &["verify", "--seals", "--expect", CHECKPOINT.trim()]).await;
        assert!(clean && !said.contains("sealed texts: 0 open"), "{said}");
        assert!(said.contains(", 0 of persons erased"), "{said}");
        let server = Server::start(store).await;
        let head = server.app.desk.journal().head().await.unwrap().to_string();
        let operator = server.client().logged_in("operator", PASSWORD).await;
        let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
        let query = "query($at: Position!) { inbox(tab: TO_ASSIGN, first: 10, minPosition: $at) {
            edges { node { ticket { title state } } } } }";
        let old = dispatcher.data(query, json!({ "at": head })).await;
        let tickets = old["inbox"]["edges"].as_array().unwrap();
        assert_eq!(tickets.len(), 1, "the one received last");
        for ticket in tickets {
            assert_eq!(ticket["node"]["ticket"]["title"], "夜间施工扰民");
        }
        let new = operator
            .act("receiveTicket", docket_tests::load::received())
            .await;
        assert_eq!(new["state"], "RECEIVED");
        let expected = CHECKPOINT.trim().parse().unwrap();
        let report = verified(store, &[expected]).await;
        assert_eq!(report.findings, []);
        assert_eq!(report.head, expected.position + 1);
    })
    .await;
}
