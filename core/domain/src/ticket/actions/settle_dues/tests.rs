//! Limits settled: what goes on, what is over, and the supervision that was for nothing.

use super::SettleDues;
use crate::ids::AssignmentNo;
use crate::people::Actor;
use crate::policy::{self, Cause};
use crate::refusal::Reason;
use crate::rules::{CALENDAR_CN, DEFAULT_PACK, Rules};
use crate::ticket::actions::light::LightUp;
use crate::ticket::actions::supervise::Supervise;
use crate::ticket::scenario::*;
use crate::ticket::{MoveCause, SupervisionLevel, Ticket, TicketAction, TicketState};
use crate::time::{Light, Term};
use chrono::TimeDelta;

const DAY: i64 = 24 * 60;

fn settle() -> TicketAction<crate::Sealed> {
    TicketAction::SettleDues(SettleDues)
}

/// The list with 2027, whose New Year is three days long.
fn with_2027() -> Rules {
    with_2027_under(&[])
}

/// The same, under the default pack with replacements.
fn with_2027_under(changes: &[(&str, &str)]) -> Rules {
    let holidays = CALENDAR_CN
        .replace("2026]", "2026, 2027]")
        .replace("off = [", "off = [ \"2027-01-01\", \"2027-01-04\",");
    let pack = DEFAULT_PACK.to_owned();
    let pack = changes
        .iter()
        .fold(pack, |p, (from, to)| p.replace(from, to));
    Rules::parse(&pack, &holidays, 2).unwrap()
}

/// Received and looked at on Thursday, 31 December 2026, at 10:00: five working days end on Friday, 8 January, as far
/// as is known, and by the list of 2027 on Monday, the 11th.
fn at_new_year() -> Given {
    received().later(38 * DAY)
}

fn signed_at_new_year() -> Given {
    at_new_year()
        .and(dispatcher(), assign())
        .and(clerk(), sign())
}

fn waits_to_be_settled(given: &Given) -> bool {
    let timers = policy::timers(&given.clone().fold());
    timers.iter().any(|timer| timer.cause == Cause::Settle)
}

/// A settled limit is the one that the rules in force would have set.
fn is_judged_alike(ticket: &Ticket, index: usize, present: &Rules) {
    let (then, a) = (Rules::default_pack(), &ticket.assignments[index]);
    let clock = crate::ticket::clock(ticket, a, &then, present, now() + TimeDelta::days(90));
    assert_eq!(clock.judged_then.due, clock.judged_now.due);
    assert_eq!(clock.judged_then.light, clock.judged_now.light);
}

fn due_of(ticket: &Ticket, index: usize) -> crate::Due {
    ticket.assignments[index].due.unwrap()
}

#[test]
fn a_provisional_limit_is_settled_once_when_the_calendar_is_there() {
    // Thursday, 31 December 2026.
    let at_new_year = || received().later(38 * 24 * 60).and(dispatcher(), assign());
    let before = at_new_year().fold().assignments[0].due.unwrap();
    assert!(before.provisional);
    at_new_year().when(Actor::system(), settle()).nothing();
    let known = at_new_year().ruled_by(with_2027());
    known
        .clone()
        .when(Actor::system(), settle())
        .then(|ticket| {
            let moved = &ticket.assignments[0].moves[0];
            assert_eq!(moved.cause, MoveCause::Calendar);
            assert!(!moved.to.provisional);
            // A day more and a weekend: New Year's Day was off by law already.
            assert_eq!(moved.to.at - before.at, TimeDelta::days(3));
        });
    known
        .clone()
        .and(Actor::system(), settle())
        .when(Actor::system(), settle())
        .nothing();
    known
        .when(dispatcher(), settle())
        .refused(Reason::RoleNotAllowed, None);
}

