//! What must be unique is unique, across streams and processes.

use docket_core::journal::JournalError;
use docket_tests::TestStore;
use docket_tests::commits::{claiming, commit, fresh, whole_log};
use futures_util::future::join_all;

docket_tests::on_both_stores! {
    a_claim_is_held_by_one_stream,
    of_rival_claims_one_wins,
    a_failed_commit_claims_nothing,
    of_many_commits_at_once_those_fail_that_claim_what_is_taken,
}

async fn a_claim_is_held_by_one_stream(store: &TestStore) {
    let journal = store.journal().await;
    let first = claiming(commit(fresh(), 0, 1), "wang");
    journal.append(first.clone()).await.unwrap();
    let holder = journal.claimed_by("login", b"wang").await.unwrap();
    assert_eq!(holder, Some(first.stream.id));
    let same_stream = claiming(commit(first.stream.id, 1, 1), "wang");
    for second in [claiming(commit(fresh(), 0, 1), "wang"), same_stream] {
        let error = journal.append(second).await.unwrap_err();
        assert!(matches!(error, JournalError::ClaimTaken { ref kind } if kind == "login"));
    }
    // Another kind of the same value, and another value, are free.
    let mut other_kind = claiming(commit(fresh(), 0, 1), "wang");
    other_kind.claims[0].kind = "ticket_number";
    journal.append(other_kind).await.unwrap();
    journal
        .append(claiming(commit(fresh(), 0, 1), "wang2"))
        .await
        .unwrap();
    assert_eq!(
        journal.claimed_by("query_code", b"wang").await.unwrap(),
        None
    );
    assert_eq!(whole_log(&journal).await.len(), 3);
}

async fn of_rival_claims_one_wins(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    for login in ["wang", "李四", "zhao"] {
        let rivals =
            (0..10).map(|n| processes[n % 2].append(claiming(commit(fresh(), 0, 1), login)));
        let outcomes = join_all(rivals).await;
        assert_eq!(
            outcomes.iter().filter(|o| o.is_ok()).count(),
            1,
            "{outcomes:?}"
        );
        for error in outcomes.iter().filter_map(|o| o.as_ref().err()) {
            assert!(
                matches!(error, JournalError::ClaimTaken { .. }),
                "{error:?}"
            );
        }
    }
    assert_eq!(whole_log(&processes[0]).await.len(), 3);
}

async fn a_failed_commit_claims_nothing(store: &TestStore) {
    let journal = store.journal().await;
    let stale = claiming(commit(fresh(), 7, 1), "wang");
    journal.append(stale).await.unwrap_err();
    assert_eq!(journal.claimed_by("login", b"wang").await.unwrap(), None);
    journal
        .append(claiming(commit(fresh(), 0, 1), "wang"))
        .await
        .unwrap();
}

/// More claims than one statement looks for, in batches of many commits.
async fn of_many_commits_at_once_those_fail_that_claim_what_is_taken(store: &TestStore) {
    let journal = store.journal().await;
    let login = |n: usize| format!("clerk{n}");
    let holder = commit(fresh(), 0, 1);
    let taken = (0..400).step_by(7);
    let holder = taken.fold(holder, |held, n| claiming(held, &login(n)));
    journal.append(holder).await.unwrap();
    let rivals = (0..400).map(|n| {
        let own = ["of", "also of"].map(|own| format!("{own} {n}"));
        let own = own
            .iter()
            .fold(commit(fresh(), 0, 1), |c, l| claiming(c, l));
        journal.append(claiming(own, &login(n)))
    });
    for (n, outcome) in join_all(rivals).await.into_iter().enumerate() {
        let refused = matches!(outcome, Err(JournalError::ClaimTaken { .. }));
        assert_eq!(refused, n % 7 == 0, "{n}: {outcome:?}");
    }
    for n in 0..400 {
        let own = format!("of {n}");
        let held = journal.claimed_by("login", own.as_bytes()).await.unwrap();
        assert_eq!(held.is_some(), n % 7 != 0, "{n}");
    }
    assert_eq!(whole_log(&journal).await.len(), 1 + 400 - 58);
}
