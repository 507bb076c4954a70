//! Refuse a return (不同意退回): the centre gives the assignment back to the office that returned it.
//! Its clock never stopped.

use super::accept_return::{PENDING_IN, pending};
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::AssignmentState;
use serde::{Deserialize, Serialize};

/// Refuses a return.
#[derive(Clone, Debug, Serialize)]
pub struct RefuseReturn<T> {
    /// Which assignment's; by default the lead's.
    pub assignment: Option<AssignmentNo>,
    /// Why the office has to handle it.
    pub text: T,
}

/// A return was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRefused {
    /// Which assignment's.
    pub assignment: AssignmentNo,
    /// Why.
    pub text: Sealed,
}

impl<T> RefuseReturn<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<RefuseReturn<U>, E> {
        Ok(RefuseReturn {
            assignment: self.assignment,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for RefuseReturn<Sealed> {
    const SPEC: Spec = Spec {
        name: "refuse_return",
        zh: "不同意退回",
        en: "Refuse return",
        event: ReturnRefused::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(PENDING_IN),
    };
    type Event = ReturnRefused;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        pending(ticket, None).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ReturnRefused>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let returned = pending(ticket, self.assignment)
            .map_err(|reason| refuse::<Self>(ticket, reason).at("assignmentNo"))?;
        Ok(Some(ReturnRefused {
            assignment: returned.no,
            text: self.text,
        }))
    }
}

impl Fact for ReturnRefused {
    const TYPE: &'static str = "return_refused";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            // As it was before it was returned.
            assignment.state = match (assignment.signed_at, assignment.sign_due) {
                (None, Some(_)) => AssignmentState::Assigned,
                _ => AssignmentState::InProgress,
            };
            assignment.ended_at = None;
            if let Some(last) = assignment.returns.last_mut() {
                last.decided_at = Some(stamp.at);
                last.accepted = Some(false);
            }
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::RefuseReturn;
    use crate::ids::AssignmentNo;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn the_office_has_it_again_as_it_was() {
        returned()
            .when(dispatcher(), refuse_return())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                let held = &ticket.assignments[0];
                assert_eq!(held.ended_at, None);
                assert_eq!(held.returns[0].accepted, Some(false));
                assert_eq!(held.assigned_at, now(), "its clock never stopped");
            });
        signed()
            .and(clerk(), send_back())
            .and(dispatcher(), refuse_return())
            .when(clerk(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Replied));
    }

    #[test]
    fn the_named_one_of_two_is_decided_on() {
        let both = || {
            assigned_with_assist()
                .and(other_clerk(), send_back())
                .and(clerk(), send_back())
        };
        let naming = |no| {
            TicketAction::RefuseReturn(RefuseReturn {
                assignment: Some(AssignmentNo(no)),
                text: sealed("请继续办理"),
            })
        };
        both().when(dispatcher(), naming(2)).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Returned);
            assert_eq!(ticket.assignments[1].returns[0].accepted, Some(false));
        });
        both()
            .when(dispatcher(), naming(3))
            .refused(Reason::NoReturnPending, Some("assignmentNo"));
    }

    #[test]
    fn a_reason_is_needed_and_something_to_refuse() {
        let action = TicketAction::RefuseReturn(RefuseReturn {
            assignment: None,
            text: sealed(""),
        });
        returned()
            .when(dispatcher(), action)
            .refused(Reason::Required, Some("text"));
        assigned()
            .when(dispatcher(), refuse_return())
            .refused(Reason::NoReturnPending, None);
    }
}
