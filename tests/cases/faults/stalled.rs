//! PostgreSQL stands still under load, or is killed and started again: what is asked meanwhile is answered by a code,
//! readiness is gone, no command is lost or done twice, and within ten seconds of its return everything is as before.

use super::{audit, set_up};
use crate::attachments::{ask, put};
use crate::live::Socket;
use docket_core::clock::SystemClock;
use docket_gateway::app::Founding;
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::commits::fresh;
use docket_tests::load::{Acknowledgement, Crew, received};
use docket_tests::postgres::Postgres;
use docket_tests::server::Server;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// For how long it stands still.
const STALL: Duration = Duration::from_secs(20);
/// Until when the server has to have noticed.
const NOTICED: Duration = Duration::from_secs(5);
/// Until when everything is as before.
const RECOVERED: Duration = Duration::from_secs(10);
const WORKERS: usize = 16;
/// How soon a worker sends a command again, and somebody looks.
const PACE: Duration = Duration::from_millis(200);
/// What a worker may be told, and then sends the same again.
const AGAIN: [&str; 3] = ["UNAVAILABLE", "OVERLOADED", "TIMEOUT"];

const RECEIVE: &str = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) {
    position userErrors { code } ticket { id revision } } }";

#[derive(Default)]
struct Ledger {
    over: AtomicBool,
    acknowledged: Mutex<Vec<(Instant, Acknowledgement)>>,
    codes: Mutex<BTreeMap<String, usize>>,
}

/// Receives tickets until it is over; each command is sent until it is acknowledged.
async fn work(crew: &Crew, ledger: &Ledger) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !ledger.over.load(Ordering::SeqCst) {
        let command: Uuid = fresh();
        let mut input = received();
        input["commandId"] = json!(command);
        loop {
            let told = crew.operator.run(RECEIVE, json!({ "input": input })).await;
            if told.get("errors").is_none() {
                let taken = Acknowledgement::of(command, &told["data"]["receiveTicket"]);
                ledger
                    .acknowledged
                    .lock()
                    .unwrap()
                    .push((Instant::now(), taken));
                break;
            }
            let code = &told["errors"][0]["extensions"]["code"];
            let code = code
                .as_str()
                .unwrap_or_else(|| panic!("{told:#}"))
                .to_owned();
            assert!(AGAIN.contains(&code.as_str()), "{told:#}");
            *ledger.codes.lock().unwrap().entry(code).or_default() += 1;
            pace.tick().await;
        }
    }
}

async fn status(server: &Server, path: &str) -> u16 {
    let answer = reqwest::get(format!("{}/{path}", server.url))
        .await
        .unwrap();
    answer.status().as_u16()
}

/// Looks every now and then until something is so; how long that took.
async fn until(mut so: impl AsyncFnMut() -> bool, most: Duration, what: &str) -> Duration {
    let began = Instant::now();
    let mut pace = interval(PACE);
    while !so().await {
        assert!(began.elapsed() < most, "{what}: not within {most:?}");
        pace.tick().await;
    }
    began.elapsed()
}

/// While it is away: alive, not ready, and what is asked is answered by a code and soon.
async fn away(server: &Server, crew: &Crew, lasts: Duration) {
    let began = Instant::now();
    let noticed = until(
        async || status(server, "readyz").await == 503,
        NOTICED,
        "readiness goes",
    )
    .await;
    println!("readiness gone after {noticed:?}");
    let told = async || {
        let told = crew.clerk.run("{ me { login } }", json!({})).await;
        told["errors"][0]["extensions"]["code"].clone()
    };
    until(
        async || told().await == "UNAVAILABLE",
        NOTICED,
        "queries are refused",
    )
    .await;
    // What is under way may wait for an answer of the store; whatever comes now is refused, and not done later.
    let command = crew.operator.run(RECEIVE, json!({ "input": received() }));
    let told_of_it = command.await["errors"][0]["extensions"]["code"].clone();
    assert_eq!(told_of_it, "UNAVAILABLE", "a command");
    let mut pace = interval(PACE);
    while began.elapsed() < lasts {
        pace.tick().await;
        let asked = Instant::now();
        assert_eq!(told().await, "UNAVAILABLE");
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "at once: {:?}",
            asked.elapsed()
        );
        assert_eq!(
            (
                status(server, "livez").await,
                status(server, "readyz").await
            ),
            (200, 503)
        );
    }
}

