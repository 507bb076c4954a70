//! Hand over (转交): within an office, who works on an assignment. Taking it oneself is handing it over
//! to oneself. Colleagues keep all their rights: it says whose turn it is, not who may.

use super::refuse;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::ids::{AccountId, AssignmentNo};
use crate::organisation::Office;
use crate::sealed::Field;
use crate::ticket::state::AssignmentState;
use serde::{Deserialize, Serialize};

/// Hands the assignment one's office holds to a colleague.
#[derive(Clone, Debug, Serialize)]
pub struct HandOver {
    /// The colleague.
    pub to: AccountId,
    /// Their office, as their account says now: looked up before the decision. `None`: no such colleague.
    #[serde(skip)]
    pub office: Option<Office>,
}

/// An assignment was handed to a colleague.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Which.
    pub assignment: AssignmentNo,
    /// The colleague.
    pub to: AccountId,
}

impl HandOver {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for HandOver {
    const SPEC: Spec = Spec {
        name: "hand_over",
        zh: "转交",
        en: "Hand over",
        event: HandedOver::TYPE,
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
    type Event = HandedOver;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<HandedOver>, Refusal> {
        let Some(held) = on else {
            return Err(refuse::<Self>(ticket, Reason::NotHolder).at("id"));
        };
        let actor = &context.actor;
        if self.to != actor.account && (self.office.is_none() || self.office != actor.office()) {
            return Err(refuse::<Self>(ticket, Reason::NotColleague).at("toId"));
        }
        Ok((held.handler != Some(self.to)).then_some(HandedOver {
            assignment: held.no,
            to: self.to,
        }))
    }
}

impl Fact for HandedOver {
    const TYPE: &'static str = "handed_over";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.handler = Some(self.to);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::HandOver;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    fn to(colleague: &Actor) -> TicketAction<Sealed> {
        TicketAction::HandOver(HandOver {
            to: colleague.account,
            office: colleague.office(),
        })
    }

    #[test]
    fn a_colleague_gets_it_and_everybody_keeps_their_rights() {
        signed().when(clerk(), to(&leader())).then(|ticket| {
            assert_eq!(ticket.assignments[0].handler, Some(leader().account));
        });
        signed()
            .and(clerk(), to(&leader()))
            .when(clerk(), reply())
            .then(|ticket| assert!(ticket.answer.is_some()));
    }

    #[test]
    fn one_takes_what_nobody_works_on() {
        assigned().when(leader(), to(&leader())).then(|ticket| {
            assert_eq!(ticket.assignments[0].handler, Some(leader().account));
        });
        signed().when(clerk(), to(&clerk())).nothing();
    }

    #[test]
    fn strangers_and_other_offices_are_no_colleagues() {
        for stranger in [unit_clerk(), other_clerk(), dispatcher()] {
            signed()
                .when(clerk(), to(&stranger))
                .refused(Reason::NotColleague, Some("toId"));
        }
        signed()
            .when(other_clerk(), to(&other_clerk()))
            .refused(Reason::NotHolder, None);
    }
}
