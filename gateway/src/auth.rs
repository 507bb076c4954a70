//! Who is asking, and what of a ticket they may read. Every right to read a field is decided here.

use crate::error::{Code, fault};
use async_graphql::{Context, Error};
use docket_core::Desk;
use docket_core::DeskError;
use docket_core::ops::Ops;
use docket_domain::Timestamp;
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::{Assignment, Secrecy, Ticket};
use std::sync::Arc;

/// A logged-in account.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The account as the giver of commands.
    pub actor: Actor,
    /// When its session ends.
    pub until: Timestamp,
    /// Its token, to log out with.
    pub token: Arc<str>,
    /// Whether its password has expired: then it may change it, and nothing else.
    pub must_change_password: bool,
}

/// The account behind a bearer token; `None` for a token that is unknown or over.
pub async fn viewer_of(desk: &Desk, ops: &Ops, token: &str) -> Result<Option<Viewer>, DeskError> {
    let Some((account, until)) = ops.session(token).await? else {
        return Ok(None);
    };
    let Some(actor) = desk.actor(account).await? else {
        return Ok(None);
    };
    Ok(Some(Viewer {
        actor,
        until,
        token: token.into(),
        must_change_password: desk.must_change_password(account).await?,
    }))
}

/// The viewer of a request, or the error that says there is none, or that it has to change its password first.
pub fn viewer<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    let viewer = viewer_at_the_door(context)?;
    if viewer.must_change_password {
        return Err(fault(Code::PasswordExpired));
    }
    Ok(viewer)
}

/// The viewer, whatever the age of its password: for what it takes to change it.
pub fn viewer_at_the_door<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    context
        .data_opt::<Viewer>()
        .ok_or_else(|| fault(Code::Unauthenticated))
}

/// The viewer, if one of their roles is among these.
pub fn viewer_with<'c>(context: &Context<'c>, roles: &[Role]) -> Result<&'c Viewer, Error> {
    let viewer = viewer(context)?;
    if viewer.actor.has_any(roles) {
        Ok(viewer)
    } else {
        Err(fault(Code::Forbidden))
    }
}

/// The viewer, if they keep accounts: everybody's, or those of their department. Whose exactly, the domain says.
pub fn keeper<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    let viewer = viewer(context)?;
    let leads = viewer.actor.leads_department().is_some();
    if leads || viewer.actor.has(Role::Administrator) {
        Ok(viewer)
    } else {
        Err(fault(Code::Forbidden))
    }
}

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
