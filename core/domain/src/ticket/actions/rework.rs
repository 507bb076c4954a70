//! Send back for rework (退回重办): a department does not take its unit's reply and has the unit go on.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{is_under_accused, refuse, required};
use crate::ids::AssignmentNo;
use crate::refusal::Detail;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{AssignmentState, Level, Terms};
use serde::{Deserialize, Serialize};

/// Sends the unit's reply back.
#[derive(Clone, Debug, Serialize)]
pub struct Rework<T> {
    /// What is missing (退回原因).
    pub instruction: T,
}

/// A unit's reply was sent back to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReworkOrdered {
    /// The unit's assignment that was replied to.
    pub replied: AssignmentNo,
    /// Its new one, signed from the start.
    pub assignment: AssignmentNo,
    /// What is missing.
    pub instruction: Sealed,
    /// Its deadlines.
    pub terms: Terms,
}

impl<T> Rework<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Rework<U>, E> {
        let instruction = seal(Field::of_ticket("instruction"), self.instruction)?;
        Ok(Rework { instruction })
    }
}

/// The latest assignment that was delegated from one.
fn latest_under<'t>(ticket: &'t Ticket, held: &Assignment) -> Option<&'t Assignment> {
    let mut latest_first = ticket.assignments.iter().rev();
    latest_first.find(|a| a.parent == Some(held.no))
}

impl Action for Rework<Sealed> {
    const SPEC: Spec = Spec {
        name: "rework",
        zh: "退回重办",
        en: "Send back for rework",
        event: ReworkOrdered::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[AssignmentState::AwaitingSummary],
            level: Some(Level::Department),
        },
    };
    type Event = ReworkOrdered;

    fn permit(ticket: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let replied = on.and_then(|held| latest_under(ticket, held));
        if replied.is_some_and(|unit| is_under_accused(ticket, unit, context)) {
            return Err(Reason::AccusedOffice);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ReworkOrdered>, Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        required::<Self>(
            ticket,
            "instruction",
            &self.instruction,
            context.rules.texts().opinion,
        )?;
        let replied = on.and_then(|held| latest_under(ticket, held));
        let (Some(held), Some(replied), Some(intake)) = (on, replied, &ticket.intake) else {
            return Err(refuse(Reason::NotHolder, "id"));
        };
        let assignment = ticket.next_no().ok_or_else(|| {
            refuse(Reason::InvalidValue, "id").because(Detail::too_many_assignments())
        })?;
        Ok(Some(ReworkOrdered {
            replied: replied.no,
            assignment,
            instruction: self.instruction,
            terms: Terms {
                sign_due: None,
                due: context
                    .rules
                    .inner_due(held.due, &intake.matter(), context.now),
                return_by: context.rules.return_by(&intake.matter(), context.now),
                contact_due: None,
            },
        }))
    }
}

impl Fact for ReworkOrdered {
    const TYPE: &'static str = "rework_ordered";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let Some(replied) = ticket.assignment(self.replied) else {
            return;
        };
        let to = (replied.part, replied.department);
        let again = Assignment {
            unit: replied.unit,
            parent: replied.parent,
            round: replied.round,
            handler: replied.handler,
            instruction: Some(self.instruction.clone()),
            ..Assignment::new(self.assignment, to, stamp, self.terms)
        };
        let parent = again.parent;
        ticket.assignments.push(again);
        if let Some(parent) = parent.and_then(|no| ticket.assignment_mut(no)) {
            parent.state = AssignmentState::Delegated;
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Rework;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState};

    fn after_unit() -> Given {
        delegated()
            .and(unit_clerk(), sign())
            .and(unit_clerk(), reply())
    }

    #[test]
    fn the_unit_goes_on_without_signing_again() {
        after_unit().when(leader(), rework()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Delegated);
            assert_eq!(ticket.assignments[1].state, AssignmentState::Replied);
            let again = &ticket.assignments[2];
            assert_eq!(
                (again.unit, again.state),
                (Some(UNIT), AssignmentState::InProgress)
            );
            assert_eq!(again.handler, Some(unit_clerk().account));
            assert!(again.is_unviewed(), "its title is red again");
            assert!(again.due <= ticket.assignments[0].due);
            assert!(
                ticket.assignments[1].answer.is_some(),
                "the first answer stays"
            );
        });
        after_unit()
            .and(clerk(), rework())
            .when(unit_clerk(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::AwaitingSummary));
    }

    #[test]
    fn only_level_one_and_only_what_was_replied() {
        delegated()
            .when(clerk(), rework())
            .refused(Reason::WrongState, None);
        after_unit()
            .when(unit_clerk(), rework())
            .refused(Reason::NotHolder, None);
        signed()
            .when(clerk(), rework())
            .refused(Reason::WrongState, None);
        let action = TicketAction::Rework(Rework {
            instruction: sealed(""),
        });
        after_unit()
            .when(clerk(), action)
            .refused(Reason::Required, Some("instruction"));
    }
}
