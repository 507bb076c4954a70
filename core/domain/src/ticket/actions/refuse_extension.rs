//! Refuse an extension (不同意延期): the limit stays as it is.

use super::grant_extension::pending;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, refuse, required};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed};
use serde::{Deserialize, Serialize};

/// Refuses more time.
#[derive(Clone, Debug, Serialize)]
pub struct RefuseExtension<T> {
    /// Why.
    pub text: T,
}

/// More time was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionRefused {
    /// The lead's assignment.
    pub assignment: AssignmentNo,
    /// Why.
    pub text: Sealed,
}

impl<T> RefuseExtension<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<RefuseExtension<U>, E> {
        Ok(RefuseExtension {
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for RefuseExtension<Sealed> {
    const SPEC: Spec = Spec {
        name: "refuse_extension",
        zh: "不同意延期",
        en: "Refuse extension",
        event: ExtensionRefused::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = ExtensionRefused;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        pending(ticket).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExtensionRefused>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let (lead, _) = pending(ticket).map_err(|reason| refuse::<Self>(ticket, reason))?;
        Ok(Some(ExtensionRefused {
            assignment: lead.no,
            text: self.text,
        }))
    }
}

impl Fact for ExtensionRefused {
    const TYPE: &'static str = "extension_refused";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment)
            && let Some(asked) = assignment.extensions.last_mut()
        {
            asked.decided_at = Some(stamp.at);
            asked.granted = Some(false);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;

    #[test]
    fn the_limit_stays_and_the_office_may_ask_again() {
        let refused = || {
            signed()
                .and(clerk(), ask_extension())
                .and(dispatcher(), refuse_extension())
        };
        let ticket = refused().fold();
        assert_eq!(ticket.assignments[0].extensions[0].granted, Some(false));
        assert!(ticket.assignments[0].moves.is_empty());
        refused()
            .when(clerk(), ask_extension())
            .then(|ticket| assert_eq!(ticket.assignments[0].extensions.len(), 2));
        refused()
            .when(dispatcher(), refuse_extension())
            .refused(Reason::NothingAsked, None);
    }

    #[test]
    fn only_the_centre_and_with_a_reason() {
        let asked = || signed().and(clerk(), ask_extension());
        asked()
            .when(clerk(), refuse_extension())
            .refused(Reason::RoleNotAllowed, None);
        let silent = super::RefuseExtension { text: sealed("") };
        asked()
            .when(
                dispatcher(),
                crate::ticket::TicketAction::RefuseExtension(silent),
            )
            .refused(Reason::Required, Some("text"));
    }
}
