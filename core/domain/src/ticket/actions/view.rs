//! View (查看): the holder's first look at an assignment. Viewed is not signed; it ends the red title.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::AssignmentNo;
use crate::sealed::Field;
use crate::ticket::state::AssignmentState;
use serde::{Deserialize, Serialize};

/// Looks at the assignment one's office holds. A second look is nothing new.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct View;

/// The holder looked at an assignment for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewed {
    /// Which.
    pub assignment: AssignmentNo,
}

impl View {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for View {
    const SPEC: Spec = Spec {
        name: "view",
        zh: "查看",
        en: "View",
        event: Viewed::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::Assigned,
                AssignmentState::InProgress,
                AssignmentState::Delegated,
                AssignmentState::AwaitingSummary,
            ],
            level: None,
        },
    };
    type Event = Viewed;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        _ticket: &Ticket,
        on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Viewed>, Refusal> {
        Ok(on
            .filter(|held| held.viewed_at.is_none())
            .map(|held| Viewed {
                assignment: held.no,
            }))
    }
}

impl Fact for Viewed {
    const TYPE: &'static str = "viewed";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.viewed_at = Some(stamp.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::View;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn the_first_look_is_an_event_and_moves_neither_state_nor_revision() {
        assigned()
            .when(clerk(), TicketAction::View(View))
            .then(|ticket| {
                assert_eq!(ticket.assignments[0].viewed_at, Some(now()));
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.revision, 2);
            });
    }

    #[test]
    fn the_second_look_is_nothing() {
        assigned()
            .and(clerk(), TicketAction::View(View))
            .when(leader(), TicketAction::View(View))
            .nothing();
    }

    #[test]
    fn others_looks_are_not_views() {
        assigned()
            .when(other_clerk(), TicketAction::View(View))
            .refused(Reason::NotHolder, None);
        assigned()
            .when(dispatcher(), TicketAction::View(View))
            .refused(Reason::RoleNotAllowed, None);
    }
}
