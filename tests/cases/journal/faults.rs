//! Connections lost in the middle: nothing acknowledged is lost, nothing is done twice.

use docket_core::journal::{Journal, JournalError};
use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh, whole_log};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

const CLIENTS: usize = 6;
const COMMITS: u64 = 80;
const KILLS: u64 = 12;

/// Appends to a stream of its own, sending again what was not answered. Gives the ids acknowledged.
async fn client(journal: &Journal, failures: &AtomicUsize) -> Vec<Uuid> {
    let stream = fresh();
    let mut acknowledged = Vec::new();
    for version in 0..COMMITS {
        let sent = commit(stream, version, 1);
        let receipt = loop {
            match journal.append(sent.clone()).await {
                Ok(receipt) => break receipt,
                Err(JournalError::Database(_)) => failures.fetch_add(1, Ordering::Relaxed),
                Err(error) => panic!("{error}"),
            };
        };
        assert_eq!(receipt.version, version + 1);
        acknowledged.push(sent.command.0);
    }
    acknowledged
}

/// Cuts every connection of the journal again and again, each time after it has got further.
async fn cut_connections(store: &TestStore, journal: &Journal) -> i64 {
    let admin = store.part("apart").await;
    let mut head = journal.watch();
    let mut cut = 0;
    for round in 1..=KILLS {
        let goal = round * COMMITS * CLIENTS as u64 / (KILLS + 2);
        let _ = head.wait_for(|head| *head >= goal).await.unwrap();
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        cut += admin
            .fetch_optional(sql, vec![])
            .await
            .unwrap()
            .unwrap()
            .int(0)
            .unwrap();
    }
    cut
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_by_postgres_lose_and_double_nothing() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let journal = store.journal().await;
        let failures = AtomicUsize::new(0);
        let clients = join_all((0..CLIENTS).map(|_| client(&journal, &failures)));
        let (acknowledged, cut) = tokio::join!(clients, cut_connections(store, &journal));
        assert!(
            cut >= i64::try_from(KILLS).unwrap(),
            "{cut} connections cut"
        );
        let log = whole_log(&store.journal().await).await;
        let mut times: HashMap<Uuid, usize> = HashMap::new();
        for record in &log {
            *times.entry(record.command.0).or_default() += 1;
        }
        for command in acknowledged.concat() {
            assert_eq!(times.remove(&command), Some(1), "exactly once");
        }
        assert!(times.is_empty(), "nothing else was appended");
        journal.append(commit(fresh(), 0, 1)).await.unwrap();
    })
    .await;
}
