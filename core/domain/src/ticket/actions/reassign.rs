//! Reassign (转派): the centre takes a ticket from the department that has it and hands it to another, with
//! deadlines of its own. What the joint meeting ruled on only another ruling moves.

use super::assign::{check_offices, hand_out, terms_of};
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, optional, refuse, required, too_many};
use crate::ids::{AssignmentNo, DepartmentId};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::Terms;
use serde::{Deserialize, Serialize};

/// Hands a ticket on.
#[derive(Clone, Debug, Serialize)]
pub struct Reassign<T> {
    /// The department that answers for it now.
    pub lead: DepartmentId,
    /// The departments that help.
    pub assists: Vec<DepartmentId>,
    /// What the centre asks of them.
    pub instruction: Option<T>,
    /// Why it is handed on.
    pub text: T,
}

/// A ticket was handed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassigned {
    /// The lead's assignment; the assists' follow in order.
    pub first: AssignmentNo,
    /// The lead.
    pub lead: DepartmentId,
    /// The assists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DepartmentId>,
    /// The instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Sealed>,
    /// Why.
    pub text: Sealed,
    /// The deadlines.
    pub terms: Terms,
    /// Whether it was handed on so often that it is to be marked disputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_often: bool,
}

impl<T> Reassign<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Reassign<U>, E> {
        Ok(Reassign {
            lead: self.lead,
            assists: self.assists,
            instruction: try_map_option(self.instruction, Field::of_ticket("instruction"), seal)?,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for Reassign<Sealed> {
    const SPEC: Spec = Spec {
        name: "reassign",
        zh: "转派",
        en: "Reassign",
        event: Reassigned::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = Reassigned;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        if ticket.ruled_to().is_some() {
            return Err(Reason::RuledOn);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Reassigned>, Refusal> {
        let max = context.rules.texts().opinion;
        required::<Self>(ticket, "text", &self.text, max)?;
        optional::<Self>(ticket, "instruction", self.instruction.as_ref(), max)?;
        check_offices::<Self>(ticket, self.lead, &self.assists, context)?;
        if ticket
            .lead()
            .is_some_and(|lead| lead.department == self.lead)
        {
            return Err(refuse::<Self>(ticket, Reason::NoChange).at("leadId"));
        }
        let first = ticket.next_no().ok_or_else(|| too_many::<Self>(ticket))?;
        let Some(intake) = &ticket.intake else {
            return Err(refuse::<Self>(ticket, Reason::NotFound));
        };
        Ok(Some(Reassigned {
            first,
            lead: self.lead,
            assists: self.assists,
            instruction: self.instruction,
            text: self.text,
            terms: terms_of(&intake.matter(), context),
            too_often: ticket.handed_on + 1 >= context.rules.disputed_after_returns(),
        }))
    }
}

impl Fact for Reassigned {
    const TYPE: &'static str = "reassigned";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let offices = (self.lead, &self.assists[..]);
        hand_out(
            ticket,
            stamp,
            self.first,
            offices,
            self.instruction.as_ref(),
            self.terms,
        );
        ticket.hand_on(self.too_often);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Reassign;
    use crate::refusal::Reason;
    use crate::ticket::actions::set_secrecy::SetSecrecy;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, DisputeCause, Secrecy, TicketAction, TicketState};

    #[test]
    fn what_was_ruled_stays() {
        let ruled = || {
            signed()
                .and(dispatcher(), dispute())
                .and(joint_meeting(), rule())
        };
        ruled()
            .when(dispatcher(), reassign())
            .refused(Reason::RuledOn, None);
        ruled()
            .and(dispatcher(), dispute())
            .when(joint_meeting(), rule())
            .then(|_| {});
    }

    #[test]
    fn a_ruling_binds_nobody_to_the_accused() {
        let accuses = TicketAction::SetSecrecy(SetSecrecy {
            secrecy: Secrecy::Confidential,
            accused_department: Some(DEPARTMENT),
            text: sealed("来电人补充"),
        });
        disputed()
            .and(joint_meeting(), rule())
            .and(clerk(), sign())
            .and(clerk(), reply())
            .and(office(), accuses)
            .and(office(), redo())
            .when(dispatcher(), reassign())
            .then(|ticket| assert_eq!(ticket.lead().unwrap().department, OTHER_DEPARTMENT));
    }

    #[test]
    fn another_department_has_it_with_a_clock_of_its_own() {
        signed()
            .later(60)
            .when(dispatcher(), reassign())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.assignments[0].state, AssignmentState::Released);
                let lead = ticket.lead().unwrap();
                assert_eq!(lead.department, OTHER_DEPARTMENT);
                assert!(lead.assigned_at > ticket.assignments[0].assigned_at);
                assert_eq!(ticket.handed_on, 1);
            });
    }

    #[test]
    fn to_another_with_a_reason_by_a_dispatcher() {
        let with = |lead, text: &str| {
            TicketAction::Reassign(Reassign {
                lead,
                assists: vec![],
                instruction: None,
                text: sealed(text),
            })
        };
        signed()
            .when(dispatcher(), with(DEPARTMENT, "派错"))
            .refused(Reason::NoChange, Some("leadId"));
        signed()
            .when(dispatcher(), with(OTHER_DEPARTMENT, ""))
            .refused(Reason::Required, Some("text"));
        signed()
            .when(operator(), reassign())
            .refused(Reason::RoleNotAllowed, None);
        received()
            .when(dispatcher(), reassign())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn handed_on_three_times_it_is_to_be_disputed() {
        signed()
            .and(dispatcher(), reassign())
            .and(dispatcher(), reassign_to(DEPARTMENT))
            .when(dispatcher(), reassign())
            .then(|ticket| assert_eq!(ticket.to_dispute, Some(DisputeCause::Returns)));
    }
}
