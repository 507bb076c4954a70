//! What must never be: each test fails when its rule is dropped.

use super::situations::{another_citizen, hidden};
use super::*;
use docket_domain::organisation::OrganisationCommand;
use docket_domain::people::Role;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, Publish, Published, RulesBook};
use docket_domain::ticket::AssignmentState;
use docket_domain::ticket::scenario::{
    DEPARTMENT, administrator, analyst, auditor, citizen, clerk, id, leader, now, office,
    other_clerk, stamp, unit_clerk,
};

/// Somebody in no situation at all can do any of these actions.
fn never(actor: &Actor, which: impl Fn(&str) -> bool) {
    for situation in situations() {
        for spec in ACTIONS.iter().filter(|spec| which(spec.name)) {
            let outcome = decide_complete(spec, &situation, actor);
            assert!(
                outcome.is_err(),
                "{} ({}): {outcome:?}",
                spec.name,
                situation.name
            );
        }
    }
}

fn offices() -> Vec<(&'static str, Actor)> {
    people()
        .into_iter()
        .filter(|(_, actor)| actor.in_office())
        .collect()
}

#[test]
fn administrators_auditors_and_analysts_write_nothing() {
    for actor in [administrator(), auditor(), analyst()] {
        never(&actor, |_| true);
        assert!(ACTIONS.iter().all(|spec| !actor.has_any(spec.roles)));
    }
}

#[test]
fn auditors_and_analysts_change_neither_offices_nor_rules() {
    for actor in [auditor(), analyst(), clerk(), citizen()] {
        let action = OrganisationAction::AddDepartment {
            id: id(0xD4),
            name: "教育局".into(),
            region: None,
        };
        let command = OrganisationCommand {
            actor: actor.clone(),
            action,
            expected_revision: None,
        };
        let refused = Organisation::decide(&organisation(), command).unwrap_err();
        assert_eq!(refused.reason, Reason::RoleNotAllowed);
        let publish = Publish {
            actor,
            pack: DEFAULT_PACK.into(),
            holidays: CALENDAR_CN.into(),
            at: now(),
            time_zone: None,
        };
        let refused = RulesBook::decide(&Published::default(), publish).unwrap_err();
        assert_eq!(refused.reason, Reason::RoleNotAllowed);
    }
}

#[test]
fn administrators_and_analysts_know_of_no_ticket() {
    for situation in situations() {
        for actor in [administrator(), analyst()] {
            assert!(
                !situation.ticket.is_visible_to(&actor),
                "{}",
                situation.name
            );
        }
    }
}

/// An office changes the assignments that it has, and those it delegated; of others it ends what assists, by
/// its answer to the whole.
#[test]
fn an_office_acts_on_its_own_alone() {
    for situation in situations() {
        for (name, actor) in offices() {
            for spec in ACTIONS {
                let Ok(events) = decide_complete(spec, &situation, &actor) else {
                    continue;
                };
                let had = |ticket: &Ticket| {
                    let assignments = ticket.assignments.iter();
                    assignments
                        .filter(|a| a.is_held_by(&actor))
                        .map(|a| a.no)
                        .collect::<Vec<_>>()
                };
                let own = had(&situation.ticket);
                let what = format!("{} by {name}, {}", spec.name, situation.name);
                assert!(!own.is_empty(), "{what}: it never had it");
                let mut after = situation.ticket.clone();
                for event in &events {
                    Ticket::evolve(&mut after, &stamp(), event);
                }
                for (before, after) in situation.ticket.assignments.iter().zip(&after.assignments) {
                    let below = before.parent.is_some_and(|parent| own.contains(&parent));
                    let above = situation
                        .ticket
                        .assignments
                        .iter()
                        .any(|a| own.contains(&a.no) && a.parent == Some(before.no));
                    let released = after.state == AssignmentState::Released;
                    let may = own.contains(&before.no) || below || above || released;
                    assert!(before == after || may, "{what}: assignment {}", before.no);
                }
            }
        }
    }
}

#[test]
fn an_uninvolved_office_can_do_nothing_and_know_of_nothing() {
    let uninvolved = people()
        .into_iter()
        .find(|(name, _)| name.starts_with("uninvolved"));
    let (_, actor) = uninvolved.unwrap();
    never(&actor, |_| true);
    for situation in situations() {
        assert!(
            !situation.ticket.is_visible_to(&actor),
            "{}",
            situation.name
        );
    }
}

#[test]
fn a_unit_never_delegates() {
    for (_, actor) in offices().iter().filter(|(_, actor)| actor.unit.is_some()) {
        never(actor, |name| name == "delegate");
    }
}

#[test]
fn no_office_calls_back_reviews_or_has_anew() {
    let of_the_centre = [
        "call_back",
        "review",
        "redo",
        "close",
        "terminate",
        "grant_extension",
    ];
    for (_, actor) in offices() {
        never(&actor, |name| of_the_centre.contains(&name));
    }
    // Nor does anybody sit at two desks, as their account is checked for.
    for role in [Role::CallBack, Role::Office, Role::JointMeeting] {
        assert_ne!(role.desk(), Role::Clerk.desk());
        assert_ne!(role.desk(), Role::Leader.desk());
    }
}

