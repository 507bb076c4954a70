//! The demonstration: up within a minute in an empty folder, kept apart from real stores, and the same
//! city at every start.

use super::DOCKET;
use docket_core::store::{Store, StoreOptions};
use docket_core::{Desk, Journal, SystemClock};
use docket_domain::ids::TicketId;
use docket_domain::ticket::TicketState;
use docket_gateway::demo::PASSWORD;
use docket_tests::TestStore;
use docket_tests::commits::whole_log;
use docket_tests::server::{ServerProcess, command};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// From the command to the first line.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// Starts the demonstration in the store's folder.
fn demonstrate(store: &TestStore) -> ServerProcess {
    let mut serve = command(DOCKET, store);
    serve.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    ServerProcess::spawn(serve)
}

/// Stops it; what it said after the first line.
fn stop(mut server: ServerProcess) -> String {
    server.terminate();
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(0));
    said
}

async fn opened(store: &TestStore) -> Store {
    let url = format!("sqlite:{}", store.dir().join("docket-demo").display());
    let options = StoreOptions::new(url.parse().unwrap(), Arc::new(SystemClock));
    let opened = Store::open(StoreOptions {
        purpose: None,
        ..options
    })
    .await;
    opened.unwrap()
}

async fn journal(store: &TestStore) -> Journal {
    opened(store).await.journal
}

/// The states its tickets are in.
async fn states(store: &TestStore, tickets: &[Uuid]) -> HashSet<TicketState> {
    let desk = Desk::new(&opened(store).await);
    let mut states = HashSet::new();
    for id in tickets {
        let ticket = desk.ticket(TicketId(*id)).await.unwrap().unwrap();
        states.insert(ticket.state.state);
    }
    states
}

/// Runs `docket serve` with arguments it must refuse. What it says.
async fn refused(store: &TestStore, arguments: &[&str]) -> String {
    let mut serve = command(DOCKET, store);
    serve.arg("serve").args(arguments);
    let output = tokio::process::Command::from(serve).output().await.unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "",
        "it never listens"
    );
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demonstration_is_up_in_a_minute_and_comes_back_the_same() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let began = Instant::now();
        let server = demonstrate(store);
        let took = began.elapsed();
        assert!(took < UP_WITHIN, "{took:?}");
        server.client().logged_in("operator", PASSWORD).await;
        let said = stop(server);
        assert!(
            said.contains(PASSWORD) && said.contains("  dispatcher "),
            "{said}"
        );
        let first = whole_log(&journal(store).await).await;
        let tickets = journal(store)
            .await
            .streams_of("ticket", 10_000)
            .await
            .unwrap();
        assert!(tickets.len() > 100, "{} tickets", tickets.len());
        let states = states(store, &tickets).await;
        for state in TicketState::ALL {
            let shown = states.contains(state);
            assert_eq!(shown, *state != TicketState::Absent, "{state:?}");
        }

        let server = demonstrate(store);
        server.client().logged_in("admin", PASSWORD).await;
        stop(server);
        let second = whole_log(&journal(store).await).await;
        assert_eq!(second.len(), first.len(), "a second start adds nothing");
        println!(
            "up in {:.1} s, {} tickets, {} events",
            took.as_secs_f64(),
            tickets.len(),
            first.len()
        );

        // It holds every aggregate and most events: all of them must be known to who verifies.
        let mut verify = command(DOCKET, store);
        verify.args(["verify", "--seals", "--store", "sqlite:docket-demo"]);
        let verified = tokio::process::Command::from(verify)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(verified.stdout).unwrap();
        assert!(verified.status.success(), "{said}");

        let demo = ["--store", "sqlite:docket-demo", "--listen", "127.0.0.1:0"];
        let said = refused(store, &demo).await;
        assert!(
            said.contains("this store was made for a demo hotline"),
            "{said}"
        );
        assert_eq!(
            journal(store).await.head().await.unwrap(),
            first.len() as u64
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demonstration_listens_on_loopback_only_and_takes_no_real_store() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let said = refused(store, &["--demo", "--listen", "0.0.0.0:0"]).await;
        assert!(said.contains("loopback only"), "{said}");
        assert!(
            !store.dir().join("docket-demo").exists(),
            "and nothing is left behind"
        );

        super::set_up(store).await;
        let head = store.journal().await.head().await.unwrap();
        let real = ["--demo", "--store", &store.url(), "--listen", "127.0.0.1:0"];
        let said = refused(store, &real).await;
        assert!(
            said.contains("this store was made for a real hotline"),
            "{said}"
        );
        assert_eq!(store.journal().await.head().await.unwrap(), head);
    })
    .await;
}
