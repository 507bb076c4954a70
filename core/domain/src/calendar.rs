//! Working days and due times.
//!
//! Weekends, public holidays and make-up working days come from a published list (State Council
//! notices, one a year). A day in a year without a list is judged by its weekday and the holidays that
//! are fixed by law, and every due time whose reckoning touched such a day is marked provisional. So is one that
//! touched the last days of a year before the next year's list is published, which may change them.
//!
//! How days are counted: the day something starts is not counted, and the limit ends with the last
//! counted day's office hours (民法典 §§ 201, 203; working days only, as the hotline rules say).

#[cfg(test)]
pub(crate) mod almanac;
mod holidays;
#[cfg(test)]
mod tests;

pub(crate) use holidays::{FIRST_YEAR, LAST_YEAR, is_at_the_end, is_weekend};
pub use holidays::{Holidays, UNSURE_FROM_DECEMBER, YEARS};

use crate::time::{Due, Term, Timestamp};
use chrono::{Days, DurationRound, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Why a day is worked or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Monday to Friday, no holiday.
    Weekday,
    /// Saturday or Sunday.
    Weekend,
    /// A public holiday.
    Holiday,
    /// A weekend day worked in exchange for a holiday (调休).
    MakeUp,
}

impl Day {
    /// Whether offices are open.
    #[must_use]
    pub const fn is_worked(self) -> bool {
        matches!(self, Self::Weekday | Self::MakeUp)
    }
}

/// A calendar: zone, office hours, holidays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The zone in which days begin and end.
    pub zone: Tz,
    /// The office hours of a working day, in order; never empty.
    pub hours: Vec<(NaiveTime, NaiveTime)>,
    /// The published holidays.
    pub holidays: Holidays,
}

/// How long before an outer deadline an inner one lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin {
    /// So many working days.
    pub working_days: u16,
    /// No more than so many hundredths of the time that is left, 1 to 99.
    pub percent_max: u16,
}

/// The end of a day, written 24:00, as a time of that day: its last moment.
pub const DAY_OVER: NaiveTime = match NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The most working days a term may count, so that reckoning is bounded.
pub const TERM_WORKING_DAYS_MAX: u16 = 400;

