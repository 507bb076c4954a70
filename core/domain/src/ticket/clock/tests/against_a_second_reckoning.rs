//! Every minute of a clock, judged by an almanac that knows nothing of the product's calendar.

use super::*;
use crate::calendar::Day;
use crate::ticket::MoveCause;
use chrono_tz::Tz;
use proptest::prelude::*;

type Offices = (Tz, &'static [(&'static str, &'static str)]);

const ZONES: &[Tz] = &[
    chrono_tz::Asia::Shanghai,
    chrono_tz::Europe::Berlin,
    chrono_tz::America::New_York,
    chrono_tz::Asia::Kolkata,
];
// The last is open when clocks are set.
const HOURS: &[&[(&str, &str)]] = &[
    &[("08:30", "12:00"), ("14:00", "17:30")],
    &[("09:00", "17:00")],
    &[("06:00", "10:00"), ("10:00", "14:00"), ("15:30", "23:59")],
    &[("00:00", "12:00"), ("13:00", "23:30")],
];

/// The default pack in another place.
fn rules((zone, hours): Offices) -> Rules {
    let replaced = |pack: &str, from: &str, to: &str| {
        assert!(pack.contains(from), "{from}");
        pack.replace(from, to)
    };
    let hours: Vec<_> = hours
        .iter()
        .map(|(a, b)| format!("[\"{a}\", \"{b}\"]"))
        .collect();
    let pack = replaced(DEFAULT_PACK, "Asia/Shanghai", zone.name());
    let old = "[[\"08:30\", \"12:00\"], [\"14:00\", \"17:30\"]]";
    let pack = replaced(&pack, old, &format!("[{}]", hours.join(", ")));
    Rules::parse(&pack, CALENDAR_CN, 1).unwrap()
}

/// A beginning, and what follows it in minutes: pauses as (after, length), the end.
fn course() -> impl Strategy<Value = (Timestamp, Vec<(i64, i64)>, i64)> {
    let start =
        (0..8 * 365 * 1440_i64).prop_map(|n| at("2019-01-01 00:00") + TimeDelta::minutes(n));
    let pauses = prop::collection::vec((0..6_000_i64, 0..6_000_i64), 0..4);
    // More often than by chance, days on which clocks are set.
    let set = prop::sample::select(vec![
        "2024-03-29 12:00",
        "2025-10-24 12:00",
        "2026-03-06 12:00",
    ]);
    let start = prop_oneof![4 => start, 1 => set.prop_map(at)];
    (start, pauses, 0..20_000_i64)
}

fn lay_out(from: Timestamp, pauses: &[(i64, i64)], length: i64) -> Ticket {
    let mut ticket = signed().fold();
    let mut last = from;
    let numbers = (10..).step_by(2);
    for ((after, length), n) in pauses.iter().zip(numbers) {
        let begins = last + TimeDelta::minutes(*after);
        last = begins + TimeDelta::minutes(*length);
        ticket.pauses.push(pause(begins, last, (n, n + 1)));
    }
    let assignment = &mut ticket.assignments[0];
    assignment.event = event(1);
    assignment.assigned_at = from;
    assignment.ended_at = Some(from + TimeDelta::minutes(length));
    ticket
}

/// What a minute is, and why.
fn judged(
    minute: Timestamp,
    ticket: &Ticket,
    given: Option<(Timestamp, Timestamp)>,
    almanac: &Almanac,
) -> (SpanKind, Option<Cause>) {
    let paused = |pause: &&Pause| pause.from <= minute && pause.to.is_some_and(|to| minute < to);
    if let Some(pause) = ticket.pauses.iter().find(paused) {
        return (SpanKind::Paused, Some(Cause::Event(pause.from_event)));
    }
    let (date, _) = almanac.local(minute);
    let day = almanac.day(date);
    match (almanac.is_open(minute), day) {
        (true, Day::MakeUp) => (SpanKind::MakeUpDay, Some(Cause::Calendar(date))),
        (true, Day::Weekday | Day::Weekend | Day::Holiday) => {
            if given.is_some_and(|(from, to)| from <= minute && minute < to) {
                return (SpanKind::Extended, Some(Cause::Event(event(9))));
            }
            // A pause without length pauses nothing.
            let before =
                |pause: &&Pause| pause.to.is_some_and(|to| to <= minute && pause.from < to);
            let begun = ticket.assignments[0].assigned_at;
            let counts = |pause: &&Pause| before(pause) && pause.to.is_some_and(|to| to > begun);
            let went_on = ticket.pauses.iter().rev().find(counts);
            let event = went_on.and_then(|p| p.to_event).unwrap_or(event(1));
            (SpanKind::Running, Some(Cause::Event(event)))
        }
        (false, Day::Weekday | Day::MakeUp) if almanac.is_between_shifts(minute) => {
            (SpanKind::Break, Some(Cause::OfficeHours))
        }
        (false, Day::Weekday | Day::MakeUp) => (SpanKind::Night, Some(Cause::OfficeHours)),
        // Which day it is called by is the first of them: checked apart.
        (false, Day::Weekend) => (SpanKind::Weekend, None),
        (false, Day::Holiday) => (SpanKind::Holiday, None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_minute_is_told_as_the_almanac_has_it(
        zone in prop::sample::select(ZONES), hours in prop::sample::select(HOURS),
        (from, pauses, length) in course(), extended in prop::option::of((0..15_000_i64, 1..8_000_i64)),
        unpublished in any::<bool>(),
    ) {
        let rules = rules((zone, hours));
        let almanac = Almanac::of(zone, hours, CALENDAR_CN);
        let mut ticket = lay_out(from, &pauses, length);
        let given = extended.map(|(after, by)| {
            let first = from + TimeDelta::minutes(after);
            (first, first + TimeDelta::minutes(by))
        });
        ticket.assignments[0].due = Some(Due::known(from));
        if let Some((first, last)) = given {
            ticket.assignments[0].moves = vec![Move {
                at: from,
                event: event(9),
                cause: MoveCause::Extension,
                from: Some(Due::known(first)),
                to: Due::known(last),
            }];
        }
        // Whether the list was there then or came later, the days are the same.
        let mut then = rules.clone();
        if unpublished {
            then.calendar.holidays = crate::calendar::Holidays {
                published: [].into(), off: [].into(), work: [].into(), lawful: [].into(),
            };
        }
        let clock = clock(&ticket, &ticket.assignments[0], &then, &rules, from);
        let mut spans = clock.spans.iter().copied().peekable();
        let mut counted = 0;
        for minute in minutes(from).take(usize::try_from(length).unwrap()) {
            while spans.next_if(|span| span.to <= minute).is_some() {}
            let span = spans.peek().expect("no gap at the end");
            prop_assert!(span.from <= minute, "no gap before {minute}");
            let (kind, cause) = judged(minute, &ticket, given, &almanac);
            prop_assert_eq!(span.kind, kind, "{}", minute);
            // Days off together are called by the first of them.
            let first = Cause::Calendar(almanac.local(span.from).0);
            prop_assert_eq!(span.cause, cause.unwrap_or(first), "{}", minute);
            counted += i64::from(kind.counts());
        }
        prop_assert_eq!(clock.judged_then.elapsed, TimeDelta::minutes(counted));
        prop_assert_eq!(clock.judged_now.elapsed, TimeDelta::minutes(counted));
        for two in clock.spans.windows(2) {
            prop_assert_eq!(two[0].to, two[1].from);
            prop_assert!((two[0].kind, two[0].cause) != (two[1].kind, two[1].cause));
        }
        let end = from + TimeDelta::minutes(length);
        prop_assert_eq!(clock.spans.last().map_or(end, |span| span.to), end);
    }
}
