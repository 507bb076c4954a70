//! Properties that hold for every history: random people try random actions at random times.

use super::scenario::*;
use super::{
    ACTIONS, AssignmentState, Ticket, TicketAction, TicketCommand, TicketState, available_actions,
};
use crate::aggregate::{Aggregate, Stamp};
use crate::ids::EventId;
use crate::people::Actor;
use crate::rules::Rules;
use crate::sealed::Sealed;
use chrono::TimeDelta;
use proptest::prelude::*;
use std::sync::Arc;

fn people() -> Vec<Actor> {
    let accounts = everybody().into_iter().map(|(_, actor)| actor);
    accounts.chain([Actor::system()]).collect()
}

fn actions() -> Vec<TicketAction<Sealed>> {
    vec![
        receive(),
        import(),
        answer(),
        decline(),
        assign(),
        recall(),
        view(),
        sign(),
        take(&clerk()),
        contact(),
        delegate(),
        send_back(),
        accept_return(),
        refuse_return(),
        save_draft("草稿"),
        reply(),
        rework(),
        review(),
        call_back(),
        rate(),
        redo(),
        urge(),
        withdraw(),
        close(),
        transfer(),
        reassign(),
        add_assist(),
        ask_extension(),
        grant_extension(),
        refuse_extension(),
        sign_off(),
        correct(),
        suspend(),
        resume(),
        supervise(),
        lift_supervision(),
        dispute(),
        rule(),
        merge(),
        unmerge(),
        join(),
        leave(),
        conclude(),
        ask_termination(),
        terminate(),
        refuse_termination(),
        ask_exclusion(),
        decide_exclusion(true),
        set_secrecy(),
        archive(),
        light(),
        note_call_back_due(),
        settle_dues(),
        print(),
        attach_file(),
        open_file(),
        erased_again(),
    ]
}

/// Of a restored log, so that no state stands in its way.
fn erased_again() -> TicketAction<Sealed> {
    let TicketAction::Erase(mut action) = erase() else {
        unreachable!("it is one")
    };
    action.replayed = true;
    TicketAction::Erase(action)
}

#[test]
fn every_action_is_tried() {
    let tried: Vec<_> = actions().iter().map(|action| action.spec().name).collect();
    let all: Vec<_> = ACTIONS.iter().map(|spec| spec.name).collect();
    assert_eq!(tried, all);
}

/// One attempt: who, what, and how many minutes after the one before.
fn attempts() -> impl Strategy<Value = Vec<(usize, usize, i64)>> {
    prop::collection::vec((0..people().len(), 0..actions().len(), 0..3_000i64), 1..60)
}

fn check(before: &Ticket, ticket: &Ticket) {
    let open = |t: &Ticket| t.assignments.iter().filter(|a| a.state.is_open()).count();
    // Whatever is not with the centre, answered or over is with somebody.
    match ticket.state {
        TicketState::Absent | TicketState::Received | TicketState::Archived => {
            assert_eq!(open(ticket), 0);
        }
        // The assists go on until the lead's return is accepted.
        TicketState::Returned => {
            let pending = ticket.pending_returns().next().is_some();
            assert!(pending || open(ticket) == 0);
        }
        TicketState::Replied
        | TicketState::AwaitingCallBack
        | TicketState::AwaitingRedo
        | TicketState::Closed => {
            assert_eq!(open(ticket), 0, "{:?}", ticket.state);
            // What was over before it was carried over may have no answer that is known.
            assert!(ticket.answer.is_some() || ticket.source.is_some());
        }
        TicketState::Declined
        | TicketState::Withdrawn
        | TicketState::Transferred
        | TicketState::Terminated
        | TicketState::Merged => {
            assert_eq!(open(ticket), 0, "{:?}", ticket.state);
            assert!(ticket.answer.is_none());
        }
        TicketState::Assigned
        | TicketState::InProgress
        | TicketState::Delegated
        | TicketState::AwaitingSummary => {
            assert!(open(ticket) > 0);
            assert!(ticket.answer.is_none());
        }
    }
    assert_eq!(ticket.state.is_over(), ticket.ending.is_some());
    for (index, assignment) in ticket.assignments.iter().enumerate() {
        assert_eq!(usize::from(assignment.no.0), index + 1);
        assert_eq!(assignment.ended_at.is_some(), !assignment.state.is_open());
        assert!(
            assignment
                .signed_at
                .is_none_or(|at| at >= assignment.assigned_at)
        );
        assert!(assignment.signed_at.is_none() || assignment.viewed_at.is_some());
        if let Some(parent) = assignment.parent.and_then(|no| ticket.assignment(no)) {
            // Lights apart: delegated at the very moment that is due, both end then, and warn each in their own way.
            let [inner, outer] = [assignment.due, parent.due].map(|due| due.map(|due| due.at));
            assert!(
                outer.is_none() || inner <= outer,
                "an inner deadline is not after the outer"
            );
            if assignment.state.is_open() {
                assert_eq!(parent.state, AssignmentState::Delegated);
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
    assert!(ticket.revision == before.revision || ticket.revision == before.revision + 1);
}

proptest! {
    #[test]
    fn every_history_is_sound(attempts in attempts()) {
        let (people, actions, rules) = (people(), actions(), Arc::new(Rules::default_pack()));
        let mut ticket = Ticket::default();
        let mut now = now();
        for (who, what, minutes) in attempts {
            now += TimeDelta::minutes(minutes);
            let (actor, mut action) = (people[who].clone(), actions[what].clone());
            match &mut action {
                TicketAction::Contact(contact) => contact.at = Some(now),
                TicketAction::HandOver(hand_over) => hand_over.to = actor.account,
                _ => {}
            }
            let context = super::Context {
                now,
                actor: actor.clone(),
                rules: rules.clone(),
                organisation: city(),
                expected_revision: None,
            };
            let offered = available_actions(&ticket, &context).contains(&action.spec().name);
            let decided = Ticket::decide(&ticket, TicketCommand { context, action });
            // What is taken was offered; what is offered is taken, or a field of the input is at fault.
            let by_input = decided.as_ref().is_err_and(|refusal| refusal.field.is_some());
            prop_assert_eq!(offered, decided.is_ok() || by_input, "{:?}", decided);
            let before = ticket.clone();
            for event in decided.unwrap_or_default() {
                let encoded = Ticket::encode(&event);
                let decoded = Ticket::decode(encoded.event_type, &encoded.data).unwrap();
                prop_assert_eq!(&decoded, &event);
                let stamp = Stamp { event: EventId(uuid::Uuid::nil()), at: now, by: actor.account, rules: 1 };
                Ticket::evolve(&mut ticket, &stamp, &event);
                prop_assert!(ACTIONS.iter().any(|spec| spec.event == encoded.event_type));
            }
            check(&before, &ticket);
            let stored = serde_json::to_string(&ticket).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Ticket>(&stored).unwrap(), &ticket);
        }
    }
}
