//! A reader that has read to N has read everything up to N, whoever is writing.

use docket_core::journal::{Journal, READ_MAX, Record};
use docket_tests::TestStore;
use docket_tests::commits::{commit, fresh, whole_log};
use docket_tests::store::PATIENCE;
use futures_util::future::join_all;

docket_tests::on_both_stores! {
    a_reader_misses_nothing_while_others_write,
    another_process_is_woken,
    streams_are_read_up_to_a_position,
}

const WRITERS: usize = 8;
const COMMITS: usize = 60;

/// Follows the log by pages until it has read `total` records.
async fn follow(journal: &Journal, page: u32, total: usize) -> Vec<Record> {
    let mut seen: Vec<Record> = Vec::new();
    let mut head = journal.watch();
    while seen.len() < total {
        head.mark_unchanged();
        let after = seen.last().map_or(0, |r| r.position);
        let records = journal.read_all(after, page).await.unwrap();
        if records.is_empty() {
            let news = tokio::time::timeout(PATIENCE, head.changed()).await;
            news.expect("the reader is woken").unwrap();
        }
        seen.extend(records);
    }
    seen
}

async fn a_reader_misses_nothing_while_others_write(store: &TestStore) {
    let processes = [store.journal().await, store.journal().await];
    let apart = store.journal().await;
    let total = WRITERS * (0..COMMITS).map(|n| 1 + n % 3).sum::<usize>();
    let write = |number: usize| {
        let journal = &processes[number % 2];
        async move {
            for n in 0..COMMITS {
                journal.append(commit(fresh(), 0, 1 + n % 3)).await.unwrap();
            }
        }
    };
    let (_, near, far) = tokio::join!(
        join_all((0..WRITERS).map(write)),
        follow(&processes[0], 7, total),
        follow(&apart, 50, total),
    );
    // What had appeared behind a reader would be in the log and not among what it saw.
    let log = whole_log(&apart).await;
    assert_eq!(log.len(), total);
    assert!(near == log, "each record was seen once, in order");
    assert!(far == log, "also from another process");
}

async fn another_process_is_woken(store: &TestStore) {
    let (writer, reader) = (store.journal().await, store.journal().await);
    let mut watch = reader.watch();
    for n in 1..=5 {
        writer.append(commit(fresh(), 0, 1)).await.unwrap();
        let news = tokio::time::timeout(PATIENCE, watch.wait_for(|head| *head >= n)).await;
        let _ = news.expect("the reader is woken").unwrap();
    }
    assert_eq!(reader.head().await.unwrap(), 5);
}

async fn streams_are_read_up_to_a_position(store: &TestStore) {
    let journal = store.journal().await;
    let (a, b) = (fresh(), fresh());
    for (stream, expected) in [(a, 0), (b, 0), (a, 2), (b, 2), (a, 4)] {
        journal.append(commit(stream, expected, 2)).await.unwrap();
    }
    let positions = |records: Vec<Record>| records.iter().map(|r| r.position).collect::<Vec<_>>();
    let both = journal.read_streams(&[a, b], 7).await.unwrap();
    assert_eq!(positions(both), [1, 2, 3, 4, 5, 6, 7]);
    let one = journal.read_stream(a, 3).await.unwrap();
    assert_eq!(positions(one), [6, 9, 10]);
    assert!(journal.read_streams(&[], 7).await.unwrap().is_empty());
    let all = journal.read_all(8, READ_MAX * 2).await.unwrap();
    assert_eq!(positions(all), [9, 10]);
    assert!(journal.read_all(10, 1).await.unwrap().is_empty());
    assert!(journal.read_all(u64::MAX, 1).await.unwrap().is_empty());
}
