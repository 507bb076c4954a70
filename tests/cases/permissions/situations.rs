//! Every state of a ticket, every flag beside the state, and everybody there is.

use super::{THIRD_DEPARTMENT, organisation};
use chrono::TimeDelta;
use docket_domain::people::{Actor, Role};
use docket_domain::rules::Rules;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::actions::{assign, set_secrecy};
use docket_domain::ticket::scenario::{self, *};
use docket_domain::ticket::{Context, FilePart, Secrecy, Ticket, TicketAction};
use docket_domain::time::Timestamp;
use std::sync::{Arc, LazyLock};

/// A ticket in some state, and the time at which somebody tries to do something with it.
pub struct Situation {
    /// What is so.
    pub name: &'static str,
    /// The ticket.
    pub ticket: Ticket,
    /// Business time.
    pub now: Timestamp,
}

impl Situation {
    /// What somebody decides in.
    pub fn context(&self, actor: Actor) -> Context {
        Context {
            now: self.now,
            actor,
            rules: rules(),
            organisation: organisation(),
            expected_revision: None,
        }
    }
}

/// The default pack, read once.
fn rules() -> Arc<Rules> {
    static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| Arc::new(Rules::default_pack()));
    RULES.clone()
}

/// Everybody: the scenarios' people, and who is missing among them to have every place at both levels.
pub fn people() -> Vec<(&'static str, Actor)> {
    let office = |n: u128, role, department, unit| Actor {
        account: id(n),
        roles: vec![role],
        department: Some(department),
        unit,
    };
    let mut people = everybody();
    people.extend([
        (
            "level-2 leader",
            office(0xB1, Role::Leader, DEPARTMENT, Some(UNIT)),
        ),
        (
            "other department's leader",
            office(0xB2, Role::Leader, OTHER_DEPARTMENT, None),
        ),
        (
            "other unit's clerk",
            office(0xB3, Role::Clerk, OTHER_DEPARTMENT, Some(OTHER_UNIT)),
        ),
        (
            "uninvolved department's clerk",
            office(0xB4, Role::Clerk, THIRD_DEPARTMENT, None),
        ),
        ("another citizen", another_citizen()),
        ("who shows the query code", Actor::bearer()),
        ("Docket itself", Actor::system()),
    ]);
    people
}

/// A citizen whose request it is not.
pub fn another_citizen() -> Actor {
    Actor {
        account: id(0xB5),
        ..citizen()
    }
}

// The scenarios' histories with a request that is the citizen's own, so that own and other differ.

fn received() -> Given {
    given([(citizen(), receive())])
}
fn assigned() -> Given {
    received().and(dispatcher(), assign())
}
fn assisted() -> Given {
    let assists = vec![OTHER_DEPARTMENT];
    let action = assign::Assign {
        lead: DEPARTMENT,
        assists,
        instruction: None,
    };
    received().and(dispatcher(), TicketAction::Assign(action))
}
fn signed() -> Given {
    assigned().and(clerk(), sign())
}
fn delegated() -> Given {
    signed().and(clerk(), delegate())
}
fn at_unit() -> Given {
    delegated().and(unit_clerk(), sign())
}
fn returned() -> Given {
    assigned().and(clerk(), send_back())
}
fn disputed() -> Given {
    returned().and(dispatcher(), dispute())
}
fn replied() -> Given {
    signed().and(clerk(), reply())
}
fn reviewed() -> Given {
    replied().and(office(), review())
}
fn unsolved() -> Given {
    reviewed().and(caller_back(), not_solved())
}
fn closed() -> Given {
    reviewed().and(caller_back(), call_back())
}
fn excluded(times: usize) -> Given {
    (0..times).fold(closed().and(clerk(), ask_exclusion()), |given, _| {
        let refused = given.and(office(), decide_exclusion(false));
        refused.and(clerk(), ask_exclusion())
    })
}

/// A report that accuses [`DEPARTMENT`], open; told to be confidential only later.
fn accusing() -> Given {
    let TicketAction::Receive(mut report) = confidential_on(DEPARTMENT) else {
        unreachable!("it is one")
    };
    report.secrecy = Secrecy::Open;
    given([(operator(), TicketAction::Receive(report))])
}
/// It is confidential from now on.
fn hush() -> TicketAction<Sealed> {
    TicketAction::SetSecrecy(set_secrecy::SetSecrecy {
        secrecy: Secrecy::Confidential,
        accused_department: None,
        text: sealed("来电人要求保密"),
    })
}
fn confidential() -> Given {
    given([(operator(), confidential_on(DEPARTMENT))])
}
/// A photograph that belongs to the request.
fn attach_matter() -> TicketAction<Sealed> {
    let TicketAction::AttachFile(mut action) = attach_file() else {
        unreachable!("it is one")
    };
    action.part = FilePart::Matter;
    TicketAction::AttachFile(action)
}
fn given_to_other() -> TicketAction<Sealed> {
    let lead = OTHER_DEPARTMENT;
    TicketAction::Assign(assign::Assign {
        lead,
        assists: vec![],
        instruction: None,
    })
}

