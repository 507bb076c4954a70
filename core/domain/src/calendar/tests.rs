//! Due times by example.

use super::*;
use chrono::Datelike as _;

fn calendar() -> Calendar {
    Calendar {
        zone: chrono_tz::Asia::Shanghai,
        hours: vec![hours("08:30", "12:00"), hours("14:00", "17:30")],
        holidays: crate::rules::default_holidays(),
    }
}

fn hours(from: &str, to: &str) -> (NaiveTime, NaiveTime) {
    (from.parse().unwrap(), to.parse().unwrap())
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
        (due.at, due.provisional),
        (local("2026-11-25 17:30"), false)
    );
    assert_eq!(due.term, Some(Term::WorkingDays(1)));
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
    // New Year's Day, a Friday, is off by law; then a weekend.
    let due = calendar().after_working_days(local("2026-12-31 09:00"), 1);
    assert_eq!((due.at, due.provisional), (local("2027-01-04 17:30"), true));
    // Spring festival 2027: off from Friday 5 to Monday 8 February.
    let due = calendar().after_working_days(local("2027-02-04 09:00"), 1);
    assert_eq!((due.at, due.provisional), (local("2027-02-09 17:30"), true));
}

#[test]
fn the_last_days_of_a_year_are_known_with_the_next_years_list() {
    let due = |from: &str, days| calendar().after_working_days(local(from), days);
    // Friday the 25th is known; Monday the 28th is not, nor what is reckoned across the weekend.
    let known = due("2026-12-24 09:00", 1);
    assert_eq!(
        (known.at, known.provisional),
        (local("2026-12-25 17:30"), false)
    );
    let unsure = due("2026-12-25 09:00", 1);
    assert_eq!(
        (unsure.at, unsure.provisional),
        (local("2026-12-28 17:30"), true)
    );
    // Of a year whose next is published, all are known: 30 and 31 December 2018 came with 2019.
    assert!(!due("2025-12-25 09:00", 3).provisional);
    let day = |text: &str| calendar().day(text.parse().unwrap());
    assert_eq!(day("2026-12-25"), (Day::Weekday, true));
    assert_eq!(day("2026-12-26"), (Day::Weekend, false));
    assert_eq!(day("2022-12-31"), (Day::Holiday, true));
    let last = &calendar().holidays.published.last().copied();
    assert_eq!(*last, Some(2026));
    // None of the notices so far touched an earlier day.
    let named = calendar().holidays;
    let mut named = named.off.iter().chain(&named.work);
    assert!(named.all(|date| date.month() < 12 || date.day() >= UNSURE_FROM_DECEMBER));
}

#[test]
fn what_the_law_fixes_holds_until_the_list_is_published() {
    let reckoned = |published: &str| {
        let text = format!(
            "published = [2026{published}]\noff = []\nwork = []\n\
             lawful = [\"2026-12-31\", \"2027-01-01\", \"2027-01-04\"]"
        );
        let holidays = toml::from_str(&text).unwrap();
        let calendar = Calendar {
            holidays,
            ..calendar()
        };
        let due = calendar.after_working_days(local("2026-12-30 09:00"), 2);
        (due.at, due.provisional)
    };
    // Thursday; Friday and Monday off; Tuesday.
    assert_eq!(reckoned(""), (local("2027-01-05 17:30"), true));
    assert_eq!(reckoned(", 2027"), (local("2027-01-01 17:30"), false));
}

#[test]
fn an_inner_deadline_lies_before_the_outer_but_not_in_the_past() {
    let outer = calendar().after_working_days(local("2026-11-23 09:00"), 5);
    assert_eq!(outer.at, local("2026-11-30 17:30"));
    let inner = calendar().before_by(outer, half(1), local("2026-11-24 09:00"));
    assert_eq!(inner.at, local("2026-11-27 17:30"));
    // Half of Monday's office hours are left to the unit: those before noon.
    let late = calendar().before_by(outer, half(1), local("2026-11-29 09:00"));
    assert_eq!(late.at, local("2026-11-30 12:00"));
    assert_eq!(late.term, Some(Term::WorkingDays(1)));
    let over = calendar().before_by(outer, half(1), outer.at);
    assert_eq!(over, outer);
    assert_eq!(
        calendar().before_by(outer, half(0), local("2026-11-24 09:00")),
        outer
    );
}

/// A margin that takes no more than half.
fn half(working_days: u16) -> Margin {
    Margin {
        working_days,
        percent_max: 50,
    }
}

