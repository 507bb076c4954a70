//! Withdraw (撤诉): the citizen takes the request back, themselves or through an operator. Its history
//! stays.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Withdraws a ticket that is not answered yet.
#[derive(Clone, Debug, Serialize)]
pub struct Withdraw<T> {
    /// Why; an operator says how the caller made sure who they are.
    pub text: Option<T>,
}

/// A ticket was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
    /// True when staff wrote down what the citizen asked.
    pub relayed: bool,
}

impl<T> Withdraw<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Withdraw<U>, E> {
        let text = try_map_option(self.text, Field::of_ticket("text"), seal)?;
        Ok(Withdraw { text })
    }
}

impl Action for Withdraw<Sealed> {
    const SPEC: Spec = Spec {
        name: "withdraw",
        zh: "撤诉",
        en: "Withdraw",
        event: Withdrawn::TYPE,
        roles: &[Role::Citizen, Role::Operator],
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
            TicketState::Merged,
        ]),
    };
    type Event = Withdrawn;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if ticket.is_own_of(&context.actor) || context.actor.in_centre() {
            Ok(())
        } else {
            Err(Reason::NotOwnTicket)
        }
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Withdrawn>, Refusal> {
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "text", self.text.as_ref(), max)?;
        let relayed = !ticket.is_own_of(&context.actor);
        if relayed && self.text.as_ref().is_none_or(|text| text.chars == 0) {
            return Err(refuse::<Self>(ticket, Reason::Required).at("text"));
        }
        Ok(Some(Withdrawn {
            text: self.text,
            relayed,
        }))
    }
}

impl Fact for Withdrawn {
    const TYPE: &'static str = "withdrawn";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.release(stamp.at, |_| true);
        ticket.ending = Some(Ending {
            kind: EndingKind::Withdrawn,
            at: Some(stamp.at),
            by: stamp.by,
            reason: None,
            lawful_channel: None,
            text: self.text.clone(),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Withdraw;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState};

    #[test]
    fn it_ends_every_offices_task() {
        assigned_with_assist()
            .and(clerk(), sign())
            .when(Actor::bearer(), withdraw())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Withdrawn);
                let over = AssignmentState::Released;
                assert!(ticket.assignments.iter().all(|a| a.state == over));
            });
    }

    #[test]
    fn one_that_was_merged_is_withdrawn_by_itself() {
        let merged =
            || given([(citizen(), receive()), (dispatcher(), assign())]).and(dispatcher(), merge());
        merged().when(citizen(), withdraw()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Withdrawn);
            assert!(ticket.pauses[0].to.is_some());
        });
        let withdrawn = || merged().and(citizen(), withdraw());
        withdrawn()
            .when(dispatcher(), unmerge())
            .refused(Reason::WrongState, None);
        withdrawn()
            .when(Actor::system(), conclude())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn an_operator_says_how_they_know() {
        let silent = || TicketAction::Withdraw(Withdraw { text: None });
        received()
            .when(operator(), silent())
            .refused(Reason::Required, Some("text"));
        received()
            .when(operator(), withdraw())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Withdrawn));
        received()
            .when(Actor::bearer(), silent())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Withdrawn));
    }

    #[test]
    fn nobody_withdraws_anothers_or_an_answered_one() {
        received()
            .when(citizen(), withdraw())
            .refused(Reason::NotOwnTicket, None);
        own_replied()
            .when(citizen(), withdraw())
            .refused(Reason::WrongState, None);
        received()
            .when(dispatcher(), withdraw())
            .refused(Reason::RoleNotAllowed, None);
    }
}
