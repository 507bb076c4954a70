//! Moving in: the tickets of another system carried over by `docket import`, beside a server that serves.
//!
//! * [`dirty`]: an invented file with every kind of dirt, its rejects corrected.
//! * [`killed`]: imports killed in the midst.
//! * [`shared`]: the letters and the requests of the shared files, by the mappings that are shipped.

mod dirty;
mod killed;
mod shared;

use docket_projections::rebuild;
use docket_tests::server::{Server, command, store_arguments};
use docket_tests::staff::hire_all;
use docket_tests::{TestStore, city};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DOCKET: &str = env!("CARGO_BIN_EXE_docket-under-test");

/// A path of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A server on the store, with the small city and its staff.
async fn serve(store: &TestStore) -> Server {
    let server = Server::start(store).await;
    city::found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    server
}

/// `docket import` of a file.
fn import(store: &TestStore, file: &Path, mapping: &Path) -> Command {
    let mut import = command(DOCKET, store);
    import.arg("import").arg(file).arg("--mapping").arg(mapping);
    import.args(store_arguments(store));
    import
}

/// What an import came to.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    imported: u64,
    before: u64,
    rejected: u64,
}

impl Came {
    fn rows(&self) -> u64 {
        self.imported + self.before + self.rejected
    }
}

/// Runs an import to its end beside whatever else goes on: its counts, and all it said.
async fn run(import: Command) -> (Came, String) {
    let output = tokio::process::Command::from(import)
        .output()
        .await
        .unwrap();
    read(&output)
}

fn read(output: &Output) -> (Came, String) {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains(" rows in "));
    let line = line.unwrap_or_else(|| panic!("{said}{complained}"));
    let numbers: Vec<u64> = line
        .split([' ', ':', ','])
        .filter_map(|word| word.parse().ok())
        .collect();
    let [rows, imported, before, rejected] = numbers[..] else {
        panic!("{line}")
    };
    let came = Came {
        imported,
        before,
        rejected,
    };
    assert_eq!(came.rows(), rows, "the counts add up: {line}");
    assert_eq!(output.status.success(), rejected == 0, "{line}");
    (came, said)
}

/// How many tickets there are, by their first event.
async fn tickets(store: &TestStore) -> u64 {
    store
        .rows("journal", "events WHERE type = 'imported'")
        .await
}

/// The views are what a fresh fold gives.
async fn verify(server: &Server) {
    let head = server.app.desk.journal().head().await.unwrap();
    let patience = docket_tests::store::PATIENCE;
    server.app.views.wait_for(head, patience).await.unwrap();
    let verified = rebuild::verify(&server.app.store, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.differences, []);
    assert_eq!(verified.position, head);
}
