//! A handle on the views: where queries go, and how far they have come.

use crate::known::Known;
use docket_core::db::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A handle on the views. Cheap to clone. Queries are in each view's file.
#[derive(Clone)]
pub struct Views {
    db: Db,
    known: Arc<Known>,
    position: watch::Receiver<u64>,
    caught_up: watch::Receiver<Instant>,
}

/// The views did not come that far in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the views are at position {at}, not yet at {wanted}")]
pub struct Lagging {
    /// Where they are.
    pub at: u64,
    /// What was waited for.
    pub wanted: u64,
}

impl Views {
    pub(crate) const fn new(
        db: Db,
        known: Arc<Known>,
        position: watch::Receiver<u64>,
        caught_up: watch::Receiver<Instant>,
    ) -> Self {
        Self {
            db,
            known,
            position,
            caught_up,
        }
    }

    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// The position up to which everything is in the views.
    #[must_use]
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// How long ago everything that was in the journal was in the views. Looked at four times a second.
    #[must_use]
    pub fn behind_for(&self) -> Duration {
        self.caught_up.borrow().elapsed()
    }

    /// Follows the position.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.position.clone()
    }

    /// Waits, at most so long, until everything up to a position is in the views.
    pub async fn wait_for(&self, wanted: u64, at_most: Duration) -> Result<(), Lagging> {
        let mut position = self.position.clone();
        let reached = position.wait_for(|at| *at >= wanted);
        match tokio::time::timeout(at_most, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Lagging {
                at: self.position(),
                wanted,
            }),
        }
    }
}
