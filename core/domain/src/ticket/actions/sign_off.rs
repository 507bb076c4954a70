//! Sign off (签发): the leader of a department makes the draft its answer, where the pack asks for that, and may
//! where it does not.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, reply};
use crate::ids::{AssignmentNo, EventId};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Answer, AssignmentState, Draft, Level};
use serde::{Deserialize, Serialize};

/// Makes the draft the answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SignOff {
    /// The event that the draft was saved by, as it was read: a colleague may have saved another since. `None`:
    /// the draft as it stands.
    pub draft: Option<EventId>,
}

/// A leader signed a draft off: it is the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOff {
    /// Whose draft.
    pub assignment: AssignmentNo,
    /// The internal account, as drafted.
    pub opinion: Sealed,
    /// The answer, as drafted.
    pub answer: Sealed,
    /// Whether the caller was contacted.
    pub contacted: bool,
    /// Whether it is solved.
    pub solved: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsolved_reason: Option<Sealed>,
    /// Who handled it.
    pub handler: Sealed,
    /// The handler's phone.
    pub phone: Sealed,
}

impl SignOff {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// The answer that a draft makes, if it has all that one must have.
pub(super) fn complete(assignment: AssignmentNo, draft: &Draft) -> Option<SignedOff> {
    let given = |text: &Option<Sealed>| text.clone().filter(|text| text.chars > 0);
    let unsolved_reason = given(&draft.unsolved_reason);
    let solved = draft.solved?;
    if !solved && unsolved_reason.is_none() {
        return None;
    }
    Some(SignedOff {
        assignment,
        opinion: given(&draft.opinion)?,
        answer: given(&draft.answer)?,
        contacted: draft.contacted?,
        solved,
        unsolved_reason,
        handler: given(&draft.handler)?,
        phone: given(&draft.phone)?,
    })
}

fn of(assignment: Option<&Assignment>) -> Option<SignedOff> {
    let assignment = assignment?;
    complete(assignment.no, assignment.draft.as_ref()?)
}

impl Action for SignOff {
    const SPEC: Spec = Spec {
        name: "sign_off",
        zh: "签发",
        en: "Sign off",
        event: SignedOff::TYPE,
        roles: &[Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::AwaitingSummary,
            ],
            level: Some(Level::Department),
        },
    };
    type Event = SignedOff;

    fn permit(ticket: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if of(on).is_none() {
            return Err(Reason::DraftIncomplete);
        }
        reply::may_answer(ticket, on, context)
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<SignedOff>, Refusal> {
        let read = |on: &Assignment| {
            let draft = on.draft.as_ref().map(|draft| draft.event);
            self.draft.is_none() || self.draft == draft
        };
        if !on.is_some_and(read) {
            return Err(refuse::<Self>(ticket, Reason::StaleRevision).at("draftId"));
        }
        let signed_off = of(on);
        let incomplete = || refuse::<Self>(ticket, Reason::DraftIncomplete);
        signed_off.map(Some).ok_or_else(incomplete)
    }
}

impl Fact for SignedOff {
    const TYPE: &'static str = "signed_off";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let answer = Answer {
            at: stamp.at,
            by: stamp.by,
            opinion: Some(self.opinion.clone()),
            text: self.answer.clone(),
            article: None,
            contacted: Some(self.contacted),
            solved: Some(self.solved),
            unsolved_reason: self.unsolved_reason.clone(),
            handler: Some(self.handler.clone()),
            phone: Some(self.phone.clone()),
        };
        reply::submit(ticket, self.assignment, answer, stamp);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    const ASKED: &[(&str, &str)] = &[(
        "[sign_off]\nrequired = false",
        "[sign_off]\nrequired = true",
    )];

    #[test]
    fn a_clerk_drafts_and_the_leader_signs_off() {
        let drafted = || signed().under(ASKED).and(clerk(), save_full_draft());
        drafted()
            .when(clerk(), reply())
            .refused(Reason::SignOffNeeded, None);
        assert!(drafted().fold().assignments[0].awaits_sign_off());
        drafted().when(leader(), sign_off()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Replied);
            let answer = ticket.answer.as_ref().unwrap();
            assert_eq!(answer.by, leader().account);
            assert!(ticket.assignments[0].draft.is_none());
        });
        drafted()
            .when(clerk(), sign_off())
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn only_the_draft_that_was_read() {
        let drafted = || signed().and(clerk(), save_full_draft());
        let of = |event| TicketAction::SignOff(super::SignOff { draft: Some(event) });
        let read = drafted().fold().assignments[0].draft.clone().unwrap();
        drafted().when(leader(), of(read.event)).then(|_| {});
        drafted()
            .when(leader(), of(id(7)))
            .refused(Reason::StaleRevision, Some("draftId"));
    }

    #[test]
    fn only_a_complete_draft_of_the_departments_own() {
        signed()
            .when(leader(), sign_off())
            .refused(Reason::DraftIncomplete, None);
        signed()
            .and(clerk(), save_draft("已责令停工"))
            .when(leader(), sign_off())
            .refused(Reason::DraftIncomplete, None);
        let partly = signed().under(ASKED).and(clerk(), save_draft("已责令停工"));
        assert!(!partly.fold().assignments[0].awaits_sign_off());
        let unasked = signed().and(clerk(), save_full_draft());
        assert!(!unasked.fold().assignments[0].awaits_sign_off());
        delegated()
            .when(leader(), sign_off())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn a_unit_and_a_leader_answer_as_ever() {
        delegated()
            .under(ASKED)
            .and(unit_clerk(), sign())
            .when(unit_clerk(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::AwaitingSummary));
        signed()
            .under(ASKED)
            .when(leader(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Replied));
    }
}
