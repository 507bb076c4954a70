//! Turns: in one process the commands on one aggregate are decided one after the other, first come, first served.
//! They would only meet each other's conflicts, and whoever does many in a row (Docket itself, after a downtime)
//! would keep a clerk out. Other processes are none of its business: against those the journal guards.

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// Places to wait at. Aggregates share them; with so many two busy ones seldom do.
const PLACES: usize = 4_096;

/// Whose turn it is.
pub(super) struct Turns(Vec<Mutex<()>>);

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..PLACES).map(|_| Mutex::new(())).collect())
    }

    /// Waits for one's turn, which lasts until what this gives is dropped.
    pub(super) async fn take(&self, id: Uuid) -> MutexGuard<'_, ()> {
        let place = id.as_u128() % PLACES as u128;
        let place = usize::try_from(place).expect("less than PLACES");
        self.0[place].lock().await
    }
}
