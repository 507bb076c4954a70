//! The limit of an inbox's row as it is stored: overdue, and its light, are decided when asked, by comparing it with the
//! time alone.

use super::NEVER;
use docket_domain::time::Light;
use docket_domain::{Due, Timestamp};

/// For `yellow_at`: there is a limit, and its clock stands still under a green light.
pub(super) const RESTS_GREEN: i64 = NEVER - 1;

/// A row's limit, such that what is overdue, and which light it has, is told by comparing it with the time.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) due_at: Option<Timestamp>,
    pub(super) yellow_at: i64,
}

impl Limit {
    pub(super) const NONE: Self = Self {
        due_at: None,
        yellow_at: NEVER,
    };

    /// While its clock stands still it keeps the light it had when that stopped, and falls due no more.
    pub(super) fn of(due: Due, stopped_at: Option<Timestamp>) -> Self {
        let due_at = Some(due.at);
        let yellow_at = or_never(due.yellow_at);
        match stopped_at.map(|at| due.light(at)) {
            None | Some(Light::Red) => Self { due_at, yellow_at },
            Some(Light::Yellow) => Self {
                due_at: None,
                yellow_at,
            },
            Some(Light::Green) => Self {
                due_at: None,
                yellow_at: RESTS_GREEN,
            },
        }
    }
}

pub(super) fn or_never(at: Option<Timestamp>) -> i64 {
    at.map_or(NEVER, |at| at.timestamp_micros())
}
