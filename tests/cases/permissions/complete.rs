//! A complete command of every action, fit for who gives it and for the ticket, so that what is refused is
//! refused for no mistake in the input.

use super::THIRD_DEPARTMENT;
use chrono::TimeDelta;
use docket_domain::people::{Actor, Role};
use docket_domain::sealed::Sealed;
use docket_domain::ticket::actions::{assign, delegate, rule, set_secrecy, supervise};
use docket_domain::ticket::scenario::*;
use docket_domain::ticket::{FilePart, Secrecy, SupervisionLevel, Ticket, TicketAction};
use docket_domain::time::Timestamp;

/// The command.
pub fn complete(
    name: &str,
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
) -> TicketAction<Sealed> {
    match name {
        "assign" => fit_assign(ticket),
        "reassign" => reassign_to(THIRD_DEPARTMENT),
        "rule" => fit_rule(ticket),
        "add_assist" => fit_assist(),
        "delegate" => fit_delegate(actor),
        "hand_over" => take(actor),
        "contact" => fit_contact(now),
        "suspend" => fit_suspend(now),
        "supervise" => fit_supervise(ticket),
        "set_secrecy" => fit_secrecy(ticket),
        "attach_file" => fit_file(actor),
        other => plain(other),
    }
}

fn plain(name: &str) -> TicketAction<Sealed> {
    match name {
        "receive" => receive(),
        "import" => import(),
        "answer" => answer(),
        "decline" => decline(),
        "recall" => recall(),
        "view" => view(),
        "sign" => sign(),
        "return" => send_back(),
        "accept_return" => accept_return(),
        "refuse_return" => refuse_return(),
        "save_draft" => save_draft("草稿"),
        "reply" => reply(),
        "rework" => rework(),
        "review" => review(),
        "call_back" => call_back(),
        "rate" => rate(),
        "redo" => redo(),
        "urge" => urge(),
        "withdraw" => withdraw(),
        "close" => close(),
        "transfer" => transfer(),
        "ask_extension" => ask_extension(),
        "grant_extension" => grant_extension(),
        "refuse_extension" => refuse_extension(),
        "sign_off" => sign_off(),
        "correct" => correct(),
        "resume" => resume(),
        "lift_supervision" => lift_supervision(),
        "dispute" => dispute(),
        "merge" => merge(),
        "unmerge" => unmerge(),
        "join" => join(),
        "leave" => leave(),
        "conclude" => conclude(),
        "ask_termination" => ask_termination(),
        "terminate" => terminate(),
        "refuse_termination" => refuse_termination(),
        "ask_exclusion" => ask_exclusion(),
        "decide_exclusion" => decide_exclusion(true),
        "archive" => archive(),
        "light" => light(),
        "note_call_back_due" => note_call_back_due(),
        "settle_dues" => settle_dues(),
        "print" => print(),
        "open_file" => open_file(),
        "erase" => erase(),
        other => panic!("write a complete command for the new action {other:?} here"),
    }
}

/// A department that the ticket may go to.
fn unaccused(ticket: &Ticket) -> docket_domain::ids::DepartmentId {
    let hides = |intake: &docket_domain::ticket::Intake| intake.hides_from(DEPARTMENT);
    if ticket.intake.as_ref().is_some_and(hides) {
        OTHER_DEPARTMENT
    } else {
        DEPARTMENT
    }
}

fn fit_assign(ticket: &Ticket) -> TicketAction<Sealed> {
    let lead = unaccused(ticket);
    TicketAction::Assign(assign::Assign {
        lead,
        assists: vec![],
        instruction: None,
    })
}

fn fit_rule(ticket: &Ticket) -> TicketAction<Sealed> {
    let (lead, text) = (unaccused(ticket), sealed("由其主办"));
    TicketAction::RuleOn(rule::RuleOn {
        lead,
        assists: vec![],
        text,
    })
}

fn fit_assist() -> TicketAction<Sealed> {
    let TicketAction::AddAssist(mut action) = add_assist() else {
        unreachable!("it is one")
    };
    action.department = THIRD_DEPARTMENT;
    TicketAction::AddAssist(action)
}

fn fit_delegate(actor: &Actor) -> TicketAction<Sealed> {
    let other = actor.department == Some(OTHER_DEPARTMENT);
    let unit = if other { OTHER_UNIT } else { UNIT };
    TicketAction::Delegate(delegate::Delegate {
        unit,
        instruction: None,
    })
}

fn fit_contact(now: Timestamp) -> TicketAction<Sealed> {
    let TicketAction::Contact(mut action) = contact() else {
        unreachable!("it is one")
    };
    action.at = Some(now);
    TicketAction::Contact(action)
}

fn fit_suspend(now: Timestamp) -> TicketAction<Sealed> {
    let TicketAction::Suspend(mut action) = suspend() else {
        unreachable!("it is one")
    };
    action.expected_at = now + TimeDelta::days(60);
    TicketAction::Suspend(action)
}

fn fit_supervise(ticket: &Ticket) -> TicketAction<Sealed> {
    let level = if ticket.supervision.is_some() {
        SupervisionLevel::Yellow
    } else {
        SupervisionLevel::Ordinary
    };
    TicketAction::Supervise(supervise::Supervise {
        level,
        text: Some(sealed("群众多次来电")),
    })
}

fn fit_file(actor: &Actor) -> TicketAction<Sealed> {
    let TicketAction::AttachFile(mut action) = attach_file() else {
        unreachable!("it is one")
    };
    // Beside the one that may be there.
    action.attachment = id(0xA78);
    if actor.has(Role::Citizen) {
        action.part = FilePart::Matter;
    }
    TicketAction::AttachFile(action)
}

fn fit_secrecy(ticket: &Ticket) -> TicketAction<Sealed> {
    let is = ticket.intake.as_ref().map(|intake| intake.secrecy);
    let secrecy = if is == Some(Secrecy::Confidential) {
        Secrecy::Open
    } else {
        Secrecy::Confidential
    };
    TicketAction::SetSecrecy(set_secrecy::SetSecrecy {
        secrecy,
        accused_department: None,
        text: sealed("应来电人要求"),
    })
}
