//! Add an assist (增加协办): the centre has one more department help with a ticket that is being handled.

use super::assign::terms_of;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, optional, refuse, too_many};
use crate::ids::{AssignmentNo, DepartmentId};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Part, Terms};
use serde::{Deserialize, Serialize};

/// Has one more department help.
#[derive(Clone, Debug, Serialize)]
pub struct AddAssist<T> {
    /// The department.
    pub department: DepartmentId,
    /// What the centre asks of it.
    pub instruction: Option<T>,
}

/// One more department helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssistAdded {
    /// Its assignment.
    pub assignment: AssignmentNo,
    /// The department.
    pub department: DepartmentId,
    /// The instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Sealed>,
    /// Its deadlines.
    pub terms: Terms,
}

impl<T> AddAssist<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AddAssist<U>, E> {
        Ok(AddAssist {
            department: self.department,
            instruction: try_map_option(self.instruction, Field::of_ticket("instruction"), seal)?,
        })
    }
}

impl Action for AddAssist<Sealed> {
    const SPEC: Spec = Spec {
        name: "add_assist",
        zh: "增加协办",
        en: "Add assist",
        event: AssistAdded::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = AssistAdded;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<AssistAdded>, Refusal> {
        let refuse = |reason| refuse::<Self>(ticket, reason).at("departmentId");
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "instruction", self.instruction.as_ref(), max)?;
        let Some(intake) = &ticket.intake else {
            return Err(refuse(Reason::NotFound));
        };
        if context.organisation.department(self.department).is_none() {
            return Err(refuse(Reason::UnknownOffice));
        }
        let has_it = |a: &Assignment| a.state.is_open() && a.department == self.department;
        if ticket.assignments.iter().any(has_it) {
            return Err(refuse(Reason::OfficeTwice));
        }
        if intake.hides_from(self.department) {
            return Err(refuse(Reason::AccusedOffice));
        }
        Ok(Some(AssistAdded {
            assignment: ticket.next_no().ok_or_else(|| too_many::<Self>(ticket))?,
            department: self.department,
            instruction: self.instruction,
            terms: terms_of(&intake.matter(), context),
        }))
    }
}

impl Fact for AssistAdded {
    const TYPE: &'static str = "assist_added";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let to = (Part::Assist, self.department);
        let assist = Assignment {
            round: ticket.round,
            instruction: self.instruction.clone(),
            ..Assignment::new(self.assignment, to, stamp, self.terms)
        };
        ticket.assignments.push(assist);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{Part, TicketState};

    #[test]
    fn it_helps_and_the_lead_goes_on() {
        signed().when(dispatcher(), add_assist()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::InProgress);
            let assist = ticket.assignments.last().unwrap();
            assert_eq!(
                (assist.part, assist.department),
                (Part::Assist, OTHER_DEPARTMENT)
            );
        });
    }

    #[test]
    fn no_department_twice_nor_the_accused_one() {
        assigned_with_assist()
            .when(dispatcher(), add_assist())
            .refused(Reason::OfficeTwice, Some("departmentId"));
        given([
            (operator(), confidential_on(OTHER_DEPARTMENT)),
            (dispatcher(), assign()),
        ])
        .when(dispatcher(), add_assist())
        .refused(Reason::AccusedOffice, Some("departmentId"));
        received()
            .when(dispatcher(), add_assist())
            .refused(Reason::WrongState, None);
        signed()
            .when(clerk(), add_assist())
            .refused(Reason::RoleNotAllowed, None);
    }
}
