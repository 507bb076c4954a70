//! What the journal measures of itself, for whoever watches it. Times in seconds.

use prometheus_client::metrics::histogram::Histogram;

/// Bounds of times, in seconds: from a fast disk's flush to a store that stalls.
const SECONDS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0,
];
/// Bounds of the commits in a batch.
const COMMITS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];

/// Figures of one open journal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Commits that went to the store in one transaction.
    pub batch_commits: Histogram,
    /// How long the store took to write a batch.
    pub batch_seconds: Histogram,
    /// How long a commit took from its caller's view: waiting for its batch included.
    pub append_seconds: Histogram,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            batch_commits: Histogram::new(COMMITS),
            batch_seconds: Histogram::new(SECONDS),
            append_seconds: Histogram::new(SECONDS),
        }
    }
}
