//! Merge (并单): the dispatcher has another ticket on the same matter go on for both. The ticket merged rests,
//! its clocks stand still, and it gets the outcome of the other. Nothing is got rid of by that: what the joint meeting
//! ruled on goes only into a ticket that is ruled to the same department, and what is under supervision into none.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{OPEN, refuse};
use crate::ids::{DepartmentId, TicketId};
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
    /// The department that a ruling has handle that one, if one does: looked up as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruled_to: Option<DepartmentId>,
}

/// A ticket was merged into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The ticket that goes on for both.
    pub master: TicketId,
}

impl Merge {
    /// A merge of which nothing is looked up yet.
    #[must_use]
    pub const fn with(master: TicketId) -> Self {
        Self {
            master,
            fit: false,
            ruled_to: None,
        }
    }

    /// Whether a ticket that the joint meeting ruled on stays with the department that it named.
    #[must_use]
    pub fn keeps_the_ruling_of(&self, ticket: &Ticket) -> bool {
        let ruled_to = ticket.ruled_to();
        ruled_to.is_none() || ruled_to == self.ruled_to
    }

    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Merge {
    const SPEC: Spec = Spec {
        name: "merge",
        zh: "并单",
        en: "Merge",
        event: Merged::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(OPEN),
    };
    type Event = Merged;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        if !ticket.followers.is_empty() {
            return Err(Reason::HasFollowers);
        }
        // Nobody could lift it while the ticket rests, and the other is under none.
        if ticket.supervision.is_some() {
            return Err(Reason::Supervised);
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
        if !self.keeps_the_ruling_of(ticket) {
            return Err(refuse::<Self>(ticket, Reason::RuledOn).at("masterId"));
        }
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
    fn a_ruling_is_not_got_rid_of_by_merging() {
        let ruled = || {
            signed()
                .and(dispatcher(), dispute())
                .and(joint_meeting(), rule())
        };
        let into = |ruled_to| {
            let TicketAction::Merge(merge) = merge() else {
                unreachable!()
            };
            TicketAction::Merge(super::Merge { ruled_to, ..merge })
        };
        for other in [None, Some(OTHER_DEPARTMENT)] {
            ruled()
                .when(dispatcher(), into(other))
                .refused(Reason::RuledOn, Some("masterId"));
            ruled()
                .and(clerk(), sign())
                .when(dispatcher(), into(other))
                .refused(Reason::RuledOn, Some("masterId"));
        }
        ruled()
            .when(dispatcher(), into(Some(DEPARTMENT)))
            .then(|ticket| assert_eq!(ticket.state, TicketState::Merged));
        // Who is not bound goes into one that is.
        signed()
            .when(dispatcher(), into(Some(OTHER_DEPARTMENT)))
            .then(|ticket| assert_eq!(ticket.state, TicketState::Merged));
    }

    #[test]
    fn what_is_supervised_stays_where_it_is_watched() {
        let supervised = || signed().and(supervisor(), supervise());
        supervised()
            .when(dispatcher(), merge())
            .refused(Reason::Supervised, None);
        supervised()
            .and(supervisor(), lift_supervision())
            .when(dispatcher(), merge())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Merged));
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
