//! The moment that a limit of an assignment is judged at, and the light it has then: the one rule, for whoever shows a
//! light or counts what is late.

use super::still_since;
use crate::ticket::state::{Assignment, Ticket};
use crate::time::{Light, Timestamp};

impl Ticket {
    /// The moment that a limit of an assignment is judged at when it is `at`: not after the assignment's end; while its
    /// clock stands still, the moment it stopped.
    #[must_use]
    pub fn judged_at(&self, assignment: &Assignment, at: Timestamp) -> Timestamp {
        let end = assignment.ended_at.map_or(at, |ended| ended.min(at));
        let end = end.max(assignment.assigned_at);
        still_since(self, assignment, end).unwrap_or(end)
    }

    /// How the limit of an assignment to reply stands now, or stood when it ended; `None`: it has none.
    #[must_use]
    pub fn light(&self, assignment: &Assignment, now: Timestamp) -> Option<Light> {
        let at = self.judged_at(assignment, now);
        assignment.due.map(|due| due.light(at))
    }

    /// When an assignment's clock stopped: with its end, or for a pause that goes on. `None`: it runs.
    #[must_use]
    pub fn stopped_at(&self, assignment: &Assignment) -> Option<Timestamp> {
        let end = assignment.ended_at.unwrap_or(Timestamp::MAX_UTC);
        still_since(self, assignment, end).or(assignment.ended_at)
    }
}

#[cfg(test)]
mod tests {
    use crate::ticket::scenario::*;
    use crate::ticket::{Ticket, TicketAction};
    use crate::time::{Light, Timestamp};
    use chrono::TimeDelta;

    const DAY: i64 = 24 * 60;

    fn day(days: i64) -> Timestamp {
        now() + TimeDelta::days(days)
    }

    fn light(ticket: &Ticket, days: i64) -> Option<Light> {
        ticket.light(&ticket.assignments[0], day(days))
    }

    /// Monday; due the Monday after, yellow from the Friday evening.
    fn suspended_after(days: i64) -> Given {
        signed().later(days * DAY).and(office(), suspend())
    }

    #[test]
    fn a_light_is_that_of_the_moment_the_clock_stopped() {
        for (after, expected) in [(1, Light::Green), (5, Light::Yellow), (8, Light::Red)] {
            let ticket = suspended_after(after).fold();
            assert_eq!(ticket.suspended_since(), Some(day(after)));
            assert_eq!(ticket.stopped_at(&ticket.assignments[0]), Some(day(after)));
            for days in [after, 20, 400] {
                assert_eq!(
                    light(&ticket, days),
                    Some(expected),
                    "after {after}, on {days}"
                );
            }
        }
    }

    #[test]
    fn it_goes_on_when_the_clock_does() {
        let running = signed().fold();
        assert_eq!(running.stopped_at(&running.assignments[0]), None);
        assert_eq!(light(&running, 8), Some(Light::Red));
        let resumed = suspended_after(1).later(9 * DAY).and(office(), resume());
        let ticket = resumed.fold();
        assert_eq!(ticket.stopped_at(&ticket.assignments[0]), None);
        assert_eq!(light(&ticket, 10), Some(Light::Green));
        assert_eq!(light(&ticket, 30), Some(Light::Red));
    }

    #[test]
    fn what_ended_a_ticket_ended_no_delay_that_was_none() {
        let ended = suspended_after(1).later(19 * DAY);
        let ticket = ended.and(operator(), withdraw()).fold();
        let assignment = &ticket.assignments[0];
        assert_eq!(assignment.ended_at, Some(day(20)));
        assert_eq!(ticket.stopped_at(assignment), Some(day(1)));
        assert_eq!(light(&ticket, 30), Some(Light::Green));
    }

    #[test]
    fn what_is_done_meanwhile_is_done_when_the_clock_stopped() {
        let TicketAction::Contact(mut called) = contact() else {
            unreachable!()
        };
        called.at = Some(day(9));
        let reached = suspended_after(1).later(8 * DAY);
        let reached = reached.and(clerk(), TicketAction::Contact(called)).fold();
        let assignment = &reached.assignments[0];
        assert_eq!(assignment.reached_at, Some(day(9)));
        assert_eq!(reached.judged_at(assignment, day(9)), day(1));
    }
}
