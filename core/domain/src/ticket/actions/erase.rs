//! Erase (抹除): the person who called is forgotten (个人信息保护法 47). The key of the ticket's texts is
//! destroyed before; this event says so for ever. The ticket leaves every view, nothing more can be done with
//! it, and it still counts. Only what is over is erased; but where the keys are gone already, it has to be
//! said whatever the state.

use super::refuse;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::ErasureId;
use crate::sealed::Field;
use crate::ticket::state::{Ground, TicketState};
use serde::{Deserialize, Serialize};

/// Records that a ticket's texts can be read no more. Done by Docket itself, as one step of erasing a person.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Erase {
    /// Which erasure it belongs to.
    pub erasure: ErasureId,
    /// By what right.
    pub ground: Ground,
    /// Whether the keys are gone already, of a log that was restored to a time before: then it has to be
    /// said, wherever the ticket stood at that time.
    pub replayed: bool,
}

/// A ticket was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Which erasure it belongs to.
    pub erasure: ErasureId,
    /// By what right.
    pub ground: Ground,
}

impl Erase {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Erase {
    const SPEC: Spec = Spec {
        name: "erase",
        zh: "抹除",
        en: "Erase",
        event: Erased::TYPE,
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
        ]),
    };
    type Event = Erased;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Erased>, Refusal> {
        if !ticket.state.is_over() && !self.replayed {
            return Err(refuse::<Self>(ticket, Reason::WrongState));
        }
        Ok(Some(Erased {
            erasure: self.erasure,
            ground: self.ground,
        }))
    }
}

impl Fact for Erased {
    const TYPE: &'static str = "erased";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.release(stamp.at, |_| true);
        ticket.erased_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Erase;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{Ground, TicketAction};

    #[test]
    fn only_what_is_over_is_erased_and_only_by_docket_itself() {
        received()
            .and(Actor::bearer(), withdraw())
            .when(Actor::system(), erase())
            .then(|ticket| assert_eq!(ticket.erased_at, Some(now())));
        received()
            .when(Actor::system(), erase())
            .refused(Reason::WrongState, None);
        received()
            .and(Actor::bearer(), withdraw())
            .when(administrator(), erase())
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn of_a_restored_log_whatever_stands_open_is_erased_and_rests() {
        let replayed = TicketAction::Erase(Erase {
            erasure: id(1),
            ground: Ground::Request,
            replayed: true,
        });
        signed().when(Actor::system(), replayed).then(|ticket| {
            assert_eq!(ticket.erased_at, Some(now()));
            assert!(ticket.assignments.iter().all(|a| !a.state.is_open()));
        });
    }

    #[test]
    fn an_erased_ticket_is_there_for_nobody() {
        let closed = || unsolved().and(office(), close());
        let erased = || closed().and(Actor::system(), erase());
        erased()
            .when(office(), redo())
            .refused(Reason::NotFound, None);
        erased()
            .when(Actor::system(), erase())
            .refused(Reason::NotFound, None);
        for actor in [office(), clerk(), Actor::bearer(), auditor()] {
            assert!(!erased().fold().is_visible_to(&actor));
            assert!(closed().fold().is_visible_to(&actor));
        }
    }
}
