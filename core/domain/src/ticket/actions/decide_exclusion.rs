//! Decide on an exclusion (剔除审批): the hotline office on the first asking, the joint meeting on an appeal; never
//! who is scored. Where the pack leaves it to one of the two alone, that one decides on both, and nobody on the appeal
//! of a decision of their own.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Exclusion, TicketState};
use serde::{Deserialize, Serialize};

/// Decides whether a ticket is left out of an appraisal.
#[derive(Clone, Debug, Serialize)]
pub struct DecideExclusion<T> {
    /// Which asking, by its number; by default the first that waits for whoever decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asking: Option<u16>,
    /// Whether it is.
    pub granted: bool,
    /// Why.
    pub text: T,
}

/// It was decided whether a ticket is left out of an appraisal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionDecided {
    /// Which asking.
    pub no: u16,
    /// Whether it is.
    pub granted: bool,
    /// Why.
    pub text: Sealed,
}

impl<T> DecideExclusion<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<DecideExclusion<U>, E> {
        Ok(DecideExclusion {
            asking: self.asking,
            granted: self.granted,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

/// The asking that somebody decides on: the named one, or the first that is theirs to decide.
fn waiting<'t>(
    ticket: &'t Ticket,
    named: Option<u16>,
    context: &Context,
) -> Result<&'t Exclusion, Reason> {
    let mut first = Reason::NothingAsked;
    for asked in ticket.pending_exclusions() {
        if named.is_some_and(|no| no != asked.no) {
            continue;
        }
        match may_decide(ticket, asked, context) {
            Ok(()) => return Ok(asked),
            Err(reason) if first == Reason::NothingAsked => first = reason,
            Err(_) => {}
        }
    }
    Err(first)
}

fn may_decide(ticket: &Ticket, asked: &Exclusion, context: &Context) -> Result<(), Reason> {
    let (usual, other) = if asked.appeal {
        (Role::JointMeeting, Role::Office)
    } else {
        (Role::Office, Role::JointMeeting)
    };
    let lets = |role| {
        context
            .rules
            .lets(DecideExclusion::<Sealed>::SPEC.name, role)
    };
    let decides = if lets(usual) { usual } else { other };
    if !context.actor.has(decides) {
        return Err(Reason::RoleNotAllowed);
    }
    if context.actor.department == Some(asked.department) {
        return Err(Reason::OwnScore);
    }
    let appealed = |e: &Exclusion| asked.appeal && e.department == asked.department;
    let own = |e: &Exclusion| appealed(e) && e.decided_by == Some(context.actor.account);
    if ticket.exclusions.iter().any(own) {
        return Err(Reason::OwnDecision);
    }
    Ok(())
}

impl Action for DecideExclusion<Sealed> {
    const SPEC: Spec = Spec {
        name: "decide_exclusion",
        zh: "剔除审批",
        en: "Decide on exclusion",
        event: ExclusionDecided::TYPE,
        roles: &[Role::Office, Role::JointMeeting],
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
            TicketState::Withdrawn,
            TicketState::Terminated,
        ]),
    };
    type Event = ExclusionDecided;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        waiting(ticket, None, context).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExclusionDecided>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let asked = waiting(ticket, self.asking, context).map_err(|reason| {
            // Another one is theirs: it is the number that is wrong.
            let other = reason != Reason::NothingAsked && waiting(ticket, None, context).is_ok();
            let reason = if other { Reason::InvalidValue } else { reason };
            refuse::<Self>(ticket, reason).at("exclusionNo")
        })?;
        Ok(Some(ExclusionDecided {
            no: asked.no,
            granted: self.granted,
            text: self.text,
        }))
    }
}

