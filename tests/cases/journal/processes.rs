//! Several operating-system processes on one store, and what one of them asks of the system.

use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh, whole_log};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
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

/// Calls of strace that say what was called on which file, and when.
const STRACE: [&str; 6] = [
    "-f",
    "-y",
    "-ttt",
    "-e",
    "trace=fsync,fdatasync,write",
    "-o",
];

/// Runs the writer under strace; its calls, one a line.
async fn traced(dir: &Path, url: &str, count: usize) -> String {
    let trace = dir.join("trace");
    let status = Command::new("strace")
        .args(STRACE)
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_journal_writer"))
        .args([url, "1", &count.to_string()])
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
        let trace = traced(store.dir(), &store.url(), count).await;
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

/// A PostgreSQL of its own, every sync it does on record.
struct TracedServer {
    script: Child,
    url: String,
}

impl TracedServer {
    async fn start(trace: &Path) -> Self {
        let strace = format!("strace {} {}", STRACE.join(" "), trace.display());
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/run"))
            .env("DOCKET_TEST_POSTGRES_ONLY", "1")
            .env("DOCKET_TEST_POSTGRES_UNDER", strace)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("the server starts");
            if line.starts_with("postgres://") {
                let url = format!("{line}/postgres");
                return Self { script, url };
            }
        }
    }

    /// The script stops the server when it is told to end.
    async fn stop(mut self) {
        let pid = self.script.id().unwrap().to_string();
        let told = Command::new("kill").arg(pid).status().await.unwrap();
        assert!(told.success());
        self.script.wait().await.unwrap();
    }
}

/// When a call of a trace was made: `PID SECONDS CALL`.
fn called_at(line: &str) -> f64 {
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn postgres_is_synced_before_every_answer() {
    let dir = tempfile::tempdir().unwrap();
    // The server may run as somebody else, who writes its trace here.
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let server_trace = dir.path().join("server");
    let server = TracedServer::start(&server_trace).await;
    let count = 20;
    let trace = traced(dir.path(), &server.url, count).await;
    server.stop().await;
    let answers: Vec<f64> = trace
        .lines()
        .filter(|line| line.contains("write(1<"))
        .map(called_at)
        .collect();
    assert_eq!(answers.len(), count);
    let server = std::fs::read_to_string(server_trace).unwrap();
    let syncs: Vec<f64> = server
        .lines()
        .filter(|line| line.contains("sync(") && line.contains("/pg_wal/"))
        .map(called_at)
        .collect();
    for pair in answers.windows(2) {
        assert!(
            syncs.iter().any(|at| (pair[0]..pair[1]).contains(at)),
            "no sync of the write-ahead log between {} and {}:\n{server}",
            pair[0],
            pair[1]
        );
    }
}
