//! Clocks by example, with dates to check by hand, and against a second reckoning, minute by minute.

use super::*;
use crate::calendar::almanac::{Almanac, minutes};
use crate::ids::AssignmentNo;
use crate::rules::{CALENDAR_CN, DEFAULT_PACK};
use crate::ticket::scenario::*;
use crate::ticket::{AssignmentState, Level, PauseCause};
use chrono::{NaiveDateTime, TimeZone, Utc};

mod against_a_second_reckoning;
mod histories;

const DAY: i64 = 24 * 60;

/// A time in Shanghai.
fn at(text: &str) -> Timestamp {
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    let local = chrono_tz::Asia::Shanghai.from_local_datetime(&naive);
    local.unwrap().with_timezone(&Utc)
}

fn event(n: u128) -> EventId {
    id(n)
}

/// A ticket with one assignment, made and ended then.
fn ticket(from: &str, to: &str) -> Ticket {
    let mut ticket = signed().fold();
    let assignment = &mut ticket.assignments[0];
    assignment.event = event(1);
    assignment.assigned_at = at(from);
    let rules = Rules::default_pack();
    let due = rules.calendar.after_working_days(at(from), 5);
    assignment.due = Some(rules.warned(due, at(from)));
    assignment.ended_at = Some(at(to));
    assignment.state = AssignmentState::Replied;
    ticket
}

fn pause(from: Timestamp, to: Timestamp, events: (u128, u128)) -> Pause {
    Pause {
        cause: PauseCause::Suspended,
        from,
        from_event: event(events.0),
        to: Some(to),
        to_event: Some(event(events.1)),
        ground: None,
        expected_at: None,
        resumes_by_itself: false,
        text: None,
    }
}

/// The clock of the first assignment, the rules being the same then and now.
fn clock_of(ticket: &Ticket) -> Clock {
    let rules = Rules::default_pack();
    clock(ticket, &ticket.assignments[0], &rules, &rules, now())
}

fn told(clock: &Clock) -> Vec<(SpanKind, Timestamp, Cause)> {
    let spans = clock.spans.iter();
    spans.map(|span| (span.kind, span.to, span.cause)).collect()
}

fn day(text: &str) -> Cause {
    Cause::Calendar(text.parse().unwrap())
}

const OFFICE: Cause = Cause::OfficeHours;

#[test]
fn a_lunch_break_does_not_count() {
    // Tuesday, 24 November 2026, 11:00 to 14:30: an hour before lunch and half an hour after.
    let clock = clock_of(&ticket("2026-11-24 11:00", "2026-11-24 14:30"));
    let assigned = Cause::Event(event(1));
    assert_eq!(
        told(&clock),
        [
            (SpanKind::Running, at("2026-11-24 12:00"), assigned),
            (SpanKind::Break, at("2026-11-24 14:00"), OFFICE),
            (SpanKind::Running, at("2026-11-24 14:30"), assigned),
        ]
    );
    assert_eq!(clock.judged_then.elapsed, TimeDelta::minutes(90));
    assert_eq!(clock.judged_then.light, Some(Light::Green));
    assert_eq!(clock.judged_now, clock.judged_then);
}

#[test]
fn spring_festival_and_its_make_up_days() {
    // 2019: Saturday 2 and Sunday 3 February are worked, the 4th to the 10th are off.
    let clock = clock_of(&ticket("2019-02-02 16:30", "2019-02-11 09:00"));
    assert_eq!(
        told(&clock),
        [
            (
                SpanKind::MakeUpDay,
                at("2019-02-02 17:30"),
                day("2019-02-02")
            ),
            (SpanKind::Night, at("2019-02-03 08:30"), OFFICE),
            (
                SpanKind::MakeUpDay,
                at("2019-02-03 12:00"),
                day("2019-02-03")
            ),
            (SpanKind::Break, at("2019-02-03 14:00"), OFFICE),
            (
                SpanKind::MakeUpDay,
                at("2019-02-03 17:30"),
                day("2019-02-03")
            ),
            (SpanKind::Night, at("2019-02-04 00:00"), OFFICE),
            (SpanKind::Holiday, at("2019-02-11 00:00"), day("2019-02-04")),
            (SpanKind::Night, at("2019-02-11 08:30"), OFFICE),
            (
                SpanKind::Running,
                at("2019-02-11 09:00"),
                Cause::Event(event(1))
            ),
        ]
    );
    // One hour on Saturday, seven on Sunday, half an hour on Monday.
    assert_eq!(clock.judged_then.elapsed, TimeDelta::minutes(510));
}

