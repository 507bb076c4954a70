//! What a list of holidays says of a day, and what a later list says otherwise.

use super::Day;
use chrono::{Datelike, NaiveDate, Weekday};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The published list of holidays, as TOML: `published` years, `off` and `work` dates; and `lawful` dates of
/// years to come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holidays {
    /// The years whose list is complete.
    pub published: BTreeSet<i32>,
    /// Days off that would otherwise be worked (weekend days may be named too).
    pub off: BTreeSet<NaiveDate>,
    /// Weekend days worked.
    pub work: BTreeSet<NaiveDate>,
    /// The holidays that the law fixes by date or by the lunar calendar (全国年节及纪念日放假办法). They hold
    /// for a year only until its list is published: the notice moves and exchanges days.
    #[serde(default)]
    pub lawful: BTreeSet<NaiveDate>,
}

/// The years that a list may be of: from 2008 on there are the holidays that there are now (国务院令第513号).
pub const YEARS: RangeInclusive<i32> = FIRST_YEAR as i32..=LAST_YEAR as i32;
/// The first of them.
pub(crate) const FIRST_YEAR: u16 = 2008;
/// The last of them.
pub(crate) const LAST_YEAR: u16 = 2099;

/// From this day of December on, a year's last days are known only with the next year's list: the notice of New
/// Year's holidays moves days before it, too. It made Saturday 29 December 2018 a working day, and 30 and 31
/// December 2018 and 31 December 2022 days off. Some days more than there ever were, and the weekend before them.
pub const UNSURE_FROM_DECEMBER: u32 = 26;

/// Whether a day is a Saturday or a Sunday.
pub(crate) fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Whether a day is one of the last of its year, which come with the next year's list.
pub(crate) fn is_at_the_end(date: NaiveDate) -> bool {
    date.month() == 12 && date.day() >= UNSURE_FROM_DECEMBER
}

impl Holidays {
    /// What kind of day it is, and whether that is published for good: by its year's list, and from
    /// [`UNSURE_FROM_DECEMBER`] on by the next year's as well.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> (Day, bool) {
        let published = self.published.contains(&date.year());
        let for_good = !is_at_the_end(date) || self.published.contains(&(date.year() + 1));
        let lawful = || !published && self.lawful.contains(&date);
        let day = if self.off.contains(&date) || lawful() {
            Day::Holiday
        } else if !is_weekend(date) {
            Day::Weekday
        } else if self.work.contains(&date) {
            Day::MakeUp
        } else {
            Day::Weekend
        };
        (day, published && for_good)
    }

    /// The days that this list had published for good, and of which a later one says otherwise, or nothing any more.
    #[must_use]
    pub fn corrected_by(&self, later: &Self) -> BTreeSet<NaiveDate> {
        let off = self.off.symmetric_difference(&later.off);
        let named = off.chain(self.work.symmetric_difference(&later.work));
        let taken_back = self.published.difference(&later.published);
        let taken_back = taken_back.filter(|year| YEARS.contains(*year));
        let days = taken_back.flat_map(|year| {
            let first = NaiveDate::from_ymd_opt(year - 1, 12, UNSURE_FROM_DECEMBER);
            let days = first.into_iter().flat_map(|first| first.iter_days());
            days.take_while(move |date| date.year() <= *year)
        });
        let otherwise = |date: &NaiveDate| {
            let before = self.day(*date);
            before.1 && before != later.day(*date)
        };
        named.copied().chain(days).filter(otherwise).collect()
    }
}
