//! What Docket does by itself in a city, as the worker does it.

use super::world::{Case, World};
use docket_domain::policy::{Cause, Reckoning, Timer, timers};
use docket_domain::ticket::actions::{conclude, correct, unmerge};
use docket_domain::ticket::scenario::sealed;
use docket_domain::ticket::{EndingKind, TicketAction, TicketState};

/// More timers than a ticket can have at one moment: it goes round in circles.
const TIMERS_MAX: usize = 64;

impl World {
    /// Does by itself what is due on a ticket, as a worker would, until there is nothing.
    pub(super) fn fire_timers(&mut self, at: usize) {
        let rules = self.packs[self.current].clone();
        for fired in 0.. {
            assert!(fired < TIMERS_MAX, "timers go round in circles");
            let now = self.now;
            let due = |timer: &Timer| match timer.cause.reckoning() {
                Reckoning::At => timer.at <= now,
                Reckoning::AfterTheEnd => rules.archived_at(timer.at).is_some_and(|due| due <= now),
                Reckoning::WithTheCalendar => {
                    rules.calendar.day(rules.calendar.date_of(timer.at)).1
                }
            };
            let all = timers(&self.cases[at].ticket);
            let Some(timer) = all.into_iter().find(due) else {
                return;
            };
            let outcome = if let Some(action) = timer.cause.action() {
                self.by_itself(at, action)
            } else {
                self.conclude(at);
                Ok(true)
            };
            let left = timers(&self.cases[at].ticket);
            // A calendar is tried once for each pack that brings one, and may know no better.
            if outcome.as_ref().is_ok_and(|done| !done) && timer.cause == Cause::Settle {
                return;
            }
            assert!(
                !left.contains(&timer),
                "{timer:?} is due, and to be fired again after {outcome:?}"
            );
        }
    }

    /// Gives the followers of a ticket that is over its outcome, as the desk does.
    fn conclude(&mut self, at: usize) {
        let master = self.cases[at].ticket.clone();
        let id = self.cases[at].id;
        let kind = master.ending.as_ref().map(|ending| ending.kind);
        let shared = matches!(
            kind,
            Some(EndingKind::Closed | EndingKind::Terminated | EndingKind::Merged)
        );
        for follower in &master.followers {
            let merged = |case: &Case| {
                let into = case.ticket.merged.as_ref().map(|merged| merged.master);
                case.id == *follower && into == Some(id)
            };
            let Some(other) = self.cases.iter().position(merged) else {
                continue;
            };
            let answer = master.answer.as_ref().map(|_| sealed("同主单答复"));
            let rests = self.cases[other].ticket.state == TicketState::Merged;
            let action = match (rests, shared, answer) {
                (true, true, answer) => TicketAction::Conclude(conclude::Conclude { answer }),
                (true, false, _) => TicketAction::Unmerge(unmerge::Unmerge { text: None }),
                (false, true, Some(answer)) => TicketAction::Correct(correct::Correct {
                    answer,
                    text: sealed("主单答复已更正"),
                }),
                (false, ..) => continue,
            };
            let _ = self.by_itself(other, action);
        }
        self.leave(id, None);
    }
}
