//! What a ticket of thirty events costs: decide and evolve of them all, and one clock.
//!
//! `cargo run --release -p docket-domain --example clock_cost`

use docket_domain::ids::{AssignmentNo, EventId};
use docket_domain::rules::Rules;
#[expect(
    clippy::wildcard_imports,
    reason = "its people and actions are the words of a course"
)]
use docket_domain::ticket::scenario::*;
use docket_domain::ticket::{Context, Ticket, TicketAction, TicketCommand, clock};
use docket_domain::{Actor, Aggregate, Sealed, Stamp, Timestamp};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often each is measured.
const RUNS: usize = 5_001;

/// Who does what, and how many minutes after the step before.
fn course() -> Vec<(i64, Actor, TicketAction<Sealed>)> {
    let (day, hour) = (24 * 60, 60);
    vec![
        (0, operator(), receive()),
        (10, dispatcher(), assign()),
        (10, clerk(), view()),
        (10, clerk(), sign()),
        (10, supervisor(), supervise()),
        (hour, clerk(), delegate()),
        (10, unit_clerk(), view()),
        (10, unit_clerk(), sign()),
        (10, dispatcher(), add_assist()),
        (10, other_clerk(), sign()),
        (hour, supervisor(), urge()),
        (hour, supervisor(), urge()),
        (day, clerk(), ask_extension()),
        (hour, dispatcher(), grant_extension()),
        (10, unit_clerk(), save_draft("已到现场")),
        (10, office(), suspend()),
        (2 * day, office(), resume()),
        (10, unit_clerk(), save_draft("已到现场核实")),
        (10, unit_clerk(), reply()),
        (10, clerk(), rework()),
        (day, unit_clerk(), reply()),
        (10, office(), suspend()),
        (5 * day, office(), resume()),
        (10, Actor::system(), light()),
        (10, other_clerk(), reply()),
        (10, clerk(), save_full_draft()),
        (10, clerk(), reply()),
        (10, office(), review()),
        (day, caller_back(), call_back()),
        (10, clerk(), ask_exclusion()),
        (10, office(), decide_exclusion(true)),
    ]
}

/// The commands, made beforehand: what is measured is what they do.
fn commands(rules: &Arc<Rules>) -> Vec<TicketCommand> {
    let (mut now, organisation) = (now(), city());
    let command = |(minutes, actor, action)| {
        now += chrono::TimeDelta::minutes(minutes);
        let context = Context {
            now,
            actor,
            rules: rules.clone(),
            organisation: organisation.clone(),
            expected_revision: None,
        };
        TicketCommand { context, action }
    };
    course().into_iter().map(command).collect()
}

/// Decides and evolves them all; how many events there are, and the last one's time.
fn handle(commands: Vec<TicketCommand>) -> (Ticket, usize, Timestamp) {
    let (mut ticket, mut events, mut last) = (Ticket::default(), 0, now());
    for command in commands {
        let stamp = Stamp {
            event: id::<EventId>(events as u128 + 1),
            at: command.context.now,
            by: command.context.actor.account,
            rules: command.context.rules.version,
        };
        let name = command.action.spec().name;
        for event in Ticket::decide(&ticket, command).expect(name) {
            Ticket::evolve(&mut ticket, &stamp, &event);
            events += 1;
        }
        last = stamp.at;
    }
    (ticket, events, last)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn measured<I, O>(mut prepare: impl FnMut() -> I, run: impl Fn(I) -> O) -> f64 {
    let time = |_| {
        let input = prepare();
        let begun = Instant::now();
        let output = black_box(run(black_box(input)));
        let took = begun.elapsed();
        drop(output);
        took
    };
    median((0..RUNS).map(time).collect())
}

fn main() {
    let rules = Arc::new(Rules::default_pack());
    // Published again unchanged, so that nothing can be taken for the same.
    let present = Rules::default_pack();
    let (ticket, events, last) = handle(commands(&rules));
    let lead = ticket.assignment(AssignmentNo(1)).expect("it was assigned");
    let spans = clock(&ticket, lead, &rules, &present, last).spans.len();
    let prepared = commands(&rules);
    let work = measured(|| prepared.clone(), handle);
    let one = |assignment| {
        measured(
            || (),
            |()| clock(&ticket, assignment, &rules, &present, last),
        )
    };
    let all = measured(
        || prepared.clone(),
        |commands| {
            let (ticket, _, last) = handle(commands);
            let lead = ticket.assignment(AssignmentNo(1)).expect("it was assigned");
            let clock = clock(&ticket, lead, &rules, &present, last);
            (ticket, clock)
        },
    );
    println!("medians of {RUNS}, in microseconds");
    println!("decide and evolve of {events} events     {work:>8.1}");
    println!(
        "the lead's clock, {spans} spans          {:>8.1}",
        one(lead)
    );
    for unit in ticket.assignments.iter().filter(|a| a.unit.is_some()) {
        println!(
            "the clock of the unit's no. {}        {:>8.1}",
            unit.no,
            one(unit)
        );
    }
    println!("all events and the lead's clock      {all:>8.1}");
    let mut open = lead.clone();
    open.ended_at = None;
    let later = last + chrono::TimeDelta::days(3_650);
    let long = measured(|| (), |()| clock(&ticket, &open, &rules, &present, later));
    println!("a clock that ran for ten years       {long:>8.1}");
}
