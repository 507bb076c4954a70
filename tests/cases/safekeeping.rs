//! Keeping a log safe: verified, backed up, restored, taken out, and opened by a later Docket.

mod backups;
mod changed;
mod doctor;
mod erased;
mod exports;
mod interrupted;
mod kept;
mod older;

use docket_core::digests::{Checkpoint, Keeper};
use docket_core::safekeeping::{Report, Verify, verify};
use docket_core::store::Store;
use docket_tests::TestStore;
use docket_tests::server::{command, store_arguments};
use docket_tests::store::PATIENCE;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// The `docket` command, built with the tests.
pub(crate) const DOCKET: &str = env!("CARGO_BIN_EXE_docket-under-test");

/// Runs `docket` on a store: whether it worked, and what it said on both outputs.
pub(crate) async fn docket(store: &TestStore, arguments: &[&str]) -> (bool, String) {
    let mut docket = command(DOCKET, store);
    docket.args(arguments).args(store_arguments(store));
    said(
        tokio::process::Command::from(docket)
            .output()
            .await
            .unwrap(),
    )
}

pub(crate) fn said(output: Output) -> (bool, String) {
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Notes the digests of all a store holds now.
async fn note_all(store: &Store) {
    let head = store.journal.head().await.unwrap();
    let _keeper = Keeper::start(store.journal.clone(), &store.ops)
        .await
        .unwrap();
    let digests = docket_core::digests::Digests::open(&store.ops)
        .await
        .unwrap();
    let noted = async {
        while digests
            .noted()
            .await
            .unwrap()
            .map_or(0, |(_, at)| at.position)
            < head
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, noted)
        .await
        .expect("digests are noted");
}

async fn verified(store: &TestStore, expected: &[Checkpoint]) -> Report {
    let url = store.url().parse().unwrap();
    let what = Verify {
        url: &url,
        against: None,
        expected: expected.to_vec(),
        vault: None,
        files: None,
    };
    verify(what, &mut |_| {}).await.unwrap()
}

/// Whether a folder has nothing in it, or is not there.
fn is_vacant(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

/// Waits so long at most; for moments that are drawn by lot.
async fn linger(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}
