//! Who may do what: every action × state × person, decided with a complete command. The whole table stands
//! in `docs/permissions.md`, written from what the domain decides, and nothing is allowed by default; the
//! prohibitions of the field are claimed one by one in `prohibitions`.

mod complete;
mod prohibitions;
mod situations;

use complete::complete;
use docket_domain::ids::DepartmentId;
use docket_domain::organisation::{Organisation, OrganisationAction};
use docket_domain::people::Actor;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::scenario;
use docket_domain::ticket::{
    ACTIONS, Spec, Ticket, TicketAction, TicketCommand, TicketEvent, TicketState, available_actions,
};
use docket_domain::{Aggregate, Reason, Refusal};
use situations::{Situation, people, situations};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// A department that has nothing to do with any ticket.
const THIRD_DEPARTMENT: DepartmentId = DepartmentId(Uuid::from_u128(0xD3));

/// The scenarios' city, with a third department.
fn organisation() -> Arc<Organisation> {
    static CITY: LazyLock<Arc<Organisation>> = LazyLock::new(|| {
        let mut city = scenario::city();
        let action = OrganisationAction::AddDepartment {
            id: THIRD_DEPARTMENT,
            name: "水务局".into(),
            region: None,
        };
        scenario::reorganise(Arc::make_mut(&mut city), action);
        city
    });
    CITY.clone()
}

/// What becomes of a command.
fn decide(
    situation: &Situation,
    actor: &Actor,
    action: TicketAction<Sealed>,
) -> Result<Vec<TicketEvent>, Refusal> {
    let context = situation.context(actor.clone());
    Ticket::decide(&situation.ticket, TicketCommand { context, action })
}

/// What becomes of a complete command of an action.
fn decide_complete(
    spec: &Spec,
    situation: &Situation,
    actor: &Actor,
) -> Result<Vec<TicketEvent>, Refusal> {
    let action = complete(spec.name, &situation.ticket, actor, situation.now);
    assert_eq!(action.spec().name, spec.name);
    decide(situation, actor, action)
}

const DONE: &str = "✓";
/// The most situations that are named where they are the most of one kind.
const NAMED_MAX: usize = 4;
const NOTHING_TO_DO: &str = "○";

/// How a refusal is written in the table.
fn short(reason: Reason) -> &'static str {
    match reason {
        Reason::RoleNotAllowed => "role",
        Reason::NotHolder => "holder",
        Reason::WrongState => "state",
        Reason::WrongLevel => "level",
        Reason::UnknownOffice => "office",
        Reason::AccusedOffice => "accused",
        Reason::OfficeTwice => "twice",
        Reason::ReturnWindowOver => "window",
        Reason::AlreadySigned => "signed",
        Reason::ExclusionPending => "exclusion",
        Reason::NoReturnPending => "no return",
        Reason::NotReviewed => "review",
        Reason::TooOften => "often",
        Reason::NoMoreTimes => "no more",
        Reason::AssistsOpen => "assists",
        Reason::Suspended => "suspended",
        Reason::NotSuspended => "running",
        Reason::RuledOn => "ruled",
        Reason::AlreadyDisputed => "disputed",
        Reason::NotDisputed => "no dispute",
        Reason::AlreadyAsked => "asked",
        Reason::NothingAsked => "not asked",
        Reason::DeadlineOver => "overdue",
        Reason::NotSupervised => "unsupervised",
        Reason::Supervised => "supervised",
        Reason::SignOffNeeded => "sign-off",
        Reason::DraftIncomplete => "draft",
        Reason::HasFollowers => "followers",
        Reason::NotOwnTicket => "own",
        Reason::NotFound => "none",
        Reason::AlreadyExists => "exists",
        Reason::NoChange => "no change",
        other => other.code(),
    }
}

/// A cell of the table, and the reason in it.
fn cell(outcome: &Result<Vec<TicketEvent>, Refusal>) -> (&'static str, Option<Reason>) {
    match outcome {
        Ok(events) if events.is_empty() => (NOTHING_TO_DO, None),
        Ok(_) => (DONE, None),
        Err(refusal) => (short(refusal.reason), Some(refusal.reason)),
    }
}

