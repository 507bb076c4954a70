//! A server killed under load, again and again: what it acknowledged is there once, and nothing is there
//! twice. The ledger of acknowledgements is kept in the test's process, which is not the server's.

use super::dice::Dice;
use super::{DOCKET, audit, open_for_work, work, workers};
use docket_tests::load::{Crew, Ledger, Worker};
use docket_tests::server::ServerProcess;
use docket_tests::{TestStore, on_both_stores};
use std::collections::HashSet;
use std::future::pending;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Kills on each store.
const KILLS: usize = 50;
/// Kills that must have fallen while requests were in flight.
const KILLS_IN_FLIGHT: usize = 10;
const WORKERS: usize = 8;
/// A kill comes after fewer acknowledgements than this.
const ROUND: u64 = 48;
/// And then at a moment within this time, so that it falls anywhere in the making of the next commit.
const LINGER: Duration = Duration::from_millis(24);

/// Lets the workers work and kills the server at a random moment. How many requests it left unanswered.
async fn work_until_killed(
    server: &mut ServerProcess,
    people: &mut [Worker],
    crew: &Crew,
    ledger: &Ledger,
    dice: &mut Dice,
) -> u64 {
    let goal = ledger.count() + usize::try_from(dice.below(ROUND)).unwrap();
    let linger = Duration::from_micros(dice.below(LINGER.as_micros().try_into().unwrap()));
    ledger.open();
    let crew = crew.at(&server.url);
    let kill = async {
        ledger.reached(goal).await;
        let _ = timeout(linger, pending::<()>()).await;
        ledger.close();
        server.kill();
    };
    tokio::join!(work(people, &crew, ledger), kill);
    ledger.unanswered()
}

async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice(store: &TestStore) {
    let began = Instant::now();
    let mut dice = Dice::new("killed servers");
    let (server, crew) = open_for_work(store).await;
    let (ledger, mut people) = (Ledger::default(), workers(WORKERS));
    let (mut next, mut in_flight, mut unanswered) = (Some(server), 0, 0);
    for _ in 0..KILLS {
        let mut server = next
            .take()
            .unwrap_or_else(|| ServerProcess::start(DOCKET, store));
        let left = work_until_killed(&mut server, &mut people, &crew, &ledger, &mut dice).await;
        unanswered += left;
        in_flight += usize::from(left > 0);
        // Some are sent again to the next server; of the others nobody will ever know.
        for worker in people.iter_mut().filter(|worker| worker.is_left_waiting()) {
            if dice.below(4) == 0 {
                worker.give_up();
            }
        }
    }
    // What is still waiting is sent again to one last server; the ledger stays closed to anything new.
    let server = ServerProcess::start(DOCKET, store);
    work(&mut people, &crew.at(&server.url), &ledger).await;
    assert!(!people.iter().any(Worker::is_left_waiting));
    drop(server);

    let acknowledged = ledger.entries();
    let audited = audit(store, &acknowledged).await;
    let given_up: HashSet<_> = people.iter().flat_map(|w| &w.given_up).copied().collect();
    let known: HashSet<_> = acknowledged.iter().map(|a| a.command).collect();
    assert_eq!(
        known.len(),
        acknowledged.len(),
        "no command was acknowledged twice"
    );
    let unknown: Vec<_> = audited
        .commands
        .keys()
        .filter(|c| !known.contains(c))
        .collect();
    assert!(
        unknown.iter().all(|command| given_up.contains(command)),
        "only what was sent is there"
    );
    let repeated: usize = people.iter().map(|w| w.repeated.len()).sum();
    println!(
        "{KILLS} kills, {in_flight} with requests in flight ({unanswered} of them), {} acknowledged, \
         {repeated} sent again, {} of {} given up had been taken; {} events, {:.1} s",
        acknowledged.len(),
        unknown.len(),
        given_up.len(),
        audited.log.len(),
        began.elapsed().as_secs_f64(),
    );
    assert!(
        in_flight >= KILLS_IN_FLIGHT,
        "{in_flight} kills fell while requests were in flight"
    );
    assert!(repeated > 0, "some were sent again");
}

on_both_stores! { nothing_acknowledged_is_lost_and_nothing_is_done_twice }
