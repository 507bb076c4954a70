//! Streams, positions, batches: what is appended stands in order, whole, and where the writer thought.

use docket_core::clock::{Clock, ManualClock};
use docket_core::journal::{Commit, DATA_BYTES_MAX, EVENTS_PER_COMMIT_MAX, JournalError, Receipt};
use docket_domain::ticket::scenario::now;
use docket_tests::TestStore;
use docket_tests::commits::{claiming, commit, fresh, whole_log};
use futures_util::future::join_all;
use std::sync::Arc;
use uuid::Uuid;

docket_tests::on_both_stores! {
    a_stale_writer_learns_where_the_stream_is,
    many_clients_leave_no_gaps,
    commits_in_sequence_share_a_batch,
    of_rivals_in_a_batch_one_goes_through,
    one_bad_commit_fails_alone,
    one_bad_commit_fails_alone_in_a_large_batch,
    a_commit_the_database_refuses_fails_alone,
    a_commit_is_whole_or_not_at_all,
    recorded_time_never_runs_backwards,
    events_are_neither_updated_nor_deleted,
    a_commit_over_the_limits_is_refused,
    what_is_read_is_what_was_appended,
}

fn is_conflict(error: &JournalError, wanted: (u64, u64)) -> bool {
    matches!(error, JournalError::Conflict { expected, actual } if (*expected, *actual) == wanted)
}

async fn a_stale_writer_learns_where_the_stream_is(store: &TestStore) {
    let journal = store.journal().await;
    let stream = fresh();
    journal.append(commit(stream, 0, 2)).await.unwrap();
    for wrong in [0, 1, 3, 1_000, i64::MAX.unsigned_abs(), u64::MAX] {
        for events in [0, 1] {
            let error = journal.append(commit(stream, wrong, events)).await;
            let error = error.unwrap_err();
            assert!(is_conflict(&error, (wrong, 2)), "{wrong}: {error:?}");
        }
    }
    let beyond_nothing = journal.append(commit(fresh(), 1, 1)).await.unwrap_err();
    assert!(is_conflict(&beyond_nothing, (1, 0)), "{beyond_nothing:?}");
    assert_eq!(whole_log(&journal).await.len(), 2);
    journal.append(commit(stream, 2, 1)).await.unwrap();
}

async fn many_clients_leave_no_gaps(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    let client = |number: usize| {
        let journal = &processes[number % 2];
        async move {
            let mut receipts: Vec<(Uuid, Receipt)> = Vec::new();
            let streams: [Uuid; 3] = [fresh(), fresh(), fresh()];
            let mut versions = [0; 3];
            for n in 0..40 {
                let commit = commit(streams[n % 3], versions[n % 3], n % 4);
                let command = commit.command.0;
                let receipt = journal.append(commit).await.unwrap();
                versions[n % 3] = receipt.version;
                receipts.push((command, receipt));
            }
            receipts
        }
    };
    let receipts = join_all((0..16).map(client)).await.concat();
    let log = whole_log(&processes[0]).await;
    assert_eq!(log.len(), 16 * 60);
    for (command, receipt) in receipts {
        let last = log.iter().rev().find(|r| r.command.0 == command);
        let Some(last) = last else { continue };
        assert_eq!(
            (last.position, last.version, last.recorded_at),
            (receipt.position, receipt.version, receipt.recorded_at)
        );
    }
    let streams = processes[0].streams_of("ticket", 1_000).await.unwrap();
    assert_eq!(streams.len(), 16 * 3);
    assert!(streams.contains(&log[0].stream));
}

async fn commits_in_sequence_share_a_batch(store: &TestStore) {
    let journal = store.journal().await;
    let stream = fresh();
    let mut commits = Vec::new();
    for n in 0..30 {
        commits.push(commit(stream, n, 1));
        commits.push(commit(fresh(), 0, 1));
    }
    let receipts = join_all(commits.into_iter().map(|c| journal.append(c))).await;
    for (n, receipt) in (1..).zip(receipts.iter().step_by(2)) {
        assert_eq!(receipt.as_ref().unwrap().version, n);
    }
    assert_eq!(whole_log(&journal).await.len(), 60);
}

