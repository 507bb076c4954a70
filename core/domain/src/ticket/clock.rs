//! The clock of an assignment: when it is due, how that stands, and what became of every stretch of time from
//! the assignment on: worked or not, and by which event or day of the calendar.
//!
//! Each assignment has a clock of its own, a department's and under it its unit's, so that a delay shows whose
//! it was. A clock is told twice: as judged then, by the limit that the events set and moved, and as judged
//! now, by the limit that the rules in force now would have set and moved (`limit`). It is a fold over the
//! ticket and knows no other ticket; what follows from a light is not its business.

mod light;
pub(super) mod limit;
#[cfg(test)]
mod tests;
mod time;

use super::state::{Assignment, Move, MoveCause, Pause, Ticket};
use crate::calendar::Day;
use crate::ids::EventId;
use crate::rules::Rules;
use crate::time::{Due, Light, Timestamp};
use chrono::{NaiveDate, TimeDelta};
use std::collections::VecDeque;
use time::{Days, Office, Stretch};

/// The most spans that a clock tells, the latest. A technical limit: about eleven months of work with a lunch break.
pub const SPANS_MAX: usize = 1_000;

/// The clock of one assignment, at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// When it began: with the assignment, not with the signing.
    pub began_at: Timestamp,
    /// When it ended. `None`: it goes on.
    pub ended_at: Option<Timestamp>,
    /// Since when it stands still, if it does, or did when it ended.
    pub still_since: Option<Timestamp>,
    /// By the limit as it was set and moved.
    pub judged_then: Reading,
    /// By the limit that the present rules would have set and moved.
    pub judged_now: Reading,
    /// What became of the time, in order and without a gap, up to the end or to now; from the beginning on, unless
    /// it is `cut`.
    pub spans: Vec<Span>,
    /// Whether only the last [`SPANS_MAX`] spans are told, and there were more before.
    pub cut: bool,
    /// Every time the limit was moved, in order.
    pub moves: Vec<Move>,
}

/// How a clock stands by a limit: at its end or now; where it stands still, as it stood when it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// To be replied by. `None`: imported from where it is not known.
    pub due: Option<Due>,
    /// The light.
    pub light: Option<Light>,
    /// The time that counted: office hours of working days; of a limit in minutes any time. Never a pause.
    pub elapsed: TimeDelta,
    /// How long after the limit, by the clock on the wall and without pauses. `None`: in time.
    pub late_by: Option<TimeDelta>,
}

/// A stretch of time of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What kind.
    pub kind: SpanKind,
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// What made it so.
    pub cause: Cause,
}

/// What became of a stretch of time. The first three count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanKind {
    /// The clock ran, within the limit as first set or after the last one.
    Running,
    /// The clock ran on a weekend day that is worked (调休), extended or not.
    MakeUpDay,
    /// The clock ran on time that an extension gave (延期).
    Extended,
    /// The clock stood still (挂起, 并单).
    Paused,
    /// Between two shifts of a working day: the lunch break.
    Break,
    /// Before or after the office hours of a working day.
    Night,
    /// A Saturday or Sunday off.
    Weekend,
    /// A public holiday.
    Holiday,
}

/// What made a stretch of time what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// An event: the assignment, or what had the clock go on, stand still, or run longer.
    Event(EventId),
    /// The calendar, by its entry of this day; of several days off together, the first.
    Calendar(NaiveDate),
    /// The office hours.
    OfficeHours,
}

impl SpanKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Running,
        Self::MakeUpDay,
        Self::Extended,
        Self::Paused,
        Self::Break,
        Self::Night,
        Self::Weekend,
        Self::Holiday,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::MakeUpDay => "make_up_day",
            Self::Extended => "extended",
            Self::Paused => "paused",
            Self::Break => "break",
            Self::Night => "night",
            Self::Weekend => "weekend",
            Self::Holiday => "holiday",
        }
    }

    /// The Chinese term.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Running => "计时",
            Self::MakeUpDay => "调休上班",
            Self::Extended => "延期计时",
            Self::Paused => "暂停",
            Self::Break => "午间休息",
            Self::Night => "非办公时间",
            Self::Weekend => "周末",
            Self::Holiday => "节假日",
        }
    }

    /// Whether such time counts.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::Running | Self::MakeUpDay | Self::Extended => true,
            Self::Paused | Self::Break | Self::Night | Self::Weekend | Self::Holiday => false,
        }
    }
}