#[test]
fn a_margin_takes_no_more_than_half_of_what_is_left() {
    // Tuesday 11:00 to Wednesday 17:30 are eleven and a half office hours.
    let from = local("2026-11-24 11:00");
    let outer = calendar().after_working_days(from, 1);
    let inner = calendar().before_by(outer, half(1), from);
    assert_eq!(inner.at, local("2026-11-25 09:45"));
    assert_eq!(inner.term, Some(Term::WorkingDays(1)));
    // Moved by the same days, it stays before the other.
    let both = [inner, outer].map(|due| calendar().extended(due, 1).at);
    assert_eq!(both, [local("2026-11-26 09:45"), local("2026-11-26 17:30")]);
    // Of a quarter, eight hours and 37 minutes are the unit's.
    let quarter = Margin {
        percent_max: 25,
        ..half(1)
    };
    let later = calendar().before_by(outer, quarter, from);
    assert_eq!(later.at, local("2026-11-25 14:37"));
    // Of a limit in minutes, half of any time; and a pause moves both alike.
    let outer = Calendar::after_minutes(from, 120);
    let inner = calendar().before_by(outer, half(1), from);
    assert_eq!(inner.at, local("2026-11-24 12:00"));
    assert_eq!(inner.term, Some(Term::Minutes(60)));
    let paused = (local("2026-11-24 11:30"), local("2026-11-26 11:30"));
    let moved = calendar().after_pause(inner, paused.0, paused.1);
    assert_eq!(moved.at, local("2026-11-26 12:00"));
}

/// A line that is served at night: from ten in the evening to six in the morning, which are two spans.
#[test]
fn office_hours_over_midnight_are_two_spans_of_a_day() {
    let night = Calendar {
        hours: vec![
            hours("00:00", "06:00"),
            ("22:00".parse().unwrap(), DAY_OVER),
        ],
        ..calendar()
    };
    // Tuesday to Wednesday, at the last moment of it.
    let from = local("2026-11-24 23:00");
    let due = night.after_working_days(from, 1);
    assert_eq!(night.date_of(due.at), "2026-11-25".parse().unwrap());
    assert_eq!(
        local("2026-11-26 00:00") - due.at,
        TimeDelta::microseconds(1)
    );
    let extended = night.extended(due, 1);
    assert_eq!(extended.at - due.at, TimeDelta::days(1));
    // One hour, six and two are nine hours, of which four and a half are over at 3:30.
    let inner = night.before_by(due, half(0), from);
    assert_eq!(inner, due);
    let inner = night.before_by(due, half(1), from);
    assert_eq!(inner.at, local("2026-11-25 03:29"));
    let last = night.open(from, local("2026-11-26 01:00")).next().unwrap();
    assert_eq!(last, (from, local("2026-11-25 00:00")));
}