impl Fact for ExclusionDecided {
    const TYPE: &'static str = "exclusion_decided";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let asked = ticket.exclusions.iter_mut().find(|e| e.no == self.no);
        if let Some(asked) = asked {
            asked.decided_at = Some(stamp.at);
            asked.decided_by = Some(stamp.by);
            asked.granted = Some(self.granted);
            asked.opinion = Some(self.text.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::people::{Actor, Role};
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    #[test]
    fn the_office_decides_and_the_joint_meeting_on_an_appeal() {
        let asked = || replied().and(clerk(), ask_exclusion());
        asked()
            .when(office(), decide_exclusion(true))
            .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
        asked()
            .when(joint_meeting(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
        let appealed = || {
            asked()
                .and(office(), decide_exclusion(false))
                .and(clerk(), ask_exclusion())
        };
        assert!(!appealed().fold().is_excluded_for(DEPARTMENT));
        appealed()
            .when(office(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
        appealed()
            .when(joint_meeting(), decide_exclusion(true))
            .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
    }

    #[test]
    fn whom_the_pack_leaves_alone_decides_on_both_and_nobody_on_their_own_decision_twice() {
        let another = |of: Actor| Actor {
            account: id(0xAF),
            ..of
        };
        for (alone, who, not) in [
            ("joint_meeting", joint_meeting(), office()),
            ("office", office(), joint_meeting()),
        ] {
            let roles = format!("[roles]\ndecide_exclusion = [\"{alone}\"]\n\n[rating]");
            let asked = || replied().under(&[("[rating]", &*roles)]);
            let asked = || asked().and(clerk(), ask_exclusion());
            asked()
                .when(not.clone(), decide_exclusion(true))
                .refused(Reason::RoleNotAllowed, None);
            let appealed = || {
                asked()
                    .and(who.clone(), decide_exclusion(false))
                    .and(clerk(), ask_exclusion())
            };
            appealed()
                .when(who.clone(), decide_exclusion(true))
                .refused(Reason::OwnDecision, None);
            appealed()
                .when(another(not), decide_exclusion(true))
                .refused(Reason::RoleNotAllowed, None);
            appealed()
                .when(another(who.clone()), decide_exclusion(true))
                .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
        }
        // Somebody with both roles, under a pack that leaves it to both.
        let both = Actor {
            roles: vec![Role::Office, Role::JointMeeting],
            ..office()
        };
        replied()
            .and(clerk(), ask_exclusion())
            .and(both.clone(), decide_exclusion(false))
            .and(clerk(), ask_exclusion())
            .when(both, decide_exclusion(true))
            .refused(Reason::OwnDecision, None);
    }

    #[test]
    fn of_several_askings_the_named_one_and_else_the_first() {
        let both = || {
            assigned_with_assist()
                .and(clerk(), sign())
                .and(clerk(), reply())
                .and(clerk(), ask_exclusion())
                .and(other_clerk(), ask_exclusion())
        };
        let on = |asking| {
            TicketAction::DecideExclusion(super::DecideExclusion {
                asking: Some(asking),
                granted: true,
                text: sealed("核查属实"),
            })
        };
        both().when(office(), on(2)).then(|ticket| {
            assert!(ticket.is_excluded_for(OTHER_DEPARTMENT));
            assert!(!ticket.is_excluded_for(DEPARTMENT));
        });
        both()
            .when(office(), on(3))
            .refused(Reason::NothingAsked, Some("exclusionNo"));
        // The office's own turn is not taken by an appeal that waits for the joint meeting.
        let appealed = both()
            .and(office(), on(1))
            .and(office(), decide_exclusion(false))
            .and(other_clerk(), ask_exclusion());
        appealed
            .when(office(), on(3))
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn never_who_is_scored_nor_what_nobody_asked_for() {
        let of_the_department = Actor {
            department: Some(DEPARTMENT),
            ..office()
        };
        replied()
            .and(clerk(), ask_exclusion())
            .when(of_the_department, decide_exclusion(true))
            .refused(Reason::OwnScore, None);
        replied()
            .when(office(), decide_exclusion(true))
            .refused(Reason::NothingAsked, None);
        replied()
            .and(clerk(), ask_exclusion())
            .when(clerk(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
    }
}
