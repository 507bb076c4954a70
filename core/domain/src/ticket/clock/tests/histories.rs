//! What holds of the clocks of every history: people try random actions at random times, under rules that do
//! not change.

use super::*;
use crate::people::Actor;
use crate::sealed::Sealed;
use crate::ticket::{Context, TicketAction, TicketCommand};
use crate::{Aggregate, Stamp};
use proptest::prelude::*;
use std::sync::Arc;

/// Who does what to a ticket that moves its clocks.
fn steps() -> Vec<(Actor, TicketAction<Sealed>)> {
    vec![
        (dispatcher(), assign()),
        (clerk(), sign()),
        (clerk(), delegate()),
        (unit_clerk(), sign()),
        (unit_clerk(), reply()),
        (unit_clerk(), send_back()),
        (clerk(), rework()),
        (clerk(), reply()),
        (clerk(), send_back()),
        (dispatcher(), refuse_return()),
        (dispatcher(), add_assist()),
        (clerk(), ask_extension()),
        (dispatcher(), grant_extension()),
        (office(), suspend()),
        (office(), resume()),
        (dispatcher(), merge()),
        (dispatcher(), unmerge()),
        (Actor::system(), conclude()),
        (citizen(), withdraw()),
        (office(), redo()),
    ]
}

fn check(ticket: &Ticket, rules: &Rules, now: Timestamp) -> Result<(), TestCaseError> {
    // Rules that are the same are read as other rules, too.
    let copy = rules.clone();
    for assignment in &ticket.assignments {
        let clock = clock(ticket, assignment, rules, &copy, now);
        prop_assert_eq!(clock.judged_now, clock.judged_then, "{:?}", assignment);
        prop_assert_eq!(clock.judged_then.due, assignment.due);
        let end = assignment.ended_at.unwrap_or(now);
        let mut reached = assignment.assigned_at;
        for span in &clock.spans {
            prop_assert_eq!(span.from, reached);
            prop_assert!(span.from < span.to);
            reached = span.to;
        }
        prop_assert!(clock.cut || reached == end);
        let counts = |span: &&Span| span.kind.counts();
        let sum: TimeDelta = clock
            .spans
            .iter()
            .filter(counts)
            .map(|s| s.to - s.from)
            .sum();
        prop_assert!(clock.cut || sum == clock.judged_then.elapsed);
        let late = clock.judged_then.late_by.is_some();
        prop_assert_eq!(late, clock.judged_then.light == Some(Light::Red));
        prop_assert!(
            clock
                .judged_then
                .late_by
                .is_none_or(|by| by > TimeDelta::zero())
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn judged_now_is_judged_then_while_the_rules_are_the_same(
        minutes in any::<bool>(),
        attempts in prop::collection::vec((0..steps().len(), 0..4_000_i64), 1..60),
    ) {
        let pack = if minutes {
            DEFAULT_PACK.replace("complain = { working_days = 5 }", "complain = { minutes = 9000 }")
        } else {
            DEFAULT_PACK.to_owned()
        };
        // With times enough to extend, and all years published.
        let pack = pack.replace("times = 1\n", "times = 9\n").replace("leader_times = 1", "leader_times = 9");
        let list = CALENDAR_CN.replace("2026]", "2026, 2027]");
        let rules = Arc::new(Rules::parse(&pack, &list, 1).unwrap());
        let (steps, organisation) = (steps(), city());
        let mut ticket = assigned().ruled_by((*rules).clone()).fold();
        // Assigned under these rules.
        ticket.assignments.clear();
        ticket.settle();
        let mut now = now();
        let assigning = (0, 0);
        for (n, (what, minutes)) in std::iter::once(assigning).chain(attempts).enumerate() {
            now += TimeDelta::minutes(minutes);
            let (actor, action) = steps[what].clone();
            // What became of a follower that got its master's outcome and is done anew is not the clock's to say.
            if ticket.merged.is_some() && matches!(action, TicketAction::Redo(_)) {
                continue;
            }
            let by = actor.account;
            let context = Context {
                now,
                actor,
                rules: rules.clone(),
                organisation: organisation.clone(),
                expected_revision: None,
            };
            let decided = Ticket::decide(&ticket, TicketCommand { context, action });
            for event in decided.unwrap_or_default() {
                let stamp = Stamp { event: id(n as u128), at: now, by, rules: rules.version };
                Ticket::evolve(&mut ticket, &stamp, &event);
            }
            check(&ticket, &rules, now)?;
            check(&ticket, &rules, now + TimeDelta::days(3))?;
        }
    }
}
