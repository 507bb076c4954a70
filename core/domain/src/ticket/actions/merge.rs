//! Merge (并单): the dispatcher has another ticket on the same matter go on for both. The ticket merged rests,
//! its clocks stand still, and it gets the outcome of the other.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{OPEN, refuse};
use crate::ids::TicketId;
use crate::sealed::Field;
use crate::ticket::state::{self, Pause, PauseCause};
use serde::{Deserialize, Serialize};

/// Merges a ticket into another.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Merge {
    /// The ticket that goes on for both.
    pub master: TicketId,
    /// Whether that one is open, and not merged itself: looked up by the desk, never by the client.
    pub fit: bool,
}

/// A ticket was merged into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The ticket that goes on for both.
    pub master: TicketId,
}

impl Merge {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Merge {
    const SPEC: Spec = Spec {
        name: "merge",
        zh: "并单",
        event: Merged::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(OPEN),
    };
    type Event = Merged;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        if !ticket.followers.is_empty() {
            return Err(Reason::HasFollowers);
        }
        if ticket.pending_returns().next().is_some() {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Merged>, Refusal> {
        if !self.fit {
            return Err(refuse::<Self>(ticket, Reason::NoMaster).at("masterId"));
        }
        Ok(Some(Merged {
            master: self.master,
        }))
    }
}

impl Fact for Merged {
    const TYPE: &'static str = "merged";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let open = |a: &Assignment| a.state.is_open();
        ticket.merged = Some(state::Merged {
            master: self.master,
            at: stamp.at,
            by: stamp.by,
            open: ticket
                .assignments
                .iter()
                .filter(|a| open(a))
                .map(|a| (a.no, a.state))
                .collect(),
        });
        ticket.release(stamp.at, |_| true);
        ticket.pauses.push(Pause {
            cause: PauseCause::Merged,
            from: stamp.at,
            from_event: stamp.event,
            to: None,
            to_event: None,
            ground: None,
            expected_at: None,
            resumes_by_itself: false,
            text: None,
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState};

    #[test]
    fn it_rests_and_nobody_has_it() {
        signed().when(dispatcher(), merge()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Merged);
            assert_eq!(ticket.assignments[0].state, AssignmentState::Released);
        });
        signed()
            .and(dispatcher(), merge())
            .when(clerk(), reply())
            .refused(Reason::NotHolder, None);
    }

    #[test]
    fn only_into_one_that_can_take_it() {
        let TicketAction::Merge(unfit) = merge() else {
            unreachable!()
        };
        let unfit = super::Merge {
            fit: false,
            ..unfit
        };
        signed()
            .when(dispatcher(), TicketAction::Merge(unfit))
            .refused(Reason::NoMaster, Some("masterId"));
        signed()
            .and(crate::people::Actor::system(), join())
            .when(dispatcher(), merge())
            .refused(Reason::HasFollowers, None);
        signed()
            .when(operator(), merge())
            .refused(Reason::RoleNotAllowed, None);
        replied()
            .when(dispatcher(), merge())
            .refused(Reason::WrongState, None);
        returned()
            .when(dispatcher(), merge())
            .refused(Reason::WrongState, None);
    }
}
