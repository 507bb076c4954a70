//! Views that nobody has moved on: a rebuild takes them to the end of the journal, and `verify` never calls them clean.

use super::{differences, play_some};
use crate::safekeeping::docket;
use docket_projections::projection;
use docket_projections::rebuild::{self, Status};
use docket_tests::city::{self, found, hotline};
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};

on_both_stores! {
    views_that_nobody_follows_are_not_called_clean_and_rebuilt_to_the_end,
    a_rebuild_and_a_server_both_move_the_views_on,
}

/// What is in the journal, and no server has ever seen. Its last position.
async fn unseen(store: &TestStore) -> u64 {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    for _ in 0..3 {
        city::assigned(&hotline.desk).await;
    }
    hotline.store.journal.head().await.unwrap()
}

async fn views_that_nobody_follows_are_not_called_clean_and_rebuilt_to_the_end(store: &TestStore) {
    let head = unseen(store).await;
    let (clean, said) = docket(store, &["projections", "verify"]).await;
    let behind = format!("behind: {head} events are not in the views, which are at 0 of {head}");
    assert!(!clean && said.contains(&behind), "{said}");
    assert!(!said.contains("clean"), "{said}");

    let only = ["projections", "rebuild", "--only", "inbox"];
    let (worked, said) = docket(store, &only).await;
    let told = format!("{head} events are not in the views yet");
    assert!(
        worked && said.contains(&told),
        "the others are at 0: {said}"
    );

    let (worked, said) = docket(store, &["projections", "rebuild"]).await;
    let rebuilt = format!("from {head} events");
    assert!(worked && said.contains(&rebuilt), "{said}");
    let (_, status) = docket(store, &["projections", "status"]).await;
    for line in status.lines() {
        assert!(line.ends_with(&format!("at {head}, 0 behind")), "{status}");
    }
    let (clean, said) = docket(store, &["projections", "verify"]).await;
    assert!(
        clean && said.contains(&format!("a fresh fold of {head} events")),
        "{said}"
    );

    // A server goes on from there, with what tickets of before the rebuild become.
    let server = Server::start(store).await;
    assert_eq!(server.app.views.position(), head);
    city::assigned(&server.app.desk).await;
    let head = server.app.desk.journal().head().await.unwrap();
    server.app.views.wait_for(head, PATIENCE).await.unwrap();
    assert_eq!(differences(&server).await, []);
}

async fn a_rebuild_and_a_server_both_move_the_views_on(store: &TestStore) {
    let server = play_some(store).await;
    let (store, desk) = (&server.app.store, &server.app.desk);
    let projections = projection::all();
    let work = async {
        for _ in 0..20 {
            let ticket = city::assigned(desk).await;
            let clerk = docket_domain::ticket::scenario::clerk();
            city::act(desk, &clerk, ticket, city::sign()).await;
        }
    };
    let mut silent = |_| {};
    let rebuilds = async {
        for _ in 0..4 {
            let wanted = desk.journal().head().await.unwrap();
            let folded = rebuild::rebuild(store, &projections, &mut silent).await;
            assert!(
                folded.unwrap() >= wanted,
                "to the end, as it was when it began"
            );
        }
    };
    tokio::join!(work, rebuilds);
    let head = desk.journal().head().await.unwrap();
    server.app.views.wait_for(head, PATIENCE).await.unwrap();
    assert_eq!(differences(&server).await, []);
    let status = rebuild::status(store).await.unwrap();
    let there = |status: &Status| status.position == head && status.head == head;
    assert!(status.iter().all(there), "{status:?}");
}
