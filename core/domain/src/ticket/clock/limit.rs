//! A limit as other rules would have set and moved it, and what of a limit extensions gave.

use super::{resumed, was_moved};
use crate::calendar::Calendar;
use crate::ids::EventId;
use crate::rules::Rules;
use crate::ticket::state::{
    Assignment, Extension, Intake, Level, Move, MoveCause, Pause, Return, Ticket,
};
use crate::time::{Due, Term, Timestamp};

/// The limit that `rules` would give to the same matter at the same beginning, moved by the same pauses and
/// extensions up to `end`. Calendars published since need no move: `rules` have them. What was carried over
/// was set by no rules, and is only moved by them.
pub(super) fn under(
    rules: &Rules,
    then: &Rules,
    ticket: &Ticket,
    assignment: &Assignment,
    end: Timestamp,
) -> Option<Due> {
    let again = Again {
        rules,
        then,
        ticket,
    };
    let due = again.set(assignment)?;
    Some(again.moved(due, assignment, end, &|_| true))
}

/// The limit that `rules` would have set first.
pub(in crate::ticket) fn set(
    rules: &Rules,
    then: &Rules,
    ticket: &Ticket,
    assignment: &Assignment,
) -> Option<Due> {
    let again = Again {
        rules,
        then,
        ticket,
    };
    again.set(assignment)
}

/// A limit in minutes of a department, with the working days that extensions gave it reckoned by the calendar of `rules`.
pub(in crate::ticket) fn in_minutes(
    rules: &Rules,
    ticket: &Ticket,
    assignment: &Assignment,
) -> Option<Due> {
    let again = Again {
        rules,
        then: rules,
        ticket,
    };
    let due = first(assignment)?;
    Some(again.moved(due, assignment, Timestamp::MAX_UTC, &|_| true))
}

/// A limit to reply that `rules` would have set otherwise than by the assignment, moved as it was up to `end`.
pub(in crate::ticket) fn moved(
    rules: &Rules,
    then: &Rules,
    ticket: &Ticket,
    assignment: &Assignment,
    due: Due,
    end: Timestamp,
) -> Due {
    let again = Again {
        rules,
        then,
        ticket,
    };
    again.moved(due, assignment, end, &|_| true)
}

struct Again<'r> {
    rules: &'r Rules,
    then: &'r Rules,
    ticket: &'r Ticket,
}

impl Again<'_> {
    /// A limit as it was first set.
    fn set(&self, assignment: &Assignment) -> Option<Due> {
        match assignment.level() {
            Level::Department => self.set_by_centre(assignment),
            Level::Unit => self.set_by_department(assignment),
        }
    }

    /// A department's limit as it was first set.
    fn set_by_centre(&self, assignment: &Assignment) -> Option<Due> {
        let from = assignment.assigned_at;
        let Some(intake) = self.ticket.intake.as_ref().filter(|_| !assignment.imported) else {
            return first(assignment);
        };
        Some(if assignment.sign_due.is_some() {
            self.rules.handle_due(&intake.matter(), from)
        } else {
            // What begins in progress is handled anew.
            self.rules.redo_due(from)
        })
    }

    /// A unit's limit as it was first set, under its department's of that moment.
    fn set_by_department(&self, unit: &Assignment) -> Option<Due> {
        let Some(intake) = &self.ticket.intake else {
            return first(unit);
        };
        let from = unit.assigned_at;
        // What was granted at the same time to the unit too was granted after the delegation.
        let outer = self.outer(unit, from, |m| !moved_together(m, unit));
        Some(self.rules.inner_due(outer, &intake.matter(), from))
    }

    /// The limit of a unit's department at a moment.
    fn outer(
        &self,
        unit: &Assignment,
        until: Timestamp,
        which: impl Fn(&Move) -> bool,
    ) -> Option<Due> {
        let parent = self.ticket.assignment(unit.parent?)?;
        let due = self.set_by_centre(parent)?;
        Some(self.moved(due, parent, until, &which))
    }

    /// Moves a limit by the pauses and extensions of an assignment up to a moment.
    fn moved(
        &self,
        mut due: Due,
        assignment: &Assignment,
        until: Timestamp,
        which: &dyn Fn(&Move) -> bool,
    ) -> Due {
        let mut pauses = pauses_over(self.ticket, assignment, until).peekable();
        let pass = |due, (from, to)| {
            let after = self.rules.calendar.after_pause(due, from, to);
            self.rules.warned_again(due, after, to)
        };
        let extensions = assignment
            .moves
            .iter()
            .filter(|m| m.cause == MoveCause::Extension && m.at <= until && which(m));
        for extension in extensions {
            while let Some(pause) = pauses.next_if(|(_, to)| *to <= extension.at) {
                due = pass(due, pause);
            }
            due = self.extended(due, assignment, extension);
        }
        pauses.fold(due, pass)
    }

    /// A limit after an extension: a unit's together with its department's, which the days were given to.
    fn extended(&self, due: Due, assignment: &Assignment, extension: &Move) -> Due {
        let calendar = &self.then.calendar;
        let parent = assignment.parent.and_then(|no| self.ticket.assignment(no));
        let of_parent =
            parent.and_then(|parent| parent.moves.iter().find(|m| together(m, extension)));
        let holder = parent.filter(|_| of_parent.is_some()).unwrap_or(assignment);
        let days = days_given(holder, of_parent.unwrap_or(extension), calendar);
        let matter = self.ticket.intake.as_ref().map(Intake::matter);
        match matter.filter(|_| of_parent.is_some()) {
            Some(matter) => {
                let until_then = |m: &Move| m.at <= extension.at;
                let outer = self.outer(assignment, extension.at, until_then);
                self.rules
                    .inner_extended((due, outer), days, &matter, extension.at)
            }
            None => self.rules.extended(due, days, extension.at),
        }
    }
}

