//! Docket tested from outside. Run by `tests/run`, which starts the PostgreSQL the tests need.

mod access;
mod attachments;
mod clients;
mod coerced;
mod desk;
mod documents;
mod event_stream;
mod faults;
mod gateway;
mod goldens;
mod guide;
mod journal;
mod letters;
mod limits;
mod live;
mod moving;
mod operation;
mod ops;
mod overload;
mod permissions;
mod progress;
mod protocol;
mod readme;
mod rules;
mod safekeeping;
mod schema;
mod sealing;
mod secrets;
mod seeds;
mod simulation;
mod sockets;
mod stories;
mod trusted;
mod vault;
mod views;
mod workspace;

use docket_tests::TestStore;
use docket_tests::city::{found, hotline};
use docket_tests::staff::hire_all;

/// The `docket` command, built with the tests.
const DOCKET: &str = env!("CARGO_BIN_EXE_docket-under-test");

/// Founds the small city and hires its staff, in the test's process.
async fn set_up(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
}
