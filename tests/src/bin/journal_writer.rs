//! Appends to a journal as one process of several: `journal_writer STORE WRITER COUNT`.
//!
//! Every third commit goes to the one stream all writers share, decided again on a conflict. Each
//! acknowledged commit is one line on stdout: `COMMAND POSITION VERSION`.

use docket_core::clock::SystemClock;
use docket_core::journal::{Journal, JournalError, Receipt};
use docket_domain::ids::CommandId;
use docket_tests::commits::{commit, fresh};
use docket_tests::store::open_journal;
use std::io::Write as _;
use std::sync::Arc;
use uuid::Uuid;

/// The stream all writers contend for.
const SHARED: Uuid = Uuid::from_u128(0x5A);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, store, writer, count] = arguments.as_slice() else {
        panic!("journal_writer STORE WRITER COUNT")
    };
    let (writer, count): (u64, u64) = (writer.parse().unwrap(), count.parse().unwrap());
    let journal = open_journal(store, Arc::new(SystemClock)).await;
    let own = fresh();
    let mut version = 0;
    for n in 0..count {
        let (command, receipt) = if (n + writer).is_multiple_of(3) {
            contend(&journal).await
        } else {
            let commit = commit(own, version, 1);
            let command = commit.command;
            let receipt = journal.append(commit).await.unwrap();
            version = receipt.version;
            (command, receipt)
        };
        let line = format!("{command} {} {}\n", receipt.position, receipt.version);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

/// Appends two events to the shared stream, however often others are faster.
async fn contend(journal: &Journal) -> (CommandId, Receipt) {
    let mut expected = journal.version(SHARED).await.unwrap();
    let mut commit = commit(SHARED, expected, 2);
    loop {
        commit.expected = expected;
        match journal.append(commit.clone()).await {
            Ok(receipt) => return (commit.command, receipt),
            Err(JournalError::Conflict { actual, .. }) => expected = actual,
            Err(error) => panic!("{error}"),
        }
    }
}
