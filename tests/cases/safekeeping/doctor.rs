//! `docket doctor`: a word on everything, and exit code 1 for what endangers the store.

use super::{docket, note_all};
use chrono::TimeDelta;
use docket_core::clock::{Clock as _, ManualClock, SystemClock};
use docket_tests::commits::{commit, fresh};
use docket_tests::server::Server;
use docket_tests::{TestStore, on_both_stores};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

on_both_stores! {
    a_sound_store_has_no_problem,
    a_key_that_others_can_read_is_a_problem,
    a_clock_set_back_is_a_problem,
}

async fn a_sound_store_has_no_problem(store: &TestStore) {
    let server = Server::start(store).await;
    let (sound, said) = docket(store, &["doctor"]).await;
    assert!(sound, "{said}");
    for what in [
        "versions",
        "size",
        "free space",
        "clock",
        "master key",
        "journal",
        "keys",
        "ops",
        "view card",
        "view timeline",
        "view inbox",
        "view statistics",
        "digests",
    ] {
        assert!(
            said.contains(&format!("ok       {what}: ")),
            "{what}: {said}"
        );
    }
    drop(server);
}

async fn a_key_that_others_can_read_is_a_problem(store: &TestStore) {
    store.open().await;
    let master = store.dir().join("master.key");
    fs::set_permissions(&master, fs::Permissions::from_mode(0o644)).unwrap();
    let (sound, said) = docket(store, &["doctor"]).await;
    assert!(!sound && said.contains("problem  master key: "), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
    fs::remove_file(&master).unwrap();
    let (sound, said) = docket(store, &["doctor"]).await;
    assert!(!sound && said.contains("problem  opening: "), "{said}");
    assert!(!master.exists(), "it makes none");
}

async fn a_clock_set_back_is_a_problem(store: &TestStore) {
    let opened = store.open().await;
    let tomorrow = ManualClock::at(SystemClock.now() + TimeDelta::days(1));
    let ahead = store.journal_at(Arc::new(tomorrow)).await;
    ahead.append(commit(fresh(), 0, 1)).await.unwrap();
    note_all(&opened).await;
    let (sound, said) = docket(store, &["doctor"]).await;
    assert!(!sound && said.contains("problem  clock: "), "{said}");
}
