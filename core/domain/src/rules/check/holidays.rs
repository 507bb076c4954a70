//! What must hold of a list of holidays as a whole. Years follow each other and have the days off that the law gives
//! everybody; a day is off or worked, not both; and days are of the years that are published.
//!
//! Days off are those of the Chinese law alone (全国年节及纪念日放假办法). Those that it fixes by date are known of
//! every year; those of the lunar calendar by the `lawful` days, of the list or of the one that comes with Docket, and
//! otherwise by the time of the year.

use super::super::default_holidays;
use super::shape::whole;
use super::{Lines, Mistake, Said};
use crate::calendar::{UNSURE_FROM_DECEMBER, YEARS, is_at_the_end, is_weekend};
use chrono::{Datelike as _, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};

/// Days that have been off by law since 2008, by month and day: New Year, Labour Day, National Day.
const BY_DATE: [(u32, u32); 5] = [(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)];

/// A holiday of the lunar calendar.
struct Season {
    zh: &'static str,
    en: &'static str,
    /// The first day it can be, and the last, or the last of the days given in its place, by month and day.
    between: [(u32, u32); 2],
    /// The fewest days that a list names for it.
    days: usize,
}

/// 中秋节 may fall into the days of 国庆节, and cannot be told from them.
const BY_SEASON: [Season; 3] = [
    Season {
        zh: "春节",
        en: "Spring Festival",
        between: [(1, 20), (2, 26)],
        days: 3,
    },
    Season {
        zh: "清明节",
        en: "Qingming",
        between: [(4, 3), (4, 8)],
        days: 1,
    },
    Season {
        zh: "端午节",
        en: "Dragon Boat Festival",
        between: [(5, 26), (6, 29)],
        days: 1,
    },
];

/// Every mistake of sense.
pub(super) fn hold(list: &DeTable<'_>, lines: &Lines, latest: i32) -> Vec<Mistake> {
    let mut listed = Listed {
        published: entries(list, "published", |year| {
            let year = i32::try_from(whole(year)?).ok()?;
            YEARS.contains(&year).then_some(year)
        }),
        off: entries(list, "off", date),
        work: entries(list, "work", date),
        lawful: default_holidays().lawful,
        lines,
        mistakes: Vec::new(),
    };
    let own = entries(list, "lawful", date);
    listed.lawful.extend(own.into_keys());
    listed.years(latest);
    listed.days();
    listed.mistakes
}

/// Where an entry stands: its number in its list, and its first byte.
type Place = (usize, usize);

/// The entries of a list that are what they must be, each where it stands first.
fn entries<T: Ord>(
    list: &DeTable<'_>,
    key: &str,
    read: impl Fn(&DeValue<'_>) -> Option<T>,
) -> BTreeMap<T, Place> {
    let written = list.get(key).and_then(|value| value.get_ref().as_array());
    let mut found = BTreeMap::new();
    for (n, entry) in written.into_iter().flat_map(|list| list.iter().enumerate()) {
        if let Some(read) = read(entry.get_ref()) {
            found.entry(read).or_insert((n + 1, entry.span().start));
        }
    }
    found
}

fn date(value: &DeValue<'_>) -> Option<NaiveDate> {
    let date: NaiveDate = value.as_str()?.parse().ok()?;
    YEARS.contains(&date.year()).then_some(date)
}

struct Listed<'t> {
    published: BTreeMap<i32, Place>,
    off: BTreeMap<NaiveDate, Place>,
    work: BTreeMap<NaiveDate, Place>,
    /// Days off by law of years to come, as far as they are known.
    lawful: BTreeSet<NaiveDate>,
    lines: &'t Lines,
    mistakes: Vec<Mistake>,
}

