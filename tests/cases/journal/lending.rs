//! Connections are lent: a statement costs one round trip, and no use of one harms the next.

use docket_core::db::{Db, POSTGRES_CONNECTIONS, Planning};
use docket_core::values;
use docket_tests::TestStore;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

docket_tests::on_both_stores! {
    what_was_not_committed_is_rolled_back_and_its_connection_goes_on,
    a_statement_that_fails_harms_no_other,
    what_was_broken_off_harms_no_other,
    a_pool_that_is_closed_lends_no_more,
}

async fn numbers(store: &TestStore) -> Db {
    let db = store.part("ops").await;
    db.create("CREATE TABLE numbers (number BIGINT PRIMARY KEY);")
        .await
        .unwrap();
    db
}

async fn count(db: &Db) -> i64 {
    let row = db.fetch_optional("SELECT count(*) FROM numbers", vec![]);
    row.await.unwrap().unwrap().int(0).unwrap()
}

async fn what_was_not_committed_is_rolled_back_and_its_connection_goes_on(store: &TestStore) {
    let db = numbers(store).await;
    // More often than there are connections.
    for _ in 0..=POSTGRES_CONNECTIONS {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO numbers VALUES (1)", vec![])
            .await
            .unwrap();
        drop(tx);
    }
    assert_eq!(count(&db).await, 0);
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO numbers VALUES (1)", vec![])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

async fn a_statement_that_fails_harms_no_other(store: &TestStore) {
    let db = numbers(store).await;
    for number in 0..=i64::from(POSTGRES_CONNECTIONS) {
        let insert = "INSERT INTO numbers VALUES ($1)";
        db.execute(insert, values![number]).await.unwrap();
        let twice = db.execute(insert, values![number]).await;
        assert!(twice.unwrap_err().as_database_error().is_some());
        let mut tx = db.begin().await.unwrap();
        let twice = tx.execute(insert, values![number]).await;
        assert!(twice.unwrap_err().as_database_error().is_some());
    }
    assert_eq!(count(&db).await, i64::from(POSTGRES_CONNECTIONS) + 1);
}

async fn what_was_broken_off_harms_no_other(store: &TestStore) {
    let db = numbers(store).await;
    let long = if store.is_sqlite() {
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000) \
         SELECT CAST(max(n) AS BIGINT) FROM n"
    } else {
        "SELECT 7::bigint FROM pg_sleep(0.3)"
    };
    for _ in 0..=POSTGRES_CONNECTIONS {
        let reading = db.fetch_all(long, vec![]);
        let broken_off = timeout(Duration::from_millis(20), reading).await;
        assert!(broken_off.is_err(), "it takes longer");
        // Nobody gets what somebody else has asked for.
        let row = db.fetch_optional("SELECT 5 + CAST($1 AS BIGINT)", values![1]);
        assert_eq!(row.await.unwrap().unwrap().int(0).unwrap(), 6);
    }
}

async fn a_pool_that_is_closed_lends_no_more(store: &TestStore) {
    let db = numbers(store).await;
    let mut tx = db.begin().await.unwrap();
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished(), "it waits for what is lent");
    tx.execute("INSERT INTO numbers VALUES (1)", vec![])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    closing.await.unwrap();
    let refused = db.fetch_all("SELECT 1", vec![]).await;
    assert!(matches!(refused, Err(sqlx::Error::PoolClosed)));
    let again = store.part("ops").await;
    assert_eq!(count(&again).await, 1);
}

/// A way to the server that counts the messages to it, and keeps its answers back for a while.
struct Between {
    url: String,
    asked: Arc<AtomicU32>,
    held_back: watch::Sender<bool>,
}

impl Between {
    async fn open(url: &str) -> Self {
        let server = url.split(['@', '/']).nth(3).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let between = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicU32::new(0));
        let (held_back, holding) = watch::channel(false);
        let (url, counted) = (url.replace(&server, &between), asked.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (from_client, to_client) = client.into_split();
                let server = TcpStream::connect(&server).await.unwrap();
                let (from_server, to_server) = server.into_split();
                let (counted, mut holding) = (counted.clone(), holding.clone());
                tokio::spawn(hand_on(from_client, to_server, async move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                }));
                tokio::spawn(hand_on(from_server, to_client, async move || {
                    let _ = holding.wait_for(|held| !held).await;
                }));
            }
        });
        Self {
            url,
            asked,
            held_back,
        }
    }

    async fn db(&self) -> Db {
        let opened = Db::postgres(&self.url, "docket_ops", Planning::Free, true);
        opened.await.unwrap()
    }
}

/// Hands on what is read, message by message: whoever waits for an answer sends them one by one.
async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut before: impl AsyncFnMut(),
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        before().await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_statement_costs_one_round_trip() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let between = Between::open(&store.url()).await;
        let db = between.db().await;
        let ask = async || db.fetch_all("SELECT 1", vec![]).await.unwrap();
        ask().await;
        let before = between.asked.load(Ordering::SeqCst);
        for _ in 0..100 {
            ask().await;
        }
        // Beside it other tests may have connections die, after which it is asked for.
        let asked = between.asked.load(Ordering::SeqCst) - before;
        assert!((100..150).contains(&asked), "{asked}");
    })
    .await;
}

/// Whoever waited for it is gone, and nobody knows whether it was begun: what comes after it must not be in it.
#[tokio::test]
async fn a_transaction_whose_beginning_is_broken_off_takes_nothing_with_it() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let other = numbers(store).await;
        let between = Between::open(&store.url()).await;
        let db = between.db().await;
        assert_eq!(count(&db).await, 0);
        between.held_back.send(true).unwrap();
        let begun = timeout(Duration::from_millis(100), db.begin()).await;
        assert!(begun.is_err(), "its answer is held back");
        between.held_back.send(false).unwrap();
        // It may be given back by then.
        sleep(Duration::from_millis(200)).await;
        for number in 0..=i64::from(POSTGRES_CONNECTIONS) {
            let insert = "INSERT INTO numbers VALUES ($1)";
            db.execute(insert, values![number]).await.unwrap();
            assert_eq!(count(&other).await, number + 1, "it is committed");
        }
    })
    .await;
}

async fn end_those_of_others(db: &Db) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!db.fetch_all(end, vec![]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_that_died_while_nobody_used_it_is_replaced() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let (db, other) = (numbers(store).await, store.part("keys").await);
        assert_eq!(count(&db).await, 0);
        end_those_of_others(&other).await;
        sleep(Duration::from_millis(1_200)).await;
        assert_eq!(count(&db).await, 0);
    })
    .await;
}

#[tokio::test]
async fn where_one_is_found_dead_the_others_are_asked() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let (db, other) = (numbers(store).await, store.part("keys").await);
        // All of them, a moment ago.
        let used = (0..POSTGRES_CONNECTIONS).map(|_| db.begin());
        for tx in try_join_all(used).await.unwrap() {
            tx.commit().await.unwrap();
        }
        end_those_of_others(&other).await;
        let mut failed = 0;
        for _ in 0..POSTGRES_CONNECTIONS {
            let row = db.fetch_optional("SELECT count(*) FROM numbers", vec![]);
            failed += u32::from(row.await.is_err());
            sleep(Duration::from_millis(20)).await;
        }
        assert!(failed <= 1, "{failed}");
    })
    .await;
}