/// The pauses that moved an assignment's limits up to a moment or its end, cut to what lies after its beginning.
pub(in crate::ticket) fn pauses_over<'t>(
    ticket: &'t Ticket,
    assignment: &'t Assignment,
    until: Timestamp,
) -> impl Iterator<Item = (Timestamp, Timestamp)> + 't {
    let began = assignment.assigned_at;
    let until = assignment.ended_at.map_or(until, |end| end.min(until));
    ticket.pauses.iter().filter_map(move |pause: &Pause| {
        let to = pause.to.filter(|to| *to > began)?;
        let resumed = resumed(assignment, to, until) && !was_returned(assignment, pause.from, to);
        // One that waits for the centre's word on its return is moved, too.
        let waits = assignment.ended_at.is_some_and(|at| at <= until);
        let moves = resumed || waits && was_moved(assignment, to);
        moves.then_some((pause.from.max(began), to))
    })
}

/// A limit beside that to reply (to sign, to contact, to give back), as `rules` would have set and only pauses moved
/// it up to a moment: those that `moves` says of, by when they began.
pub(in crate::ticket) fn after_pauses(
    rules: &Rules,
    ticket: &Ticket,
    assignment: &Assignment,
    due: Due,
    until: Timestamp,
    moves: impl Fn(Timestamp) -> bool,
) -> Due {
    let pauses = pauses_over(ticket, assignment, until);
    let pauses = pauses.filter(|(from, _)| moves(*from));
    pauses.fold(due, |due, (from, to)| {
        rules.calendar.after_pause(due, from, to)
    })
}

/// The limit before it was ever moved.
fn first(assignment: &Assignment) -> Option<Due> {
    let moves = &assignment.moves;
    moves.first().map_or(assignment.due, |first| first.from)
}

/// Whether two limits were moved by one event.
fn together(a: &Move, b: &Move) -> bool {
    (a.event, a.at, a.cause) == (b.event, b.at, b.cause)
}

fn moved_together(of_parent: &Move, unit: &Assignment) -> bool {
    unit.moves.iter().any(|m| together(m, of_parent))
}

/// Whether it was with the centre from the beginning of a pause to its end, given back, so that the pause moved
/// no limit.
fn was_returned(assignment: &Assignment, from: Timestamp, to: Timestamp) -> bool {
    let with_centre = |r: &Return| r.at <= from && r.decided_at.is_none_or(|at| at >= to);
    assignment.returns.iter().any(with_centre) && !was_moved(assignment, to)
}

/// How many working days an extension of an assignment gave; by its limits where that is not on record.
fn days_given(of: &Assignment, extension: &Move, calendar: &Calendar) -> u16 {
    let granted = |e: &&Extension| e.granted == Some(true) && e.decided_at == Some(extension.at);
    let granted = of.extensions.iter().find(granted);
    if let Some(days) = granted.and_then(|granted| granted.days_granted) {
        return days;
    }
    let Some(from) = extension.from else {
        return 0;
    };
    match (from.term, extension.to.term) {
        (Some(Term::WorkingDays(before)), Some(Term::WorkingDays(after))) => {
            after.saturating_sub(before)
        }
        (None | Some(Term::WorkingDays(_) | Term::Minutes(_)), _) => {
            let date = |due: Due| calendar.date_of(due.at);
            calendar.worked_between(date(from), date(extension.to)).0
        }
    }
}

/// Time that an extension gave: from the limit as it would be without it to the limit with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) event: EventId,
}

/// The time that extensions gave to an assignment, in order; what moved its limit afterwards moved both ends.
pub(super) fn given(
    ticket: &Ticket,
    assignment: &Assignment,
    then: &Calendar,
    present: &Rules,
) -> Vec<Given> {
    let mut given: Vec<(Due, Due, EventId)> = Vec::new();
    for moved in &assignment.moves {
        match moved.cause {
            MoveCause::Extension => {
                let from = moved.from.unwrap_or(moved.to);
                given.push((from, moved.to, moved.event));
            }
            MoveCause::Pause => {
                let ended = |pause: &&Pause| pause.to == Some(moved.at);
                let Some(pause) = ticket.pauses.iter().find(ended) else {
                    continue;
                };
                for (from, to, _) in &mut given {
                    *from = then.after_pause(*from, pause.from, moved.at);
                    *to = then.after_pause(*to, pause.from, moved.at);
                }
            }
            MoveCause::Calendar => {
                let over: Vec<_> = pauses_over(ticket, assignment, moved.at).collect();
                let began = assignment.assigned_at;
                let settled = |due| present.settled(due, began, &over).unwrap_or(due);
                for (from, to, _) in &mut given {
                    (*from, *to) = (settled(*from), settled(*to));
                }
                // In minutes, an extension alone was provisional: it ends where the limit does now.
                if let Some((_, to, _)) = given.last_mut().filter(|_| moved.to.runs_on_any_day()) {
                    *to = moved.to;
                }
            }
        }
    }
    let ends = |(from, to, event): (Due, Due, EventId)| Given {
        from: from.at,
        to: to.at,
        event,
    };
    given.into_iter().map(ends).collect()
}
