//! What must hold of every ticket, whatever was tried.

use super::world::Case;
use chrono::TimeDelta;
use docket_domain::rules::Rules;
use docket_domain::ticket::{AssignmentState, EndingKind, Ticket, TicketEvent, TicketState, clock};
use docket_domain::time::Timestamp;
use docket_domain::{Aggregate, Refusal};
use std::sync::Arc;

/// What is taken was offered; what is offered is taken, or a field of the input is at fault.
pub fn offered_is_taken(name: &str, offered: bool, decided: &Result<Vec<TicketEvent>, Refusal>) {
    let by_input = decided
        .as_ref()
        .is_err_and(|refusal| refusal.field.is_some());
    if by_input {
        return;
    }
    assert_eq!(
        offered,
        decided.is_ok(),
        "{name} is offered or not: {decided:?}"
    );
}

/// Of a ticket that an event was folded into.
pub fn sound(before: &Ticket, case: &Case) {
    let ticket = &case.ticket;
    held(ticket);
    assert_eq!(ticket.state.is_over(), ticket.ending.is_some());
    for (index, assignment) in ticket.assignments.iter().enumerate() {
        assert_eq!(usize::from(assignment.no.0), index + 1);
        assert_eq!(assignment.ended_at.is_some(), !assignment.state.is_open());
        assert!(assignment.signed_at.is_none() || assignment.viewed_at.is_some());
        let signed_first = assignment
            .signed_at
            .is_some_and(|at| at < assignment.assigned_at);
        assert!(!signed_first || case.ran_back);
        if let Some(parent) = assignment.parent.and_then(|no| ticket.assignment(no)) {
            // One that is over keeps the limit it had, whatever became of the outer one since.
            if assignment.state.is_open() {
                assert_eq!(parent.state, AssignmentState::Delegated);
                // All packs have a margin: only of what was over already there is none.
                let last = ticket.changed_at.max(Some(assignment.assigned_at));
                let over = |outer: docket_domain::Due| Some(outer.at) <= last || case.ran_back;
                let within = |inner: docket_domain::Due, outer: docket_domain::Due| {
                    inner.at < outer.at || inner.at == outer.at && over(outer)
                };
                assert!(
                    parent
                        .due
                        .is_none_or(|outer| assignment.due.is_none_or(|due| within(due, outer))),
                    "an inner deadline is before the outer: {:?} and {:?}",
                    assignment.due,
                    parent.due
                );
            }
        }
    }
    // Only what is open can stand still, and only the last time goes on.
    let paused = ticket
        .pauses
        .iter()
        .filter(|pause| pause.to.is_none())
        .count();
    let rests = ticket.is_suspended() || ticket.state == TicketState::Merged;
    assert_eq!(paused, usize::from(rests), "{:?}", ticket.state);
    // History only grows.
    assert!(ticket.assignments.len() >= before.assignments.len());
    assert!(ticket.exclusions.len() >= before.exclusions.len());
    assert!(ticket.pauses.len() >= before.pauses.len());
    assert!(ticket.revision == before.revision || ticket.revision == before.revision + 1);
    assert!(before.erased_at.is_none() || ticket.erased_at == before.erased_at);
}

