//! Docket's journal, with every promise kept: whatever `Journal::append` does is in the figure.

use crate::Fallible;
use crate::commits::Commits;
use crate::measure::{Client, Run, closed_loop};
use docket_core::clock::SystemClock;
use docket_core::journal::{Journal, Purpose};
use std::path::Path;
use std::sync::Arc;

struct Appender {
    journal: Journal,
    commits: Commits,
}

impl Client for Appender {
    async fn step(&mut self) -> Fallible<bool> {
        let commit = self.commits.next().ok_or("no commit")?;
        let version = commit.expected + 1;
        let receipt = self.journal.append(commit).await?;
        if receipt.version != version || receipt.repeated {
            return Err(format!("an impossible receipt: {receipt:?}").into());
        }
        Ok(true)
    }
}

/// Opens the journal in a PostgreSQL database.
pub async fn open_postgres(url: &str) -> Fallible<Journal> {
    Ok(Journal::open_postgres(url, Purpose::Real, false, Arc::new(SystemClock)).await?)
}

/// Opens the journal in a file.
pub async fn open_sqlite(dir: &Path) -> Fallible<Journal> {
    let file = dir.join("journal.db");
    Ok(Journal::open_sqlite(&file, Purpose::Real, Arc::new(SystemClock)).await?)
}

/// Appends from so many clients.
pub async fn append(journal: &Journal, clients: usize, seconds: f64) -> Fallible<Run> {
    let clients = (0..clients).map(|_| Appender {
        journal: journal.clone(),
        commits: Commits::default(),
    });
    closed_loop(clients.collect(), seconds).await
}

/// Every commit is there, and positions have no gaps.
pub async fn check(journal: &Journal, appended: u64) -> Fallible<()> {
    let head = journal.head().await?;
    if head != appended {
        return Err(format!("{appended} events were acknowledged, the head is {head}").into());
    }
    Ok(())
}