/// A notice of 2027 that gives Wednesday and Thursday, 30 and 31 December 2026, off.
#[test]
fn the_last_days_of_the_last_year_published_are_settled_by_the_next_years_list() {
    // Assigned on Wednesday, 23 December 2026: five working days end on the 30th.
    let delegated = received()
        .later(30 * 24 * 60)
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .and(clerk(), delegate());
    let ticket = delegated.clone().fold();
    let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].clone());
    assert!(outer.due.unwrap().provisional && inner.due.unwrap().provisional);
    assert!(!outer.sign_due.unwrap().provisional && !outer.return_by.provisional);
    delegated.clone().when(Actor::system(), settle()).nothing();
    let holidays = CALENDAR_CN
        .replace("2026]", "2026, 2027]")
        .replace("off = [", "off = [ \"2026-12-30\", \"2026-12-31\",");
    let rules = Rules::parse(DEFAULT_PACK, &holidays, 2).unwrap();
    let settled = delegated.ruled_by(rules).when(Actor::system(), settle());
    settled.then(|ticket| {
        let dues = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
        assert!(dues.iter().all(|due| !due.provisional));
        assert!(dues[0].at > outer.due.unwrap().at && dues[1].at < dues[0].at);
    });
}

/// The inner limit alone would be known: Friday, 25 December 2026, before Monday.
#[test]
fn a_units_limit_waits_for_its_departments() {
    let delegated = received()
        .later(28 * 24 * 60)
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .and(clerk(), delegate());
    let ticket = delegated.clone().fold();
    let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
    assert_eq!(inner.at.to_string(), "2026-12-25 09:30:00 UTC");
    assert!(outer.provisional && inner.provisional);
    delegated.clone().when(Actor::system(), settle()).nothing();
    let timers = crate::policy::timers(&ticket);
    let settles = timers
        .iter()
        .find(|timer| timer.cause == crate::policy::Cause::Settle);
    assert_eq!(settles.unwrap().at, outer.at);
    delegated
        .ruled_by(with_2027())
        .when(Actor::system(), settle())
        .then(|ticket| {
            let dues = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
            assert!(dues.iter().all(|due| !due.provisional));
        });
}

#[test]
fn a_call_back_is_settled_and_so_is_a_limit_beside_one_in_hours() {
    let at_new_year = || received().later(38 * 24 * 60);
    let asked = at_new_year()
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .and(clerk(), reply())
        .and(office(), review());
    let before = asked.clone().fold().call_back_due.unwrap();
    assert!(before.provisional);
    asked
        .ruled_by(with_2027())
        .when(Actor::system(), settle())
        .then(|ticket| {
            let due = ticket.call_back_due.unwrap();
            assert!(!due.provisional && due.at > before.at);
            assert!(!due_of(ticket, 0).provisional, "nor is that of the task");
        });
    let in_minutes = &[(
        "complain = { working_days = 5 }",
        "complain = { minutes = 30 }",
    )];
    let hasty = at_new_year().under(in_minutes).and(dispatcher(), assign());
    let first = hasty.clone().fold().assignments[0].clone();
    assert!(!first.due.unwrap().provisional && first.return_by.provisional);
    let timers = crate::policy::timers(&hasty.clone().fold());
    let settles = |timer: &crate::policy::Timer| timer.cause == crate::policy::Cause::Settle;
    assert!(timers.iter().any(settles));
}

/// The list in which Friday, 27 November 2026, is off after all.
fn corrected() -> Rules {
    let holidays = CALENDAR_CN.replace("off = [", "off = [ \"2026-11-27\",");
    let mut rules = Rules::parse(DEFAULT_PACK, &holidays, 2).unwrap();
    rules.corrected = ["2026-11-27".parse().unwrap()].into();
    rules
}

