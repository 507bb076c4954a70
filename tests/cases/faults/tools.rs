//! `docket projections status | verify | rebuild` beside a server that works: each ends well, the server
//! answers all the while, and the views are right afterwards.

use super::{DOCKET, audit, open_for_work, work, workers};
use docket_tests::load::{Crew, Ledger};
use docket_tests::server::{command, store_arguments};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const WORKERS: usize = 4;
const PROJECTIONS: [&str; 8] = [
    "card",
    "timeline",
    "inbox",
    "statistics",
    "exclusions",
    "timers",
    "people",
    "notices",
];

/// Runs `docket projections …` while commands are being acknowledged, from its start to its end. What it
/// says.
async fn projections(store: &TestStore, ledger: &Ledger, arguments: &[&str]) -> String {
    // Two more make sure that at least one was begun meanwhile.
    ledger.reached(ledger.count() + 2).await;
    let before = ledger.count();
    let mut docket = command(DOCKET, store);
    docket
        .arg("projections")
        .args(arguments)
        .args(store_arguments(store));
    let began = Instant::now();
    let output = tokio::process::Command::from(docket)
        .output()
        .await
        .unwrap();
    let during = ledger.count() - before;
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    assert!(during > 0, "{arguments:?} ran beside a server that worked");
    println!(
        "{arguments:?} beside {during} commands, in {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        said.trim()
    );
    said
}

/// A line a projection: `inbox        version 1, at 123, 0 behind`.
fn assert_sensible(status: &str, acknowledged: u64) {
    let mut names = Vec::new();
    for line in status.lines() {
        let (name, rest) = line.split_once(' ').unwrap();
        names.push(name);
        let [version, at, behind] = rest
            .trim()
            .split(", ")
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert!(version.starts_with("version "), "{line}");
        let number = |text: &str| -> u64 { text.parse().unwrap_or_else(|_| panic!("{line}")) };
        let at = number(at.strip_prefix("at ").unwrap());
        let behind = number(behind.strip_suffix(" behind").unwrap());
        assert!(
            at + behind >= acknowledged,
            "{line}: {acknowledged} were acknowledged before"
        );
    }
    assert_eq!(names, PROJECTIONS);
}

fn verified(said: &str) -> u64 {
    let events = said
        .strip_suffix(" events\n")
        .and_then(|said| said.rsplit_once(' '));
    assert!(said.starts_with("clean: "), "{said}");
    events.unwrap().1.parse().unwrap()
}

/// Reads what has just been written until told to stop. How many answers were right, and how many told
/// that the views were still behind; no other answer may be given.
async fn read(crew: &Crew, ledger: &Ledger, over: &AtomicBool) -> (usize, usize) {
    let query = "query($at: Position!, $ticket: ID!) {
        ticket(id: $ticket, minPosition: $at) { revision timeline(first: 5) { nodes { at } } }
        inbox(tab: TO_ASSIGN, first: 5, minPosition: $at) { totalCount edges { node { ticket { number } } } }
    }";
    let (mut right, mut late) = (0, 0);
    ledger.reached(1).await;
    while !over.load(Ordering::SeqCst) {
        let last = ledger.entries().pop().unwrap();
        let variables = json!({ "at": last.position.to_string(), "ticket": last.ticket });
        let data = crew.dispatcher.run(query, variables).await;
        if data["errors"][0]["extensions"]["code"] == "VIEWS_BEHIND" {
            late += 1;
        } else {
            assert_eq!(data["errors"], Value::Null, "{data:#}");
            right += 1;
        }
    }
    (right, late)
}

async fn verify_and_rebuild_beside_a_server_that_works(store: &TestStore) {
    let (server, crew) = open_for_work(store).await;
    let (ledger, mut people, over) = (Ledger::default(), workers(WORKERS), AtomicBool::new(false));
    let tools = async {
        ledger.reached(200).await;
        let acknowledged = ledger.entries().pop().unwrap().position;
        assert_sensible(
            &projections(store, &ledger, &["status"]).await,
            acknowledged,
        );
        let first = verified(&projections(store, &ledger, &["verify"]).await);
        let rebuilt = projections(store, &ledger, &["rebuild"]).await;
        assert!(
            rebuilt.starts_with(&format!("rebuilt {} from ", PROJECTIONS.join(", "))),
            "{rebuilt}"
        );
        let second = verified(&projections(store, &ledger, &["verify"]).await);
        let one = projections(store, &ledger, &["rebuild", "--only", "inbox"]).await;
        assert!(one.starts_with("rebuilt inbox from "), "{one}");
        let third = verified(&projections(store, &ledger, &["verify"]).await);
        assert!(
            first < second && second < third,
            "each saw more: {first} {second} {third}"
        );
        // What is replaced while it is compared is no difference.
        tokio::join!(
            projections(store, &ledger, &["verify"]),
            projections(store, &ledger, &["rebuild"]),
            projections(store, &ledger, &["verify"]),
        );
        ledger.close();
        over.store(true, Ordering::SeqCst);
    };
    let ((), (right, late), ()) = tokio::join!(
        work(&mut people, &crew, &ledger),
        read(&crew, &ledger, &over),
        tools
    );
    assert!(
        !people
            .iter()
            .any(docket_tests::load::Worker::is_left_waiting),
        "all were answered"
    );
    drop(server);
    let audited = audit(store, &ledger.entries()).await;
    assert_eq!(audited.commands.len(), ledger.count());
    println!(
        "{} acknowledged, {right} reads right, {late} late",
        ledger.count()
    );
    assert!(late * 10 <= right, "{late} of {right} reads came too late");
}

on_both_stores! { verify_and_rebuild_beside_a_server_that_works }