#[test]
fn a_term_as_short_as_its_warning_is_yellow_after_three_quarters() {
    let yellow = |from: &str, term, days| {
        let from = local(from);
        let due = calendar().after_working_days(from, term);
        calendar().warned(due, days, from).yellow_at.unwrap()
    };
    // Tuesday 08:30 to Wednesday 17:30 are fourteen office hours, of which three and a half are left.
    assert_eq!(yellow("2026-11-24 08:30", 1, 1), local("2026-11-25 12:00"));
    // On Friday evening: three quarters of Monday.
    assert_eq!(yellow("2026-11-27 20:00", 1, 1), local("2026-11-30 15:45"));
    assert_eq!(yellow("2026-11-27 20:00", 2, 2), local("2026-12-01 12:00"));
    // A longer one by the days, and none by no days.
    assert_eq!(yellow("2026-11-24 08:30", 2, 1), local("2026-11-25 17:30"));
    assert_eq!(yellow("2026-11-24 08:30", 1, 0), local("2026-11-25 17:30"));
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

#[test]
fn a_time_that_clocks_skip_is_the_first_moment_after_the_gap() {
    let berlin = Calendar {
        zone: chrono_tz::Europe::Berlin,
        ..calendar()
    };
    // On Sunday, 29 March 2026, two o'clock is three o'clock, 01:00 UTC.
    let date = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
    for time in ["02:00", "02:05", "02:55:30"] {
        let at = berlin.at(date, time.parse().unwrap());
        assert_eq!(at.to_string(), "2026-03-29 01:00:00 UTC", "{time}");
    }
    // On Sunday, 25 October 2026, half past two comes twice: the later is 01:30 UTC.
    let date = NaiveDate::from_ymd_opt(2026, 10, 25).unwrap();
    let at = berlin.at(date, "02:30".parse().unwrap());
    assert_eq!(at.to_string(), "2026-10-25 01:30:00 UTC");
}

fn pause_moves(due: &str, from: &str, to: &str) -> Timestamp {
    let due = Due {
        term: Some(Term::WorkingDays(5)),
        ..Due::known(local(due))
    };
    let moved = calendar().after_pause(due, local(from), local(to));
    moved.at
}

#[test]
fn a_pause_moves_a_limit_by_the_working_days_that_ended_in_it() {
    // The limit's own day ended while the clock stood still, on Friday, 27 November 2026: it is Monday now.
    let moved = pause_moves("2026-11-27 17:30", "2026-11-27 16:00", "2026-11-28 10:00");
    assert_eq!(moved, local("2026-11-30 17:30"));
    // A night, or a weekend up to Monday's noon: no working day ended.
    for (from, to) in [
        ("2026-11-23 18:00", "2026-11-24 08:00"),
        ("2026-11-20 18:00", "2026-11-23 12:00"),
        ("2026-11-24 09:00", "2026-11-24 17:00"),
    ] {
        let moved = pause_moves("2026-11-27 17:30", from, to);
        assert_eq!(moved, local("2026-11-27 17:30"), "{from} to {to}");
    }
    // Friday afternoon to Tuesday morning: Friday and Monday ended, and the weekend counts for nothing.
    let moved = pause_moves("2026-11-27 17:30", "2026-11-20 16:00", "2026-11-24 09:00");
    assert_eq!(moved, local("2026-12-01 17:30"));
    // What was late stays so.
    let moved = pause_moves("2026-11-20 17:30", "2026-11-23 16:00", "2026-11-25 09:00");
    assert_eq!(moved, local("2026-11-20 17:30"));
}

#[test]
fn a_limit_that_ended_in_a_pause_keeps_what_was_left_of_its_office_hours() {
    let moved = |due, from, to| pause_moves(due, from, to);
    // An hour was left: it goes on at eleven, and at noon after a break.
    let after = moved("2026-11-24 10:00", "2026-11-24 09:00", "2026-11-24 11:00");
    assert_eq!(after, local("2026-11-24 12:00"));
    let after = moved("2026-11-24 10:00", "2026-11-24 09:00", "2026-11-25 11:00");
    assert_eq!(after, local("2026-11-25 12:00"));
    // None was left, and none passed: it ends as the clock goes on, neither before nor late.
    let after = moved("2026-11-30 08:29", "2026-11-28 01:12", "2026-11-30 08:30");
    assert_eq!(after, local("2026-11-30 08:30"));
    // Over the end of a day, and over a weekend.
    let after = moved("2026-11-27 11:00", "2026-11-27 09:00", "2026-11-27 17:00");
    assert_eq!(after, local("2026-11-30 10:00"));
    // The clock stopped at the limit itself, which was still met, and nothing was left: not late when it goes on.
    let after = moved("2026-11-27 17:30", "2026-11-27 17:30", "2026-11-30 09:00");
    assert_eq!(after, local("2026-11-30 09:00"));
    let (at, goes_on) = (local("2026-11-28 03:00"), local("2026-11-28 03:01"));
    let due = Calendar::after_minutes(at - TimeDelta::minutes(90), 90);
    let after = calendar().after_pause(due, at, goes_on);
    assert_eq!(after.at, goes_on);
    // One that is still to come is left alone.
    let after = moved("2026-11-24 11:01", "2026-11-24 09:00", "2026-11-24 11:00");
    assert_eq!(after, local("2026-11-24 11:01"));
}

mod against_a_second_reckoning {
    use super::super::almanac::{Almanac, minutes};
    use super::super::*;
    use crate::rules::CALENDAR_CN;
    use proptest::prelude::*;

    const ZONES: &[Tz] = &[
        chrono_tz::Asia::Shanghai,
        chrono_tz::Europe::Berlin,
        chrono_tz::Asia::Urumqi,
        chrono_tz::America::New_York,
    ];
    const HOURS: &[&[(&str, &str)]] = &[
        &[("08:30", "12:00"), ("14:00", "17:30")],
        &[("09:00", "17:00")],
        &[("07:00", "10:00"), ("11:00", "14:00"), ("15:30", "23:59")],
    ];

    type Offices = (Tz, &'static [(&'static str, &'static str)]);

    fn offices() -> impl Strategy<Value = Offices> {
        (prop::sample::select(ZONES), prop::sample::select(HOURS))
    }

    fn both((zone, hours): Offices) -> (Calendar, Almanac) {
        let calendar = Calendar {
            zone,
            hours: hours.iter().map(|(a, b)| super::hours(a, b)).collect(),
            holidays: crate::rules::default_holidays(),
        };
        (calendar, Almanac::of(zone, hours, CALENDAR_CN))
    }

    /// Any minute of 2019 to 2026.
    fn start() -> impl Strategy<Value = Timestamp> {
        let first = super::local("2019-01-01 00:00");
        (0..8 * 365 * 1440_i64).prop_map(move |minutes| first + TimeDelta::minutes(minutes))
    }

    /// The days after or before a date up to the `n`-th that is worked.
    fn count(almanac: &Almanac, from: NaiveDate, n: u16, step: i64) -> Vec<NaiveDate> {
        let dates = (1..).map(|k| from + TimeDelta::days(k * step));
        let mut left = n;
        let until = |date: &NaiveDate| {
            let goes_on = left > 0;
            left -= u16::from(goes_on && almanac.is_worked(*date));
            goes_on
        };
        dates.take_while(until).collect()
    }

    fn unsure(almanac: &Almanac, dates: &[NaiveDate]) -> bool {
        dates.iter().any(|date| !almanac.is_published(*date))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_limit_ends_when_the_last_day_counted_closes(
            offices in offices(), from in start(), days in 1..20_u16,
        ) {
            let (calendar, almanac) = both(offices);
            let due = calendar.after_working_days(from, days);
            let (today, _) = almanac.local(from);
            let mut closings = almanac.closings(from).filter(|at| almanac.local(*at).0 > today);
            prop_assert_eq!(Some(due.at), closings.nth(usize::from(days) - 1));
            let counted = count(&almanac, today, days, 1);
            prop_assert_eq!(due.provisional, unsure(&almanac, &counted));
        }

        #[test]
        fn an_inner_limit_closes_days_earlier_and_warns_days_before(
            offices in offices(), from in start(), days in 1..15_u16, margin in 1..3_u16,
        ) {
            let (calendar, almanac) = both(offices);
            let outer = calendar.after_working_days(from, days);
            let inner = calendar.before_by(outer, super::half(margin), from);
            let (today, last) = (almanac.local(from).0, almanac.local(outer.at).0);
            let before = *count(&almanac, last, margin, -1).last().unwrap();
            let closing = |date| {
                let midnight = calendar.at(date, NaiveTime::MIN);
                almanac.closings(midnight).next().unwrap()
            };
            // Minute by minute, what is worked until the outer limit.
            let left = minutes(from).take_while(|minute| *minute < outer.at);
            let open: Vec<Timestamp> = left.filter(|minute| almanac.is_open(*minute)).collect();
            let part = |of: usize, all: usize| {
                let (whole, rest) = (open.len() * of / all, open.len() * of % all);
                let minute = if rest == 0 { open[whole - 1] + TimeDelta::minutes(1) } else { open[whole] };
                minute.max(from)
            };
            prop_assert_eq!(inner.at, closing(before).max(part(1, 2)));
            prop_assert!(from < inner.at && inner.at < outer.at);
            let dates = (1..).map(|n| today + TimeDelta::days(n));
            let until = almanac.local(inner.at).0;
            let worked = dates.take_while(|d| *d <= until).filter(|d| almanac.is_worked(*d));
            let term = Term::WorkingDays(u16::try_from(worked.count()).unwrap());
            prop_assert_eq!(inner.term, Some(term));
            let warned = calendar.warned(outer, margin, from);
            let yellow = if days <= margin { part(3, 4) } else { closing(before) };
            prop_assert_eq!(warned.yellow_at, Some(yellow));
            prop_assert!(from < yellow, "never at birth");
        }

        #[test]
        fn an_extension_ends_when_its_last_day_closes(
            offices in offices(), from in start(), days in 1..15_u16, more in 1..10_u16,
        ) {
            let (calendar, almanac) = both(offices);
            let due = calendar.after_working_days(from, days);
            let later = calendar.extended(due, more);
            let closing = almanac.closings(due.at).nth(usize::from(more) - 1);
            prop_assert_eq!(Some(later.at), closing);
            prop_assert_eq!(later.term, Some(Term::WorkingDays(days + more)));
        }

        #[test]
        fn a_pause_gives_back_every_closing_that_it_took(
            offices in offices(), from in start(), days in 1..15_u16,
            after in 0..20_000_i64, length in 1..20_000_i64,
        ) {
            let (calendar, almanac) = both(offices);
            let due = calendar.after_working_days(from, days);
            let begins = from + TimeDelta::minutes(after);
            let ends = begins + TimeDelta::minutes(length);
            let taken = almanac.closings(begins).take_while(|at| *at <= ends).count();
            let moved = calendar.after_pause(due, begins, ends);
            if due.at == begins {
                prop_assert_eq!(moved.at, ends);
            } else if due.at < begins || taken == 0 {
                prop_assert_eq!(moved, due);
            } else {
                prop_assert_eq!(Some(moved.at), almanac.closings(due.at).nth(taken - 1));
                prop_assert_eq!(moved.term, due.term);
            }
        }
    }
}