impl Listed<'_> {
    fn note(&mut self, list: &str, (n, at): Place, problem: Said, expected: Said) {
        self.mistakes.push(Mistake {
            line: self.lines.at(at),
            key: format!("{list}[{n}]"),
            problem,
            expected,
        });
    }

    fn years(&mut self, latest: i32) {
        let years: Vec<(i32, Place)> = self.published.iter().map(|(y, at)| (*y, *at)).collect();
        for pair in years.windows(2) {
            let [(before, _), (year, at)] = [pair[0], pair[1]];
            if year != before + 1 {
                let problem = Said::new(
                    format!("{before} 之后是 {year}，中间有缺"),
                    format!("{year} comes after {before}, and what is between is missing"),
                );
                let expected = Said::new("连续的年份", "years without a gap");
                self.note("published", at, problem, expected);
            }
        }
        for (year, at) in years {
            if year > latest {
                let problem = Said::new(
                    format!("{year} 年的放假安排不可能已公布"),
                    format!("the notice of {year} cannot be out yet"),
                );
                let expected = Said::new(
                    format!("不晚于 {latest}：通知于上一年年末发布"),
                    format!("at most {latest}: a notice comes late in the year before"),
                );
                self.note("published", at, problem, expected);
            }
            let worked = self.worked_by_mistake(year);
            if !worked.is_empty() {
                let zh: Vec<&str> = worked.iter().map(|day| day.zh.as_str()).collect();
                let en: Vec<&str> = worked.iter().map(|day| day.en.as_str()).collect();
                let (zh, en) = (zh.join("、"), en.join(", "));
                let problem = Said::new(
                    format!("{year} 年缺法定假日：{zh}"),
                    format!("of {year} these are not off: {en}"),
                );
                let expected = Said::new(
                    "已公布年份的全部放假日，列入 off",
                    "every day off of a published year, in off",
                );
                self.note("published", at, problem, expected);
            }
        }
    }

    /// The days off by law of a year that the list does not have.
    fn worked_by_mistake(&self, year: i32) -> Vec<Said> {
        let fixed = BY_DATE.iter();
        let fixed = fixed.filter_map(|(month, day)| NaiveDate::from_ymd_opt(year, *month, *day));
        let known = self.lawful.iter().copied();
        let known: Vec<NaiveDate> = known.filter(|date| date.year() == year).collect();
        let seasons = if known.is_empty() {
            &BY_SEASON[..]
        } else {
            &[]
        };
        let by_date = fixed.chain(known).collect::<BTreeSet<_>>();
        let by_date = by_date.into_iter().filter(|date| !self.is_off(*date));
        let missing = by_date.map(|date| Said::new(date.to_string(), date.to_string()));
        let by_season = seasons.iter().filter_map(|season| {
            let [first, last] = season.between.map(|(month, day)| {
                NaiveDate::from_ymd_opt(year, month, day).unwrap_or(NaiveDate::MIN)
            });
            let named = self.off.range(first..=last).count();
            (named < season.days).then(|| {
                Said::new(
                    format!("{}（{first} 至 {last} 至少 {} 天）", season.zh, season.days),
                    format!(
                        "{} ({} of {first} to {last} at least)",
                        season.en, season.days
                    ),
                )
            })
        });
        missing.chain(by_season).collect()
    }

    /// A notice may say on which day offices are open again, as it said of Monday, 3 February 2020.
    fn is_first_after_days_off(&self, date: NaiveDate) -> bool {
        let before = date.pred_opt();
        before.is_some_and(|before| self.off.contains_key(&before))
    }

    fn is_off(&self, date: NaiveDate) -> bool {
        self.off.contains_key(&date) || is_weekend(date) && !self.work.contains_key(&date)
    }

    fn days(&mut self) {
        let named = |list: &BTreeMap<NaiveDate, Place>| -> Vec<(NaiveDate, Place)> {
            list.iter().map(|(date, at)| (*date, *at)).collect()
        };
        let (off, work) = (named(&self.off), named(&self.work));
        for (date, at) in &work {
            if let Some((_, first)) = self.off.get(date) {
                let line = self.lines.at(*first);
                let problem = Said::new(
                    format!("{date} 已列入 off（第{line}行）"),
                    format!("{date} is in off already, in line {line}"),
                );
                let expected = Said::new("每天只列入一处", "each day in one of the two");
                self.note("work", *at, problem, expected);
            } else if !is_weekend(*date) && !self.is_first_after_days_off(*date) {
                let (zh, en) = weekday(*date);
                let problem = Said::new(
                    format!("{date} 是{zh}，本来就上班"),
                    format!("{date} is a {en}, and worked as it is"),
                );
                let expected = Said::new("调休上班的周六或周日", "a Saturday or Sunday");
                self.note("work", *at, problem, expected);
            }
        }
        for (list, days) in [("off", off), ("work", work)] {
            for (date, at) in days {
                let year = date.year();
                let with_the_next = is_at_the_end(date) && self.published.contains_key(&(year + 1));
                if self.published.contains_key(&year) || with_the_next {
                    continue;
                }
                let problem = Said::new(
                    format!("{date}，但 {year} 年未列入 published"),
                    format!("{date}, and {year} is not in published"),
                );
                let expected = Said::new(
                    format!("已公布年份的日期，或其前一年 12 月 {UNSURE_FROM_DECEMBER} 日起的日期"),
                    format!(
                        "days of published years, or from {UNSURE_FROM_DECEMBER} December of the year before on"
                    ),
                );
                self.note(list, at, problem, expected);
            }
        }
    }
}

/// What a day of the week is called, in both languages.
fn weekday(date: NaiveDate) -> (&'static str, &'static str) {
    const NAMES: [(&str, &str); 7] = [
        ("周一", "Monday"),
        ("周二", "Tuesday"),
        ("周三", "Wednesday"),
        ("周四", "Thursday"),
        ("周五", "Friday"),
        ("周六", "Saturday"),
        ("周日", "Sunday"),
    ];
    NAMES[date.weekday().num_days_from_monday() as usize]
}
