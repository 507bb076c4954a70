//! A follower leaves (并出): its merge was taken back, or it got the outcome. Docket does it as a step of that.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::TicketId;
use crate::sealed::Field;
use crate::ticket::state::TicketState;
use serde::{Deserialize, Serialize};

/// Notes that followers are gone.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Leave {
    /// The ticket; all of them by default.
    pub follower: Option<TicketId>,
}

/// Tickets that were merged into this one are so no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The ticket; all of them where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follower: Option<TicketId>,
}

impl Leave {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Leave {
    const SPEC: Spec = Spec {
        name: "leave",
        zh: "并出",
        en: "Let merged ticket go",
        event: Left::TYPE,
        roles: Role::NOBODY,
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
            TicketState::Declined,
            TicketState::Withdrawn,
            TicketState::Transferred,
            TicketState::Terminated,
            TicketState::Archived,
        ]),
    };
    type Event = Left;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Left>, Refusal> {
        let there = match self.follower {
            Some(follower) => ticket.followers.contains(&follower),
            None => !ticket.followers.is_empty(),
        };
        Ok(there.then_some(Left {
            follower: self.follower,
        }))
    }
}

impl Fact for Left {
    const TYPE: &'static str = "left";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, _stamp: &Stamp) {
        let stays = |id: &TicketId| self.follower.is_some_and(|gone| gone != *id);
        if self.follower.is_none() && ticket.ending.is_some() {
            // They have its outcome, as far as they share it.
            ticket.concluded.clone_from(&ticket.followers);
        }
        ticket.followers.retain(stays);
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::ticket::scenario::*;

    #[test]
    fn it_is_gone_and_gone_once() {
        let joined = || signed().and(Actor::system(), join());
        joined()
            .when(Actor::system(), leave())
            .then(|ticket| assert!(ticket.followers.is_empty()));
        signed().when(Actor::system(), leave()).nothing();
        assert!(
            joined()
                .and(Actor::system(), leave())
                .fold()
                .concluded
                .is_empty()
        );
    }
}
