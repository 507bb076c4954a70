//! Settle limits (核定时限): a year's calendar was published, and limits that were provisional are reckoned anew by
//! it. Docket does it; the term stays the one the limit was set with.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::Field;
use crate::ticket::state::{MoveCause, Moved, TicketState};
use crate::time::Due;
use serde::{Deserialize, Serialize};

/// Reckons provisional limits anew.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SettleDues;

/// Limits that were provisional are settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuesSettled {
    /// The deadlines as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
    /// By when the citizen is to be called back, where that moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_due: Option<Due>,
}

/// Where limits run that can be provisional: of those who handle it, or of the call-back.
pub const LIMITED: &[TicketState] = &[
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
    TicketState::AwaitingCallBack,
];

impl SettleDues {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// Whether a unit's limit is to wait until its department's is settled, which it was reckoned from.
pub(crate) fn waits_for_its_outer(ticket: &Ticket, of: &Assignment) -> bool {
    outer(ticket, of, &[]).is_some_and(waits)
}

/// Whether a department's limit has a calendar still to come.
fn waits(outer: Due) -> bool {
    outer.provisional && !outer.runs_on_any_day()
}

/// The limit above a unit's, settled if it was.
fn outer(ticket: &Ticket, of: &Assignment, moves: &[Moved]) -> Option<Due> {
    let no = of.parent?;
    match moves.iter().find(|moved| moved.assignment == no) {
        Some(moved) => moved.due,
        None => ticket.assignment(no)?.due,
    }
}

impl Action for SettleDues {
    const SPEC: Spec = Spec {
        name: "settle_dues",
        zh: "核定时限",
        event: DuesSettled::TYPE,
        roles: Role::NOBODY,
        gate: Gate::Ticket(LIMITED),
    };
    type Event = DuesSettled;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<DuesSettled>, Refusal> {
        let calendar = &context.rules.calendar;
        let settled = |moves: &[Moved], a: &Assignment| {
            let over = ticket.pauses.iter().filter_map(|p| Some((p.from, p.to?)));
            let over: Vec<_> = over.filter(|(from, _)| *from >= a.assigned_at).collect();
            let anew = |due| {
                let known = calendar.settled(due, a.assigned_at)?;
                let after = |due, (from, to): &(_, _)| calendar.after_pause(due, *from, *to);
                Some(over.iter().fold(known, after))
            };
            let warned = |due| context.rules.warned(due, a.assigned_at);
            let due = a.due.map(|due| {
                let outer = outer(ticket, a, moves);
                let Some(known) = anew(due).filter(|_| !outer.is_some_and(waits)) else {
                    return due;
                };
                // A unit's is reckoned anew where it is not before its department's any more: that one, where it
                // was over already when it was delegated.
                let outer = outer.filter(|outer| outer.at <= known.at);
                match outer.zip(ticket.intake.as_ref()) {
                    Some((outer, intake)) => {
                        let matter = intake.matter();
                        context.rules.inner_due(Some(outer), &matter, a.assigned_at)
                    }
                    None => warned(known),
                }
            });
            let moved = Moved {
                assignment: a.no,
                sign_due: a.sign_due.map(|due| anew(due).unwrap_or(due)),
                due,
                return_by: anew(a.return_by).unwrap_or(a.return_by),
                contact_due: a.contact_due.map(|due| anew(due).unwrap_or(due)),
            };
            (moved != Moved::unmoved(a)).then_some(moved)
        };
        let open = ticket.assignments.iter().filter(|a| a.state.is_open());
        // A department's limits come before those of its units.
        let moves = open.fold(Vec::new(), |mut moves, a| {
            let moved = settled(&moves, a);
            moves.extend(moved);
            moves
        });
        let reviewed_at = ticket.review.as_ref().map(|review| review.at);
        let call_back_due = ticket.call_back_due.zip(reviewed_at);
        let call_back_due = call_back_due.and_then(|(due, from)| calendar.settled(due, from));
        let something = !moves.is_empty() || call_back_due.is_some();
        Ok(something.then_some(DuesSettled {
            moves,
            call_back_due,
        }))
    }
}

impl Fact for DuesSettled {
    const TYPE: &'static str = "dues_settled";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.move_dues(&self.moves, MoveCause::Calendar, stamp);
        if self.call_back_due.is_some() {
            ticket.call_back_due = self.call_back_due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SettleDues;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::rules::{CALENDAR_CN, DEFAULT_PACK, Rules};
    use crate::ticket::scenario::*;
    use crate::ticket::{MoveCause, TicketAction};
    use chrono::TimeDelta;

    fn settle() -> TicketAction<crate::Sealed> {
        TicketAction::SettleDues(SettleDues)
    }

    /// The list with 2027, whose New Year is three days long.
    fn with_2027() -> Rules {
        let holidays = CALENDAR_CN
            .replace("2026]", "2026, 2027]")
            .replace("off = [", "off = [ \"2027-01-01\", \"2027-01-04\",");
        Rules::parse(DEFAULT_PACK, &holidays, 2).unwrap()
    }

    #[test]
    fn a_provisional_limit_is_settled_once_when_the_calendar_is_there() {
        // Thursday, 31 December 2026.
        let at_new_year = || received().later(38 * 24 * 60).and(dispatcher(), assign());
        let before = at_new_year().fold().assignments[0].due.unwrap();
        assert!(before.provisional);
        at_new_year().when(Actor::system(), settle()).nothing();
        let known = at_new_year().ruled_by(with_2027());
        known
            .clone()
            .when(Actor::system(), settle())
            .then(|ticket| {
                let moved = &ticket.assignments[0].moves[0];
                assert_eq!(moved.cause, MoveCause::Calendar);
                assert!(!moved.to.provisional);
                // A day more and a weekend: New Year's Day was off by law already.
                assert_eq!(moved.to.at - before.at, TimeDelta::days(3));
            });
        known
            .clone()
            .and(Actor::system(), settle())
            .when(Actor::system(), settle())
            .nothing();
        known
            .when(dispatcher(), settle())
            .refused(Reason::RoleNotAllowed, None);
    }

    /// A notice of 2027 that gives Wednesday and Thursday, 30 and 31 December 2026, off.
    #[test]
    fn the_last_days_of_the_last_year_published_are_settled_by_the_next_years_list() {
        // Assigned on Wednesday, 23 December 2026: five working days end on the 30th.
        let delegated = received()
            .later(30 * 24 * 60)
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .and(clerk(), delegate());
        let ticket = delegated.clone().fold();
        let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].clone());
        assert!(outer.due.unwrap().provisional && inner.due.unwrap().provisional);
        assert!(!outer.sign_due.unwrap().provisional && !outer.return_by.provisional);
        delegated.clone().when(Actor::system(), settle()).nothing();
        let holidays = CALENDAR_CN
            .replace("2026]", "2026, 2027]")
            .replace("off = [", "off = [ \"2026-12-30\", \"2026-12-31\",");
        let rules = Rules::parse(DEFAULT_PACK, &holidays, 2).unwrap();
        let settled = delegated.ruled_by(rules).when(Actor::system(), settle());
        settled.then(|ticket| {
            let dues = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
            assert!(dues.iter().all(|due| !due.provisional));
            assert!(dues[0].at > outer.due.unwrap().at && dues[1].at < dues[0].at);
        });
    }