/// The clock of an assignment of a ticket at `now`.
///
/// `then` are the rules that the assignment was made under, `present` those in force now. Days of a year whose
/// list was not published then are told by the present calendar, as limits are once they are settled; so are, of what
/// goes on or was settled again, those that were corrected since.
#[must_use]
pub fn clock(
    ticket: &Ticket,
    assignment: &Assignment,
    then: &Rules,
    present: &Rules,
    now: Timestamp,
) -> Clock {
    let began = assignment.assigned_at;
    let end = assignment.ended_at.unwrap_or(now).max(began);
    let still_since = still_since(ticket, assignment, end);
    let stand = still_since.unwrap_or(end);
    let reading = |due: Option<Due>, elapsed| Reading {
        due,
        light: due.map(|due| due.light(stand)),
        elapsed,
        late_by: due
            .filter(|due| !due.met_at(stand))
            .map(|due| stand - due.at - paused_between(ticket, due.at, stand)),
    };
    let by_calendar = |m: &Move| m.cause == MoveCause::Calendar;
    let settles = assignment.ended_at.is_none() || assignment.moves.iter().any(by_calendar);
    let mut days = Days::of(&then.calendar, &present.calendar, assignment.due);
    if settles {
        days = days.with(&present.corrected);
    }
    let mut told = Told::of(ticket, assignment, then, present);
    told.tell(&days, end);

    let due_now = limit::under(present, then, ticket, assignment, end);
    let days_now = Days::of(&present.calendar, &present.calendar, due_now);
    let elapsed_now = if std::ptr::eq(then, present) && days == days_now {
        told.elapsed
    } else {
        let mut elapsed = TimeDelta::zero();
        let count = |from, to| days_now.each(from, to, &mut |s: Stretch| elapsed += s.counted());
        running(ticket, began, end, count);
        elapsed
    };
    Clock {
        began_at: began,
        ended_at: assignment.ended_at,
        still_since,
        judged_then: reading(assignment.due, told.elapsed),
        judged_now: reading(due_now, elapsed_now),
        spans: told.spans.into(),
        cut: told.cut,
        moves: assignment.moves.clone(),
    }
}

/// Since when the clock stands still at its end, if it does.
fn still_since(ticket: &Ticket, assignment: &Assignment, end: Timestamp) -> Option<Timestamp> {
    let still = |pause: &Pause| {
        let over = pause.to.is_some_and(|to| resumed(assignment, to, end));
        (pause.from < end && !over).then(|| pause.from.max(assignment.assigned_at))
    };
    ticket.pauses.iter().find_map(still)
}

/// Whether the clock went on after a pause up to `to`. What ended a ticket ended its pause with it, and moved
/// no limit.
fn resumed(assignment: &Assignment, to: Timestamp, end: Timestamp) -> bool {
    let goes_on = || assignment.ended_at.is_none_or(|at| at > to);
    to < end || to == end && (goes_on() || was_moved(assignment, to))
}

/// Whether a pause up to `to` moved the limit.
fn was_moved(assignment: &Assignment, to: Timestamp) -> bool {
    let by_it = |m: &Move| m.cause == MoveCause::Pause && m.at == to;
    assignment.moves.iter().any(by_it)
}

/// The pauses between two points in time, cut to what lies between.
fn pauses(
    ticket: &Ticket,
    from: Timestamp,
    to: Timestamp,
) -> impl Iterator<Item = (Timestamp, Timestamp, &Pause)> {
    ticket.pauses.iter().filter_map(move |pause| {
        let (first, last) = (pause.from.max(from), pause.to.map_or(to, |end| end.min(to)));
        (first < last).then_some((first, last, pause))
    })
}

