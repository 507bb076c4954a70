//! Ask for termination (申请终止): the lead finds that the ticket cannot be solved, and asks the centre to end it
//! with an explanation.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{any_listed, listed, refuse, required};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{AssignmentState, Level, Part, Termination};
use serde::{Deserialize, Serialize};

/// Asks for a ticket to be ended unsolved.
#[derive(Clone, Debug, Serialize)]
pub struct AskTermination<T> {
    /// The code of a reason of the pack.
    pub reason: String,
    /// In words.
    pub text: T,
}

/// A department asked for a ticket to be ended unsolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminationAsked {
    /// The lead's assignment.
    pub assignment: AssignmentNo,
    /// The reason's code.
    pub reason: String,
    /// In words.
    pub text: Sealed,
}

impl<T> AskTermination<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AskTermination<U>, E> {
        Ok(AskTermination {
            reason: self.reason,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for AskTermination<Sealed> {
    const SPEC: Spec = Spec {
        name: "ask_termination",
        zh: "申请终止",
        en: "Ask for termination",
        event: TerminationAsked::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::Delegated,
                AssignmentState::AwaitingSummary,
            ],
            level: Some(Level::Department),
        },
    };
    type Event = TerminationAsked;

    fn permit(ticket: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if on.is_none_or(|held| held.part != Part::Lead) {
            return Err(Reason::NotLead);
        }
        any_listed(context.rules.termination_reasons())?;
        if ticket.pending_termination().is_some() {
            return Err(Reason::AlreadyAsked);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<TerminationAsked>, Refusal> {
        let held = on.ok_or_else(|| refuse::<Self>(ticket, Reason::NotHolder))?;
        let rules = &context.rules;
        listed::<Self>(ticket, "reason", &self.reason, rules.termination_reasons())?;
        required::<Self>(ticket, "text", &self.text, rules.texts().opinion)?;
        Ok(Some(TerminationAsked {
            assignment: held.no,
            reason: self.reason,
            text: self.text,
        }))
    }
}

impl Fact for TerminationAsked {
    const TYPE: &'static str = "termination_asked";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.termination = Some(Termination {
            assignment: self.assignment,
            asked_at: stamp.at,
            asked_by: stamp.by,
            reason: self.reason.clone(),
            text: self.text.clone(),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;

    #[test]
    fn the_lead_asks_once_and_what_ends_its_task_voids_it() {
        let asked = || signed().and(clerk(), ask_termination());
        assert!(asked().fold().pending_termination().is_some());
        asked()
            .when(clerk(), ask_termination())
            .refused(Reason::AlreadyAsked, None);
        asked()
            .when(clerk(), reply())
            .then(|ticket| assert!(ticket.pending_termination().is_none()));
    }

    #[test]
    fn for_a_reason_of_the_pack_by_the_lead() {
        let with = |reason: &str, text: &str| {
            crate::ticket::TicketAction::AskTermination(super::AskTermination {
                reason: reason.into(),
                text: sealed(text),
            })
        };
        signed()
            .when(clerk(), with("TIRED", "无解"))
            .refused(Reason::InvalidValue, Some("reason"));
        signed()
            .when(clerk(), with("NO_BASIS", ""))
            .refused(Reason::Required, Some("text"));
        assigned_with_assist()
            .and(other_clerk(), sign())
            .when(other_clerk(), ask_termination())
            .refused(Reason::NotLead, None);
        assigned()
            .when(clerk(), ask_termination())
            .refused(Reason::WrongState, None);
    }
}
