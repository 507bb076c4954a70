//! Recall (撤回): whoever handed an assignment out takes it back before it is signed. The centre takes back the lead's,
//! and the ticket is to be assigned again, unless the joint meeting ruled on it; a department takes back what it
//! delegated, signed or not where the unit was moved under the department that a confidential report accuses.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{is_under_accused, optional, refuse};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{AssignmentState, TicketState};
use serde::{Deserialize, Serialize};

/// Recalls what was assigned or delegated and not signed yet.
#[derive(Clone, Debug, Serialize)]
pub struct Recall<T> {
    /// Why.
    pub text: Option<T>,
}

/// An assignment was recalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// Which.
    pub assignment: AssignmentNo,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
}

impl<T> Recall<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Recall<U>, E> {
        let text = try_map_option(self.text, Field::of_ticket("text"), seal)?;
        Ok(Recall { text })
    }
}

/// The assignment that the account may recall.
fn recallable<'t>(ticket: &'t Ticket, context: &Context) -> Result<&'t Assignment, Reason> {
    let wanted = if context.actor.in_office() {
        let held = ticket.held_by(&context.actor).ok_or(Reason::NotHolder)?;
        if held.state != AssignmentState::Delegated {
            return Err(Reason::WrongState);
        }
        let children = ticket.assignments.iter();
        children
            .rev()
            .find(|a| a.parent == Some(held.no) && a.state.is_open())
    } else {
        ticket.lead().filter(|lead| lead.state.is_open())
    };
    match wanted {
        Some(open) if ticket.is_ruled_on(open) => Err(Reason::RuledOn),
        Some(open) if open.state == AssignmentState::Assigned => Ok(open),
        Some(open) if is_under_accused(ticket, open, context) => Ok(open),
        Some(_) => Err(Reason::AlreadySigned),
        None => Err(Reason::WrongState),
    }
}

impl Action for Recall<Sealed> {
    const SPEC: Spec = Spec {
        name: "recall",
        zh: "撤回",
        en: "Recall",
        event: Recalled::TYPE,
        roles: &[Role::Dispatcher, Role::Clerk, Role::Leader],
        gate: Gate::Ticket(&[
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
        ]),
    };
    type Event = Recalled;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        recallable(ticket, context).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Recalled>, Refusal> {
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "text", self.text.as_ref(), max)?;
        let assignment = recallable(ticket, context).map_err(|r| refuse::<Self>(ticket, r))?;
        Ok(Some(Recalled {
            assignment: assignment.no,
            text: self.text,
        }))
    }
}

impl Fact for Recalled {
    const TYPE: &'static str = "recalled";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let Some(assignment) = ticket.assignment_mut(self.assignment) else {
            return;
        };
        assignment.state = AssignmentState::Recalled;
        assignment.ended_at = Some(stamp.at);
        if let Some(parent) = assignment.parent {
            // A delegation: the department goes on by itself.
            if let Some(parent) = ticket.assignment_mut(parent) {
                parent.state = AssignmentState::InProgress;
            }
        } else {
            // The whole: nobody has it any more.
            ticket.accept_returns(stamp.at, |_| true);
            ticket.release(stamp.at, |_| true);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketState};

    #[test]
    fn the_centre_recalls_the_whole_before_the_lead_signs() {
        assigned_with_assist()
            .and(other_clerk(), sign())
            .later(5)
            .when(dispatcher(), recall())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Received);
                assert_eq!(ticket.assignments[0].state, AssignmentState::Recalled);
                assert_eq!(ticket.assignments[1].state, AssignmentState::Released);
                assert_eq!(ticket.unassigned_since(), ticket.assignments[0].ended_at);
            });
        assigned()
            .and(dispatcher(), recall())
            .when(dispatcher(), assign())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Assigned));
    }

    #[test]
    fn a_department_recalls_what_its_unit_has_not_signed() {
        delegated().when(leader(), recall()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::InProgress);
            assert_eq!(ticket.assignments[1].state, AssignmentState::Recalled);
        });
    }

    #[test]
    fn what_is_signed_stays() {
        signed()
            .when(dispatcher(), recall())
            .refused(Reason::AlreadySigned, None);
        delegated()
            .and(unit_clerk(), sign())
            .when(clerk(), recall())
            .refused(Reason::AlreadySigned, None);
    }

    #[test]
    fn nobody_recalls_what_others_gave() {
        assigned()
            .when(clerk(), recall())
            .refused(Reason::WrongState, None);
        delegated()
            .when(other_clerk(), recall())
            .refused(Reason::NotHolder, None);
        delegated()
            .when(unit_clerk(), recall())
            .refused(Reason::WrongState, None);
        returned()
            .when(dispatcher(), recall())
            .refused(Reason::WrongState, None);
        assigned()
            .when(operator(), recall())
            .refused(Reason::RoleNotAllowed, None);
    }
}
