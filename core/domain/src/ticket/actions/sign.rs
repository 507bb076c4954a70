//! Sign (签收): the holder takes the assignment on. The handling clock runs from the assignment, so
//! that nothing is gained by not signing.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::AssignmentNo;
use crate::sealed::Field;
use crate::ticket::state::AssignmentState;
use serde::{Deserialize, Serialize};

/// Signs the assignment one's office holds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sign;

/// An assignment was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Which.
    pub assignment: AssignmentNo,
}

impl Sign {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Sign {
    const SPEC: Spec = Spec {
        name: "sign",
        zh: "签收",
        en: "Sign",
        event: Signed::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[AssignmentState::Assigned],
            level: None,
        },
    };
    type Event = Signed;

    fn decide(
        self,
        _ticket: &Ticket,
        on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Signed>, Refusal> {
        Ok(on.map(|held| Signed {
            assignment: held.no,
        }))
    }
}

impl Fact for Signed {
    const TYPE: &'static str = "signed";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.state = AssignmentState::InProgress;
            assignment.signed_at = Some(stamp.at);
            // Who signs has seen it.
            assignment.viewed_at.get_or_insert(stamp.at);
            // And works on it, until it is handed over.
            assignment.handler.get_or_insert(stamp.by);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Sign;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn signing_starts_the_work_but_not_the_clock() {
        assigned()
            .later(60)
            .when(clerk(), TicketAction::Sign(Sign))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::InProgress);
                let held = &ticket.assignments[0];
                assert_eq!(held.signed_at, Some(now() + chrono::TimeDelta::minutes(60)));
                assert_eq!(held.viewed_at, held.signed_at);
                assert_eq!(held.assigned_at, now());
                assert_eq!(held.handler, Some(clerk().account));
                assert_eq!(ticket.changed_at, held.signed_at);
            });
    }

    #[test]
    fn an_earlier_view_is_kept() {
        assigned()
            .and(clerk(), view())
            .later(5)
            .when(leader(), TicketAction::Sign(Sign))
            .then(|ticket| assert_eq!(ticket.assignments[0].viewed_at, Some(now())));
    }

    #[test]
    fn only_the_holder_signs_and_only_once() {
        assigned()
            .when(other_clerk(), sign())
            .refused(Reason::NotHolder, None);
        assigned()
            .when(unit_clerk(), sign())
            .refused(Reason::NotHolder, None);
        assigned()
            .when(auditor(), sign())
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(clerk(), sign())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn a_unit_signs_what_was_delegated_to_it() {
        delegated().when(unit_clerk(), sign()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Delegated);
            assert!(ticket.assignments[1].signed_at.is_some());
        });
    }
}
