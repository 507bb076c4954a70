//! What an account may read of what it sees: every right to read a field is decided here, and nowhere else.
//!
//! Whether it may know of a ticket at all is the domain's to say ([`Ticket::is_visible_to`]). `docs/field-rights.md` shows
//! what comes of both, field by field and role by role, as a server answered it.

use docket_domain::ids::{AccountId, DepartmentId};
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::terminate::Terminated;
use docket_domain::ticket::{Assignment, EndingKind, Secrecy, Ticket};

/// How much of a personal text a viewer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of it.
    Clear,
    /// With all but its ends masked.
    Masked,
    /// Nothing.
    Hidden,
}

/// Which of a ticket's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who called, and the query code they were given.
    Caller,
    /// The party complained of.
    Respondent,
    /// Title, body, place, and the answer to the citizen.
    Matter,
    /// Instructions, opinions, reasons, names and phones of staff.
    Work,
}

/// How much of a group of a ticket's texts an account sees (DOMAIN §6). The ticket itself must be visible
/// to it: see [`Ticket::is_visible_to`].
#[must_use]
pub fn sight(actor: &Actor, ticket: &Ticket, group: Group) -> Sight {
    let Some(intake) = &ticket.intake else {
        return Sight::Hidden;
    };
    if actor.in_centre() {
        return Sight::Clear;
    }
    if intake.is_from(actor) {
        return if group == Group::Work {
            Sight::Hidden
        } else {
            Sight::Clear
        };
    }
    if actor.has_any(&[Role::Clerk, Role::Leader]) && ticket.is_visible_to(actor) {
        let secret = group == Group::Caller && intake.secrecy == Secrecy::Confidential;
        let former = group != Group::Matter && !ticket.is_business_of(actor);
        return if secret || former {
            Sight::Hidden
        } else {
            Sight::Clear
        };
    }
    if actor.has(Role::Auditor) {
        return match group {
            Group::Caller | Group::Respondent => Sight::Masked,
            Group::Matter | Group::Work => Sight::Clear,
        };
    }
    Sight::Hidden
}

/// How much of an assignment's drafts an account sees: they are for the holder's office alone, as long as
/// the ticket is its business.
#[must_use]
pub fn draft_sight(actor: &Actor, ticket: &Ticket, assignment: &Assignment) -> Sight {
    if actor.in_office() && assignment.is_held_by(actor) {
        sight(actor, ticket, Group::Work)
    } else {
        Sight::Hidden
    }
}

/// How much of a ticket's query code an account sees: it is for who called, and for the centre.
#[must_use]
pub fn query_code_sight(actor: &Actor, ticket: &Ticket) -> Sight {
    let in_office = actor.has_any(&[Role::Clerk, Role::Leader]);
    match sight(actor, ticket, Group::Caller) {
        Sight::Clear if !in_office => Sight::Clear,
        _ => Sight::Hidden,
    }
}

/// Whether an account may know who did something: the caller by the rules for callers, staff by those for work.
#[must_use]
pub fn reads_who(actor: &Actor, ticket: &Ticket, who: AccountId) -> bool {
    let intake = ticket.intake.as_ref();
    let is_caller = intake.is_some_and(|intake| intake.caller_account == Some(who));
    let group = if is_caller {
        Group::Caller
    } else {
        Group::Work
    };
    let nobody = who == AccountId::SYSTEM || who == AccountId::BEARER;
    !nobody && sight(actor, ticket, group) == Sight::Clear
}

/// Whether an account may know of a ticket's handling: assignments, supervision, disputes, exclusions and the like.
#[must_use]
pub fn reads_work(actor: &Actor, ticket: &Ticket) -> bool {
    sight(actor, ticket, Group::Work) != Sight::Hidden
}

/// Whether an account may know since when a ticket is nobody's.
#[must_use]
pub fn reads_unassigned(actor: &Actor) -> bool {
    actor.in_centre() || actor.has(Role::Auditor)
}

