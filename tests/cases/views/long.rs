//! A stream that is longer than a page of the log: whoever rebuilds folds it as one.

use super::play_some;
use docket_core::journal::{Commit, NewEvent, READ_MAX, StreamId};
use docket_domain::account::Given;
use docket_domain::notice::{Change, NoticeAction};
use docket_domain::ticket::scenario::{DEPARTMENT, clerk, id, now, office};
use docket_projections::projection;
use docket_projections::rebuild;
use docket_tests::commits::{commit, fresh};
use docket_tests::{TestStore, on_both_stores};
use uuid::Uuid;

on_both_stores! {
    a_notice_with_more_readers_than_a_page_holds_is_rebuilt_as_it_is,
}

/// The notice of [`play_some`].
const NOTICE: u128 = 0x0A0;
const PER_COMMIT: usize = 1_000;

/// Read so often by somebody of the centre.
fn read(expected: u64) -> Commit {
    let event = || NewEvent {
        id: fresh(),
        event_type: "notice_read",
        schema_version: 1,
        data: r#"{"edition":1}"#.into(),
    };
    Commit {
        stream: StreamId {
            category: "notice",
            id: id::<Uuid>(NOTICE),
        },
        events: std::iter::repeat_with(event).take(PER_COMMIT).collect(),
        ..commit(Uuid::nil(), expected, 0)
    }
}

async fn a_notice_with_more_readers_than_a_page_holds_is_rebuilt_as_it_is(store: &TestStore) {
    let server = play_some(store).await;
    let (desk, views) = (&server.app.desk, &server.app.views);
    let journal = desk.journal();
    let mut version = journal.version(id(NOTICE)).await.unwrap();
    while version <= u64::from(READ_MAX) {
        version = journal.append(read(version)).await.unwrap().version;
    }
    // In the second page: what changes rows that come of the first.
    let changed = NoticeAction::Change(Change {
        title: "系统升级改期".into(),
        body: "周日停用一小时。".into(),
        departments: Given::Kept,
        expires_at: Given::Kept,
    });
    for (actor, action) in [(office(), changed), (clerk(), NoticeAction::MarkRead)] {
        let options = docket_core::desk::Options::default();
        let kept = desk.keep_notice(&actor, id(NOTICE), action, &options);
        kept.await.unwrap();
    }
    rebuild::rebuild(&server.app.store, &projection::all(), &mut |_| {})
        .await
        .unwrap();
    let query = docket_projections::notices::NoticeQuery {
        account: clerk().account,
        department: Some(DEPARTMENT),
        with_ended: false,
        unread_only: false,
        now: now(),
        only: None,
    };
    let span = docket_core::Span::first(10);
    let notices = views.notices(&query, &span).await.unwrap();
    let [notice] = notices.as_slice() else {
        panic!("there is one: {notices:?}");
    };
    assert_eq!((notice.edition, notice.read), (2, true));
    let readers = views.notice_readers(notice.id).await.unwrap();
    assert_eq!(readers, [(Some(DEPARTMENT), 1)]);
}