#[test]
fn no_office_decides_on_its_own_exclusion() {
    for (_, actor) in offices() {
        never(&actor, |name| name == "decide_exclusion");
    }
    // Whatever role somebody should ever have beside: who is scored does not decide.
    let scored = |actor: Actor| Actor {
        department: Some(DEPARTMENT),
        ..actor
    };
    let pending = |name: &str| situations().into_iter().find(|s| s.name == name).unwrap();
    for (name, decides) in [
        ("closed, exclusion pending", office()),
        ("closed, appeal pending", scenario::joint_meeting()),
    ] {
        let action = || scenario::decide_exclusion(true);
        let refused = decide(&pending(name), &scored(decides.clone()), action()).unwrap_err();
        assert_eq!(refused.reason, Reason::OwnScore);
        assert!(decide(&pending(name), &decides, action()).is_ok());
    }
    // An appeal goes past the office that refused.
    let appeal = pending("closed, appeal pending");
    let refused = decide(&appeal, &office(), scenario::decide_exclusion(true)).unwrap_err();
    assert_eq!(refused.reason, Reason::RoleNotAllowed);
}

#[test]
fn a_confidential_report_is_nothing_to_whom_it_accuses() {
    let of_accused = || {
        offices()
            .into_iter()
            .filter(|(_, a)| a.department == Some(DEPARTMENT))
    };
    assert!(of_accused().count() >= 4);
    for situation in hidden() {
        for (name, actor) in of_accused() {
            assert!(
                !situation.ticket.is_visible_to(&actor),
                "{name}, {}",
                situation.name
            );
            for spec in ACTIONS {
                let outcome = decide_complete(spec, &situation, &actor);
                let what = format!("{} by {name}, {}", spec.name, situation.name);
                let refused = outcome.map_err(|refusal| refusal.reason).expect_err(&what);
                assert_ne!(
                    refused,
                    Reason::AccusedOffice,
                    "{what}: it tells of the report"
                );
            }
        }
    }
}

#[test]
fn a_confidential_report_goes_to_nobody_it_accuses() {
    let report = hidden()
        .into_iter()
        .find(|s| s.name.starts_with("received"))
        .unwrap();
    let refused = decide(&report, &scenario::dispatcher(), scenario::assign()).unwrap_err();
    assert_eq!(refused.reason, Reason::AccusedOffice);
    let handled = hidden()
        .into_iter()
        .find(|s| s.name.starts_with("in_progress"))
        .unwrap();
    for action in [scenario::reassign_to(DEPARTMENT), {
        let TicketAction::AddAssist(mut assist) = scenario::add_assist() else {
            unreachable!("it is one")
        };
        assist.department = DEPARTMENT;
        TicketAction::AddAssist(assist)
    }] {
        let refused = decide(&handled, &scenario::dispatcher(), action).unwrap_err();
        assert_eq!(refused.reason, Reason::AccusedOffice);
    }
}

/// Whoever can do something with a ticket may know of it: an acknowledgement would tell.
#[test]
fn nobody_acts_on_what_they_may_not_know_of() {
    for situation in situations()
        .into_iter()
        .filter(|s| s.ticket.intake.is_some())
    {
        for (name, actor) in people().into_iter().filter(|(_, a)| *a != Actor::system()) {
            if !situation.ticket.is_visible_to(&actor) {
                let offered = available_actions(&situation.ticket, &situation.context(actor));
                assert_eq!(offered, Vec::<&str>::new(), "{name}, {}", situation.name);
            }
        }
    }
}

#[test]
fn a_citizen_acts_on_their_own_request_alone() {
    never(&another_citizen(), |name| name != "receive");
    for situation in situations().iter().filter(|s| s.ticket.intake.is_some()) {
        assert!(!situation.ticket.is_visible_to(&another_citizen()));
    }
    // And on their own nothing that is somebody's work.
    let theirs = ["receive", "rate", "urge", "withdraw"];
    let files = ["attach_file", "open_file"];
    never(&citizen(), |name| {
        !theirs.contains(&name) && !files.contains(&name)
    });
    never(&Actor::bearer(), |name| !theirs.contains(&name));
}

#[test]
fn what_docket_does_by_itself_nobody_else_does() {
    let docket_alone: Vec<&str> = ACTIONS
        .iter()
        .filter(|s| s.roles.is_empty())
        .map(|s| s.name)
        .collect();
    assert!(docket_alone.contains(&"erase") && docket_alone.contains(&"import"));
    for (_, actor) in people()
        .iter()
        .filter(|(_, actor)| *actor != Actor::system())
    {
        never(actor, |name| docket_alone.contains(&name));
    }
    // Nor does somebody with every role there is.
    let everything = Actor {
        roles: Role::ALL.to_vec(),
        ..office()
    };
    never(&everything, |name| docket_alone.contains(&name));
}

#[test]
fn only_leaders_sign_off() {
    for actor in [clerk(), unit_clerk(), other_clerk()] {
        never(&actor, |name| name == "sign_off");
    }
    let drafted = situations()
        .into_iter()
        .find(|s| s.name.contains("draft"))
        .unwrap();
    assert!(decide(&drafted, &leader(), scenario::sign_off()).is_ok());
}