/// The whole of it: `goes` takes the database away, `comes` brings it back.
async fn under_load(
    postgres: &mut Postgres,
    lasts: Duration,
    goes: impl FnOnce(&mut Postgres),
    comes: impl FnOnce(&mut Postgres),
) {
    let store = TestStore::postgres_at(postgres.url()).await;
    set_up(&store).await;
    let server = Server::start(&store).await;
    let crew = Crew::log_in(&server.client()).await;
    let ledger = Ledger::default();
    let working = join_all((0..WORKERS).map(|_| work(&crew, &ledger)));
    let story = async {
        let count = || ledger.acknowledged.lock().unwrap().len();
        until(async || count() >= 5 * WORKERS, RECOVERED, "work goes on").await;
        tokio::task::block_in_place(|| goes(postgres));
        away(&server, &crew, lasts).await;
        let began = Instant::now();
        tokio::task::block_in_place(|| comes(postgres));
        println!("the database is back after {:?}", began.elapsed());
        let back = Instant::now();
        let before = count();
        let ready = until(
            async || status(&server, "readyz").await == 200,
            RECOVERED,
            "it is ready",
        )
        .await;
        until(
            async || count() > before + 5 * WORKERS,
            RECOVERED,
            "work goes on",
        )
        .await;
        let first = ledger.acknowledged.lock().unwrap()[before].0;
        println!(
            "ready {ready:?} after its return, the first command taken {:?} after it",
            first - back
        );
        assert!(back.elapsed() < RECOVERED, "{:?}", back.elapsed());
        ledger.over.store(true, Ordering::SeqCst);
    };
    tokio::join!(working, story);
    println!(
        "{} taken; told meanwhile: {:?}",
        ledger.acknowledged.lock().unwrap().len(),
        ledger.codes.lock().unwrap()
    );
    drop(server);
    let acknowledged: Vec<_> = ledger
        .acknowledged
        .into_inner()
        .unwrap()
        .into_iter()
        .map(|(_, taken)| taken)
        .collect();
    let audited = audit(&store, &acknowledged).await;
    // Every command was sent until it was acknowledged: there is none beside, and none twice.
    let received = audited
        .log
        .iter()
        .filter(|record| record.event_type == "received")
        .count();
    assert_eq!(received, acknowledged.len());
}

/// How long a request may take there: less than it takes to notice that the store stands still, so that all of them wait.
const MAY_TAKE: Duration = Duration::from_millis(500);
/// How much later an answer may come.
const SLACK: Duration = Duration::from_secs(1);

/// Asks, and has the answer in time.
async fn in_time<T>(what: &str, asking: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = tokio::time::timeout(MAY_TAKE + SLACK, asking).await;
    println!("{what}: {:?}", began.elapsed());
    answer.unwrap_or_else(|_| panic!("{what}: no answer within {MAY_TAKE:?}"))
}

async fn a_subscription_in_time(mut socket: Socket, what: &str) {
    let told = in_time(what, socket.next()).await;
    let code = &told["payload"][0]["extensions"]["code"];
    assert!(*code == "TIMEOUT" || *code == "UNAVAILABLE", "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_asked_waits_no_longer_than_it_may() {
    let postgres = tokio::task::block_in_place(Postgres::start);
    let store = TestStore::postgres_at(postgres.url()).await;
    set_up(&store).await;
    let limits = Limits {
        request_timeout: MAY_TAKE,
        ..Limits::default()
    };
    let options = store.options(Arc::new(SystemClock));
    let server = Server::open_with(options, &Founding::default(), limits).await;
    let crew = Crew::log_in(&server.client()).await;
    let receive = json!({ "input": received() });
    let data = crew.operator.data(RECEIVE, receive.clone()).await;
    let ticket = &data["receiveTicket"]["ticket"]["id"];
    let wanted = json!({ "id": ticket, "part": "EVIDENCE", "name": "a.jpg", "mediaType": "image/jpeg", "size": 100 });
    let link = ask(&crew.operator, &wanted).await;
    let link = &link["uploadUrl"];
    assert!(link.is_string(), "{link}");
    let mut begun = Socket::open(&crew.operator).await;
    let mut later = Socket::open(&crew.operator).await;
    let changes = "subscription { inboxChanged(after: \"0\") { position ticket { title } } }";
    begun.subscribe(changes, json!({})).await;
    begun.push("inboxChanged").await;
    tokio::task::block_in_place(|| postgres.signal("STOP"));
    later.subscribe(changes, json!({})).await;
    let code = |told: &serde_json::Value| {
        let code = told["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{told:#}")).to_owned()
    };
    let print = format!("{}/print/{}", server.url, "A".repeat(43));
    let query = "{ inbox(tab: TO_ASSIGN) { totalCount } }";
    tokio::join!(
        async {
            let told = in_time("a query", crew.operator.run(query, json!({}))).await;
            assert!(AGAIN.contains(&code(&told).as_str()), "{told}");
        },
        async {
            let told = in_time("a command", crew.operator.run(RECEIVE, receive)).await;
            assert!(AGAIN.contains(&code(&told).as_str()), "{told}");
        },
        async {
            let told = in_time("a printed page", reqwest::get(print)).await;
            assert_eq!(told.unwrap().status(), 503);
        },
        async {
            let put = put(&server.url, link, vec![1; 100]);
            let (status, told) = in_time("a file", put).await;
            assert_eq!((status, &told["code"]), (503, &json!("UNAVAILABLE")));
        },
        a_subscription_in_time(later, "a subscription"),
    );
    tokio::task::block_in_place(|| postgres.signal("CONT"));
    // What waited for a change has lost nothing by it.
    let ready = async || status(&server, "readyz").await == 200;
    until(ready, RECOVERED, "it is ready").await;
    drop(begun);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_stands_still_is_said_to_and_followed_again() {
    let mut postgres = tokio::task::block_in_place(Postgres::start);
    under_load(
        &mut postgres,
        STALL,
        |p| p.signal("STOP"),
        |p| p.signal("CONT"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_killed_and_started_again_has_lost_nothing() {
    let mut postgres = tokio::task::block_in_place(Postgres::start);
    under_load(&mut postgres, NOTICED, Postgres::kill, Postgres::restart).await;
}
