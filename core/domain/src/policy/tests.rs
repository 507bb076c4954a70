//! Timers: what is to be done by itself, and that doing it is accepted and done with.

use super::*;
use crate::aggregate::{Aggregate, Stamp};
use crate::ids::EventId;
use crate::people::Actor;
use crate::ticket::scenario::*;
use crate::ticket::{TicketCommand, TicketEvent};

fn causes(given: Given) -> Vec<String> {
    let timers = timers(&given.fold());
    timers.iter().map(|timer| timer.cause.to_string()).collect()
}

#[test]
fn each_open_limit_has_its_lights() {
    assert_eq!(causes(received()), Vec::<String>::new());
    assert_eq!(causes(signed()), ["light:1:yellow", "light:1:red"]);
    let both = [
        "light:1:yellow",
        "light:1:red",
        "light:2:yellow",
        "light:2:red",
    ];
    assert_eq!(causes(delegated()), both);
    assert_eq!(causes(replied()), Vec::<String>::new());
}

#[test]
fn a_cause_is_read_as_it_is_written() {
    let light = |no, light| Cause::Light(AssignmentNo(no), light);
    for cause in [
        light(1, Light::Yellow),
        light(65_535, Light::Red),
        Cause::Urge,
        Cause::Escalate,
        Cause::Dispute,
        Cause::CallBack,
        Cause::Resume,
        Cause::Conclude,
        Cause::Archive,
        Cause::Settle,
        Cause::AssignByItself(DEPARTMENT),
    ] {
        assert_eq!(cause.to_string().parse(), Ok(cause));
    }
    for wrong in [
        "",
        "assign:nobody",
        "light",
        "light:1",
        "light:1:green",
        "light:x:red",
        "urge:1",
    ] {
        assert!(wrong.parse::<Cause>().is_err(), "{wrong}");
    }
}

#[test]
fn what_the_pack_routes_is_assigned_once() {
    let routes = [
        ("assigns_by_itself = false", "assigns_by_itself = true"),
        (
            "[pack]",
            "routes = [{ department = \"城市管理局\" }]\n[pack]",
        ),
    ];
    let routed = given([]).under(&routes).and(operator(), receive());
    assert_eq!(causes(routed.clone()), [format!("assign:{DEPARTMENT}")]);
    let mut ticket = routed.clone().fold();
    let mut context = context(Actor::system());
    context.now = now();
    assert_eq!(run_until_quiet(&mut ticket, &context).len(), 1);
    assert_eq!(ticket.lead().unwrap().department, DEPARTMENT);
    // Whoever answers it at once is faster.
    let answered = routed.and(operator(), answer());
    assert_eq!(causes(answered), Vec::<String>::new());
}

#[test]
fn red_is_the_first_late_moment_and_yellow_the_working_day_before() {
    let ticket = signed().fold();
    let due = ticket.assignments[0].due.unwrap();
    let at: Vec<_> = timers(&ticket).iter().map(|timer| timer.at).collect();
    assert_eq!(
        at,
        [due.yellow_at.unwrap(), due.at + TimeDelta::microseconds(1)]
    );
    assert_eq!(due.light(at[0]), Light::Yellow);
    assert_eq!(due.light(at[1]), Light::Red);
    assert_eq!(due.light(at[1] - TimeDelta::microseconds(1)), Light::Yellow);
}

#[test]
fn a_clock_that_stands_still_lights_nothing() {
    assert_eq!(causes(signed().and(office(), suspend())), ["resume"]);
    assert_eq!(
        causes(signed().and(dispatcher(), merge())),
        Vec::<String>::new()
    );
}

#[test]
fn what_was_late_before_it_was_carried_over_lights_nothing() {
    let TicketAction::Import(mut old) = import() else {
        unreachable!()
    };
    let system = Actor::system();
    let open = given([(system.clone(), TicketAction::Import(old.clone()))]);
    assert_eq!(causes(open), ["light:1:red"]);
    old.due_at = Some(now() - TimeDelta::days(1));
    let late = given([(system, TicketAction::Import(old))]);
    assert_eq!(causes(late), Vec::<String>::new());
}

#[test]
fn answers_wait_for_the_call_and_ends_for_the_archive() {
    assert_eq!(causes(reviewed()), ["call_back"]);
    let closed = reviewed().and(caller_back(), call_back());
    assert_eq!(causes(closed.clone()), ["archive"]);
    assert_eq!(
        causes(closed.and(office(), archive())),
        Vec::<String>::new()
    );
    let followed = signed().and(Actor::system(), join());
    let over = followed.and(operator(), withdraw());
    assert_eq!(causes(over), ["archive", "conclude"]);
}

#[test]
fn a_provisional_limit_waits_for_the_calendar() {
    let at_new_year = received().later(38 * 24 * 60).and(dispatcher(), assign());
    assert!(causes(at_new_year).contains(&"settle".to_owned()));
}

/// Runs every timer whose time has come, as the worker does.
fn run_until_quiet(ticket: &mut Ticket, context: &crate::ticket::Context) -> Vec<TicketEvent> {
    let mut done = Vec::new();
    for _ in 0..100 {
        let due = timers(ticket)
            .into_iter()
            .find(|timer| timer.cause.reckoning() == Reckoning::At && timer.at <= context.now);
        let Some(action) = due.and_then(|timer| timer.cause.action()) else {
            return done;
        };
        let command = TicketCommand {
            context: context.clone(),
            action,
        };
        let events = Ticket::decide(ticket, command).expect("a timer that is due is accepted");
        assert!(
            !events.is_empty(),
            "a timer that is due does something: {due:?}"
        );
        for event in events {
            let stamp = Stamp {
                event: EventId(uuid::Uuid::nil()),
                at: context.now,
                by: context.actor.account,
                rules: context.rules.version,
            };
            Ticket::evolve(ticket, &stamp, &event);
            done.push(event);
        }
    }
    panic!("timers go on for ever");
}

#[test]
fn every_timer_is_done_once_and_done_with() {
    let rules = [
        ("urges_at_yellow = false", "urges_at_yellow = true"),
        ("urges_at_red = false", "urges_at_red = true"),
        (
            "escalate = []",
            "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 3, level = \"red\" }]",
        ),
    ];
    let given_back = (0..3).fold(received().under(&rules), |ticket, _| {
        ticket.and(dispatcher(), assign()).and(clerk(), send_back())
    });
    for (history, expected) in [
        // Yellow and red, an urging (one, as both come at once), two levels of supervision.
        (signed().under(&rules), 5),
        // The same of both levels' limits.
        (delegated().under(&rules), 7),
        (reviewed(), 1),
        (given_back, 1),
        // It is resumed, and is not late: its limit moved.
        (signed().and(office(), suspend()), 1),
    ] {
        let mut ticket = history.fold();
        let mut context = context(Actor::system());
        let pack = rules
            .iter()
            .fold(crate::rules::DEFAULT_PACK.to_owned(), |pack, (from, to)| {
                pack.replace(from, to)
            });
        context.rules = std::sync::Arc::new(
            crate::rules::Rules::parse(&pack, crate::rules::CALENDAR_CN, 2).unwrap(),
        );
        context.now = now() + TimeDelta::days(61);
        let done = run_until_quiet(&mut ticket, &context);
        assert_eq!(done.len(), expected, "{done:#?}");
        assert!(run_until_quiet(&mut ticket, &context).is_empty());
    }
}
