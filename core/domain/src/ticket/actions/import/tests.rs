//! Tickets carried over, and those that cannot be.

use super::{Import, TITLE_MAX, is_source_name};
use crate::people::Actor;
use crate::refusal::Reason;
use crate::sealed::Sealed;
use crate::ticket::scenario::*;
use crate::ticket::{
    AssignmentState, Ending, EndingKind, Secrecy, Standing, Ticket, TicketAction, TicketState,
};
use chrono::TimeDelta;

fn changed(change: impl FnOnce(&mut Import<Sealed>)) -> TicketAction<Sealed> {
    let TicketAction::Import(mut action) = import() else {
        unreachable!()
    };
    change(&mut action);
    TicketAction::Import(action)
}

fn standing(standing: Standing) -> Ticket {
    given([(Actor::system(), changed(|i| i.standing = standing))]).fold()
}

#[test]
fn an_open_ticket_goes_on_with_the_department_that_has_it() {
    given([]).when(Actor::system(), import()).then(|ticket| {
        assert_eq!((ticket.state, ticket.revision), (TicketState::Assigned, 1));
        let intake = ticket.intake.as_ref().unwrap();
        assert_eq!(intake.at, now() - TimeDelta::days(400));
        let [held] = ticket.assignments.as_slice() else {
            panic!("one assignment")
        };
        assert!(held.imported);
        assert_eq!((held.department, held.assigned_at), (DEPARTMENT, now()));
        assert_eq!(
            (held.state, held.sign_due),
            (AssignmentState::Assigned, None)
        );
        assert_eq!(held.due.unwrap().at, now() + TimeDelta::days(2));
        let source = ticket.source.as_ref().unwrap();
        assert_eq!((source.system.as_str(), source.imported_at), ("old", now()));
        assert!(ticket.is_visible_to(&clerk()));
    });
    given([(Actor::system(), import())])
        .and(clerk(), sign())
        .when(clerk(), reply())
        .then(|ticket| assert_eq!(ticket.state, TicketState::Replied));
}

#[test]
fn what_is_not_known_stays_unknown() {
    let bare = changed(|import| {
        (import.department, import.due_at, import.kind) = (None, None, None);
        (import.channel, import.body, import.caller) = (None, None, None);
    });
    given([(Actor::system(), bare.clone())])
        .when(dispatcher(), assign())
        .then(|ticket| assert!(ticket.lead().unwrap().due.is_some()));
    given([]).when(Actor::system(), bare).then(|ticket| {
        assert_eq!(ticket.state, TicketState::Received);
        let intake = ticket.intake.as_ref().unwrap();
        assert_eq!(
            (intake.kind, &intake.channel, &intake.body),
            (None, &None, &None)
        );
        assert!(intake.anonymous && !intake.wants_reply);
        assert_eq!(ticket.unassigned_since(), Some(intake.at));
    });
    let due_unknown = changed(|import| import.due_at = None);
    given([(Actor::system(), due_unknown)])
        .and(clerk(), sign())
        .when(clerk(), delegate())
        .then(|ticket| {
            assert_eq!(ticket.assignments[0].due, None);
            assert!(
                ticket.assignments[1].due.is_some(),
                "set here, by the rules here"
            );
        });
}

#[test]
fn what_was_over_is_over() {
    for (meant, state, kind) in [
        (Standing::Closed, TicketState::Closed, EndingKind::Closed),
        (Standing::Duplicate, TicketState::Closed, EndingKind::Closed),
        (
            Standing::Transferred,
            TicketState::Closed,
            EndingKind::Closed,
        ),
        (
            Standing::Declined,
            TicketState::Declined,
            EndingKind::Declined,
        ),
        (
            Standing::Withdrawn,
            TicketState::Withdrawn,
            EndingKind::Withdrawn,
        ),
    ] {
        let ticket = standing(meant);
        assert_eq!(ticket.state, state);
        let Some(Ending {
            kind: found, at, ..
        }) = ticket.ending
        else {
            panic!("it ended")
        };
        assert_eq!(
            (found, at),
            (kind, None),
            "when is not known, and not made up"
        );
        assert_eq!(ticket.source.as_ref().unwrap().standing, meant);
        assert!(ticket.assignments.is_empty(), "no step is invented");
        assert!(ticket.is_visible_to(&clerk()), "it was that department's");
        assert!(!ticket.is_visible_to(&other_clerk()));
    }
}