/// Situations, those in which something is hidden from an accused department apart: see [`hidden`].
pub fn situations() -> Vec<Situation> {
    let at = |name, given: Given| Situation {
        name,
        ticket: given.fold(),
        now: now(),
    };
    let later = |name, given: Given, days| Situation {
        now: now() + TimeDelta::days(days),
        ..at(name, given)
    };
    let mut all = vec![
        Situation {
            name: "absent",
            ticket: Ticket::default(),
            now: now(),
        },
        at("received", received()),
        at(
            "received, others merged into it",
            received().and(Actor::system(), join()),
        ),
        at("assigned", assigned()),
        at("assigned, with an assist", assisted()),
        at("in_progress", signed()),
        at(
            "in_progress, a full draft saved",
            signed().and(clerk(), save_full_draft()),
        ),
        at(
            "in_progress, an assist's return pending",
            assisted()
                .and(clerk(), sign())
                .and(other_clerk(), send_back()),
        ),
        at(
            "in_progress, extension pending",
            signed().and(clerk(), ask_extension()),
        ),
        at(
            "in_progress, termination pending",
            signed().and(clerk(), ask_termination()),
        ),
        at("in_progress, suspended", signed().and(office(), suspend())),
        later(
            "in_progress, suspended, the expected end over",
            signed().and(office(), suspend()),
            61,
        ),
        at(
            "in_progress, a file attached as evidence",
            signed().and(clerk(), attach_file()),
        ),
        at(
            "in_progress, a file attached by the caller",
            signed().and(citizen(), attach_matter()),
        ),
        at(
            "in_progress, supervised",
            signed().and(supervisor(), supervise()),
        ),
        later("in_progress, overdue", signed(), 60),
        at(
            "assigned, ruled on",
            disputed().and(joint_meeting(), rule()),
        ),
        at("assigned, imported", given([(Actor::system(), import())])),
    ];
    all.extend(passed_on());
    all.extend(hidden());
    all
}

/// Those in which the lead does not have the ticket in hand itself: with a unit, given back, answered, over.
fn passed_on() -> Vec<Situation> {
    let at = |name, given: Given| Situation {
        name,
        ticket: given.fold(),
        now: now(),
    };
    let later = |name, given: Given, days| Situation {
        now: now() + TimeDelta::days(days),
        ..at(name, given)
    };
    vec![
        at("delegated", delegated()),
        at("delegated, signed by the unit", at_unit()),
        at("awaiting_summary", at_unit().and(unit_clerk(), reply())),
        at("returned, pending", returned()),
        at(
            "returned, accepted",
            returned().and(dispatcher(), accept_return()),
        ),
        at("returned, disputed", disputed()),
        at("replied", replied()),
        at("replied directly", received().and(operator(), answer())),
        at("awaiting_call_back", reviewed()),
        later("awaiting_call_back, overdue", reviewed(), 10),
        at("awaiting_redo", unsolved()),
        at("closed", closed()),
        at(
            "closed, with its master",
            signed()
                .and(dispatcher(), merge())
                .and(Actor::system(), conclude()),
        ),
        at("closed, exclusion pending", excluded(0)),
        at("closed, appeal pending", excluded(1)),
        at("declined", received().and(operator(), decline())),
        at("withdrawn", assigned().and(citizen(), withdraw())),
        at("transferred", received().and(operator(), transfer())),
        at("merged", signed().and(dispatcher(), merge())),
        at(
            "terminated",
            signed()
                .and(clerk(), ask_termination())
                .and(office(), terminate()),
        ),
        at("archived", closed().and(office(), archive())),
        at("erased", closed().and(Actor::system(), erase())),
    ]
}

/// Confidential reports that accuse [`DEPARTMENT`].
pub fn hidden() -> Vec<Situation> {
    let at = |name, given: Given| Situation {
        name,
        ticket: given.fold(),
        now: now(),
    };
    let answered = || {
        let assigned = accusing().and(dispatcher(), assign()).and(clerk(), sign());
        assigned.and(clerk(), reply())
    };
    vec![
        at(
            "received, confidential, accuses the department",
            confidential(),
        ),
        at(
            "in_progress, confidential, accuses the department",
            confidential()
                .and(dispatcher(), given_to_other())
                .and(scenario::other_clerk(), sign()),
        ),
        at(
            "in_progress, with a file, confidential, accuses the department",
            confidential()
                .and(operator(), attach_matter())
                .and(dispatcher(), given_to_other())
                .and(scenario::other_clerk(), sign()),
        ),
        at(
            "returned by the accused department, then confidential",
            accusing()
                .and(dispatcher(), assign())
                .and(clerk(), send_back())
                .and(office(), hush()),
        ),
        at(
            "replied by the accused department, then confidential",
            answered().and(office(), hush()),
        ),
        at(
            "closed, answered by the accused department, then confidential",
            answered()
                .and(office(), review())
                .and(caller_back(), call_back())
                .and(office(), hush()),
        ),
    ]
}
