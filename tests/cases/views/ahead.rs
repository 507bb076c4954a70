//! A journal that is batches ahead of the views: a batch is folded while the one before it is written.

use super::differences;
use docket_core::journal::{Commit, NewEvent, StreamId};
use docket_domain::notice::{Content, NoticeAction};
use docket_domain::ticket::scenario::{clerk, id, office};
use docket_projections::runner::BATCH_RECORDS_MAX;
use docket_tests::city::{self, Hotline, found, hotline};
use docket_tests::commits::{commit, fresh};
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use uuid::Uuid;

on_both_stores! {
    tickets_that_change_in_every_batch_are_folded_on,
}

const NOTICE: u128 = 0x0A0;

/// Readers of a notice, so many that what comes next is in a later batch.
async fn fill_a_batch(hotline: &Hotline) {
    let journal = &hotline.store.journal;
    let event = || NewEvent {
        id: fresh(),
        event_type: "notice_read",
        schema_version: 1,
        data: r#"{"edition":1}"#.into(),
    };
    let stream = id::<Uuid>(NOTICE);
    let head = journal.head().await.unwrap();
    while journal.head().await.unwrap() < head + u64::from(BATCH_RECORDS_MAX) {
        let expected = journal.version(stream).await.unwrap();
        let read = Commit {
            stream: StreamId {
                category: "notice",
                id: stream,
            },
            events: std::iter::repeat_with(event).take(1_000).collect(),
            ..commit(Uuid::nil(), expected, 0)
        };
        journal.append(read).await.unwrap();
    }
}

async fn tickets_that_change_in_every_batch_are_folded_on(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    let notice = NoticeAction::Publish(Content {
        title: "系统升级".into(),
        body: "周六停用一小时。".into(),
        departments: None,
        expires_at: None,
    });
    let (options, office) = (docket_core::desk::Options::default(), office());
    let kept = hotline
        .desk
        .keep_notice(&office, id(NOTICE), notice, &options);
    kept.await.unwrap();
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(city::assigned(&hotline.desk).await);
    }
    for action in [city::view, city::sign, city::reply] {
        fill_a_batch(&hotline).await;
        for ticket in &tickets {
            city::act(&hotline.desk, &clerk(), *ticket, action()).await;
        }
    }
    // Two, so that now and then one has folded what the other has written meanwhile.
    let (one, other) = tokio::join!(Server::start(store), Server::start(store));
    let head = hotline.store.journal.head().await.unwrap();
    assert!(head > 3 * u64::from(BATCH_RECORDS_MAX));
    for server in [&one, &other] {
        server.app.views.wait_for(head, PATIENCE).await.unwrap();
    }
    assert_eq!(differences(&one).await, []);
}