#[test]
fn an_answered_ticket_waits_for_its_review() {
    let answered = |import: &mut Import<Sealed>| {
        import.standing = Standing::Answered;
        import.answer = Some(sealed("已处理"));
        import.answered_at = Some(now() - TimeDelta::days(1));
    };
    given([(Actor::system(), changed(answered))])
        .when(office(), review())
        .then(|ticket| {
            let answer = ticket.answer.as_ref().unwrap();
            assert_eq!(answer.at, now() - TimeDelta::days(1));
            assert!(ticket.source.as_ref().unwrap().answer.is_none());
        });
    let refused = |change: fn(&mut Import<Sealed>), field| {
        let action = changed(|import| {
            answered(import);
            change(import);
        });
        given([])
            .when(Actor::system(), action)
            .refused(Reason::Required, Some(field));
    };
    refused(|i| i.answer = None, "answer");
    refused(|i| i.answered_at = None, "answeredAt");
}

#[test]
fn an_answer_without_its_time_is_kept_as_the_sources() {
    let closed = changed(|import| {
        import.standing = Standing::Closed;
        import.answer = Some(sealed("已处理"));
    });
    given([]).when(Actor::system(), closed).then(|ticket| {
        assert!(ticket.answer.is_none());
        assert!(ticket.source.as_ref().unwrap().answer.is_some());
    });
}

#[test]
fn only_the_system_imports_and_only_once() {
    for (who, actor) in everybody() {
        let context = context(actor);
        let offered = crate::ticket::available_actions(&Ticket::default(), &context);
        assert!(!offered.contains(&"import"), "{who}");
    }
    given([])
        .when(administrator(), import())
        .refused(Reason::RoleNotAllowed, None);
    received()
        .when(Actor::system(), import())
        .refused(Reason::AlreadyExists, None);
}

#[test]
fn each_field_is_checked() {
    let refused = |change: fn(&mut Import<Sealed>), reason, field| {
        given([])
            .when(Actor::system(), changed(change))
            .refused(reason, Some(field));
    };
    let long = |n: u32| sealed(&"长".repeat(n as usize + 1));
    refused(
        |i| i.source_number = sealed(""),
        Reason::Required,
        "sourceNumber",
    );
    refused(|i| i.title = sealed(""), Reason::Required, "title");
    let too_long = changed(|i| i.title = long(TITLE_MAX));
    given([])
        .when(Actor::system(), too_long)
        .refused(Reason::TooLong, Some("title"));
    refused(
        |i| i.source = "Old system".into(),
        Reason::InvalidValue,
        "source",
    );
    refused(
        |i| i.channel = Some("pigeon".into()),
        Reason::InvalidValue,
        "channel",
    );
    refused(
        |i| i.topic = Some("王小明".into()),
        Reason::InvalidValue,
        "topic",
    );
    refused(
        |i| i.region = Some("王小明".into()),
        Reason::InvalidValue,
        "region",
    );
    refused(
        |i| i.received_at = now() + TimeDelta::microseconds(1),
        Reason::InvalidValue,
        "receivedAt",
    );
    refused(
        |i| i.incident_at = Some(now() + TimeDelta::seconds(1)),
        Reason::InvalidValue,
        "incidentAt",
    );
    refused(
        |i| i.closed_at = Some(i.received_at - TimeDelta::seconds(1)),
        Reason::InvalidValue,
        "closedAt",
    );
    refused(
        |i| i.answered_at = Some(now() + TimeDelta::seconds(1)),
        Reason::InvalidValue,
        "answeredAt",
    );
    refused(
        |i| i.due_at = Some(i.received_at - TimeDelta::seconds(1)),
        Reason::InvalidValue,
        "dueAt",
    );
    refused(
        |i| i.department = Some(id(99)),
        Reason::UnknownOffice,
        "department",
    );
    refused(
        |i| {
            i.secrecy = Some(Secrecy::Confidential);
            i.accused_department = Some(DEPARTMENT);
        },
        Reason::AccusedOffice,
        "department",
    );
}

#[test]
fn a_sources_name_is_a_code() {
    for name in ["old", "letters-2020", "a"] {
        assert!(is_source_name(name), "{name}");
    }
    for name in ["", "2020", "Old", "旧系统", "a b", &"a".repeat(41)] {
        assert!(!is_source_name(name), "{name}");
    }
}
