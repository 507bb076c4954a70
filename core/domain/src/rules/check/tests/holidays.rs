//! Broken lists of holidays, and what is told of them.

use super::super::super::{CALENDAR_CN, default_holidays};
use super::super::{Mistake, check_holidays};
use super::line_of;
use crate::ticket::scenario::holidays_until;
use chrono::{Datelike as _, NaiveDate};
use std::collections::BTreeSet;

/// The shipped list after changes, each of one place.
fn changed(changes: &[(&str, &str)]) -> String {
    let change = |list: String, (from, to): &(&str, &str)| {
        assert!(list.contains(from), "the list has no {from:?}");
        list.replacen(from, to, 1)
    };
    changes.iter().fold(CALENDAR_CN.to_owned(), change)
}

/// Asserts that a list has these mistakes in 2026, in order: where in the text, the key, a part of the message.
#[track_caller]
fn told(list: &str, expected: &[(&str, &str, &str)]) {
    let mistakes = check_holidays(list, 2027);
    let shown: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(mistakes.len(), expected.len(), "{shown:#?}");
    for (mistake, (place, key, message)) in mistakes.iter().zip(expected) {
        assert_eq!(mistake.line, line_of(list, place), "{mistake}");
        assert_eq!(mistake.key, *key, "{mistake}");
        assert!(mistake.to_string().contains(message), "{mistake}");
        assert!(mistake.zh().contains(*key), "{}", mistake.zh());
    }
}

const PUBLISHED: &str = "published = [2019";

#[test]
fn the_shipped_list_has_no_mistake_nor_has_the_next_year() {
    told(CALENDAR_CN, &[]);
    told(&holidays_until(2027, &["2027-01-04"]), &[]);
    // Each real year, as it was published in its time.
    let known = default_holidays();
    for last in 2019..=2026 {
        let listed = |days: &BTreeSet<NaiveDate>| {
            let days = days.iter().filter(|date| date.year() <= last);
            let days: Vec<String> = days.map(|date| format!("\"{date}\"")).collect();
            days.join(", ")
        };
        let years: Vec<String> = (2019..=last).map(|year| year.to_string()).collect();
        let (off, work) = (listed(&known.off), listed(&known.work));
        let list = format!(
            "published = [{}]\noff = [{off}]\nwork = [{work}]",
            years.join(", ")
        );
        assert_eq!(check_holidays(&list, last), [], "{last}");
    }
}

#[test]
fn a_published_year_has_the_days_off_that_the_law_gives() {
    told(
        "published = [2026]\noff = []\nwork = []",
        &[(
            "2026",
            "published[1]",
            "of 2026 these are not off: 2026-01-01, 2026-05-01, 2026-10-01, 2026-10-02, Spring Festival (3 of \
             2026-01-20 to 2026-02-26 at least), Qingming (1 of",
        )],
    );
    // Of a year whose lunar days are known, each; a Saturday is off as it is.
    let published = changed(&[("2026]", "2026, 2027]")]);
    told(
        &published,
        &[(
            PUBLISHED,
            "published[9]",
            "of 2027 these are not off: 2027-01-01, 2027-02-05, 2027-02-08, 2027-04-05, 2027-06-09, 2027-09-15, \
             2027-10-01; expected every day off",
        )],
    );
    // A holiday that is worked in exchange is no day off.
    let list = holidays_until(2027, &[]);
    let list = list
        .replace(
            "\"2027-05-01\", \"2027-05-02\", \"2027-06-09\"",
            "\"2027-06-09\"",
        )
        .replace("work = [", "work = [\"2027-05-01\",");
    told(
        &list,
        &[(PUBLISHED, "published[9]", "are not off: 2027-05-01;")],
    );
}

#[test]
fn years_follow_each_other_and_are_not_to_come() {
    told(
        &changed(&[("[2019,", "[-5, 2007, 2019,"), ("2026]", "2026, 2028]")]),
        &[
            (
                "published = ",
                "published[1]",
                "-5 does not do; expected a whole number from 2008 to 2099",
            ),
            ("published = ", "published[2]", "2007 does not do"),
            (
                "published = ",
                "published[11]",
                "2028 comes after 2026, and what is between is missing",
            ),
            (
                "published = ",
                "published[11]",
                "the notice of 2028 cannot be out yet; expected at most 2027",
            ),
            (
                "published = ",
                "published[11]",
                "these are not off: 2028-01-25",
            ),
        ],
    );
    told(
        "published = []\noff = []\nwork = []",
        &[("published", "published", "the list is empty")],
    );
}

#[test]
fn a_day_is_off_or_worked_and_of_a_published_year() {
    let work = "\"2026-09-20\", \"2026-10-10\"";
    told(
        &changed(&[
            ("off = [", "off = [\n\"2040-01-01\", \"2018-12-25\","),
            (
                work,
                "\"2026-09-20\", \"2026-10-10\", \"2026-10-01\", \"2026-10-14\", \"2026-10-10\"",
            ),
        ]),
        &[
            (
                "2018-12-25",
                "off[2]",
                "2018-12-25, and 2018 is not in published; expected days of published years, or from 26 December",
            ),
            ("2040-01-01", "off[1]", "2040 is not in published"),
            (work, "work[57]", "\"2026-10-10\" is there already"),
            (work, "work[55]", "2026-10-01 is in off already, in line"),
            (
                work,
                "work[56]",
                "2026-10-14 is a Wednesday, and worked as it is; expected a Saturday",
            ),
        ],
    );
}

#[test]
fn what_is_no_list_is_told_by_line_and_key() {
    told(
        "publishd = [2026]\noff = [\"2026-13-01\", 3]\nwork = 7\n",
        &[
            ("publishd", "publishd", "did you mean published?"),
            ("publishd", "published", "missing; expected a list"),
            (
                "2026-13-01",
                "off[1]",
                "\"2026-13-01\" does not do; expected a day of 2008 to 2099",
            ),
            ("2026-13-01", "off[2]", "of the type integer"),
            ("work", "work", "of the type integer; expected a list"),
        ],
    );
}