/// Numbers of equal items together, in the order of their first.
fn grouped<T: PartialEq>(count: usize, item: impl Fn(usize) -> T) -> Vec<(Vec<usize>, T)> {
    let mut groups: Vec<(Vec<usize>, T)> = Vec::new();
    for number in 0..count {
        let is = item(number);
        match groups.iter_mut().find(|(_, known)| *known == is) {
            Some((members, _)) => members.push(number),
            None => groups.push((vec![number], is)),
        }
    }
    groups
}

/// Cells as a table, by situation and person; equal rows together, and equal columns; a column that says
/// `left_out` throughout is none.
fn table(rows: &[&str], columns: &[&str], cells: &[Vec<&'static str>], left_out: &str) -> String {
    let column = |number: usize| cells.iter().map(|row| row[number]).collect::<Vec<_>>();
    let of_people = grouped(columns.len(), column);
    let mut told = String::new();
    let kept: Vec<_> = of_people
        .iter()
        .filter(|(_, cells)| cells.iter().any(|cell| *cell != left_out))
        .collect();
    let names = |members: &[usize], of: &[&str], between: &str| {
        members
            .iter()
            .map(|n| of[*n])
            .collect::<Vec<_>>()
            .join(between)
    };
    told.push_str("| |");
    for (members, _) in &kept {
        let _ = write!(told, " {} |", names(members, columns, ", "));
    }
    let _ = write!(told, "\n|---|{}", "---|".repeat(kept.len()));
    let mut of_situations = grouped(rows.len(), |row| {
        kept.iter()
            .map(|(_, column)| column[row])
            .collect::<Vec<_>>()
    });
    // What is so in most situations stands last, and names none of them.
    let most = of_situations.iter().map(|(members, _)| members.len()).max();
    let most = of_situations
        .iter()
        .position(|(members, _)| Some(members.len()) == most);
    let most = most.map(|index| of_situations.remove(index));
    for (members, cells) in &of_situations {
        let names = names(members, rows, "<br>");
        let _ = write!(told, "\n| {names} | {} |", cells.join(" | "));
    }
    if let Some((members, cells)) = most {
        let others = match (members.len(), rows.len()) {
            (some, all) if some == all => "whatever its state".into(),
            (few, _) if few <= NAMED_MAX => names(&members, rows, "<br>"),
            _ => "*every other*".into(),
        };
        let _ = write!(told, "\n| {others} | {} |", cells.join(" | "));
    }
    let rest = of_people
        .iter()
        .filter(|group| !kept.iter().any(|kept| std::ptr::eq(*kept, *group)));
    for (members, _) in rest {
        let _ = write!(told, "\n\n`{left_out}`: {}.", names(members, columns, ", "));
    }
    told
}

/// Everything the page says, from what the domain decides.
fn page() -> String {
    let (people, situations) = (people(), situations());
    let columns: Vec<&str> = people.iter().map(|(name, _)| *name).collect();
    let rows: Vec<&str> = situations.iter().map(|situation| situation.name).collect();
    let mut used = BTreeSet::new();
    let mut sections = String::new();
    let sees = |situation: &Situation, actor| {
        if situation.ticket.is_visible_to(actor) {
            DONE
        } else {
            "–"
        }
    };
    let by_sight: Vec<Vec<_>> = situations
        .iter()
        .map(|situation| {
            people
                .iter()
                .map(|(_, actor)| sees(situation, actor))
                .collect()
        })
        .collect();
    let seen = table(&rows, &columns, &by_sight, "–");
    for spec in ACTIONS {
        let mut cells = Vec::new();
        for situation in &situations {
            let outcomes = people.iter().map(|(_, actor)| {
                let (cell, reason) = cell(&decide_complete(spec, situation, actor));
                used.extend(reason.map(Reason::code));
                cell
            });
            cells.push(outcomes.collect());
        }
        let table = table(&rows, &columns, &cells, "role");
        let _ = write!(sections, "\n## `{}` {}\n\n{table}\n", spec.name, spec.zh);
    }
    let mut legend = String::new();
    for reason in Reason::ALL
        .iter()
        .filter(|reason| used.contains(reason.code()))
    {
        let _ = write!(
            legend,
            "\n| {} | `{}` | {} |",
            short(*reason),
            reason.code(),
            reason.en()
        );
    }
    format!(
        "{HEAD}\n| Cell | Code | |\n|---|---|---|\n| {DONE} | | done |\n| {NOTHING_TO_DO} | | taken, \
         and there is nothing to do |{legend}\n\n## Who may know of it\n\n{seen}\n{sections}"
    )
}

const HEAD: &str = "# Permissions

What becomes of a complete command: every action, in every state of a ticket with every flag beside it, by everybody.
Written from what the domain decides under the default rule pack, by a test that fails when this page is stale; packs
narrow it (`[roles]`), and never widen it. Rows that are equal stand together, and so do columns.

The request is *the citizen's*. *Level 1* and *level 2* are the department it is assigned to and its unit; *other* is the
department that assists in the row that says so, and that has the confidential reports in hand, with its unit. To somebody
who may not know of a ticket the API says `NOT_FOUND` in place of every refusal.
";

#[test]
fn the_page() {
    docket_tests::golden::golden("../../docs/permissions.md", &page());
}

#[test]
fn every_state_has_a_row_and_every_role_a_column() {
    let situations = situations();
    for state in TicketState::ALL {
        let named = |situation: &&Situation| situation.ticket.state == *state;
        let name = situations
            .iter()
            .find(named)
            .map(|situation| situation.name);
        assert!(name.is_some(), "{state:?}");
    }
    let people = people();
    let has = |role| people.iter().any(|(_, actor)| actor.has(role));
    assert!(docket_domain::Role::ALL.iter().all(|role| has(*role)));
}

/// The table shows every action done, or it would show too little.
#[test]
fn every_action_is_done_by_somebody_somewhere() {
    let (people, situations) = (people(), situations());
    for spec in ACTIONS {
        let done = |situation| {
            let by = |(_, actor): &(_, Actor)| {
                decide_complete(spec, situation, actor).is_ok_and(|events| !events.is_empty())
            };
            people.iter().any(by)
        };
        // A limit is settled only once its year's calendar is published: see the action's own tests.
        let elsewhere = spec.name == "settle_dues";
        assert!(elsewhere || situations.iter().any(done), "{}", spec.name);
    }
}

#[test]
fn what_is_available_is_what_a_complete_command_is_taken_for() {
    for situation in situations() {
        for (name, actor) in people() {
            let offered = available_actions(&situation.ticket, &situation.context(actor.clone()));
            for spec in ACTIONS {
                let taken = match spec.name {
                    // Of what is not over, only when it is said again of a restored log.
                    "erase" if !situation.ticket.state.is_over() => {
                        let TicketAction::Erase(mut again) = scenario::erase() else {
                            unreachable!("it is one")
                        };
                        again.replayed = true;
                        decide(&situation, &actor, TicketAction::Erase(again))
                    }
                    _ => decide_complete(spec, &situation, &actor),
                };
                // A complete command is at fault only where the accused department itself has the ticket.
                let hushed = matches!(&taken, Err(refusal) if refusal.field.is_some());
                assert_eq!(
                    offered.contains(&spec.name),
                    taken.is_ok() || hushed,
                    "{} by {name}, {}: {taken:?}",
                    spec.name,
                    situation.name
                );
            }
        }
    }
}

/// Ids of the people, each once: nobody is in the table twice under two names.
#[test]
fn everybody_is_somebody_else() {
    let accounts: BTreeSet<_> = people().iter().map(|(_, actor)| actor.account.0).collect();
    assert_eq!(accounts.len(), people().len());
}
