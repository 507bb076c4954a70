//! Conclude (并单办结): a merged ticket gets the outcome of the one it was merged into. Docket does it once that
//! one is over.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Answer, Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Gives a merged ticket its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Conclude<T> {
    /// The answer to the other ticket, under this one's own key.
    pub answer: Option<T>,
}

/// A merged ticket got its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Sealed>,
}

impl<T> Conclude<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Conclude<U>, E> {
        Ok(Conclude {
            answer: try_map_option(self.answer, Field::of_ticket("answer"), seal)?,
        })
    }
}

impl Action for Conclude<Sealed> {
    const SPEC: Spec = Spec {
        name: "conclude",
        zh: "并单办结",
        en: "Conclude with master",
        event: Concluded::TYPE,
        roles: Role::NOBODY,
        gate: Gate::Ticket(&[TicketState::Merged]),
    };
    type Event = Concluded;

    fn decide(
        self,
        _ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Concluded>, Refusal> {
        Ok(Some(Concluded {
            answer: self.answer,
        }))
    }
}

impl Fact for Concluded {
    const TYPE: &'static str = "concluded";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.answer = self.answer.clone().map(|text| Answer {
            at: stamp.at,
            by: stamp.by,
            opinion: None,
            text,
            article: None,
            contacted: None,
            solved: None,
            unsolved_reason: None,
            handler: None,
            phone: None,
        });
        ticket.ending = Some(Ending {
            kind: EndingKind::Merged,
            at: Some(stamp.at),
            by: stamp.by,
            reason: None,
            lawful_channel: None,
            text: None,
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{EndingKind, TicketState};

    #[test]
    fn it_is_closed_with_the_answer_and_its_citizen_may_rate_it() {
        let merged =
            || given([(citizen(), receive()), (dispatcher(), assign())]).and(dispatcher(), merge());
        merged().when(Actor::system(), conclude()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Closed);
            assert_eq!(ticket.ending.as_ref().unwrap().kind, EndingKind::Merged);
            assert!(ticket.answer.is_some() && ticket.pauses[0].to.is_some());
        });
        merged()
            .and(Actor::system(), conclude())
            .when(citizen(), rate())
            .then(|ticket| assert_eq!(ticket.ratings, 1));
        merged()
            .and(Actor::system(), conclude())
            .when(office(), redo())
            .then(|ticket| {
                assert!(ticket.merged.is_none());
                assert_eq!(ticket.state, TicketState::Returned);
            });
        merged()
            .when(dispatcher(), conclude())
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(Actor::system(), conclude())
            .refused(Reason::WrongState, None);
    }
}
