//! Points in time. The log is in UTC to the microsecond; zones belong to the edges and to the calendar.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A point in time, UTC, to the microsecond.
pub type Timestamp = DateTime<Utc>;

/// Cuts a time to the microsecond, the precision of every store.
#[must_use]
pub fn to_micros(time: Timestamp) -> Timestamp {
    time.duration_trunc(TimeDelta::microseconds(1))
        .unwrap_or(time)
}

/// A deadline, fixed when it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// The last moment in time: what happens at this instant is still in time.
    pub at: Timestamp,
    /// True when the reckoning touched a year whose holidays are not yet published, so that it was
    /// made on plain weekdays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

impl Due {
    /// Whether something done at `time` is in time.
    #[must_use]
    pub fn met_at(&self, time: Timestamp) -> bool {
        time <= self.at
    }
}