async fn of_rivals_in_a_batch_one_goes_through(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    for _ in 0..10 {
        let stream = fresh();
        let rivals = (0..8).map(|n| processes[n % 2].append(commit(stream, 0, 1)));
        let outcomes = join_all(rivals).await;
        let won = outcomes.iter().filter(|o| o.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        for error in outcomes.iter().filter_map(|o| o.as_ref().err()) {
            assert!(is_conflict(error, (0, 1)), "{error:?}");
        }
    }
    assert_eq!(whole_log(&processes[0]).await.len(), 10);
}

async fn one_bad_commit_fails_alone(store: &TestStore) {
    let journal = store.journal().await;
    let (old, taken) = (
        commit(fresh(), 0, 1),
        claiming(commit(fresh(), 0, 1), "wang"),
    );
    journal.append(old.clone()).await.unwrap();
    journal.append(taken).await.unwrap();

    let stale = commit(old.stream.id, 0, 1);
    let mut reused = commit(fresh(), 0, 1);
    reused.command = old.command;
    let claim = claiming(commit(fresh(), 0, 1), "wang");
    let beyond = commit(fresh(), 9, 1);
    let mut commits: Vec<_> = (0..40).map(|_| commit(fresh(), 0, 1)).collect();
    for (at, bad) in [(5, stale), (15, reused), (25, claim), (35, beyond)] {
        commits.insert(at, bad);
    }
    let outcomes = join_all(commits.into_iter().map(|c| journal.append(c))).await;
    let failed: Vec<_> = (0..).zip(&outcomes).filter(|(_, o)| o.is_err()).collect();
    let numbers: Vec<i32> = failed.iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, [5, 15, 25, 35], "{failed:?}");
    let errors: Vec<_> = failed
        .iter()
        .filter_map(|(_, o)| o.as_ref().err())
        .collect();
    assert!(is_conflict(errors[0], (0, 1)));
    assert!(matches!(errors[1], JournalError::CommandReused));
    assert!(matches!(errors[2], JournalError::ClaimTaken { kind } if kind == "login"));
    assert!(is_conflict(errors[3], (9, 0)));
    assert_eq!(whole_log(&journal).await.len(), 42);
}

/// More than one statement's worth: a batch refused in its middle leaves nothing of its beginning.
async fn one_bad_commit_fails_alone_in_a_large_batch(store: &TestStore) {
    const COMMITS: usize = 200;
    let journal = store.journal().await;
    let known = commit(fresh(), 0, 1);
    journal.append(known.clone()).await.unwrap();
    let taken = claiming(commit(fresh(), 0, 1), "taken");
    journal.append(taken).await.unwrap();
    let mut head = 2;
    for bad in [0, 63, 64, 130, COMMITS - 1] {
        let kinds: [fn(&Commit) -> Commit; 4] = [
            |_| commit(fresh(), 3, 1),
            |known| Commit {
                fingerprint: [8; 32],
                ..known.clone()
            },
            |known| commit(known.stream.id, 0, 1),
            |_| claiming(commit(fresh(), 0, 1), "taken"),
        ];
        for (kind, make) in kinds.into_iter().enumerate() {
            let mut commits: Vec<Commit> = (0..COMMITS)
                .map(|n| claiming(commit(fresh(), 0, 1), &format!("{bad} {kind} {n}")))
                .collect();
            commits[bad] = make(&known);
            let outcomes = join_all(commits.into_iter().map(|c| journal.append(c))).await;
            let refused: Vec<usize> = (0..COMMITS).filter(|n| outcomes[*n].is_err()).collect();
            assert_eq!(refused, [bad], "kind {kind}");
            head += COMMITS - 1;
            assert_eq!(journal.head().await.unwrap(), head as u64);
        }
    }
    assert_eq!(whole_log(&journal).await.len(), head);
}

async fn a_commit_the_database_refuses_fails_alone(store: &TestStore) {
    let journal = store.journal().await;
    // One claim twice in one commit breaks the table's key, and with it a whole batch.
    let broken = claiming(claiming(commit(fresh(), 0, 1), "li"), "li");
    let mut commits: Vec<_> = (0..20).map(|_| commit(fresh(), 0, 1)).collect();
    commits.insert(10, broken);
    let outcomes = join_all(commits.into_iter().map(|c| journal.append(c))).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), n != 10, "{n}: {outcome:?}");
    }
    assert!(matches!(outcomes[10], Err(JournalError::Database(_))));
    assert_eq!(whole_log(&journal).await.len(), 20);
}

