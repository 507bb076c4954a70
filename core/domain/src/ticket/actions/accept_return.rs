//! Accept a return (同意退回): the centre agrees that an assignment was not the office's; the lead's
//! then waits to be assigned again.

use super::refuse;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::AssignmentNo;
use crate::sealed::Field;
use crate::ticket::state::{Part, TicketState};
use serde::{Deserialize, Serialize};

/// The states in which a return may be waiting for the centre.
pub(super) const PENDING_IN: &[TicketState] = &[
    TicketState::Returned,
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
];

/// The return the centre decides on: the named one, or the lead's, or the first assist's.
pub(super) fn pending(ticket: &Ticket, named: Option<AssignmentNo>) -> Result<&Assignment, Reason> {
    ticket
        .pending_returns()
        .find(|a| named.is_none_or(|no| no == a.no))
        .ok_or(Reason::NoReturnPending)
}

/// Accepts a return.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AcceptReturn {
    /// Which assignment's; by default the lead's.
    pub assignment: Option<AssignmentNo>,
}

/// A return was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnAccepted {
    /// Which assignment's.
    pub assignment: AssignmentNo,
}

impl AcceptReturn {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for AcceptReturn {
    const SPEC: Spec = Spec {
        name: "accept_return",
        zh: "同意退回",
        en: "Accept return",
        event: ReturnAccepted::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(PENDING_IN),
    };
    type Event = ReturnAccepted;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        pending(ticket, None).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<ReturnAccepted>, Refusal> {
        let returned = pending(ticket, self.assignment)
            .map_err(|reason| refuse::<Self>(ticket, reason).at("assignmentNo"))?;
        Ok(Some(ReturnAccepted {
            assignment: returned.no,
        }))
    }
}

impl Fact for ReturnAccepted {
    const TYPE: &'static str = "return_accepted";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.accept_returns(stamp.at, |a| a.no == self.assignment);
        // Without its lead the whole begins anew.
        let part = ticket.assignment(self.assignment).map(|a| a.part);
        if part == Some(Part::Lead) {
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
    fn the_leads_accepted_return_ends_the_assists_and_waits_for_an_assignment() {
        assigned_with_assist()
            .and(clerk(), send_back())
            .when(dispatcher(), accept_return())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Returned);
                assert_eq!(ticket.assignments[0].returns[0].accepted, Some(true));
                assert_eq!(ticket.assignments[1].state, AssignmentState::Released);
                assert_eq!(ticket.unassigned_since(), Some(now()));
            });
    }

    #[test]
    fn with_the_lead_gone_no_assist_is_handed_its_task_back() {
        let both = assigned_with_assist()
            .and(other_clerk(), send_back())
            .and(clerk(), send_back())
            .and(dispatcher(), accept_return());
        for action in [accept_return(), refuse_return()] {
            both.clone()
                .when(dispatcher(), action)
                .refused(Reason::NoReturnPending, None);
        }
        both.when(dispatcher(), assign()).then(|ticket| {
            assert_eq!(ticket.assignments[1].returns[0].accepted, Some(true));
        });
    }

    #[test]
    fn assigning_again_accepts_too() {
        returned().when(dispatcher(), assign()).then(|ticket| {
            assert_eq!(ticket.assignments[0].returns[0].accepted, Some(true));
        });
    }

    #[test]
    fn an_assists_accepted_return_leaves_the_rest_alone() {
        assigned_with_assist()
            .and(other_clerk(), send_back())
            .when(dispatcher(), accept_return())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.assignments[1].returns[0].accepted, Some(true));
            });
    }

    #[test]
    fn there_must_be_one_to_decide_on() {
        assigned()
            .when(dispatcher(), accept_return())
            .refused(Reason::NoReturnPending, None);
        returned()
            .and(dispatcher(), accept_return())
            .when(dispatcher(), accept_return())
            .refused(Reason::NoReturnPending, None);
        delegated()
            .and(unit_clerk(), send_back())
            .when(dispatcher(), accept_return())
            .refused(Reason::NoReturnPending, None);
        returned()
            .when(clerk(), accept_return())
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn what_was_returned_in_a_round_that_is_over_is_not_decided_any_more() {
        let answered = || {
            assigned_with_assist()
                .and(other_clerk(), send_back())
                .and(clerk(), sign())
                .and(clerk(), reply())
        };
        answered()
            .when(dispatcher(), accept_return())
            .refused(Reason::WrongState, None);
        let again = answered().and(office(), redo());
        again
            .when(dispatcher(), accept_return())
            .refused(Reason::NoReturnPending, None);
    }
}