#[test]
fn a_suspension_over_a_weekend() {
    // Friday, 27 November 2026, 16:30, to Tuesday, 9:30.
    let mut ticket = ticket("2026-11-27 16:00", "2026-12-01 10:00");
    let (from, to) = (at("2026-11-27 16:30"), at("2026-12-01 09:30"));
    ticket.pauses = vec![pause(from, to, (2, 3))];
    let clock = clock_of(&ticket);
    assert_eq!(
        told(&clock),
        [
            (SpanKind::Running, from, Cause::Event(event(1))),
            (SpanKind::Paused, to, Cause::Event(event(2))),
            (
                SpanKind::Running,
                at("2026-12-01 10:00"),
                Cause::Event(event(3))
            ),
        ]
    );
    assert_eq!(clock.judged_then.elapsed, TimeDelta::minutes(60));
    // Five working days from Friday end on Friday, 4 December; two ended in the pause: Tuesday the 8th.
    let due = clock.judged_now.due.unwrap();
    assert_eq!(due.at, at("2026-12-08 17:30"));
}

#[test]
fn while_it_stands_still_no_light_changes() {
    let suspended = signed().and(office(), suspend()).fold();
    let rules = Rules::default_pack();
    let later = now() + TimeDelta::days(30);
    let clock = clock(&suspended, &suspended.assignments[0], &rules, &rules, later);
    assert_eq!(clock.still_since, Some(now()));
    let reading = clock.judged_then;
    assert_eq!((reading.light, reading.late_by), (Some(Light::Green), None));
    assert_eq!(clock.spans.len(), 1);
    assert_eq!(clock.spans[0].kind, SpanKind::Paused);
    assert_eq!(clock.judged_now, reading);
}

#[test]
fn what_an_extension_gave_is_told_apart() {
    // Monday 23 November, due Monday 30 November 2026 at 17:30, three days more: Thursday. Replied Tuesday.
    let replied = signed()
        .and(clerk(), ask_extension())
        .and(dispatcher(), grant_extension())
        .later(8 * DAY)
        .and(clerk(), reply())
        .fold();
    let clock = clock_of(&replied);
    let extended = |span: &&Span| span.kind == SpanKind::Extended;
    let given: Vec<_> = clock.spans.iter().filter(extended).collect();
    assert_eq!(given.len(), 1);
    let times = (given[0].from, given[0].to);
    assert_eq!(times, (at("2026-12-01 08:30"), at("2026-12-01 10:00")));
    assert_eq!(given[0].cause, Cause::Event(clock.moves[0].event));
    assert_eq!(clock.judged_then.due.unwrap().at, at("2026-12-03 17:30"));
    assert_eq!(clock.judged_then.late_by, None);
    assert_eq!(clock.judged_now, clock.judged_then);
}

#[test]
fn a_later_pause_moves_what_an_extension_gave() {
    // As above, and two working days in which the clock stood still.
    let replied = signed()
        .and(clerk(), ask_extension())
        .and(dispatcher(), grant_extension())
        .and(office(), suspend())
        .later(2 * DAY)
        .and(office(), resume())
        .later(9 * DAY)
        .and(clerk(), reply())
        .fold();
    let clock = clock_of(&replied);
    let extended = clock.spans.iter().find(|s| s.kind == SpanKind::Extended);
    // Not from Tuesday, 1 December, on, but from Thursday.
    assert_eq!(extended.unwrap().from, at("2026-12-03 08:30"));
    assert_eq!(clock.judged_now, clock.judged_then);
}