async fn a_commit_is_whole_or_not_at_all(store: &TestStore) {
    let journal = store.journal().await;
    journal
        .append(claiming(commit(fresh(), 0, 1), "wang"))
        .await
        .unwrap();
    let failing = claiming(claiming(commit(fresh(), 0, 5), "free"), "wang");
    let (stream, command) = (failing.stream.id, failing.command);
    let error = journal.append(failing).await.unwrap_err();
    assert!(
        matches!(error, JournalError::ClaimTaken { .. }),
        "{error:?}"
    );
    assert_eq!(journal.version(stream).await.unwrap(), 0);
    assert_eq!(journal.command(command).await.unwrap(), None);
    assert_eq!(journal.claimed_by("login", b"free").await.unwrap(), None);
    let whole = journal.append(commit(stream, 0, 5)).await.unwrap();
    assert_eq!((whole.position, whole.version), (6, 5));
    assert_eq!(whole_log(&journal).await.len(), 6);
}

async fn recorded_time_never_runs_backwards(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let journal = store.journal_at(clock.clone()).await;
    let append = async |journal: &docket_core::Journal| {
        let receipt = journal.append(commit(fresh(), 0, 1)).await.unwrap();
        receipt.recorded_at
    };
    assert_eq!(append(&journal).await, now());
    clock.set(now() - chrono::TimeDelta::hours(1));
    assert_eq!(append(&journal).await, now());
    // Another process's clock is behind.
    let behind: Arc<dyn Clock> = Arc::new(ManualClock::at(now() - chrono::TimeDelta::days(1)));
    assert_eq!(append(&store.journal_at(behind).await).await, now());
    let later = now() + chrono::TimeDelta::microseconds(1);
    clock.set(later);
    assert_eq!(append(&journal).await, later);
    assert_eq!(whole_log(&journal).await.len(), 4);
}

async fn events_are_neither_updated_nor_deleted(store: &TestStore) {
    let journal = store.journal().await;
    journal.append(commit(fresh(), 0, 2)).await.unwrap();
    let db = store.part("journal").await;
    let mut statements = vec![
        "UPDATE events SET data = '{}' WHERE position = 1",
        "DELETE FROM events",
    ];
    if !store.is_sqlite() {
        statements.push("TRUNCATE events");
    }
    for statement in statements {
        let error = db.execute(statement, vec![]).await.unwrap_err().to_string();
        assert!(error.contains("history is never"), "{statement}: {error}");
    }
    assert_eq!(whole_log(&journal).await.len(), 2);
}

async fn a_commit_over_the_limits_is_refused(store: &TestStore) {
    let journal = store.journal().await;
    let too_many = commit(fresh(), 0, EVENTS_PER_COMMIT_MAX + 1);
    let mut too_large = commit(fresh(), 0, 1);
    too_large.events[0].data = "x".repeat(DATA_BYTES_MAX + 1);
    for refused in [too_many, too_large] {
        let error = journal.append(refused).await.unwrap_err();
        assert!(matches!(error, JournalError::TooLarge { .. }), "{error:?}");
    }
    assert!(whole_log(&journal).await.is_empty());
    let mut largest = commit(fresh(), 0, EVENTS_PER_COMMIT_MAX);
    largest.events[0].data = "长".repeat(DATA_BYTES_MAX / 3);
    journal.append(largest).await.unwrap();
    assert_eq!(whole_log(&journal).await.len(), EVENTS_PER_COMMIT_MAX);
}

async fn what_is_read_is_what_was_appended(store: &TestStore) {
    let journal = store.journal().await;
    let mut sent = commit(fresh(), 0, 2);
    sent.events[1].data = r#"{ "spaced" : "换行\n" , "a":1}"#.into();
    sent.acting_for = Some(fresh());
    sent.causation = Some(fresh());
    sent.rules_version = u32::MAX;
    let receipt = journal.append(sent.clone()).await.unwrap();
    let read = store.journal().await.read_stream(sent.stream.id, 1).await;
    let [second] = read.unwrap().try_into().unwrap();
    assert_eq!((second.position, second.version), (2, 2));
    assert_eq!(
        (second.category.as_str(), second.stream),
        ("ticket", sent.stream.id)
    );
    assert_eq!(
        (second.event, second.event_type.as_str()),
        (sent.events[1].id, "signed")
    );
    assert_eq!(
        (second.schema_version, &second.data),
        (1, &sent.events[1].data)
    );
    assert_eq!(
        (second.actor, second.acting_for),
        (sent.actor, sent.acting_for)
    );
    assert_eq!(
        (second.command, second.correlation),
        (sent.command, sent.correlation)
    );
    assert_eq!(
        (second.causation, second.rules_version),
        (sent.causation, u32::MAX)
    );
    assert_eq!(
        (second.occurred_at, second.recorded_at),
        (sent.occurred_at, receipt.recorded_at)
    );
}
