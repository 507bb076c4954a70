//! Servers as processes, and what befalls them: killed, told to stop, side by side on one store, with
//! the command line's tools at work beside them. Each ends in the same audit of the whole store.

mod demo;
pub(crate) mod dice;
mod full;
mod killed;
mod outage;
mod side_by_side;
mod stalled;
mod stopped;
mod tools;

use docket_core::Record;
use docket_core::journal::Journal;
use docket_domain::ids::TicketId;
use docket_projections::rebuild::{self, DifferenceKind};
use docket_tests::TestStore;
use docket_tests::city::{found, hotline};
use docket_tests::commits::whole_log;
use docket_tests::load::{Acknowledgement, Crew, Ledger, Worker};
use docket_tests::server::{Server, ServerProcess};
use docket_tests::staff::hire_all;
use docket_tests::store::PATIENCE;
use futures_util::future::join_all;
use std::collections::HashMap;
use uuid::Uuid;

/// The `docket` command, built with the tests.
const DOCKET: &str = env!("CARGO_BIN_EXE_docket-under-test");

/// Founds the small city and hires its staff, in the test's process.
async fn set_up(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
}

/// A server on a store that is set up, and its staff logged in.
async fn open_for_work(store: &TestStore) -> (ServerProcess, Crew) {
    set_up(store).await;
    let server = ServerProcess::start(DOCKET, store);
    let crew = Crew::log_in(&server.client()).await;
    (server, crew)
}

/// Some workers.
fn workers(count: usize) -> Vec<Worker> {
    (0..count).map(|_| Worker::default()).collect()
}

/// They all work until each has to stop.
async fn work(workers: &mut [Worker], crew: &Crew, ledger: &Ledger) {
    join_all(workers.iter_mut().map(|worker| worker.work(crew, ledger))).await;
}

/// What an audit saw.
struct Audited {
    log: Vec<Record>,
    /// Positions of the commands' events on tickets.
    commands: HashMap<Uuid, u64>,
}

/// Opens the store as another process would and checks all of it: the log has no gaps; a command is
/// there once; what was acknowledged is where it was said to be; the views equal a fold from zero, and
/// know every ticket.
async fn audit(store: &TestStore, acknowledged: &[Acknowledgement]) -> Audited {
    let server = Server::start(store).await;
    let journal = server.app.desk.journal();
    let log = whole_log(journal).await;
    let mut commands = HashMap::new();
    for record in log.iter().filter(|record| record.category == "ticket") {
        let before = commands.insert(record.command.0, record.position);
        assert_eq!(before, None, "a command of one event is there once");
    }
    for entry in acknowledged {
        assert_eq!(
            commands.get(&entry.command),
            Some(&entry.position),
            "{entry:?}"
        );
        let index = usize::try_from(entry.position - 1).unwrap();
        let found = (log[index].stream, log[index].version);
        assert_eq!(found, (entry.stream(), entry.revision), "{entry:?}");
    }
    audit_views(&server, journal, acknowledged).await;
    Audited { log, commands }
}

async fn audit_views(server: &Server, journal: &Journal, acknowledged: &[Acknowledgement]) {
    let head = journal.head().await.unwrap();
    let views = &server.app.views;
    views.wait_for(head, PATIENCE).await.unwrap();
    let verified = rebuild::verify(&server.app.store, &mut |_| {})
        .await
        .unwrap();
    let differences: Vec<(&str, &str, &DifferenceKind)> = verified
        .differences
        .iter()
        .map(|d| (d.table, d.key.as_str(), &d.kind))
        .collect();
    assert_eq!(differences, []);
    assert_eq!(verified.position, head);
    let mut latest: HashMap<Uuid, u64> = HashMap::new();
    for entry in acknowledged {
        let revision = latest.entry(entry.stream()).or_default();
        *revision = entry.revision.max(*revision);
    }
    for (ticket, revision) in latest {
        let card = views.ticket(TicketId(ticket)).await.unwrap();
        let card = card.expect("an acknowledged ticket is in the views");
        assert!(card.version >= revision, "{ticket}");
    }
}