#[test]
fn a_unit_has_a_clock_of_its_own() {
    // The department has it on Monday 23 November 2026, due on Monday 30; the unit from Wednesday on, due on
    // Friday 27. The unit replies on Saturday, the department on Monday, in time.
    let replied = signed()
        .later(2 * DAY)
        .and(clerk(), delegate())
        .and(unit_clerk(), sign())
        .later(3 * DAY)
        .and(unit_clerk(), reply())
        .later(2 * DAY)
        .and(clerk(), reply())
        .fold();
    let rules = Rules::default_pack();
    let [department, unit] = [0, 1].map(|n| {
        let assignment = &replied.assignments[n];
        clock(
            &replied,
            assignment,
            &rules,
            &rules,
            now() + TimeDelta::days(90),
        )
    });
    assert_eq!(replied.assignments[1].level(), Level::Unit);
    assert_eq!(unit.began_at, at("2026-11-25 10:00"));
    assert_eq!(unit.ended_at, Some(at("2026-11-28 10:00")));
    assert_eq!(unit.judged_then.light, Some(Light::Red));
    // From Friday, 17:30, to Saturday, 10:00.
    assert_eq!(unit.judged_then.late_by, Some(TimeDelta::minutes(990)));
    assert_eq!(department.judged_then.late_by, None);
    // Three afternoons and two and a half mornings of it, and the department's own time around them.
    assert_eq!(unit.judged_then.elapsed, TimeDelta::minutes(330 + 2 * 420));
    assert_eq!(
        department.judged_then.elapsed,
        TimeDelta::minutes(330 + 4 * 420 + 90)
    );
    for clock in [department, unit] {
        assert_eq!(clock.judged_now, clock.judged_then);
    }
}

#[test]
fn the_same_matter_under_the_rules_of_today() {
    // Since then: two working days to handle, and offices open from nine to five.
    let pack = DEFAULT_PACK
        .replace(
            "complain = { working_days = 5 }",
            "complain = { working_days = 2 }",
        )
        .replace(
            "[[\"08:30\", \"12:00\"], [\"14:00\", \"17:30\"]]",
            "[[\"09:00\", \"17:00\"]]",
        );
    let (then, present) = (
        Rules::default_pack(),
        Rules::parse(&pack, CALENDAR_CN, 2).unwrap(),
    );
    let replied = signed().later(3 * DAY).and(clerk(), reply()).fold();
    let clock = clock(&replied, &replied.assignments[0], &then, &present, now());
    assert_eq!(clock.judged_then.light, Some(Light::Green));
    let reading = clock.judged_now;
    // Monday 23 November; Wednesday at 17:00; replied on Thursday at 10:00.
    assert_eq!(reading.due.unwrap().at, at("2026-11-25 17:00"));
    assert_eq!(reading.light, Some(Light::Red));
    assert_eq!(reading.late_by, Some(TimeDelta::hours(17)));
    assert_eq!(reading.elapsed, TimeDelta::hours(7 + 8 + 8 + 1));
    assert_eq!(
        clock.judged_then.elapsed,
        TimeDelta::minutes(330 + 840 + 90)
    );
}

#[test]
fn at_the_very_moment_of_resuming_the_limit_of_today_is_moved_already() {
    // Late when it was suspended, it keeps its limit; today's longer one is moved.
    let pack = DEFAULT_PACK.replace(
        "complain = { working_days = 5 }",
        "complain = { working_days = 20 }",
    );
    let (then, present) = (
        Rules::default_pack(),
        Rules::parse(&pack, CALENDAR_CN, 2).unwrap(),
    );
    let suspended = signed().later(10 * DAY).and(office(), suspend());
    let resumed = suspended.later(3 * DAY).and(office(), resume()).fold();
    let due = |at| {
        let read = clock(&resumed, &resumed.assignments[0], &then, &present, at);
        read.judged_now.due.unwrap()
    };
    let at = now() + TimeDelta::days(13);
    assert!(due(at).at > due(at - TimeDelta::microseconds(1)).at);
    assert_eq!(due(at), due(at + TimeDelta::microseconds(1)));
}

