//! Refuse a termination (不同意终止): the department goes on.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, required};
use crate::sealed::{Field, Sealed};
use serde::{Deserialize, Serialize};

/// Refuses a termination.
#[derive(Clone, Debug, Serialize)]
pub struct RefuseTermination<T> {
    /// Why.
    pub text: T,
}

/// A termination was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminationRefused {
    /// Why.
    pub text: Sealed,
}

impl<T> RefuseTermination<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<RefuseTermination<U>, E> {
        Ok(RefuseTermination {
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for RefuseTermination<Sealed> {
    const SPEC: Spec = Spec {
        name: "refuse_termination",
        zh: "不同意终止",
        en: "Refuse termination",
        event: TerminationRefused::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = TerminationRefused;
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
    ) -> Result<Option<TerminationRefused>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        Ok(Some(TerminationRefused { text: self.text }))
    }
}

impl Fact for TerminationRefused {
    const TYPE: &'static str = "termination_refused";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.termination = None;
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn the_department_goes_on() {
        let asked = || signed().and(clerk(), ask_termination());
        asked().when(office(), refuse_termination()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::InProgress);
            assert!(ticket.pending_termination().is_none());
        });
        asked()
            .when(clerk(), refuse_termination())
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(office(), refuse_termination())
            .refused(Reason::NothingAsked, None);
    }
}