/// Whatever is not with the centre, answered or over is with somebody.
fn held(ticket: &Ticket) {
    let open = ticket
        .assignments
        .iter()
        .filter(|a| a.state.is_open())
        .count();
    match ticket.state {
        TicketState::Absent | TicketState::Received | TicketState::Archived => {
            assert_eq!(open, 0, "{:?}", ticket.state);
        }
        // The assists go on until the lead's return is accepted.
        TicketState::Returned => {
            let pending = ticket.pending_returns().next().is_some();
            assert!(pending || open == 0);
        }
        TicketState::Replied
        | TicketState::AwaitingCallBack
        | TicketState::AwaitingRedo
        | TicketState::Closed => {
            assert_eq!(open, 0, "{:?}", ticket.state);
            // What was over before it was carried over may have no answer that is known, and what had another's
            // outcome has none where that was terminated.
            let merged = |ending: &docket_domain::ticket::Ending| ending.kind == EndingKind::Merged;
            let concluded = ticket.ending.as_ref().is_some_and(merged);
            assert!(ticket.answer.is_some() || ticket.source.is_some() || concluded);
        }
        TicketState::Declined
        | TicketState::Withdrawn
        | TicketState::Transferred
        | TicketState::Terminated
        | TicketState::Merged => {
            assert_eq!(open, 0, "{:?}", ticket.state);
            // Of an imported one, what is known is kept.
            assert!(ticket.answer.is_none() || ticket.source.is_some());
        }
        TicketState::Assigned
        | TicketState::InProgress
        | TicketState::Delegated
        | TicketState::AwaitingSummary => {
            assert!(open > 0, "{:?} with nobody", ticket.state);
            let lead = ticket.lead().expect("there is a lead");
            let with = |a: &&docket_domain::ticket::Assignment| {
                a.state.is_open() && (a.no == lead.no || a.parent == Some(lead.no))
            };
            assert!(ticket.assignments.iter().any(|a| with(&a)), "with no lead");
            assert!(ticket.answer.is_none());
        }
    }
}

/// A fold of the log from zero is the ticket as it lives, and its state is stored and read the same.
pub fn replayed(case: &Case) {
    let mut folded = Ticket::default();
    for logged in &case.log {
        let event = Ticket::decode(logged.event_type, &logged.data).expect("it was written");
        Ticket::evolve(&mut folded, &logged.stamp, &event);
    }
    assert_eq!(folded, case.ticket, "a replay is the live ticket");
    let stored = serde_json::to_string(&folded).expect("a ticket is written");
    let read: Ticket = serde_json::from_str(&stored).expect("and read");
    assert_eq!(read, case.ticket);
    assert_eq!(
        serde_json::to_string(&read).expect("a ticket is written"),
        stored,
        "byte for byte"
    );
}

/// Every clock of a ticket tells its time without a gap, and never goes backwards.
pub fn clocks(case: &Case, packs: &[Arc<Rules>], present: &Rules, now: Timestamp) {
    let ticket = &case.ticket;
    let ran_back = case.ran_back || case.log.last().is_some_and(|last| last.stamp.at > now);
    for assignment in &ticket.assignments {
        let made = case
            .log
            .iter()
            .find(|logged| logged.stamp.event == assignment.event);
        let then = &packs[made.expect("an event made it").rules];
        let at = |now| clock(ticket, assignment, then, present, now);
        let (sooner, later) = (at(now), at(now + TimeDelta::hours(30)));
        for told in [&sooner, &later] {
            let end = told
                .ended_at
                .unwrap_or(now + TimeDelta::hours(30))
                .max(told.began_at);
            let mut reached = told.began_at;
            for span in &told.spans {
                // What happened while business time ran backwards lies before what was there already.
                assert!(span.from == reached || ran_back, "a gap before {span:?}");
                assert!(span.from < span.to, "{span:?}");
                reached = span.to;
            }
            assert!(told.cut || ran_back || reached <= end);
        }
        for (before, after) in [
            (&sooner.judged_then, &later.judged_then),
            (&sooner.judged_now, &later.judged_now),
        ] {
            assert!(
                before.elapsed <= after.elapsed,
                "the time that counts shrinks: {before:?}, {after:?}"
            );
            assert!(before.elapsed >= TimeDelta::zero());
            // Judged before an event that is there already, a limit does not have it yet.
            assert!(
                before.due == after.due || ran_back,
                "a limit moves by events alone: {before:?}, {after:?}"
            );
        }
        if !ran_back && sooner.ended_at.is_some() {
            assert_eq!(sooner, later, "what is over stands still");
        }
    }
}
