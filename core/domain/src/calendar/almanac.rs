//! A second reckoning of days and office hours, for tests alone: written otherwise than the product's, from the
//! list's text on, and minute by minute.

use super::Day;
use crate::time::Timestamp;
use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::HashMap;

/// What a list of holidays says, read line by line.
pub(crate) struct Almanac {
    zone: Tz,
    hours: Vec<(NaiveTime, NaiveTime)>,
    published: Vec<i32>,
    listed: HashMap<NaiveDate, &'static str>,
}

impl Almanac {
    pub(crate) fn of(zone: Tz, hours: &[(&str, &str)], list: &str) -> Self {
        let time = |text: &str| text.parse().unwrap();
        let (mut section, mut listed, mut published) = ("", HashMap::new(), Vec::new());
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            for name in ["published", "off", "work", "lawful"] {
                if line.starts_with(&format!("{name} = [")) {
                    section = name;
                }
            }
            if section == "published" {
                let years = line.split(|c: char| !c.is_ascii_digit());
                published.extend(
                    years
                        .filter(|y| y.len() == 4)
                        .map(|y| y.parse::<i32>().unwrap()),
                );
            }
            for date in line.split('"').filter_map(|part| part.parse().ok()) {
                // What the notice lists goes before what the law fixes.
                listed.entry(date).or_insert(section);
            }
        }
        Self {
            zone,
            hours: hours.iter().map(|(a, b)| (time(a), time(b))).collect(),
            published,
            listed,
        }
    }

    pub(crate) fn is_published(&self, date: NaiveDate) -> bool {
        let year = date.year();
        let is_listed = |year| self.published.contains(&year);
        // The last six days of a year come with the next year's list.
        let last_days = (date + TimeDelta::days(6)).year() > year;
        is_listed(year) && (!last_days || is_listed(year + 1))
    }

    pub(crate) fn day(&self, date: NaiveDate) -> Day {
        // 1 January 1970 was a Thursday.
        let since = (date - NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days();
        let of_the_week = (since + 3).rem_euclid(7);
        match self.listed.get(&date).copied() {
            Some("off") => Day::Holiday,
            Some("work") if of_the_week >= 5 => Day::MakeUp,
            Some("work") => Day::Weekday,
            Some("lawful") if !self.published.contains(&date.year()) => Day::Holiday,
            _ if of_the_week >= 5 => Day::Weekend,
            _ => Day::Weekday,
        }
    }

    pub(crate) fn is_worked(&self, date: NaiveDate) -> bool {
        matches!(self.day(date), Day::Weekday | Day::MakeUp)
    }

    /// The local date and time of a point in time.
    pub(crate) fn local(&self, time: Timestamp) -> (NaiveDate, NaiveTime) {
        let local = time.with_timezone(&self.zone).naive_local();
        (local.date(), local.time())
    }

    /// Whether offices are open in the minute that begins then.
    pub(crate) fn is_open(&self, minute: Timestamp) -> bool {
        let (date, time) = self.local(minute);
        let within = |(opens, closes): &(NaiveTime, NaiveTime)| *opens <= time && time < *closes;
        self.hours.iter().any(within) && self.is_worked(date)
    }

    /// Whether offices are shut between two shifts of a working day in the minute that begins then: some were open
    /// before on that day, and some are after.
    pub(crate) fn is_between_shifts(&self, minute: Timestamp) -> bool {
        let (date, time) = self.local(minute);
        let before = self.hours.iter().any(|(_, closes)| *closes <= time);
        let after = self.hours.iter().any(|(opens, _)| time < *opens);
        before && after && !self.is_open(minute) && self.is_worked(date)
    }

    /// Whether the last office hours of a working day end then.
    pub(crate) fn closes_at(&self, minute: Timestamp) -> bool {
        let (date, time) = self.local(minute);
        self.hours.last().is_some_and(|(_, closes)| *closes == time) && self.is_worked(date)
    }

    /// The moments after `from` at which working days close, minute by minute.
    pub(crate) fn closings(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> {
        minutes(from)
            .skip(1)
            .filter(|minute| self.closes_at(*minute))
    }
}

/// Every minute from a whole one on.
pub(crate) fn minutes(from: Timestamp) -> impl Iterator<Item = Timestamp> {
    (0..).map(move |n| from + TimeDelta::minutes(n))
}
