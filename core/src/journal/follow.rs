//! Telling other processes of appends, and learning of theirs. Hints only: whoever reads, polls as well.

use super::POLL;
use super::backend::Backend;
use super::writer::advance;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Least time between two announcements: each costs the database a transaction, and wakes every process.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_millis(5);

/// Tells other processes how far this one has appended. Ends with the writer.
pub(super) async fn announce(backend: Arc<dyn Backend>, mut appended: watch::Receiver<u64>) {
    while appended.changed().await.is_ok() {
        let position = *appended.borrow_and_update();
        if let Err(error) = backend.announce(position).await {
            tracing::debug!(%error, "an append could not be announced");
        }
        tokio::time::sleep(ANNOUNCE_EVERY).await;
    }
}

/// Learns of other processes' appends. Ends with the writer.
pub(super) async fn follow(
    backend: Arc<dyn Backend>,
    head: watch::Sender<u64>,
    appended: watch::Receiver<u64>,
) {
    while appended.has_changed().is_ok() {
        let told = backend.wait_for_news(POLL).await;
        // What this process appended itself it knows.
        if told.is_some_and(|position| position <= *head.borrow()) {
            continue;
        }
        match backend.head().await {
            Ok(position) => advance(&head, position),
            Err(error) => tracing::debug!(%error, "the journal's head could not be read"),
        }
    }
}
