//! What an operator needs: settings, figures, logs and traces, a stop that loses nothing, panics that end nothing, HTTPS.

mod deploying;
mod exporting;
mod figures;
mod panics;
mod secured;
mod settings;
mod stopping;
mod traces;

use docket_tests::TestStore;
use docket_tests::city::{found, hotline};
use docket_tests::server::{ServerProcess, command, store_arguments};
use docket_tests::staff::hire_all;

/// The `docket` command, built with the tests.
const DOCKET: &str = env!("CARGO_BIN_EXE_docket-under-test");

/// Founds the small city and hires its staff, in the test's process.
async fn set_up(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
}

/// A server on a store that is set up, with variables of its own.
fn serve(store: &TestStore, variables: &[(&str, &str)]) -> ServerProcess {
    ServerProcess::spawn(serving(store, variables))
}

fn serving(store: &TestStore, variables: &[(&str, &str)]) -> std::process::Command {
    let mut serve = command(DOCKET, store);
    serve
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(store_arguments(store))
        .envs(variables.iter().copied());
    serve
}
