//! How far a process has come in hearing of what others change beside tickets: accounts, offices, rules.
//!
//! The runner of the views reads every record there is; the desk keeps what it has folded of those few for a while. What
//! the runner has heard of, the desk does not answer from memory any more. So a view that has come to a position, and
//! whatever is folded beside it, know the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The position of the last record heard of that is an account's, the organisation's or the rules'. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<AtomicU64>);

impl News {
    /// There is such a record at a position, or may be.
    pub fn heard(&self, position: u64) {
        self.0.fetch_max(position, Ordering::SeqCst);
    }

    /// The last position heard of.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