fn paused_between(ticket: &Ticket, from: Timestamp, to: Timestamp) -> TimeDelta {
    let lengths = pauses(ticket, from, to).map(|(first, last, _)| last - first);
    lengths.fold(TimeDelta::zero(), |sum, length| sum + length)
}

/// The time between two points without the pauses.
fn running(
    ticket: &Ticket,
    from: Timestamp,
    to: Timestamp,
    mut each: impl FnMut(Timestamp, Timestamp),
) {
    let mut at = from;
    for (first, last, _) in pauses(ticket, from, to) {
        each(at, first);
        at = last;
    }
    each(at, to);
}

/// The spans as they are told.
struct Told<'t> {
    ticket: &'t Ticket,
    assignment: &'t Assignment,
    /// The time that extensions gave.
    given: Vec<limit::Given>,
    /// At most [`SPANS_MAX`], the latest.
    spans: VecDeque<Span>,
    cut: bool,
    elapsed: TimeDelta,
}

impl<'t> Told<'t> {
    fn of(ticket: &'t Ticket, assignment: &'t Assignment, then: &Rules, present: &Rules) -> Self {
        Self {
            ticket,
            assignment,
            given: limit::given(ticket, assignment, &then.calendar, present),
            spans: VecDeque::with_capacity(32),
            cut: false,
            elapsed: TimeDelta::zero(),
        }
    }

    fn tell(&mut self, days: &Days<'_>, end: Timestamp) {
        let mut at = self.assignment.assigned_at;
        let mut cause = Cause::Event(self.assignment.event);
        for (from, to, pause) in pauses(self.ticket, at, end) {
            days.each(at, from, &mut |stretch| self.add(stretch, cause));
            self.push(SpanKind::Paused, from, to, Cause::Event(pause.from_event));
            at = to;
            cause = pause.to_event.map_or(cause, Cause::Event);
        }
        days.each(at, end, &mut |stretch| self.add(stretch, cause));
    }

    fn add(&mut self, stretch: Stretch, running: Cause) {
        self.elapsed += stretch.counted();
        let Stretch { from, to, .. } = stretch;
        let by_calendar = Cause::Calendar(stretch.date);
        match (stretch.day, stretch.office) {
            (Day::MakeUp, Office::Open) => self.push(SpanKind::MakeUpDay, from, to, by_calendar),
            (Day::Weekday | Day::Weekend | Day::Holiday, Office::Open) => {
                self.run(from, to, running);
            }
            (Day::Weekend, Office::Break | Office::Shut) => {
                self.push(SpanKind::Weekend, from, to, by_calendar);
            }
            (Day::Holiday, Office::Break | Office::Shut) => {
                self.push(SpanKind::Holiday, from, to, by_calendar);
            }
            (Day::Weekday | Day::MakeUp, Office::Break) => {
                self.push(SpanKind::Break, from, to, Cause::OfficeHours);
            }
            (Day::Weekday | Day::MakeUp, Office::Shut) => {
                self.push(SpanKind::Night, from, to, Cause::OfficeHours);
            }
        }
    }

    /// Tells time that ran, apart from what of it extensions gave.
    fn run(&mut self, from: Timestamp, to: Timestamp, cause: Cause) {
        let mut at = from;
        for index in 0..self.given.len() {
            let given = self.given[index];
            let (first, last) = (given.from.max(at), given.to.min(to));
            if first < last {
                self.push(SpanKind::Running, at, first, cause);
                self.push(SpanKind::Extended, first, last, Cause::Event(given.event));
                at = last;
            }
        }
        self.push(SpanKind::Running, at, to, cause);
    }

    fn push(&mut self, kind: SpanKind, from: Timestamp, to: Timestamp, cause: Cause) {
        if from >= to {
            return;
        }
        if let Some(last) = self.spans.back_mut() {
            let days_off = matches!(kind, SpanKind::Weekend | SpanKind::Holiday);
            if last.kind == kind && (last.cause == cause || days_off) {
                last.to = to;
                return;
            }
        }
        if self.spans.len() == SPANS_MAX {
            self.cut = true;
            self.spans.pop_front();
        }
        self.spans.push_back(Span {
            kind,
            from,
            to,
            cause,
        });
    }
}
