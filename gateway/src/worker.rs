//! The worker: does by itself what is due, as `docket_domain::policy` says. Of several server processes on one
//! store one does it; when that one dies, another goes on.
//!
//! It reads timers from the views and gives commands to the desk, whose ids follow from their causes: a timer that
//! the views still show, or that two processes run, takes effect once. A rebuild of the views fires nothing: it
//! only writes the table anew.

mod correction;

use chrono::{NaiveDate, NaiveTime};
use correction::Correction;
use docket_core::desk::{Fired, SWEPT_AFTER};
use docket_core::ops::{Lease, OpsError};
use docket_core::{Desk, DeskError, Store};
use docket_domain::Timestamp;
use docket_domain::policy::{Cause, Reckoning};
use docket_domain::rules::Rules;
use docket_projections::timers::{DUE_MAX, DueTimer};
use docket_projections::{ProjectionError, Views};
use futures_util::StreamExt as _;
use prometheus_client::metrics::counter::Counter;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How often the worker looks for what is due.
pub const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// Commands given at one time: so few that clerks hardly notice.
const AT_ONCE: usize = 8;
/// How long a timer that had nothing to do is left alone; the views are to forget it by then.
const LEFT_ALONE: Duration = Duration::from_mins(1);
/// How long one that failed is left alone: it is tried again, and holds up no other meanwhile.
const TRIED_AGAIN: Duration = Duration::from_secs(5);
/// Most timers left alone at one time.
const LEFT_ALONE_MAX: usize = 10_000;
/// How long the worker waits for the views to know of what it did.
const WAITS_FOR_VIEWS: Duration = Duration::from_secs(5);

/// How often it looks for uploads that came to nothing.
const SWEEPS_EVERY: Duration = Duration::from_hours(1);

/// What can go wrong in a round; the next one tries again.
#[derive(Debug, thiserror::Error)]
enum WorkerError {
    #[error(transparent)]
    Views(#[from] ProjectionError),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Ops(#[from] OpsError),
}

/// What the worker counts of itself. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Rounds worked.
    pub rounds: Counter,
    /// Rounds in which another process had the lease.
    pub rounds_of_others: Counter,
    /// Rounds that failed.
    pub rounds_failed: Counter,
    /// Timers that took effect.
    pub fired: Counter,
    /// Timers that had nothing to do any more.
    pub void: Counter,
    /// Timers that failed, and are tried again.
    pub failed: Counter,
}

/// Works for as long as it is held.
pub struct Worker(AbortHandle);