#[test]
fn a_limit_in_minutes_runs_on_any_day() {
    let pack = DEFAULT_PACK.replace(
        "complain = { working_days = 5 }",
        "complain = { minutes = 120 }",
    );
    let rules = Rules::parse(&pack, CALENDAR_CN, 2).unwrap();
    // From Saturday, 28 November 2026, 10:00.
    let ticket = received()
        .ruled_by(rules.clone())
        .later(5 * DAY)
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .later(30)
        .and(office(), suspend())
        .later(60)
        .and(office(), resume())
        .fold();
    let at_the_end = at("2026-11-28 13:01");
    let clock = clock(&ticket, &ticket.assignments[0], &rules, &rules, at_the_end);
    let kinds: Vec<_> = clock.spans.iter().map(|s| s.kind).collect();
    assert_eq!(
        kinds,
        [SpanKind::Running, SpanKind::Paused, SpanKind::Running]
    );
    assert_eq!(clock.judged_then.elapsed, TimeDelta::minutes(121));
    assert_eq!(clock.judged_then.late_by, Some(TimeDelta::minutes(1)));
    assert_eq!(clock.judged_now, clock.judged_then);
}

#[test]
fn what_was_carried_over_counts_working_time_and_keeps_its_limit() {
    let ticket = given([(crate::Actor::system(), import())]).fold();
    let rules = Rules::default_pack();
    let held = ticket.assignment(AssignmentNo(1)).unwrap();
    let clock = clock(&ticket, held, &rules, &rules, now() + TimeDelta::days(1));
    assert_eq!(clock.judged_then.elapsed, TimeDelta::hours(7));
    assert_eq!(clock.judged_now, clock.judged_then);
    assert_eq!(clock.judged_then.due, held.due);
}

/// 2027 is not published at first, and published when the ticket is looked at.
#[test]
fn days_that_were_not_published_then_are_told_as_they_are_known_now() {
    use SpanKind::{Break, Holiday, MakeUpDay, Night, Running, Weekend};
    let list = |off: &str| {
        format!("published = [2026{off}\nwork = [\"2027-01-03\"]\nlawful = [\"2027-01-01\"]")
    };
    let rules = |list: &str, version| Rules::parse(DEFAULT_PACK, list, version).unwrap();
    let then = rules(
        "published = [2026]\noff = []\nwork = []\nlawful = [\"2027-01-01\"]",
        1,
    );
    let present = rules(&list(", 2027]\noff = [\"2027-01-01\", \"2027-01-04\"]"), 2);
    let mut ticket = ticket("2026-12-31 17:00", "2027-01-04 10:00");
    ticket.assignments[0].due = Some(then.calendar.after_working_days(at("2026-12-31 17:00"), 2));
    let kinds = |present| {
        let clock = clock(&ticket, &ticket.assignments[0], &then, present, now());
        clock.spans.iter().map(|s| s.kind).collect::<Vec<_>>()
    };
    let before = [Running, Night, Holiday, Weekend, Night, Running];
    assert_eq!(kinds(&then), before);
    let known = [
        Running, Night, Holiday, Weekend, Night, MakeUpDay, Break, MakeUpDay, Night, Holiday,
    ];
    assert_eq!(kinds(&present), known);
    // Friday off, then Monday and Tuesday; as known since, Sunday and Tuesday.
    let clock = clock(&ticket, &ticket.assignments[0], &then, &present, now());
    let dues = (
        clock.judged_then.due.unwrap(),
        clock.judged_now.due.unwrap(),
    );
    assert_eq!(
        (dues.0.at, dues.0.provisional),
        (at("2027-01-05 17:30"), true)
    );
    assert!(!dues.1.provisional);
}

#[test]
fn a_list_of_spans_ends_somewhere_and_the_time_goes_on() {
    // Two years: all of 2024 and 2025, seven hours a working day.
    let clock = clock_of(&ticket("2024-01-01 00:00", "2026-01-01 00:00"));
    assert!(clock.cut);
    // The latest are told, up to the end, and without a gap.
    assert_eq!(clock.spans.len(), SPANS_MAX);
    assert_eq!(clock.spans.last().unwrap().to, at("2026-01-01 00:00"));
    assert!(clock.spans[0].from > at("2025-01-01 00:00"));
    assert!(clock.spans.windows(2).all(|two| two[0].to == two[1].from));
    let calendar = Rules::default_pack().calendar;
    let date = |text: &str| text.parse().unwrap();
    let (worked, _) = calendar.worked_between(date("2023-12-31"), date("2024-12-31"));
    let (again, _) = calendar.worked_between(date("2024-12-31"), date("2025-12-31"));
    let hours = TimeDelta::hours(7 * i64::from(worked + again));
    assert_eq!(clock.judged_then.elapsed, hours);
}
