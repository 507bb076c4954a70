//! Limits judged by rules as they were, and by a candidate.

use super::*;
use crate::people::Actor;
use crate::rules::{CALENDAR_CN, DEFAULT_PACK};
use crate::ticket::TicketAction;
use crate::ticket::actions::rate::Rate;
use crate::ticket::scenario::*;
use chrono::TimeDelta;

const MINUTES_A_DAY: i64 = 24 * 60;

/// The default pack after changes.
fn changed(changes: &[(&str, &str)]) -> Rules {
    let change = |pack: String, (from, to): &(&str, &str)| {
        assert!(pack.contains(from), "the default pack has no {from:?}");
        pack.replacen(from, to, 1)
    };
    let pack = changes.iter().fold(DEFAULT_PACK.to_owned(), change);
    Rules::parse(&pack, CALENDAR_CN, 2).unwrap()
}

/// The default pack with a limit for the first contact.
fn with_contact() -> Rules {
    changed(&[(
        "[call_back]",
        "[contact]\nwithin = { working_days = 1 }\n\n[call_back]",
    )])
}

/// Every case of a limit.
fn all(limit: Limit, ticket: &Ticket, candidate: &Rules, days: i64) -> Vec<Case> {
    let (then, at) = (Rules::default_pack(), now() + TimeDelta::days(days));
    let mut cases = cases(ticket, |_, _| &then, candidate, at);
    cases.retain(|case| case.limit == limit);
    cases
}

/// The one case of a limit.
fn one(limit: Limit, ticket: &Ticket, candidate: &Rules, days: i64) -> Case {
    let cases = all(limit, ticket, candidate, days);
    let [case] = cases[..] else {
        panic!("{cases:?}")
    };
    case
}

#[test]
fn a_task_is_judged_by_the_rules_it_was_given_out_under() {
    let seventh = || Rules::parse(DEFAULT_PACK, CALENDAR_CN, 7).unwrap();
    let ticket = received()
        .ruled_by(seventh())
        .and(dispatcher(), assign())
        .fold();
    let (same, asked) = (seventh(), std::cell::Cell::new((0, now())));
    let then = |version, at| {
        asked.set((version, at));
        &same
    };
    assert!(!cases(&ticket, then, &same, now()).is_empty());
    assert_eq!(asked.get(), (7, ticket.assignments[0].assigned_at));
}

#[test]
fn a_shorter_term_makes_what_was_in_time_late() {
    // Signed on Monday, replied on Thursday.
    let ticket = signed()
        .later(3 * MINUTES_A_DAY)
        .and(clerk(), reply())
        .fold();
    let strict = changed(&[(
        "complain = { working_days = 5 }",
        "complain = { working_days = 1 }",
    )]);
    let case = one(Limit::Handle, &ticket, &strict, 9);
    assert!(case.differs() && !case.then.is_overdue() && case.candidate.is_overdue());
    assert!(case.done && case.counts(case.then) && case.counts(case.candidate));
    let signing = one(Limit::Sign, &ticket, &strict, 9);
    assert!(signing.done && !signing.differs());
}

#[test]
fn each_limit_is_judged_on_its_own() {
    // Signed after two hours on Monday.
    let ticket = assigned().later(120).and(clerk(), sign()).fold();
    let hasty = changed(&[("normal = { working_days = 1 }", "normal = { minutes = 60 }")]);
    let case = one(Limit::Sign, &ticket, &hasty, 9);
    assert!(case.done && !case.then.is_overdue() && case.candidate.is_overdue());

    // First contact: no limit in the default pack, and nobody was reached.
    let case = one(Limit::Contact, &ticket, &with_contact(), 9);
    assert!(case.then.due.is_none() && case.candidate.is_overdue());
    assert!(!case.counts(case.then) && case.counts(case.candidate) && case.differs());
    let reached = signed().and(clerk(), contact()).fold();
    let case = one(Limit::Contact, &reached, &with_contact(), 9);
    assert!(case.done && !case.candidate.is_overdue());

    // Given back on Tuesday.
    let back = assigned().later(MINUTES_A_DAY).and(clerk(), send_back());
    let window = changed(&[("window = { working_days = 2 }", "window = { minutes = 60 }")]);
    let case = one(Limit::Return, &back.fold(), &window, 9);
    assert!(!case.then.is_overdue() && case.candidate.is_overdue());

    // Reviewed on Monday, called back on Thursday.
    let called = reviewed().later(3 * MINUTES_A_DAY);
    let called = called.and(caller_back(), call_back()).fold();
    let slow = changed(&[(
        "within = { working_days = 1 }",
        "within = { working_days = 5 }",
    )]);
    let case = one(Limit::CallBack, &called, &slow, 9);
    assert!(case.then.is_overdue() && !case.candidate.is_overdue());
    assert!((case.department, case.assignment) == (None, None) && case.done);
    let never = changed(&[("when = \"wanted\"", "when = \"never\"")]);
    let case = one(Limit::CallBack, &called, &never, 9);
    assert!(case.candidate.due.is_none() && case.differs());
}

