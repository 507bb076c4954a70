//! An acknowledged commit survives a power cut: a store that would lose it is not opened.

use docket_core::db::{Db, POSTGRES_SAFETY, Planning};
use docket_core::journal::Purpose;
use docket_core::store::{Store, StoreError};
use docket_core::{Journal, SystemClock};
use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh};
use futures_util::future::join_all;
use std::sync::Arc;

docket_tests::on_both_stores! {
    whatever_cannot_be_made_again_is_on_disk_when_it_answers,
    a_store_keeps_its_purpose,
    a_fresh_store_is_opened_by_several_at_once,
    a_log_keeps_its_id,
    tables_of_another_layout_are_refused,
}

async fn whatever_cannot_be_made_again_is_on_disk_when_it_answers(store: &TestStore) {
    let opened = store.open().await;
    for (part, settings) in [
        ("journal", opened.journal.settings().await.unwrap()),
        // A sealed text without its key is lost, however safe the journal.
        ("keys", opened.vault.settings().await.unwrap()),
        ("ops", opened.ops.settings().await.unwrap()),
    ] {
        let value = |name: &str| {
            let found = settings.iter().find(|(n, _)| n == name);
            found.map(|(_, v)| v.as_str())
        };
        if store.is_sqlite() {
            assert_eq!(value("journal_mode"), Some("wal"), "{part}");
            assert_eq!(value("synchronous"), Some("2"), "{part}");
        } else {
            for name in POSTGRES_SAFETY {
                assert_eq!(value(name), Some("on"), "{part}: {name}");
            }
        }
    }
}

async fn a_store_keeps_its_purpose(store: &TestStore) {
    let options = |purpose| docket_core::store::StoreOptions {
        purpose,
        ..store.options(Arc::new(SystemClock))
    };
    let opened = Store::open(options(Some(Purpose::Demo))).await.unwrap();
    assert_eq!(opened.journal.purpose(), Purpose::Demo);
    let refused = Store::open(options(Some(Purpose::Real)))
        .await
        .err()
        .unwrap();
    assert!(matches!(
        refused,
        StoreError::Purpose {
            found: "demo",
            wanted: "real"
        }
    ));
    Store::open(options(Some(Purpose::Demo))).await.unwrap();
    let tool = Store::open(options(None)).await.unwrap();
    assert_eq!(
        tool.journal.purpose(),
        Purpose::Demo,
        "a tool takes what there is"
    );
}

#[tokio::test]
async fn a_real_store_is_no_demonstrations() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        store.open().await;
        let mut options = store.options(Arc::new(SystemClock));
        options.purpose = Some(Purpose::Demo);
        let refused = Store::open(options).await.err().unwrap();
        assert!(matches!(
            refused,
            StoreError::Purpose {
                found: "real",
                wanted: "demo"
            }
        ));
    })
    .await;
}

async fn a_fresh_store_is_opened_by_several_at_once(store: &TestStore) {
    let opened = join_all((0..6).map(|_| store.open())).await;
    let log = opened[0].journal.log_id();
    for other in &opened {
        assert_eq!(other.journal.log_id(), log);
        other.journal.append(commit(fresh(), 0, 1)).await.unwrap();
    }
    assert_eq!(opened[0].journal.head().await.unwrap(), 6);
}

async fn a_log_keeps_its_id(store: &TestStore) {
    let first = store.journal().await;
    let again = store.journal().await;
    assert_eq!(
        (first.log_id(), first.created_at()),
        (again.log_id(), again.created_at())
    );
    let elsewhere = docket_tests::TestStore::sqlite();
    assert_ne!(elsewhere.journal().await.log_id(), first.log_id());
}

async fn tables_of_another_layout_are_refused(store: &TestStore) {
    store.journal().await;
    let admin = store.part("journal").await;
    admin
        .execute("UPDATE log SET schema = 2", vec![])
        .await
        .unwrap();
    let refused = Store::open(store.options(Arc::new(SystemClock))).await;
    let told = refused.err().unwrap().to_string();
    assert!(told.contains("layout 2"), "{told}");
    admin
        .execute("UPDATE log SET schema = 1", vec![])
        .await
        .unwrap();
    store.open().await;
}

#[tokio::test]
async fn an_unsafe_postgres_is_refused() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let TestStore::Postgres { name, .. } = store else {
            unreachable!()
        };
        let admin = store.part("journal").await;
        let off = format!("ALTER DATABASE {name} SET synchronous_commit = off");
        admin.execute(&off, vec![]).await.unwrap();
        let url = store.url();
        let clock = Arc::new(SystemClock);
        let refused = Journal::open_postgres(&url, Purpose::Real, false, clock.clone()).await;
        let message = refused.err().unwrap().to_string();
        assert!(message.contains("synchronous_commit=off"), "{message}");
        let refused = Store::open(store.options(clock.clone()))
            .await
            .err()
            .unwrap();
        assert!(
            refused.to_string().contains("synchronous_commit=off"),
            "{refused}"
        );
        let allowed = Journal::open_postgres(&url, Purpose::Real, true, clock)
            .await
            .unwrap();
        allowed.append(commit(fresh(), 0, 1)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_connection_of_a_pool_is_safe() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let db = Db::postgres(&store.url(), "docket_journal", Planning::ByIndex, false)
            .await
            .unwrap();
        let Db::Postgres(pool) = db else {
            unreachable!()
        };
        let mut held = Vec::new();
        for _ in 0..docket_core::db::POSTGRES_CONNECTIONS {
            let mut connection = pool.take().await.unwrap();
            for name in POSTGRES_SAFETY {
                let value: String = sqlx::query_scalar(&format!("SHOW {name}"))
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(value, "on", "{name}");
            }
            held.push(connection);
        }
    })
    .await;
}
