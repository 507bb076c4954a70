//! Working days and due times.
//!
//! Weekends, public holidays and make-up working days come from a published list (State Council
//! notices, one a year). A day in a year without a list is judged by its weekday, and every due time
//! whose reckoning touched such a day is marked provisional.
//!
//! How days are counted: the day something starts is not counted, and the limit ends with the last
//! counted day's office hours (民法典 §§ 201, 203; working days only, as the hotline rules say).

use crate::time::{Due, Timestamp};
use chrono::{
    Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;
use serde::Deserialize;
use std::collections::BTreeSet;

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

/// The published list of holidays, as TOML: `published` years, `off` and `work` dates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holidays {
    /// The years whose list is complete.
    pub published: BTreeSet<i32>,
    /// Days off that would otherwise be worked (weekend days may be named too).
    pub off: BTreeSet<NaiveDate>,
    /// Weekend days worked.
    pub work: BTreeSet<NaiveDate>,
}

/// A calendar: zone, office hours, holidays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The zone in which days begin and end.
    pub zone: Tz,
    /// When the last office hours of a working day end.
    pub day_ends: NaiveTime,
    /// The published holidays.
    pub holidays: Holidays,
}

/// The most working days a term may count, so that reckoning is bounded.
pub const TERM_WORKING_DAYS_MAX: u16 = 400;

impl Calendar {
    /// What kind of day it is, and whether its year's list is published.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> (Day, bool) {
        let published = self.holidays.published.contains(&date.year());
        let day = if self.holidays.off.contains(&date) {
            Day::Holiday
        } else if self.holidays.work.contains(&date) {
            Day::MakeUp
        } else if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
            Day::Weekend
        } else {
            Day::Weekday
        };
        (day, published)
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
        let mut left = days.clamp(1, TERM_WORKING_DAYS_MAX);
        let mut date = self.date_of(from);
        let mut provisional = false;
        while left > 0 {
            date = date + Days::new(1);
            let (day, published) = self.day(date);
            provisional |= !published;
            if day.is_worked() {
                left -= 1;
            }
        }
        Due {
            at: self.end_of(date),
            provisional,
        }
    }

    /// The same limit `days` working days earlier, but not before `from` (an inner deadline).
    #[must_use]
    pub fn before_by_working_days(&self, due: Due, days: u16, from: Timestamp) -> Due {
        let mut left = days.min(TERM_WORKING_DAYS_MAX);
        let mut date = self.date_of(due.at);
        let mut provisional = due.provisional;
        while left > 0 {
            date = date - Days::new(1);
            let (day, published) = self.day(date);
            provisional |= !published;
            if day.is_worked() {
                left -= 1;
            }
        }
        let at = self.end_of(date);
        if at > from {
            Due { at, provisional }
        } else {
            due
        }
    }

    /// A limit in minutes of calendar time, which runs on any day.
    #[must_use]
    pub fn after_minutes(from: Timestamp, minutes: u32) -> Due {
        Due {
            at: from + TimeDelta::minutes(i64::from(minutes)),
            provisional: false,
        }
    }

    /// When a day's office hours end, in UTC. A local time skipped by a change of clocks counts as the
    /// first moment after the gap; one that occurs twice counts as the later.
    fn end_of(&self, date: NaiveDate) -> Timestamp {
        let mut local = date.and_time(self.day_ends);
        loop {
            match self.zone.from_local_datetime(&local) {
                LocalResult::Single(time) => return time.with_timezone(&Utc),
                LocalResult::Ambiguous(_, later) => return later.with_timezone(&Utc),
                LocalResult::None => local += TimeDelta::minutes(15),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        Calendar {
            zone: chrono_tz::Asia::Shanghai,
            day_ends: NaiveTime::from_hms_opt(17, 30, 0).unwrap(),
            holidays: crate::rules::default_holidays(),
        }
    }

    fn local(text: &str) -> Timestamp {
        let naive = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        chrono_tz::Asia::Shanghai
            .from_local_datetime(&naive)
            .unwrap()
            .with_timezone(&Utc)
    }

    #[test]
    fn the_day_of_the_start_is_not_counted() {
        // Tuesday to Wednesday.
        let due = calendar().after_working_days(local("2026-11-24 08:00"), 1);
        assert_eq!(
            due,
            Due {
                at: local("2026-11-25 17:30"),
                provisional: false
            }
        );
    }

    #[test]
    fn spring_festival_and_its_make_up_days() {
        // 2019: holidays 4-10 February, worked on Saturday 2 and Sunday 3 February.
        let due = calendar().after_working_days(local("2019-02-01 09:00"), 3);
        assert_eq!(due.at, local("2019-02-11 17:30"));
        let due = calendar().after_working_days(local("2019-02-01 09:00"), 2);
        assert_eq!(due.at, local("2019-02-03 17:30"));
    }

    #[test]
    fn a_year_without_a_list_is_provisional() {
        let due = calendar().after_working_days(local("2026-12-31 09:00"), 1);
        assert_eq!(
            due,
            Due {
                at: local("2027-01-01 17:30"),
                provisional: true
            }
        );
    }

    #[test]
    fn an_inner_deadline_lies_before_the_outer_but_not_in_the_past() {
        let outer = calendar().after_working_days(local("2026-11-23 09:00"), 5);
        assert_eq!(outer.at, local("2026-11-30 17:30"));
        let inner = calendar().before_by_working_days(outer, 1, local("2026-11-24 09:00"));
        assert_eq!(inner.at, local("2026-11-27 17:30"));
        let late = calendar().before_by_working_days(outer, 1, local("2026-11-29 09:00"));
        assert_eq!(late, outer);
    }

    #[test]
    fn every_published_day_counts_as_an_independent_reckoning_says() {
        // Walks 2019-2026 day by day with a second formulation: index of working days.
        let calendar = calendar();
        let start = NaiveDate::from_ymd_opt(2019, 1, 1).unwrap();
        let worked: Vec<NaiveDate> = start
            .iter_days()
            .take_while(|d| d.year() <= 2026)
            .filter(|d| {
                let listed_off = calendar.holidays.off.contains(d);
                let listed_on = calendar.holidays.work.contains(d);
                listed_on || (!listed_off && d.weekday().num_days_from_monday() < 5)
            })
            .collect();
        for date in start.iter_days().take_while(|d| d.year() <= 2025) {
            let from = local(&format!("{date} 23:59"));
            let next = worked.partition_point(|w| *w <= date);
            for n in [1usize, 2, 5, 15] {
                let expected = worked[next + n - 1];
                let due = calendar.after_working_days(from, u16::try_from(n).unwrap());
                assert_eq!(calendar.date_of(due.at), expected, "{n} days after {date}");
                assert!(!due.provisional);
            }
        }
    }
}