/// Each round has a call-back of its own, also when it was done anew since.
#[test]
fn call_backs_of_earlier_rounds_are_judged() {
    let called = reviewed().later(3 * MINUTES_A_DAY);
    let called = called.and(caller_back(), call_back()).and(office(), redo());
    // Answered and reviewed again, and called back at once.
    let again = called.and(clerk(), reply()).and(office(), review());
    let ticket = again.and(caller_back(), call_back()).fold();
    let calls = all(Limit::CallBack, &ticket, &Rules::default_pack(), 9);
    let late: Vec<_> = calls.iter().map(|case| case.then.is_overdue()).collect();
    assert_eq!(late, [true, false]);
    let never = changed(&[("when = \"wanted\"", "when = \"never\"")]);
    let calls = all(Limit::CallBack, &ticket, &never, 9);
    assert!(calls.len() == 2 && calls.iter().all(Case::differs));
    // Done anew without a call: given up when that was ordered, in time.
    let uncalled = reviewed().and(office(), redo()).fold();
    let case = one(Limit::CallBack, &uncalled, &Rules::default_pack(), 9);
    assert!(!case.done && !case.then.is_overdue() && case.ended_at.is_some());
}

/// What was given up in time was never due; what goes on is not due yet.
#[test]
fn a_rate_counts_what_was_done_and_what_is_late() {
    let back = assigned().and(clerk(), send_back());
    let back = back.and(dispatcher(), accept_return()).fold();
    let same = Rules::default_pack();
    for limit in [Limit::Sign, Limit::Handle] {
        let case = one(limit, &back, &same, 90);
        assert!(!case.done && !case.counts(case.then));
        let case = one(limit, &assigned().fold(), &same, 0);
        assert!(!case.counts(case.then));
        let case = one(limit, &assigned().fold(), &same, 90);
        assert!(case.counts(case.then) && case.then.is_overdue());
    }
}

fn contact_on_day(days: i64) -> TicketAction<crate::Sealed> {
    let TicketAction::Contact(mut action) = contact() else {
        unreachable!("it is one")
    };
    action.at = Some(now() + TimeDelta::days(days));
    TicketAction::Contact(action)
}

/// By the same rules nothing differs, whatever moved the limits.
#[test]
fn under_the_same_rules_nothing_differs() {
    let same = with_contact();
    let began = || given([]).ruled_by(same.clone()).and(operator(), receive());
    let assigned = || began().and(dispatcher(), assign());
    let paused = |given: Given, days: i64| {
        given
            .later(90)
            .and(office(), suspend())
            .later(days * MINUTES_A_DAY)
            .and(office(), resume())
            .later(90)
    };
    let signed = || paused(assigned(), 3).and(clerk(), sign());
    let merged = || {
        let merged = assigned().later(60).and(dispatcher(), merge());
        merged.later(4 * MINUTES_A_DAY).and(dispatcher(), unmerge())
    };
    let histories = vec![
        paused(assigned(), 2),
        signed(),
        paused(signed().and(clerk(), contact_on_day(3)), 6),
        paused(signed(), 1).and(clerk(), send_back()),
        paused(assigned().and(clerk(), send_back()), 5).and(dispatcher(), refuse_return()),
        paused(signed(), 2)
            .and(clerk(), delegate())
            .and(unit_clerk(), sign()),
        merged(),
        merged()
            .and(clerk(), sign())
            .and(clerk(), ask_extension())
            .and(dispatcher(), grant_extension())
            .and(clerk(), reply())
            .and(office(), review())
            .later(MINUTES_A_DAY)
            .and(caller_back(), not_solved())
            .and(office(), redo()),
    ];
    for (n, history) in histories.into_iter().enumerate() {
        let ticket = history.fold();
        for days in [30, 60] {
            let at = now() + TimeDelta::days(days);
            for case in cases(&ticket, |_, _| &same, &same, at) {
                assert!(!case.differs(), "history {n}: {case:?}");
            }
        }
    }
}

