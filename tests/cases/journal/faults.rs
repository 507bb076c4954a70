//! Connections lost in the middle: nothing acknowledged is lost, nothing is done twice.

use docket_core::journal::{Journal, JournalError};
use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh, whole_log};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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

/// What the proxy listens for: a commit with this in its data loses its answer.
const MARKED: &str = r#"{"marked":"its answer is lost"}"#;

/// Passes everything on, both ways, until the server has answered to something marked: that answer is
/// dropped with the connection, once.
async fn proxy(listener: TcpListener, server: String, lost: Arc<AtomicBool>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(&server).await.unwrap();
        tokio::spawn(pass_on(client, server, lost.clone()));
    }
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream, lost: Arc<AtomicBool>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut marked = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let bytes = &asked[..read.unwrap()];
                marked |= memchr::memmem::find(bytes, MARKED.as_bytes()).is_some();
                server.write_all(bytes).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(1..) = read else { return };
                if marked && !lost.swap(true, Ordering::Relaxed) {
                    return;
                }
                let _ = client.write_all(&answered[..read.unwrap()]).await;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_found_by_the_command() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let url = store.url();
        let server = url.split(['@', '/']).nth(3).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = url.replace(&server, &listener.local_addr().unwrap().to_string());
        let lost = Arc::new(AtomicBool::new(false));
        tokio::spawn(proxy(listener, server, lost.clone()));
        let clock = Arc::new(docket_core::SystemClock);
        let journal = docket_tests::store::open_journal(&through, clock).await;
        let first = journal.append(commit(fresh(), 0, 1)).await.unwrap();
        let mut marked = commit(fresh(), 0, 1);
        marked.events[0].data = MARKED.into();
        let receipt = journal.append(marked).await.unwrap();
        assert!(lost.load(Ordering::Relaxed), "the answer was lost");
        assert_eq!(receipt.position, first.position + 1);
        assert!(!receipt.repeated, "it is this commit's own outcome");
        assert_eq!(journal.head().await.unwrap(), 2, "it took effect once");
    })
    .await;
}