/// Whether an account is shown hints for assigning: departments suggested, tickets alike.
#[must_use]
pub fn reads_hints(actor: &Actor) -> bool {
    actor.in_centre()
}

/// Which exclusions from the appraisal an account may list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Every one.
    All,
    /// Those a department asked for.
    Of(DepartmentId),
}

/// Which exclusions from the appraisal an account may list (DOMAIN §3: every one is listed): whoever decides, supervises
/// or audits all, a department its own. A unit's score is its department's.
#[must_use]
pub fn lists_exclusions(actor: &Actor) -> Option<Listed> {
    const ALL: &[Role] = &[
        Role::Office,
        Role::JointMeeting,
        Role::Supervisor,
        Role::Auditor,
    ];
    if actor.has_any(ALL) {
        return Some(Listed::All);
    }
    let own = actor.in_office() && actor.unit.is_none();
    actor.department.filter(|_| own).map(Listed::Of)
}

/// Whose roles may read the log itself, and the security log.
pub const READS_LOGS: &[Role] = &[Role::Auditor];

/// Whether an account sees every notice, those that are over as well, and who has read one.
#[must_use]
pub fn sees_every_notice(actor: &Actor) -> bool {
    actor.has_any(&[Role::Office, Role::Auditor])
}

/// Which departments' figures an account may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// Everybody's.
    All,
    /// Those of its own department, if it has one.
    Of(Option<DepartmentId>),
}

/// Which departments' figures an account may read: the centre, auditors and analysts all, an office its department's.
#[must_use]
pub fn reads_figures(actor: &Actor) -> Option<Figures> {
    if actor.in_centre() || actor.has_any(&[Role::Auditor, Role::Analyst]) {
        return Some(Figures::All);
    }
    actor.in_office().then_some(Figures::Of(actor.department))
}

/// Who may read the text of an ending: the explanation of a termination is for the citizen.
#[must_use]
pub fn ending_text_group(kind: EndingKind) -> Group {
    if kind == EndingKind::Terminated {
        Group::Matter
    } else {
        Group::Work
    }
}

/// Who may read a text of a step, that usually is of a group.
#[must_use]
pub fn step_text_group(event_type: &str, usual: Group) -> Group {
    if event_type == Terminated::TYPE {
        Group::Matter
    } else {
        usual
    }
}

/// How much of the name of an account another sees: citizens see their own alone.
#[must_use]
pub fn name_sight(actor: &Actor, account: AccountId) -> Sight {
    let citizen = actor.roles.iter().all(|role| *role == Role::Citizen);
    if citizen && actor.account != account {
        Sight::Hidden
    } else {
        Sight::Clear
    }
}

/// How much of login, mobile and quota of an account another sees: they are for its person and its keepers.
#[must_use]
pub fn inner_sight(actor: &Actor, account: AccountId, keeps: bool) -> Sight {
    if keeps || actor.account == account {
        Sight::Clear
    } else {
        Sight::Hidden
    }
}

/// A text as it is shown.
#[must_use]
pub fn shown(sight: Sight, text: String) -> Option<String> {
    match sight {
        Sight::Clear => Some(text),
        Sight::Masked => Some(mask(&text)),
        Sight::Hidden => None,
    }
}