impl Worker {
    /// Starts working, once the lease is had.
    #[must_use]
    pub fn start(store: &Store, desk: Arc<Desk>, views: Views, meter: Meter) -> Self {
        let rounds = Rounds {
            lease: Lease::of(&store.ops, "worker"),
            desk,
            views,
            left_alone: HashMap::new(),
            swept: None,
            correction: None,
            meter,
        };
        Self(tokio::spawn(rounds.run()).abort_handle())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Rounds {
    lease: Lease,
    desk: Arc<Desk>,
    views: Views,
    left_alone: HashMap<(docket_domain::ids::TicketId, Cause, Timestamp), Instant>,
    swept: Option<Instant>,
    correction: Option<Correction>,
    meter: Meter,
}

impl Rounds {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.round().await {
                self.meter.rounds_failed.inc();
                tracing::warn!(%error, "what is due could not be done; trying again");
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    async fn round(&mut self) -> Result<(), WorkerError> {
        if !self.lease.hold().await? {
            self.meter.rounds_of_others.inc();
            return Ok(());
        }
        self.meter.rounds.inc();
        let began = Instant::now();
        self.left_alone.retain(|_, until| *until > began);
        self.sweep(began).await;
        let (now, rules) = (self.desk.now(), self.desk.rules().await?);
        self.fire_all(Reckoning::At, now, |_| true).await?;
        if let Some(ended_before) = archived_when_ended_before(&rules, now) {
            self.fire_all(Reckoning::AfterTheEnd, ended_before, |_| true)
                .await?;
        }
        // Whatever is provisional, and need not be: also what was decided under the pack before, or is seen late.
        let known = |due: &DueTimer| {
            let day = rules.calendar.date_of(due.timer.at);
            rules.calendar.day(day).1
        };
        let until = published_until(&rules);
        self.fire_all(Reckoning::WithTheCalendar, until, known)
            .await?;
        self.correct(&rules).await
    }

    /// Removes what uploads that came to nothing left behind. A store of files that is out of reach holds nothing else up.
    async fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|at| now - at < SWEEPS_EVERY) {
            return;
        }
        self.swept = Some(now);
        match self.desk.sweep_uploads(SWEPT_AFTER).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "uploads that came to nothing were removed"),
            Err(error) => tracing::warn!(%error, "uploads could not be swept; trying again later"),
        }
    }

    /// Fires every timer of a reckoning up to a time, page by page.
    async fn fire_all(
        &mut self,
        reckoning: Reckoning,
        until: Timestamp,
        wanted: impl Fn(&DueTimer) -> bool,
    ) -> Result<(), WorkerError> {
        let mut after = None;
        loop {
            let page = self
                .views
                .due_timers(reckoning, until, after, DUE_MAX)
                .await?;
            let Some(last) = page.last().copied() else {
                return Ok(());
            };
            let full = page.len() == DUE_MAX as usize;
            let due: Vec<DueTimer> = page.into_iter().filter(&wanted).collect();
            for some in due.chunks(AT_ONCE * 8) {
                if !self.lease.hold().await? {
                    return Ok(());
                }
                self.fire(some).await?;
            }
            if !full {
                return Ok(());
            }
            after = Some(last);
        }
    }

    async fn fire(&mut self, due: &[DueTimer]) -> Result<(), WorkerError> {
        let key = |due: &DueTimer| (due.ticket, due.timer.cause, due.timer.at);
        let fresh: Vec<DueTimer> = due
            .iter()
            .filter(|due| !self.left_alone.contains_key(&key(due)))
            .copied()
            .collect();
        let desk = &self.desk;
        let fired: Vec<(DueTimer, Result<Fired, DeskError>)> = futures_util::stream::iter(fresh)
            .map(async |due| (due, desk.fire(due.ticket, due.timer).await))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut latest = 0;
        for (due, fired) in fired {
            let alone_for = match fired {
                Ok(Fired::At(position)) => {
                    self.meter.fired.inc();
                    latest = latest.max(position);
                    continue;
                }
                Ok(Fired::Void) => {
                    self.meter.void.inc();
                    LEFT_ALONE
                }
                Err(error) => {
                    self.meter.failed.inc();
                    let (ticket, cause) = (due.ticket, due.timer.cause);
                    tracing::warn!(%ticket, %cause, %error, "a timer could not be run; trying again");
                    TRIED_AGAIN
                }
            };
            if self.left_alone.len() < LEFT_ALONE_MAX {
                self.left_alone
                    .insert(key(&due), Instant::now() + alone_for);
            }
        }
        // Views that lag show done timers again: that is harmless, and only slow.
        let _ = self.views.wait_for(latest, WAITS_FOR_VIEWS).await;
        Ok(())
    }
}

/// The end of the last day that is published for good: what is provisional behind it waits, and is not looked at.
fn published_until(rules: &Rules) -> Timestamp {
    let calendar = &rules.calendar;
    let last = calendar.holidays.published.last();
    let end = last.and_then(|year| NaiveDate::from_ymd_opt(*year, 12, 31));
    // A list that is no other's neighbour leaves out no more than the end of its December.
    let mut days = end
        .into_iter()
        .flat_map(|end| end.iter_days().rev().take(31));
    let known = days.find(|day| calendar.day(*day).1);
    let after = known.and_then(|day| day.succ_opt());
    after.map_or(Timestamp::MIN_UTC, |day| calendar.at(day, NaiveTime::MIN))
}

/// The time up to which what ended is to be archived now, where the pack archives by itself.
fn archived_when_ended_before(rules: &Rules, now: Timestamp) -> Option<Timestamp> {
    let days = rules.archived_at(now)? - now;
    Some(now - days)
}

#[cfg(test)]
mod tests {
    use super::published_until;
    use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, Rules};

    #[test]
    fn what_waits_for_the_next_years_list_is_not_looked_at() {
        let rules = |list: &str| Rules::parse(DEFAULT_PACK, list, 1).unwrap();
        let until = |list: &str| published_until(&rules(list)).to_string();
        // 26 December 2026 begins in China.
        assert_eq!(until(CALENDAR_CN), "2026-12-25 16:00:00 UTC");
        let longer = CALENDAR_CN.replace("2026]", "2026, 2027]");
        assert_eq!(until(&longer), "2027-12-25 16:00:00 UTC");
    }
}
