//! Points in time, terms and deadlines. The log is in UTC to the microsecond; zones belong to the edges and to
//! the calendar.

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

/// A length of time as packs write it: `{ working_days = 5 }` or `{ minutes = 30 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Term {
    /// Working days; ends with the last one's office hours.
    WorkingDays(u16),
    /// Minutes of calendar time, on any day.
    Minutes(u32),
}

/// A deadline, fixed when it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// The last moment in time: what happens at this instant is still in time.
    pub at: Timestamp,
    /// True when the reckoning touched a year whose holidays are not yet published, so that it was
    /// made on plain weekdays and the holidays fixed by law, or the last days of the year before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// How long that is from the beginning of what is due. `None`: carried over, or set before terms were
    /// noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// From when on it is about to run out (the yellow light). `None`: nothing warns of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yellow_at: Option<Timestamp>,
}

/// How a deadline stands at a moment (黄牌, 红牌).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Time enough.
    Green,
    /// About to run out.
    Yellow,
    /// Over.
    Red,
}

impl Light {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

impl Due {
    /// A deadline that is known, and not how it came about.
    #[must_use]
    pub const fn known(at: Timestamp) -> Self {
        Self {
            at,
            provisional: false,
            term: None,
            yellow_at: None,
        }
    }

    /// Whether something done at `time` is in time.
    #[must_use]
    pub fn met_at(&self, time: Timestamp) -> bool {
        time <= self.at
    }

    /// The light at a moment: red from the first moment that is late.
    #[must_use]
    pub fn light(&self, now: Timestamp) -> Light {
        if !self.met_at(now) {
            Light::Red
        } else if self.yellow_at.is_some_and(|yellow| yellow <= now) {
            Light::Yellow
        } else {
            Light::Green
        }
    }

    /// Whether it is to be reckoned anew once its year's calendar is published. Of one that is provisional and whose
    /// term is not known, nothing can be.
    #[must_use]
    pub const fn awaits_its_calendar(&self) -> bool {
        self.provisional && self.term.is_some()
    }

    /// Whether it runs on any day, weekends and nights included.
    #[must_use]
    pub const fn runs_on_any_day(&self) -> bool {
        matches!(self.term, Some(Term::Minutes(_)))
    }
}