#[test]
fn a_corrected_day_moves_what_was_reckoned_over_it() {
    let settled = delegated()
        .ruled_by(corrected())
        .and(Actor::system(), settle());
    let ticket = settled.clone().fold();
    let dues = [0, 1].map(|index| ticket.assignments[index].due.unwrap().at.to_string());
    // They were Monday, 30 November, and Friday.
    assert_eq!(dues, ["2026-12-01 09:30:00 UTC", "2026-11-30 09:30:00 UTC"]);
    assert_eq!(ticket.assignments[0].moves[0].cause, MoveCause::Calendar);
    settled.when(Actor::system(), settle()).nothing();
    let due = |given: &Given| policy::corrected(&given.clone().fold(), &corrected());
    assert!(due(&delegated()).is_some());
    // Answered, or given out since, or not over that day: there is nothing to settle.
    assert_eq!(due(&replied()), None);
    let since = received().ruled_by(corrected());
    assert_eq!(due(&since.and(dispatcher(), assign())), None);
    let later = received().later(7 * 24 * 60).and(dispatcher(), assign());
    assert_eq!(due(&later), None);
    // What no earlier list had otherwise stands, whatever the list says.
    let mut uncorrected = corrected();
    uncorrected.corrected.clear();
    delegated()
        .ruled_by(uncorrected)
        .when(Actor::system(), settle())
        .nothing();
}

#[test]
fn a_limit_over_a_year_taken_back_is_provisional_again() {
    let settled = received()
        .later(38 * 24 * 60)
        .ruled_by(with_2027())
        .and(dispatcher(), assign());
    let mut taken_back = Rules::default_pack();
    let (before, after) = (
        &with_2027().calendar.holidays,
        &taken_back.calendar.holidays,
    );
    taken_back.corrected = before.corrected_by(after);
    settled
        .ruled_by(taken_back)
        .when(Actor::system(), settle())
        .then(|ticket| {
            let moved = &ticket.assignments[0].moves[0];
            assert!(!moved.from.unwrap().provisional && moved.to.provisional);
        });
}

#[test]
fn a_unit_s_limit_is_not_settled_past_its_departments() {
    let signed = received()
        .later(38 * 24 * 60)
        .and(dispatcher(), assign())
        .and(clerk(), sign());
    let late = signed.later(20 * 24 * 60).and(clerk(), delegate());
    let settled = late.ruled_by(with_2027()).when(Actor::system(), settle());
    settled.then(|ticket| {
        let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
        assert!(!outer.provisional && !inner.provisional);
        assert_eq!(inner.at, outer.at);
    });
}

#[test]
fn a_unit_s_limit_within_a_day_is_settled_before_its_departments() {
    let short = &[(
        "complain = { working_days = 5 }",
        "complain = { working_days = 1 }",
    )];
    let delegated = received()
        .later(38 * 24 * 60)
        .under(short)
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .and(clerk(), delegate());
    let before = delegated.clone().fold().assignments[1].due.unwrap();
    let settled = delegated
        .ruled_by(with_2027())
        .when(Actor::system(), settle());
    settled.then(|ticket| {
        let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
        assert!(!outer.provisional && !inner.provisional);
        assert!(inner.at < outer.at);
        // Whole days later, at the same time of day.
        let by = inner.at - before.at;
        assert_eq!(by, TimeDelta::days(by.num_days()));
    });
}

#[test]
fn what_was_answered_by_a_guess_is_judged_by_the_calendar() {
    // Answered on Monday, 11 January, at 10:00.
    let answered = signed_at_new_year().later(11 * DAY).and(clerk(), reply());
    let before = answered.clone().fold();
    let answered_at = before.assignments[0].ended_at.unwrap();
    assert!(due_of(&before, 0).provisional && !due_of(&before, 0).met_at(answered_at));
    assert!(waits_to_be_settled(&answered));
    answered.clone().when(Actor::system(), settle()).nothing();
    let settled = answered
        .ruled_by(with_2027())
        .and(Actor::system(), settle());
    let ticket = settled.clone().fold();
    let due = due_of(&ticket, 0);
    assert_eq!(due.at.to_string(), "2027-01-11 09:30:00 UTC");
    assert!(!due.provisional && due.met_at(answered_at));
    assert_eq!(ticket.assignments[0].moves[0].cause, MoveCause::Calendar);
    assert!(!ticket.assignments[0].return_by.provisional);
    assert!(!waits_to_be_settled(&settled));
    settled.when(Actor::system(), settle()).nothing();
}

