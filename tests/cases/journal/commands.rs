//! A command takes effect once, and its first outcome is remembered.

use docket_core::journal::{JournalError, Receipt};
use docket_tests::TestStore;
use docket_tests::commits::{claiming, commit, fresh, whole_log};
use docket_tests::store::PATIENCE;
use futures_util::FutureExt as _;
use futures_util::future::join_all;

docket_tests::on_both_stores! {
    a_no_op_is_remembered_and_takes_no_position,
    a_repeat_gets_the_first_receipt,
    repeats_at_once_take_effect_once,
    a_command_id_is_not_reused,
    reuse_at_once_goes_to_one,
    a_refused_command_is_not_remembered,
    an_answer_lost_is_found_again,
}

fn again(first: Receipt) -> Receipt {
    Receipt {
        repeated: true,
        ..first
    }
}

async fn a_no_op_is_remembered_and_takes_no_position(store: &TestStore) {
    let journal = store.journal().await;
    let stream = fresh();
    journal.append(commit(stream, 0, 2)).await.unwrap();
    let nothing = commit(stream, 2, 0);
    let first = journal.append(nothing.clone()).await.unwrap();
    assert_eq!(
        (first.position, first.version, first.repeated),
        (2, 2, false)
    );
    let next = journal.append(commit(fresh(), 0, 1)).await.unwrap();
    assert_eq!(next.position, 3);
    journal.append(commit(stream, 2, 1)).await.unwrap();
    assert_eq!(journal.append(nothing.clone()).await.unwrap(), again(first));
    let stored = journal.command(nothing.command).await.unwrap().unwrap();
    assert_eq!((stored.stream, stored.receipt), (stream, again(first)));
    assert_eq!(journal.appended(), 4);
    assert_eq!(whole_log(&journal).await.len(), 4);
}

async fn a_repeat_gets_the_first_receipt(store: &TestStore) {
    let journal = store.journal().await;
    let sent = claiming(commit(fresh(), 0, 3), "wang");
    let first = journal.append(sent.clone()).await.unwrap();
    assert!(!first.repeated);
    journal.append(commit(sent.stream.id, 3, 1)).await.unwrap();
    // Decided anew by another process: other event ids, another expected version, the same command.
    let mut anew = commit(sent.stream.id, 4, 1);
    (anew.command, anew.claims) = (sent.command, sent.claims.clone());
    for (journal, repeat) in [(journal.clone(), sent), (store.journal().await, anew)] {
        assert_eq!(journal.append(repeat).await.unwrap(), again(first));
    }
    assert_eq!(whole_log(&journal).await.len(), 4);
}

async fn repeats_at_once_take_effect_once(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    for events in [2, 0, 1] {
        let sent = commit(fresh(), 0, events);
        let repeats = (0..8).map(|n| processes[n % 2].append(sent.clone()));
        let receipts: Vec<Receipt> = join_all(repeats)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let first: Vec<&Receipt> = receipts.iter().filter(|r| !r.repeated).collect();
        assert_eq!(first.len(), 1, "{receipts:?}");
        for receipt in &receipts {
            assert_eq!(again(*receipt), again(*first[0]));
        }
    }
    assert_eq!(whole_log(&processes[0]).await.len(), 3);
}

async fn a_command_id_is_not_reused(store: &TestStore) {
    let journal = store.journal().await;
    let sent = commit(fresh(), 0, 1);
    journal.append(sent.clone()).await.unwrap();
    let mut other_payload = commit(sent.stream.id, 1, 1);
    (other_payload.command, other_payload.fingerprint) = (sent.command, [8; 32]);
    let mut other_stream = commit(fresh(), 0, 1);
    other_stream.command = sent.command;
    let mut other_no_op = other_payload.clone();
    other_no_op.events.clear();
    for reused in [other_payload, other_stream, other_no_op] {
        let error = journal.append(reused).await.unwrap_err();
        assert!(matches!(error, JournalError::CommandReused), "{error:?}");
    }
    assert_eq!(whole_log(&journal).await.len(), 1);
}

async fn reuse_at_once_goes_to_one(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    let command = fresh();
    let rivals = (0..8u8).map(|n| {
        let mut rival = commit(fresh(), 0, 1);
        (rival.command, rival.fingerprint) = (command, [n; 32]);
        processes[usize::from(n % 2)].append(rival)
    });
    let outcomes = join_all(rivals).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    for error in outcomes.iter().filter_map(|o| o.as_ref().err()) {
        assert!(matches!(error, JournalError::CommandReused), "{error:?}");
    }
    assert_eq!(whole_log(&processes[0]).await.len(), 1);
}

async fn a_refused_command_is_not_remembered(store: &TestStore) {
    let journal = store.journal().await;
    let stream = fresh();
    journal.append(commit(stream, 0, 1)).await.unwrap();
    let mut sent = commit(stream, 0, 1);
    journal.append(sent.clone()).await.unwrap_err();
    assert_eq!(journal.command(sent.command).await.unwrap(), None);
    sent.expected = 1;
    let receipt = journal.append(sent).await.unwrap();
    assert_eq!(
        (receipt.position, receipt.version, receipt.repeated),
        (2, 2, false)
    );
}

async fn an_answer_lost_is_found_again(store: &TestStore) {
    let journal = store.journal().await;
    let mut watch = journal.watch();
    let sent = commit(fresh(), 0, 2);
    // Polled once, the commit is queued; then the caller goes away.
    assert!(journal.append(sent.clone()).now_or_never().is_none());
    let written = watch.wait_for(|head| *head >= 2);
    let _ = tokio::time::timeout(PATIENCE, written)
        .await
        .unwrap()
        .unwrap();
    let stored = journal.command(sent.command).await.unwrap().unwrap();
    assert_eq!(stored.fingerprint, sent.fingerprint);
    assert_eq!((stored.receipt.position, stored.receipt.version), (2, 2));
    let receipt = journal.append(sent).await.unwrap();
    assert_eq!(receipt, stored.receipt);
    assert!(receipt.repeated);
    assert_eq!(whole_log(&journal).await.len(), 2);
}
