//! Transfer to an emergency line (转接): the operator puts the caller through to 110, 119, 120, 122 or another
//! line of the pack at once; the ticket is over with it.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{any_listed, listed, optional};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Puts a caller through.
#[derive(Clone, Debug, Serialize)]
pub struct Transfer<T> {
    /// The code of an emergency line of the pack.
    pub line: String,
    /// What was said.
    pub text: Option<T>,
}

/// A caller was put through to an emergency line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transferred {
    /// The line's code.
    pub line: String,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
}

impl<T> Transfer<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Transfer<U>, E> {
        Ok(Transfer {
            line: self.line,
            text: try_map_option(self.text, Field::of_ticket("text"), seal)?,
        })
    }
}

impl Action for Transfer<Sealed> {
    const SPEC: Spec = Spec {
        name: "transfer",
        zh: "转接",
        en: "Transfer",
        event: Transferred::TYPE,
        roles: &[Role::Operator],
        gate: Gate::Ticket(&[TicketState::Received]),
    };
    type Event = Transferred;

    fn permit(_: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        any_listed(context.rules.emergency_lines())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Transferred>, Refusal> {
        let (rules, max) = (&context.rules, context.rules.texts().opinion);
        listed::<Self>(ticket, "line", &self.line, rules.emergency_lines())?;
        optional::<Self>(ticket, "text", self.text.as_ref(), max)?;
        Ok(Some(Transferred {
            line: self.line,
            text: self.text,
        }))
    }
}

impl Fact for Transferred {
    const TYPE: &'static str = "transferred";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.ending = Some(Ending {
            kind: EndingKind::Transferred,
            at: Some(stamp.at),
            by: stamp.by,
            reason: Some(self.line.clone()),
            lawful_channel: None,
            text: self.text.clone(),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Transfer;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn a_caller_in_danger_is_put_through_and_the_ticket_is_over() {
        received().when(operator(), transfer()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Transferred);
            let ending = ticket.ending.as_ref().unwrap();
            assert_eq!(ending.reason.as_deref(), Some("119"));
        });
    }

    #[test]
    fn only_to_a_line_of_the_pack_by_an_operator_before_it_is_assigned() {
        let nowhere = TicketAction::Transfer(Transfer {
            line: "12306".into(),
            text: None,
        });
        received()
            .when(operator(), nowhere)
            .refused(Reason::InvalidValue, Some("line"));
        received()
            .when(dispatcher(), transfer())
            .refused(Reason::RoleNotAllowed, None);
        assigned()
            .when(operator(), transfer())
            .refused(Reason::WrongState, None);
    }
}