#[test]
fn so_it_is_in_every_state_that_a_task_ends_in() {
    let signed = signed_at_new_year;
    let closed = || {
        let answered = signed().and(clerk(), reply()).and(office(), review());
        answered.and(caller_back(), call_back())
    };
    let terminated = signed()
        .and(clerk(), ask_termination())
        .and(office(), terminate());
    let anew = signed().and(clerk(), reply()).and(office(), redo());
    let recalled = at_new_year()
        .and(dispatcher(), assign())
        .and(dispatcher(), recall());
    let ended = [
        (closed(), TicketState::Closed),
        (closed().and(office(), archive()), TicketState::Archived),
        (signed().and(operator(), withdraw()), TicketState::Withdrawn),
        (terminated, TicketState::Terminated),
    ];
    let goes_on = [
        (signed().and(clerk(), send_back()), TicketState::Returned),
        (signed().and(dispatcher(), merge()), TicketState::Merged),
        (recalled, TicketState::Received),
        (anew, TicketState::InProgress),
    ];
    for (given, state) in ended.into_iter().chain(goes_on) {
        assert_eq!(given.clone().fold().state, state);
        assert!(waits_to_be_settled(&given), "{state:?}");
        let settled = given.ruled_by(with_2027()).and(Actor::system(), settle());
        let ticket = settled.clone().fold();
        assert_eq!(ticket.state, state);
        let first = due_of(&ticket, 0);
        assert_eq!(first.at.to_string(), "2027-01-11 09:30:00 UTC", "{state:?}");
        is_judged_alike(&ticket, 0, &with_2027());
        assert!(!waits_to_be_settled(&settled), "{state:?}");
    }
}

#[test]
fn a_pause_after_its_end_moves_no_limit() {
    let handed_on = signed_at_new_year()
        .and(dispatcher(), reassign())
        .later(4 * DAY)
        .and(office(), suspend())
        .later(2 * DAY)
        .and(office(), resume())
        .ruled_by(with_2027());
    handed_on.when(Actor::system(), settle()).then(|ticket| {
        // The second rested on Monday, which is off, and Tuesday.
        let dues = [0, 1].map(|index| due_of(ticket, index).at.to_string());
        assert_eq!(dues, ["2027-01-11 09:30:00 UTC", "2027-01-12 09:30:00 UTC"]);
        is_judged_alike(ticket, 0, &with_2027());
        is_judged_alike(ticket, 1, &with_2027());
    });
}

/// What is late is supervised as yellow at once, and as red two working days later.
const ESCALATES: &[(&str, &str)] = &[(
    "escalate = []",
    "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 2, level = \"red\" }]",
)];

fn red() -> TicketAction<crate::Sealed> {
    TicketAction::LightUp(LightUp {
        assignment: AssignmentNo(1),
        light: Light::Red,
    })
}

fn by_the_rules() -> TicketAction<crate::Sealed> {
    TicketAction::Supervise(Supervise {
        level: SupervisionLevel::Ordinary,
        text: None,
    })
}

/// Late on Friday, 8 January 2027, at 18:00, as far as is known.
fn late_by_a_guess(before: Given) -> Given {
    before
        .under(ESCALATES)
        .later(8 * DAY + 8 * 60)
        .and(Actor::system(), red())
        .and(Actor::system(), by_the_rules())
}