#[test]
fn what_was_handled_elsewhere_is_judged_from_when_it_was_given_out() {
    let TicketAction::Import(mut old) = import() else {
        unreachable!()
    };
    old.standing = crate::ticket::Standing::Closed;
    old.assigned_at = Some(old.received_at + TimeDelta::days(1));
    old.answered_at = Some(old.received_at + TimeDelta::days(30));
    old.due_at = Some(old.received_at + TimeDelta::days(40));
    let ticket = given([(Actor::system(), TicketAction::Import(old.clone()))]).fold();
    let then = Rules::default_pack();
    let cases = cases(&ticket, |_, _| &then, &then, now());
    let [case] = cases[..] else {
        panic!("{cases:?}")
    };
    assert_eq!((case.limit, case.done), (Limit::Handle, true));
    assert_eq!(case.began_at, old.assigned_at.unwrap());
    assert_eq!(case.then.due, old.due_at.map(Due::known));
    assert!(!case.then.is_overdue() && case.candidate.is_overdue());
}

#[test]
fn a_clock_that_stands_still_makes_nothing_late() {
    let same = with_contact();
    let began = given([]).ruled_by(same.clone()).and(operator(), receive());
    let rests = began.and(dispatcher(), assign()).and(office(), suspend());
    let (ticket, later) = (rests.fold(), now() + TimeDelta::days(40));
    let cases = cases(&ticket, |_, _| &same, &same, later);
    let limits: Vec<Limit> = cases.iter().map(|case| case.limit).collect();
    assert_eq!(limits, [Limit::Sign, Limit::Contact, Limit::Handle]);
    for case in cases {
        for judged in [case.then, case.candidate] {
            assert_eq!(judged.light, Some(Light::Green), "{case:?}");
        }
    }
}

#[test]
fn what_was_in_hand_when_it_was_carried_over_rests_and_goes_on_like_any_other() {
    let TicketAction::Import(mut old) = import() else {
        unreachable!()
    };
    old.assigned_at = Some(now());
    old.due_at = Some(now() + TimeDelta::days(7));
    let carried = given([(Actor::system(), TicketAction::Import(old))]);
    let handled = |ticket: &Ticket, days: i64| {
        let (then, now) = (Rules::default_pack(), now() + TimeDelta::days(days));
        let cases = cases(ticket, |_, _| &then, &then, now);
        let mut handled = cases.into_iter().filter(|case| case.limit == Limit::Handle);
        let case = handled.next().expect("one limit to reply");
        assert_eq!(handled.count(), 0);
        case
    };
    let running = handled(&carried.clone().fold(), 20);
    assert!(running.then.is_overdue());
    let rests = carried.and(office(), suspend());
    let case = handled(&rests.clone().fold(), 20);
    assert!(!case.then.is_overdue(), "{case:?}");
    let resumed = rests.later(14 * MINUTES_A_DAY).and(office(), resume());
    let case = handled(&resumed.clone().fold(), 20);
    assert!(!case.then.is_overdue(), "{case:?}");
    let at = |case: Case| case.candidate.due.map(|due| due.at);
    assert!(at(case) > at(running), "its limit moved under either rules");
    assert!(handled(&resumed.fold(), 60).then.is_overdue());
}

#[test]
fn what_fairly_satisfied_counts_is_by_the_rules_of_its_time() {
    let fairly = TicketAction::Rate(Rate {
        satisfaction: Satisfaction::Fairly,
        solved: None,
        comment: None,
    });
    let ticket = own_replied().and(citizen(), fairly).fold();
    let then = Rules::default_pack();
    let all = changed(&[("fairly_weight = 0.6", "fairly_weight = 1.0")]);
    let rated = super::rated(&ticket, |_, _| &then, &all).unwrap();
    assert_eq!(rated.department, Some(DEPARTMENT));
    assert!((rated.then - 0.6).abs() < 1e-9 && (rated.candidate - 1.0).abs() < 1e-9);
    assert_eq!(super::rated(&replied().fold(), |_, _| &then, &all), None);
}