    /// The inner limit alone would be known: Friday, 25 December 2026, before Monday.
    #[test]
    fn a_units_limit_waits_for_its_departments() {
        let delegated = received()
            .later(28 * 24 * 60)
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .and(clerk(), delegate());
        let ticket = delegated.clone().fold();
        let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
        assert_eq!(inner.at.to_string(), "2026-12-25 09:30:00 UTC");
        assert!(outer.provisional && inner.provisional);
        delegated.clone().when(Actor::system(), settle()).nothing();
        let timers = crate::policy::timers(&ticket);
        let settles = timers
            .iter()
            .find(|timer| timer.cause == crate::policy::Cause::Settle);
        assert_eq!(settles.unwrap().at, outer.at);
        delegated
            .ruled_by(with_2027())
            .when(Actor::system(), settle())
            .then(|ticket| {
                let dues = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
                assert!(dues.iter().all(|due| !due.provisional));
            });
    }

    #[test]
    fn a_call_back_is_settled_and_so_is_a_limit_beside_one_in_hours() {
        let at_new_year = || received().later(38 * 24 * 60);
        let asked = at_new_year()
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .and(clerk(), reply())
            .and(office(), review());
        let before = asked.clone().fold().call_back_due.unwrap();
        assert!(before.provisional);
        asked
            .ruled_by(with_2027())
            .when(Actor::system(), settle())
            .then(|ticket| {
                let due = ticket.call_back_due.unwrap();
                assert!(!due.provisional && due.at > before.at);
                assert!(ticket.assignments[0].moves.is_empty(), "it is over");
            });
        let in_minutes = &[(
            "complain = { working_days = 5 }",
            "complain = { minutes = 30 }",
        )];
        let hasty = at_new_year().under(in_minutes).and(dispatcher(), assign());
        let first = hasty.clone().fold().assignments[0].clone();
        assert!(!first.due.unwrap().provisional && first.return_by.provisional);
        let timers = crate::policy::timers(&hasty.clone().fold());
        let settles = |timer: &crate::policy::Timer| timer.cause == crate::policy::Cause::Settle;
        assert!(timers.iter().any(settles));
    }

    #[test]
    fn a_unit_s_limit_is_not_settled_past_its_departments() {
        let signed = received()
            .later(38 * 24 * 60)
            .and(dispatcher(), assign())
            .and(clerk(), sign());
        let late = signed.later(20 * 24 * 60).and(clerk(), delegate());
        let settled = late.ruled_by(with_2027()).when(Actor::system(), settle());
        settled.then(|ticket| {
            let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
            assert!(!outer.provisional && !inner.provisional);
            assert_eq!(inner.at, outer.at);
        });
    }

    #[test]
    fn a_unit_s_limit_within_a_day_is_settled_before_its_departments() {
        let short = &[(
            "complain = { working_days = 5 }",
            "complain = { working_days = 1 }",
        )];
        let delegated = received()
            .later(38 * 24 * 60)
            .under(short)
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .and(clerk(), delegate());
        let before = delegated.clone().fold().assignments[1].due.unwrap();
        let settled = delegated
            .ruled_by(with_2027())
            .when(Actor::system(), settle());
        settled.then(|ticket| {
            let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
            assert!(!outer.provisional && !inner.provisional);
            assert!(inner.at < outer.at);
            // Whole days later, at the same time of day.
            let by = inner.at - before.at;
            assert_eq!(by, TimeDelta::days(by.num_days()));
        });
    }
}