#[test]
fn dockets_supervision_falls_with_the_limit_that_it_was_for() {
    let supervised = late_by_a_guess(signed_at_new_year());
    let ticket = supervised.clone().fold();
    assert!(ticket.supervision.is_some() && ticket.escalation.is_some());
    let settled = supervised
        .ruled_by(with_2027_under(ESCALATES))
        .and(Actor::system(), settle());
    let ticket = settled.clone().fold();
    assert_eq!((&ticket.supervision, ticket.escalation), (&None, None));
    // Late in truth, it is supervised by the days after the limit as it is.
    let late = settled.later(3 * DAY).and(Actor::system(), red());
    let ticket = late.clone().fold();
    let due = due_of(&ticket, 0).at;
    assert_eq!(ticket.escalation, Some((due, SupervisionLevel::Yellow)));
    let supervised = late.and(Actor::system(), by_the_rules()).fold();
    let red = (due + TimeDelta::days(2), SupervisionLevel::Red);
    assert_eq!(supervised.escalation, Some(red));
}

#[test]
fn so_it_does_of_what_was_answered_meanwhile() {
    late_by_a_guess(signed_at_new_year())
        .later(2 * DAY)
        .and(clerk(), reply())
        .ruled_by(with_2027_under(ESCALATES))
        .when(Actor::system(), settle())
        .then(|ticket| assert_eq!(ticket.supervision, None));
}

#[test]
fn a_supervision_that_has_another_ground_stays() {
    let by = |given: Given| {
        let settled = given
            .ruled_by(with_2027_under(ESCALATES))
            .and(Actor::system(), settle());
        let supervision = settled.fold().supervision;
        supervision.map(|s| (s.by, s.level, s.text.is_some()))
    };
    let docket = crate::ids::AccountId::SYSTEM;
    // Late by the limit as it is, too.
    let late = late_by_a_guess(signed_at_new_year()).later(3 * DAY);
    assert_eq!(by(late), Some((docket, SupervisionLevel::Yellow, false)));
    // A supervisor put it there, before Docket raised it or after.
    let people = Some((supervisor().account, SupervisionLevel::Ordinary, true));
    let before = signed_at_new_year().and(supervisor(), supervise());
    assert_eq!(by(late_by_a_guess(before)), people);
    let after = late_by_a_guess(signed_at_new_year()).and(supervisor(), supervise());
    assert_eq!(by(after), people);
}

/// An extension gives working days to a limit in minutes, too, which then may not be known.
#[test]
fn the_working_days_of_a_limit_in_minutes_are_settled() {
    let short = &[(
        "complain = { working_days = 5 }",
        "complain = { minutes = 90 }",
    )];
    let extended = at_new_year()
        .under(short)
        .and(dispatcher(), assign())
        .and(clerk(), sign())
        .and(clerk(), delegate())
        .and(clerk(), ask_extension())
        .and(dispatcher(), grant_extension());
    let before = extended.clone().fold();
    // Three working days more: Wednesday, 6 January, as far as is known.
    assert_eq!(due_of(&before, 0).at.to_string(), "2027-01-06 09:30:00 UTC");
    assert!(due_of(&before, 0).provisional && due_of(&before, 1).provisional);
    assert!(waits_to_be_settled(&extended));
    extended.clone().when(Actor::system(), settle()).nothing();
    let paused = extended
        .and(office(), suspend())
        .later(60)
        .and(office(), resume());
    let settled = paused
        .ruled_by(with_2027_under(short))
        .and(Actor::system(), settle());
    let ticket = settled.clone().fold();
    let [outer, inner] = [0, 1].map(|index| due_of(&ticket, index));
    assert_eq!(outer.at.to_string(), "2027-01-07 10:30:00 UTC");
    assert!(!outer.provisional && !inner.provisional && inner.at < outer.at);
    assert!(matches!(outer.term, Some(Term::Minutes(_))));
    is_judged_alike(&ticket, 0, &with_2027_under(short));
    assert!(!waits_to_be_settled(&settled));
    settled.when(Actor::system(), settle()).nothing();
}
