//! Several operating-system processes on one store, and what one of them asks of the system.

use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh, whole_log};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::process::Stdio;
use tokio::process::{Child, Command};
use uuid::Uuid;

docket_tests::on_both_stores! { processes_share_a_journal }

const PROCESSES: usize = 4;
const COMMITS: usize = 300;

/// A line of the writer: command, position, version.
fn acknowledgement(line: &str) -> (Uuid, (u64, u64)) {
    let [command, position, version] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let numbers = (position.parse().unwrap(), version.parse().unwrap());
    (command.parse().unwrap(), numbers)
}

async fn processes_share_a_journal(store: &TestStore) {
    let journal = store.journal().await;
    let writers: Vec<_> = (0..PROCESSES)
        .map(|number| {
            Command::new(env!("CARGO_BIN_EXE_journal_writer"))
                .args([store.url(), number.to_string(), COMMITS.to_string()])
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap()
        })
        .collect();
    let mut acknowledged = HashMap::new();
    for writer in join_all(writers.into_iter().map(Child::wait_with_output)).await {
        let output = writer.unwrap();
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (command, numbers) = acknowledgement(line);
            assert_eq!(acknowledged.insert(command, numbers), None);
        }
    }
    assert_eq!(acknowledged.len(), PROCESSES * COMMITS);
    let mut found = HashMap::new();
    for record in whole_log(&journal).await {
        // A commit's last record is its receipt; its records are neighbours.
        let end = (record.position, record.version);
        if let Some(before) = found.insert(record.command.0, end) {
            assert_eq!((before.0 + 1, before.1 + 1), end);
        }
    }
    assert!(
        found == acknowledged,
        "every acknowledgement is in the log, and nothing else"
    );
    let shared = journal.version(Uuid::from_u128(0x5A)).await.unwrap();
    assert_eq!(shared, 2 * (PROCESSES * COMMITS / 3) as u64);
    journal.append(commit(fresh(), 0, 1)).await.unwrap();
}

/// Runs the writer under strace; its calls, one a line.
async fn traced(store: &TestStore, count: usize) -> String {
    let trace = store.dir().join("trace");
    let status = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_journal_writer"))
        .args([store.url(), "1".into(), count.to_string()])
        .stdout(Stdio::null())
        .status()
        .await
        .expect("strace is installed: run tests/run");
    assert!(status.success());
    std::fs::read_to_string(trace).unwrap()
}

#[tokio::test]
async fn sqlite_is_synced_before_every_answer() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let count = 20;
        let trace = traced(store, count).await;
        let (mut answers, mut synced) = (0, false);
        for line in trace.lines() {
            let is_sync = line.contains("fsync") || line.contains("fdatasync");
            if is_sync && line.ends_with("= 0") {
                synced = true;
            }
            if line.contains("write(1<") {
                answers += 1;
                assert!(synced, "answer {answers} came before a sync:\n{trace}");
                synced = false;
            }
        }
        assert_eq!(answers, count);
        assert!(
            trace.contains("journal.db-wal"),
            "it is the log that is synced"
        );
    })
    .await;
}