/// A text with all but its first and last character masked.
#[must_use]
pub fn mask(text: &str) -> String {
    let count = text.chars().count();
    let keep_last = count > 2;
    text.chars()
        .enumerate()
        .map(|(i, c)| {
            if i == 0 || (keep_last && i + 1 == count) {
                c
            } else {
                '*'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use docket_domain::ticket::scenario::*;

    #[test]
    fn masks_leave_the_ends() {
        assert_eq!(mask("王小明"), "王*明");
        assert_eq!(mask("王明"), "王*");
        assert_eq!(mask("王"), "王");
        assert_eq!(mask(""), "");
        assert_eq!(mask("13800000001"), "1*********1");
    }

    #[test]
    fn every_group_for_every_role() {
        use Group::{Caller, Matter, Respondent, Work};
        use Sight::{Clear, Hidden, Masked};
        let ticket = delegated().fold();
        for (who, actor, expected) in [
            ("operator", operator(), [Clear, Clear, Clear, Clear]),
            ("dispatcher", dispatcher(), [Clear, Clear, Clear, Clear]),
            ("call-back", caller_back(), [Clear, Clear, Clear, Clear]),
            ("supervisor", supervisor(), [Clear, Clear, Clear, Clear]),
            ("office", office(), [Clear, Clear, Clear, Clear]),
            (
                "joint meeting",
                joint_meeting(),
                [Clear, Clear, Clear, Clear],
            ),
            ("analyst", analyst(), [Hidden, Hidden, Hidden, Hidden]),
            ("clerk", clerk(), [Clear, Clear, Clear, Clear]),
            ("leader", leader(), [Clear, Clear, Clear, Clear]),
            ("unit clerk", unit_clerk(), [Clear, Clear, Clear, Clear]),
            (
                "other clerk",
                other_clerk(),
                [Hidden, Hidden, Hidden, Hidden],
            ),
            ("a stranger", citizen(), [Hidden, Hidden, Hidden, Hidden]),
            ("auditor", auditor(), [Masked, Masked, Clear, Clear]),
            (
                "administrator",
                administrator(),
                [Hidden, Hidden, Hidden, Hidden],
            ),
        ] {
            let seen = [Caller, Respondent, Matter, Work].map(|g| sight(&actor, &ticket, g));
            assert_eq!(seen, expected, "{who}");
        }
        let own = own_replied().fold();
        let seen = [Caller, Respondent, Matter, Work].map(|g| sight(&citizen(), &own, g));
        assert_eq!(seen, [Clear, Clear, Clear, Hidden], "the citizen's own");
    }

    #[test]
    fn an_office_that_gave_the_ticket_back_sees_only_the_matter() {
        use Group::{Caller, Matter, Respondent, Work};
        let seen = |ticket: &Ticket| {
            [Caller, Respondent, Matter, Work].map(|group| sight(&clerk(), ticket, group))
        };
        let only_matter = [Sight::Hidden, Sight::Hidden, Sight::Clear, Sight::Hidden];
        assert_eq!(seen(&returned().fold()), only_matter);
        let again = returned().and(dispatcher(), assign()).fold();
        assert_eq!(
            seen(&again),
            [Sight::Clear; 4],
            "until it is given it again"
        );
    }

    #[test]
    fn a_draft_is_for_the_holders_office_alone() {
        let drafted = signed().and(clerk(), save_draft("草稿"));
        let ticket = drafted.fold();
        for (who, actor) in everybody() {
            let seen = draft_sight(&actor, &ticket, &ticket.assignments[0]);
            let own = actor.department == Some(DEPARTMENT) && actor.unit.is_none();
            assert_eq!(seen == Sight::Clear, own, "{who}");
            assert!(own || seen == Sight::Hidden, "{who}");
        }
        let drafted = signed().and(clerk(), save_draft("草稿"));
        let back = drafted.and(clerk(), send_back()).fold();
        let seen = draft_sight(&clerk(), &back, &back.assignments[0]);
        assert_eq!(seen, Sight::Hidden, "an office that gave it back");
    }

    #[test]
    fn a_confidential_caller_is_hidden_from_offices() {
        let mut ticket = signed().fold();
        ticket.intake.as_mut().unwrap().secrecy = Secrecy::Confidential;
        assert_eq!(sight(&clerk(), &ticket, Group::Caller), Sight::Hidden);
        assert_eq!(sight(&clerk(), &ticket, Group::Matter), Sight::Clear);
        assert_eq!(sight(&operator(), &ticket, Group::Caller), Sight::Clear);
    }
}