impl Calendar {
    /// What kind of day it is, and whether that is published for good.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> (Day, bool) {
        self.holidays.day(date)
    }

    /// The local date of a point in time.
    #[must_use]
    pub fn date_of(&self, time: Timestamp) -> NaiveDate {
        time.with_timezone(&self.zone).date_naive()
    }

    /// The end of the office hours of the `days`-th working day after the day of `from`.
    ///
    /// `days` is clamped to 1..=[`TERM_WORKING_DAYS_MAX`].
    #[must_use]
    pub fn after_working_days(&self, from: Timestamp, days: u16) -> Due {
        let days = days.clamp(1, TERM_WORKING_DAYS_MAX);
        let (date, provisional) = self.forward(self.date_of(from), days);
        Due {
            provisional,
            term: Some(Term::WorkingDays(days)),
            ..Due::known(self.end_of(date))
        }
    }

    /// An inner deadline: the margin's working days before an outer one, but no more than its share of the time that is
    /// left from `from` on. No days, or a deadline that is over: the outer one.
    #[must_use]
    pub fn before_by(&self, due: Due, margin: Margin, from: Timestamp) -> Due {
        let days = margin.working_days;
        if days == 0 || due.at <= from {
            return due;
        }
        let (date, provisional) = self.back(self.date_of(due.at), days);
        let left = 100 - i32::from(margin.percent_max.clamp(1, 99));
        let least = self.part_of(from, due, (left, 100));
        let at = self.end_of(date).max(least);
        if due.runs_on_any_day() {
            // So that whatever moves the one moves the other.
            let minutes = u32::try_from((at - from).num_minutes()).unwrap_or(u32::MAX);
            return Due {
                provisional: due.provisional,
                term: Some(Term::Minutes(minutes)),
                ..Due::known(at)
            };
        }
        let (worked, _) = self.worked_between(self.date_of(from), self.date_of(at));
        Due {
            provisional: provisional || due.provisional,
            term: Some(Term::WorkingDays(worked)),
            ..Due::known(at)
        }
    }

    /// A limit in minutes of calendar time, which runs on any day.
    #[must_use]
    pub fn after_minutes(from: Timestamp, minutes: u32) -> Due {
        Due {
            term: Some(Term::Minutes(minutes)),
            ..Due::known(from + TimeDelta::minutes(i64::from(minutes)))
        }
    }

    /// A limit after a term.
    #[must_use]
    pub fn after(&self, from: Timestamp, term: Term) -> Due {
        match term {
            Term::WorkingDays(days) => self.after_working_days(from, days),
            Term::Minutes(minutes) => Self::after_minutes(from, minutes),
        }
    }

    /// The same deadline `days` working days later (an extension), at the same time of day. A limit in minutes ends
    /// with the last of these days' office hours, and is longer by all the minutes until then.
    #[must_use]
    pub fn extended(&self, due: Due, days: u16) -> Due {
        let (date, provisional) = self.forward(self.date_of(due.at), days);
        let at = match due.term {
            Some(Term::WorkingDays(_)) => self.on(date, due),
            Some(Term::Minutes(_)) | None => self.end_of(date).max(due.at),
        };
        Due {
            at,
            provisional: provisional || due.provisional,
            term: match due.term {
                Some(Term::WorkingDays(before)) => {
                    Some(Term::WorkingDays(before.saturating_add(days)))
                }
                Some(Term::Minutes(before)) => {
                    let more = u32::try_from((at - due.at).num_minutes()).unwrap_or(u32::MAX);
                    Some(Term::Minutes(before.saturating_add(more)))
                }
                None => None,
            },
            yellow_at: due.yellow_at,
        }
    }

    /// The same deadline after the clock stood still from `from` to `to`: minutes move by what passed, days by
    /// the working days that ended in between. One that would be over then all the same, since it ended within a day, has what
    /// was left of that day's office hours when the clock stopped; where it stopped at the limit itself, nothing. What was
    /// late already stays so.
    #[must_use]
    pub fn after_pause(&self, due: Due, from: Timestamp, to: Timestamp) -> Due {
        if !due.met_at(from) || to <= from {
            return due;
        }
        if due.runs_on_any_day() {
            return Due {
                at: due.at + (to - from),
                ..due
            };
        }
        let (worked, unsure) = self.ended_between(from, to);
        let (at, provisional) = if worked == 0 {
            (due.at, false)
        } else {
            let before = self.date_of(due.at);
            let (date, provisional) = self.forward(before, worked);
            // The time of day stays, whatever it is.
            let time = due.at.with_timezone(&self.zone).time();
            (self.at(date, time), unsure || provisional)
        };
        let (at, provisional) = if at < to {
            let at = self.with_open(to, self.open_between(from, due.at));
            (at, unsure || self.day(self.date_of(at)).1)
        } else {
            (at, provisional)
        };
        Due {
            at,
            provisional: provisional || due.provisional,
            ..due
        }
    }

    /// The office hours between two points in time.
    fn open_between(&self, from: Timestamp, to: Timestamp) -> TimeDelta {
        let lengths = self.open(from, to).map(|(opens, closes)| closes - opens);
        lengths.sum()
    }

    /// When so many office hours are over from a point in time on; that point itself for none.
    fn with_open(&self, from: Timestamp, mut left: TimeDelta) -> Timestamp {
        if left.is_zero() {
            return from;
        }
        let mut spans = self.open(from, from + TimeDelta::days(366));
        let last = spans.find_map(|(opens, closes)| {
            let fits = left <= closes - opens;
            let at = opens + left;
            left -= closes - opens;
            fits.then_some(at)
        });
        last.unwrap_or(from)
    }

    /// The yellow light: `days` working days before a deadline in days. Where the term is no longer than that, when
    /// three quarters of the working time from `from` on are over; of one in minutes, three quarters of it.
    #[must_use]
    pub fn warned(&self, due: Due, days: u16, from: Timestamp) -> Due {
        let yellow = match due.term {
            Some(Term::Minutes(minutes)) => {
                due.at - TimeDelta::seconds(i64::from(minutes) * 60 / 4)
            }
            Some(Term::WorkingDays(term)) if term <= days => self.part_of(from, due, (3, 4)),
            Some(Term::WorkingDays(_)) | None => {
                let (date, _) = self.back(self.date_of(due.at), days);
                self.at(date, due.at.with_timezone(&self.zone).time())
            }
        };
        Due {
            yellow_at: Some(yellow.max(from).min(due.at)),
            ..due
        }
    }

    /// A deadline of so many working days reckoned anew from where it began, at its time of day and without pauses.
    #[must_use]
    pub fn again(&self, due: Due, days: u16, from: Timestamp) -> Due {
        let (date, provisional) = self.forward(self.date_of(from), days);
        Due {
            at: self.on(date, due),
            provisional,
            ..due
        }
    }

    /// The `days`-th working day after a date, and whether the reckoning was on a day not published for good.
    fn forward(&self, from: NaiveDate, days: u16) -> (NaiveDate, bool) {
        self.walk(from, days, |date| date + Days::new(1))
    }

    /// The `days`-th working day before a date.
    fn back(&self, from: NaiveDate, days: u16) -> (NaiveDate, bool) {
        self.walk(from, days, |date| date - Days::new(1))
    }

    fn walk(
        &self,
        from: NaiveDate,
        days: u16,
        step: impl Fn(NaiveDate) -> NaiveDate,
    ) -> (NaiveDate, bool) {
        let mut left = days.min(TERM_WORKING_DAYS_MAX);
        let (mut date, mut provisional) = (from, false);
        while left > 0 {
            date = step(date);
            let (day, published) = self.day(date);
            provisional |= !published;
            left -= u16::from(day.is_worked());
        }
        (date, provisional)
    }

    /// How many working days lie after `from` up to and including `to`, at most [`TERM_WORKING_DAYS_MAX`].
    #[must_use]
    pub fn worked_between(&self, from: NaiveDate, to: NaiveDate) -> (u16, bool) {
        let (mut date, mut worked, mut provisional) = (from, 0, false);
        while date < to && worked < TERM_WORKING_DAYS_MAX {
            date = date + Days::new(1);
            let (day, published) = self.day(date);
            provisional |= !published;
            worked += u16::from(day.is_worked());
        }
        (worked, provisional)
    }

    /// How many working days' office hours ended after `from` and not after `to`, at most
    /// [`TERM_WORKING_DAYS_MAX`].
    fn ended_between(&self, from: Timestamp, to: Timestamp) -> (u16, bool) {
        let day_before = |date: NaiveDate| date - Days::new(1);
        let (first, last) = (self.date_of(from), self.date_of(to));
        let after = if self.end_of(first) > from {
            day_before(first)
        } else {
            first
        };
        let until = if self.end_of(last) <= to {
            last
        } else {
            day_before(last)
        };
        self.worked_between(after, until)
    }

    /// When the last office hours of a working day end.
    #[must_use]
    pub fn day_ends(&self) -> NaiveTime {
        self.hours.last().map_or(NaiveTime::MIN, |(_, end)| *end)
    }

    /// When a part of the time from `from` to a deadline is over: of the working time, or of any where it runs on
    /// any day or none is worked. To the whole minute before, but not before `from`.
    fn part_of(&self, from: Timestamp, due: Due, (of, all): (i32, i32)) -> Timestamp {
        let open = || {
            self.open(from, due.at)
                .map(|(opens, closes)| closes - opens)
        };
        let total: TimeDelta = open().sum();
        let at = if due.runs_on_any_day() || total.is_zero() {
            from + (due.at - from) * of / all
        } else {
            let mut left = total * of / all;
            let mut spans = self.open(from, due.at);
            let last = spans.find_map(|(opens, closes)| {
                let fits = left <= closes - opens;
                let at = opens + left;
                left -= closes - opens;
                fits.then_some(at)
            });
            last.unwrap_or(due.at)
        };
        let whole = at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at);
        whole.max(from).min(due.at)
    }

    /// The office hours between two points in time, in order; those of about two years at the most.
    fn open(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let (first, last) = (self.date_of(from), self.date_of(to));
        let dates = first.iter_days().take_while(move |date| *date <= last);
        let dates = dates.take(2 * usize::from(TERM_WORKING_DAYS_MAX));
        let worked = dates.filter(|date| self.day(*date).0.is_worked());
        let spans = worked.flat_map(move |date| {
            let hours = self.hours.iter();
            hours.map(move |(opens, closes)| (self.at(date, *opens), self.closes(date, *closes)))
        });
        let within = move |(opens, closes): (Timestamp, Timestamp)| {
            let (opens, closes) = (opens.max(from), closes.min(to));
            (opens < closes).then_some((opens, closes))
        };
        spans.filter_map(within)
    }

    /// A deadline's time of day on another day, no later than the office hours.
    fn on(&self, date: NaiveDate, due: Due) -> Timestamp {
        let time = due.at.with_timezone(&self.zone).time();
        self.at(date, time.min(self.day_ends()))
    }

    /// When a day's office hours end, in UTC.
    fn end_of(&self, date: NaiveDate) -> Timestamp {
        self.at(date, self.day_ends())
    }

    /// When office hours close: those that go on to the end of the day, at midnight.
    fn closes(&self, date: NaiveDate, time: NaiveTime) -> Timestamp {
        if time == DAY_OVER {
            self.at(date + Days::new(1), NaiveTime::MIN)
        } else {
            self.at(date, time)
        }
    }

    /// A local time of a day, in UTC. One skipped by a change of clocks counts as the first moment after the
    /// gap; one that occurs twice counts as the later.
    #[must_use]
    pub fn at(&self, date: NaiveDate, time: NaiveTime) -> Timestamp {
        let mut local = date.and_time(time);
        loop {
            match self.zone.from_local_datetime(&local) {
                LocalResult::Single(time) => return time.with_timezone(&Utc),
                LocalResult::Ambiguous(_, later) => return later.with_timezone(&Utc),
                // Clocks are set on the minute, and by a day at the most.
                LocalResult::None => {
                    let whole = local.duration_trunc(TimeDelta::minutes(1)).unwrap_or(local);
                    local = whole + TimeDelta::minutes(1);
                }
            }
        }
    }
}
