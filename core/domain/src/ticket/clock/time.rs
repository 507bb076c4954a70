//! The time that counts, and the time that does not: a walk over the days of a calendar.

use crate::calendar::{Calendar, DAY_OVER, Day};
use crate::time::{Due, Timestamp};
use chrono::{Days as Step, NaiveDate, NaiveTime, TimeDelta};
use std::collections::BTreeSet;

/// The days by which a limit runs.
#[derive(Clone, Copy)]
pub(super) struct Days<'r> {
    /// Its zone, office hours and days.
    calendar: &'r Calendar,
    /// The days of years that the other does not have.
    known_since: &'r Calendar,
    /// The days that the other had otherwise, where they count as they are known since.
    corrected: Option<&'r BTreeSet<NaiveDate>>,
    /// Whether it runs on any day and at any hour.
    any: bool,
}

/// How a stretch of time lies to the office hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Office {
    /// Within them; of a limit that runs on any day, any.
    Open,
    /// Between two shifts of a working day.
    Break,
    /// Before or after them, or on a day off.
    Shut,
}

/// A stretch of time within one day; of a limit that runs on any day, any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) date: NaiveDate,
    pub(super) day: Day,
    pub(super) office: Office,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Stretch {
    /// How much of it counts.
    pub(super) fn counted(&self) -> TimeDelta {
        if self.office == Office::Open {
            self.to - self.from
        } else {
            TimeDelta::zero()
        }
    }
}

/// The same days of the very same calendar.
impl PartialEq for Days<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.calendar, other.calendar)
            && std::ptr::eq(self.known_since, other.known_since)
            && self.corrected.is_some() == other.corrected.is_some()
            && self.any == other.any
    }
}

impl<'r> Days<'r> {
    pub(super) fn of(calendar: &'r Calendar, known_since: &'r Calendar, due: Option<Due>) -> Self {
        Self {
            calendar,
            known_since,
            corrected: None,
            any: due.is_some_and(|due| due.runs_on_any_day()),
        }
    }

    /// The same with days that were corrected since, if there are any.
    pub(super) fn with(self, corrected: &'r BTreeSet<NaiveDate>) -> Self {
        let corrected = Some(corrected).filter(|days| !days.is_empty());
        Self { corrected, ..self }
    }

    fn day(&self, date: NaiveDate) -> Day {
        let (day, published) = self.calendar.day(date);
        let stands = published && self.corrected.is_none_or(|days| !days.contains(&date));
        if stands || std::ptr::eq(self.calendar, self.known_since) {
            day
        } else {
            self.known_since.day(date).0
        }
    }

    /// Tells `each` stretch of the time between two points, in order and without a gap.
    pub(super) fn each(&self, from: Timestamp, to: Timestamp, each: &mut dyn FnMut(Stretch)) {
        if from >= to {
            return;
        }
        let mut date = self.calendar.date_of(from);
        if self.any {
            return each(Stretch {
                date,
                day: Day::Weekday,
                office: Office::Open,
                from,
                to,
            });
        }
        let mut begins = self.midnight(date);
        let mut at = from;
        while at < to {
            let next = date + Step::new(1);
            let (day, ends) = (self.day(date), self.midnight(next));
            let mut tell = |office, until: Timestamp| {
                let until = until.min(to);
                if at < until {
                    each(Stretch {
                        date,
                        day,
                        office,
                        from: at,
                        to: until,
                    });
                    at = until;
                }
            };
            if day.is_worked() {
                self.hours(date, (begins, ends), &mut tell);
            } else {
                tell(Office::Shut, ends);
            }
            (date, begins) = (next, ends);
        }
    }

    /// Tells the office hours of a working day and what lies around them.
    fn hours(
        &self,
        date: NaiveDate,
        (begins, ends): (Timestamp, Timestamp),
        tell: &mut dyn FnMut(Office, Timestamp),
    ) {
        // On a day without a change of clocks there is nothing to look up.
        let plain = ends - begins == TimeDelta::days(1);
        let at = |time: NaiveTime| {
            if plain {
                begins + (time - NaiveTime::MIN)
            } else {
                self.calendar.at(date, time)
            }
        };
        let mut before = Office::Shut;
        for (opens, closes) in &self.calendar.hours {
            tell(before, at(*opens));
            let over = *closes == DAY_OVER;
            tell(Office::Open, if over { ends } else { at(*closes) });
            before = Office::Break;
        }
        tell(Office::Shut, ends);
    }

    fn midnight(&self, date: NaiveDate) -> Timestamp {
        self.calendar.at(date, NaiveTime::MIN)
    }
}
