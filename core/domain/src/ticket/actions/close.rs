//! Close (办结): the hotline office ends an answered ticket. Where the citizen says that it is not solved,
//! the office has to say why it ends all the same.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Closes an answered ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Close<T> {
    /// Why it ends; needed where it is not solved.
    pub text: Option<T>,
}

/// A ticket was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
}

impl<T> Close<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Close<U>, E> {
        let text = try_map_option(self.text, Field::of_ticket("text"), seal)?;
        Ok(Close { text })
    }
}

impl Action for Close<Sealed> {
    const SPEC: Spec = Spec {
        name: "close",
        zh: "办结",
        en: "Close",
        event: Closed::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(&[TicketState::Replied, TicketState::AwaitingRedo]),
    };
    type Event = Closed;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if context.rules.review_is_required() && ticket.review.is_none() {
            return Err(Reason::NotReviewed);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Closed>, Refusal> {
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "text", self.text.as_ref(), max)?;
        let silent = self.text.as_ref().is_none_or(|text| text.chars == 0);
        if ticket.state == TicketState::AwaitingRedo && silent {
            return Err(refuse::<Self>(ticket, Reason::Required).at("text"));
        }
        Ok(Some(Closed { text: self.text }))
    }
}

impl Fact for Closed {
    const TYPE: &'static str = "closed";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.ending = Some(Ending {
            kind: EndingKind::Closed,
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
    use super::Close;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    const NEVER: &[(&str, &str)] = &[("when = \"wanted\"", "when = \"never\"")];

    #[test]
    fn a_reviewed_answer_that_nobody_is_called_back_for_is_closed() {
        replied()
            .under(NEVER)
            .and(office(), review())
            .when(office(), close())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Closed));
    }

    #[test]
    fn the_review_comes_first_unless_the_pack_does_without() {
        replied()
            .when(office(), close())
            .refused(Reason::NotReviewed, None);
        replied()
            .under(&[("required = true", "required = false")])
            .when(office(), close())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Closed));
    }

    #[test]
    fn what_is_not_solved_is_closed_only_with_a_reason() {
        let silent = TicketAction::Close(Close { text: None });
        unsolved()
            .when(office(), silent)
            .refused(Reason::Required, Some("text"));
        unsolved()
            .when(office(), close())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Closed));
    }

    #[test]
    fn a_call_back_that_is_due_is_not_passed_over() {
        reviewed()
            .when(office(), close())
            .refused(Reason::WrongState, None);
        replied()
            .when(dispatcher(), close())
            .refused(Reason::RoleNotAllowed, None);
    }
}
