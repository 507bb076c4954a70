//! Terminate (终止): the hotline office approves that a ticket ends unsolved, and explains it to the citizen.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, refuse, required};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Ending, EndingKind};
use serde::{Deserialize, Serialize};

/// Ends a ticket unsolved.
#[derive(Clone, Debug, Serialize)]
pub struct Terminate<T> {
    /// The explanation to the citizen.
    pub text: T,
}

/// A ticket was ended unsolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminated {
    /// The reason's code, as the department gave it.
    pub reason: String,
    /// The explanation to the citizen.
    pub text: Sealed,
}

impl<T> Terminate<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Terminate<U>, E> {
        Ok(Terminate {
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for Terminate<Sealed> {
    const SPEC: Spec = Spec {
        name: "terminate",
        zh: "同意终止",
        en: "Terminate",
        event: Terminated::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = Terminated;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        match ticket.pending_termination() {
            Some(_) => Ok(()),
            None => Err(Reason::NothingAsked),
        }
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Terminated>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().answer)?;
        let asked = ticket.pending_termination();
        let asked = asked.ok_or_else(|| refuse::<Self>(ticket, Reason::NothingAsked))?;
        Ok(Some(Terminated {
            reason: asked.reason.clone(),
            text: self.text,
        }))
    }
}

impl Fact for Terminated {
    const TYPE: &'static str = "terminated";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.release(stamp.at, |_| true);
        ticket.termination = None;
        ticket.ending = Some(Ending {
            kind: EndingKind::Terminated,
            at: Some(stamp.at),
            by: stamp.by,
            reason: Some(self.reason.clone()),
            lawful_channel: None,
            text: Some(self.text.clone()),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn what_was_asked_for_ends_the_ticket_with_an_explanation() {
        let asked = || signed().and(clerk(), ask_termination());
        asked().when(office(), terminate()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Terminated);
            let ending = ticket.ending.as_ref().unwrap();
            assert_eq!(ending.reason.as_deref(), Some("NO_BASIS"));
            assert!(ending.text.is_some());
        });
        let silent = super::Terminate { text: sealed("") };
        asked()
            .when(office(), crate::ticket::TicketAction::Terminate(silent))
            .refused(Reason::Required, Some("text"));
    }

    #[test]
    fn nothing_that_was_not_asked_for_and_by_the_office_alone() {
        signed()
            .when(office(), terminate())
            .refused(Reason::NothingAsked, None);
        signed()
            .and(clerk(), ask_termination())
            .when(dispatcher(), terminate())
            .refused(Reason::RoleNotAllowed, None);
    }
}
