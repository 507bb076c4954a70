//! Delegate (交办): a level-1 department hands its assignment to one of its level-2 units, with an
//! inner deadline before its own.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::ids::{AssignmentNo, UnitId};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{AssignmentState, Level, Terms};
use crate::time::Due;
use serde::{Deserialize, Serialize};

/// Delegates the assignment one's department holds.
#[derive(Clone, Debug, Serialize)]
pub struct Delegate<T> {
    /// A unit of the same department.
    pub unit: UnitId,
    /// What the department asks of it (交办意见).
    pub instruction: Option<T>,
}

/// An assignment was delegated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegated {
    /// The department's assignment.
    pub parent: AssignmentNo,
    /// The unit's new assignment.
    pub assignment: AssignmentNo,
    /// The unit.
    pub unit: UnitId,
    /// The instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Sealed>,
    /// To be signed by.
    pub sign_due: Due,
    /// To be replied by: the inner deadline.
    pub due: Due,
    /// May be returned until.
    pub return_by: Due,
}

impl<T> Delegate<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Delegate<U>, E> {
        let instruction = try_map_option(self.instruction, Field::of_ticket("instruction"), seal)?;
        Ok(Delegate {
            unit: self.unit,
            instruction,
        })
    }
}

impl Action for Delegate<Sealed> {
    const SPEC: Spec = Spec {
        name: "delegate",
        zh: "交办",
        event: Delegated::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[AssignmentState::InProgress],
            level: Some(Level::Department),
        },
    };
    type Event = Delegated;

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Delegated>, Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        let (Some(held), Some(intake)) = (on, &ticket.intake) else {
            return Err(refuse(Reason::NotHolder, "id"));
        };
        optional::<Self>(
            ticket,
            "instruction",
            self.instruction.as_ref(),
            context.rules.texts().opinion,
        )?;
        if !context.organisation.is_under(self.unit, held.department) {
            return Err(refuse(Reason::UnknownOffice, "unitId"));
        }
        let assignment = ticket
            .next_no()
            .ok_or_else(|| refuse(Reason::InvalidValue, "id").because("too many assignments"))?;
        Ok(Some(Delegated {
            parent: held.no,
            assignment,
            unit: self.unit,
            instruction: self.instruction,
            sign_due: context.rules.sign_due(intake.urgency, context.now),
            due: context.rules.inner_due(held.due, intake.kind, context.now),
            return_by: context.rules.return_by(context.now),
        }))
    }
}

impl Fact for Delegated {
    const TYPE: &'static str = "delegated";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let Some(parent) = ticket.assignment_mut(self.parent) else {
            return;
        };
        parent.state = AssignmentState::Delegated;
        let (part, department, round) = (parent.part, parent.department, parent.round);
        let terms = Terms {
            sign_due: Some(self.sign_due),
            due: self.due,
            return_by: self.return_by,
        };
        ticket.assignments.push(Assignment {
            unit: Some(self.unit),
            parent: Some(self.parent),
            round,
            instruction: self.instruction.clone(),
            ..Assignment::new(self.assignment, (part, department), stamp.at, terms)
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Delegate;
    use crate::ids::UnitId;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState};

    fn delegate_to(unit: UnitId) -> TicketAction<Sealed> {
        TicketAction::Delegate(Delegate {
            unit,
            instruction: None,
        })
    }

    #[test]
    fn the_unit_gets_an_assignment_with_an_earlier_deadline() {
        signed().when(leader(), delegate_to(UNIT)).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Delegated);
            let [outer, inner] = ticket.assignments.as_slice() else {
                panic!("two assignments")
            };
            assert_eq!(outer.state, AssignmentState::Delegated);
            assert_eq!((inner.unit, inner.parent), (Some(UNIT), Some(outer.no)));
            assert_eq!(
                (inner.department, inner.part),
                (outer.department, outer.part)
            );
            assert_eq!(outer.due.unwrap().at.to_string(), "2026-11-30 09:30:00 UTC");
            assert_eq!(inner.due.unwrap().at.to_string(), "2026-11-27 09:30:00 UTC");
        });
    }

    #[test]
    fn a_unit_is_last() {
        delegated()
            .and(unit_clerk(), sign())
            .when(unit_clerk(), delegate_to(UNIT))
            .refused(Reason::WrongLevel, None);
    }

    #[test]
    fn only_to_ones_own_unit_and_only_after_signing() {
        signed()
            .when(clerk(), delegate_to(OTHER_UNIT))
            .refused(Reason::UnknownOffice, Some("unitId"));
        assigned()
            .when(clerk(), delegate_to(UNIT))
            .refused(Reason::WrongState, None);
        signed()
            .when(other_clerk(), delegate_to(UNIT))
            .refused(Reason::NotHolder, None);
        delegated()
            .when(clerk(), delegate_to(UNIT))
            .refused(Reason::WrongState, None);
    }
}
