//! Urge (催办): the centre or the citizen asks the holder to hurry. It changes no state and no clock.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{Actor, optional, required_of_people};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{TicketState, Urging};
use crate::time::Light;
use serde::{Deserialize, Serialize};

/// Urges a ticket on.
#[derive(Clone, Debug, Serialize)]
pub struct Urge<T> {
    /// What is asked; the centre has to say.
    pub text: Option<T>,
}

/// A ticket was urged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urged {
    /// What is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
    /// Whether its citizen did it.
    pub by_citizen: bool,
    /// The light at which Docket did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<Light>,
}

impl<T> Urge<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Urge<U>, E> {
        let text = try_map_option(self.text, Field::of_ticket("text"), seal)?;
        Ok(Urge { text })
    }
}

impl Action for Urge<Sealed> {
    const SPEC: Spec = Spec {
        name: "urge",
        zh: "催办",
        en: "Urge",
        event: Urged::TYPE,
        roles: &[
            Role::Supervisor,
            Role::Operator,
            Role::Dispatcher,
            Role::Office,
            Role::Citizen,
        ],
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
        ]),
    };
    type Event = Urged;
    // It changes no state and no clock.
    const WHILE_SUSPENDED: bool = true;
    const BY_DOCKET: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let own = ticket.is_own_of(&context.actor);
        let by_docket = context.actor == Actor::system();
        if !own && !by_docket && !context.actor.in_centre() {
            return Err(Reason::NotOwnTicket);
        }
        if by_docket && ticket.to_urge.is_none() {
            return Err(Reason::WrongState);
        }
        let recently = ticket
            .urging
            .as_ref()
            .filter(|_| !by_docket)
            .is_some_and(|last| context.now < last.at + context.rules.urge_interval(own));
        if ticket.urges == u16::MAX {
            return Err(Reason::NoMoreTimes);
        }
        if recently {
            return Err(Reason::TooOften);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Urged>, Refusal> {
        let max = context.rules.texts().opinion;
        let by_citizen = ticket.is_own_of(&context.actor);
        if by_citizen {
            optional::<Self>(ticket, "text", self.text.as_ref(), max)?;
        } else {
            required_of_people::<Self>(ticket, context, self.text.as_ref())?;
        }
        Ok(Some(Urged {
            text: self.text,
            by_citizen,
            light: ticket
                .to_urge
                .filter(|_| context.actor == Actor::system())
                .map(|(light, _)| light),
        }))
    }
}

impl Fact for Urged {
    const TYPE: &'static str = "urged";
    const VERSION: u16 = 2;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.urges = ticket.urges.saturating_add(1);
        ticket.urging = Some(Urging {
            at: stamp.at,
            by: stamp.by,
            by_citizen: self.by_citizen,
            text: self.text.clone(),
        });
        if self.light.is_some() {
            ticket.to_urge = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Urge;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn a_suspended_ticket_is_urged_as_well() {
        signed()
            .and(office(), suspend())
            .when(supervisor(), urge())
            .then(|ticket| assert!(ticket.is_suspended() && ticket.urges == 1));
    }

    #[test]
    fn it_is_counted_and_moves_nothing() {
        signed().when(supervisor(), urge()).then(|ticket| {
            let urging = ticket.urging.as_ref().unwrap();
            assert_eq!((ticket.urges, urging.at), (1, now()));
            assert_eq!(
                (urging.by, urging.by_citizen),
                (supervisor().account, false)
            );
            assert_eq!(urging.text, Some(sealed("请尽快")));
            assert_eq!(ticket.state, TicketState::InProgress);
            assert_eq!(ticket.revision, 3);
        });
    }

    #[test]
    fn a_citizen_urges_once_a_day() {
        let mine = || given([(citizen(), receive()), (dispatcher(), assign())]);
        let day = 24 * 60;
        mine()
            .and(citizen(), urge())
            .later(day - 1)
            .when(citizen(), urge())
            .refused(Reason::TooOften, None);
        mine()
            .and(Actor::bearer(), urge())
            .later(day)
            .when(citizen(), urge())
            .then(|ticket| assert_eq!(ticket.urges, 2));
    }

    #[test]
    fn the_centre_says_what_it_asks_for_and_a_citizen_need_not() {
        let silent = || TicketAction::Urge(Urge { text: None });
        assigned()
            .when(operator(), silent())
            .refused(Reason::Required, Some("text"));
        let empty = TicketAction::Urge(Urge {
            text: Some(sealed("")),
        });
        assigned()
            .when(operator(), empty)
            .refused(Reason::Required, Some("text"));
        assigned()
            .when(Actor::bearer(), silent())
            .then(|ticket| assert_eq!(ticket.urges, 1));
    }

    #[test]
    fn strangers_and_answered_tickets_are_not_urged() {
        assigned()
            .when(citizen(), urge())
            .refused(Reason::NotOwnTicket, None);
        replied()
            .when(supervisor(), urge())
            .refused(Reason::WrongState, None);
        assigned()
            .when(clerk(), urge())
            .refused(Reason::RoleNotAllowed, None);
    }
}
