//! Limits settled again after a list of holidays corrected an earlier one. No timer waits for that: the open tickets are
//! gone through once for every pack in force that corrects days, a few pages a round. Who begins anew, after a restart or in
//! another process, finds nothing left to do where it was done.

use super::{Rounds, TRIED_AGAIN, WAITS_FOR_VIEWS, WorkerError};
use docket_core::desk::REFRESH;
use docket_domain::ids::TicketId;
use docket_domain::policy;
use docket_domain::rules::Rules;
use docket_domain::ticket::TicketState;
use docket_projections::timers::DueTimer;
use std::time::Duration;
use tokio::time::Instant;

/// Tickets looked at together.
const PAGE: u32 = 500;
/// Pages looked at in a round, so that timers do not wait for long.
const PAGES_A_ROUND: u32 = 10;
/// How long after a pack is seen another process may still decide by the one before.
const OTHERS_KNOW_AFTER: Duration = Duration::from_secs(2 * REFRESH.as_secs());

/// How far a pack's corrections have come.
pub(super) struct Correction {
    version: u32,
    begins: Instant,
    begun: bool,
    after: Option<TicketId>,
    /// Whether a command failed, so that all is to be gone through once more.
    failed: bool,
    done: bool,
}

impl Correction {
    fn of(version: u32, begins: Instant) -> Self {
        Self {
            version,
            begins,
            begun: false,
            after: None,
            failed: false,
            done: false,
        }
    }
}

impl Rounds {
    /// Goes on settling limits over days that the pack in force corrects.
    pub(super) async fn correct(&mut self, rules: &Rules) -> Result<(), WorkerError> {
        if rules.corrected.is_empty() {
            return Ok(());
        }
        let known = self.correction.take();
        let known = known.filter(|known| known.version == rules.version);
        let anew = || Correction::of(rules.version, Instant::now() + OTHERS_KNOW_AFTER);
        let mut correction = known.unwrap_or_else(anew);
        let gone_on = self.go_on(&mut correction, rules).await;
        self.correction = Some(correction);
        gone_on
    }

    async fn go_on(&mut self, on: &mut Correction, rules: &Rules) -> Result<(), WorkerError> {
        if on.done || Instant::now() < on.begins {
            return Ok(());
        }
        if !on.begun {
            // What others decided meanwhile has to be seen.
            let head = *self.desk.journal().watch().borrow();
            on.begun = self.views.wait_for(head, WAITS_FOR_VIEWS).await.is_ok();
        }
        for _ in 0..PAGES_A_ROUND {
            if !on.begun || !self.lease.hold().await? {
                return Ok(());
            }
            let states: &[TicketState] = policy::SETTLED_IN;
            let page = self.views.tickets_in(states, on.after, PAGE).await?;
            let due = page.iter().filter_map(|card| {
                Some(DueTimer {
                    ticket: card.id,
                    timer: policy::corrected(&card.ticket, rules)?,
                })
            });
            let due: Vec<DueTimer> = due.collect();
            let failed = self.meter.failed.get();
            self.fire(&due).await?;
            on.failed |= self.meter.failed.get() > failed;
            on.after = page.last().map(|card| card.id).or(on.after);
            if page.len() < PAGE as usize {
                let again = Correction::of(rules.version, Instant::now() + 2 * TRIED_AGAIN);
                let over = !on.failed;
                *on = Correction {
                    done: over,
                    ..again
                };
                return Ok(());
            }
        }
        Ok(())
    }
}
