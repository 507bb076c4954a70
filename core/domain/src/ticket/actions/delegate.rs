//! Delegate (交办): a level-1 department hands its assignment to one of its level-2 units, with an
//! inner deadline before its own.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::ids::{AssignmentNo, UnitId};
use crate::refusal::Detail;
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
        en: "Delegate",
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
        let assignment = ticket.next_no().ok_or_else(|| {
            refuse(Reason::InvalidValue, "id").because(Detail::too_many_assignments())
        })?;
        let (rules, matter, now) = (&context.rules, intake.matter(), context.now);
        let due = rules.inner_due(held.due, &matter, now);
        Ok(Some(Delegated {
            parent: held.no,
            assignment,
            unit: self.unit,
            instruction: self.instruction,
            sign_due: rules.sign_due(&matter, now, due),
            due,
            return_by: rules.return_by(&matter, now),
        }))
    }
}

impl Fact for Delegated {
    const TYPE: &'static str = "delegated";
    const VERSION: u16 = 2;

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
            contact_due: None,
        };
        ticket.assignments.push(Assignment {
            unit: Some(self.unit),
            parent: Some(self.parent),
            round,
            instruction: self.instruction.clone(),
            ..Assignment::new(self.assignment, (part, department), stamp, terms)
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
    use crate::time::Light;

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

    /// As for consultations in 上海静安.
    #[test]
    fn a_term_of_a_day_leaves_half_to_the_unit_and_nothing_is_yellow_at_once() {
        let short = [(
            "complain = { working_days = 5 }",
            "complain = { working_days = 1 }",
        )];
        let at_once = received()
            .under(&short)
            .and(dispatcher(), assign())
            .and(clerk(), sign());
        at_once.when(leader(), delegate_to(UNIT)).then(|ticket| {
            let [outer, inner] = [0, 1].map(|index| &ticket.assignments[index]);
            let (out, within) = (outer.due.unwrap(), inner.due.unwrap());
            assert!(within.at > inner.assigned_at && within.at < out.at);
            // A day to sign is more than there is to reply.
            assert_eq!(inner.sign_due.unwrap().at, within.at);
            for assignment in [outer, inner] {
                let due = assignment.due.unwrap();
                assert!(assignment.sign_due.unwrap().at <= due.at);
                assert_eq!(due.light(assignment.assigned_at), Light::Green);
                assert!(due.yellow_at.unwrap() < due.at);
            }
        });
        // On the last day there is still a margin; when the limit is over there is none.
        for (minutes, same) in [(7 * 24 * 60, false), (8 * 24 * 60, true)] {
            let late = signed().later(minutes).when(leader(), delegate_to(UNIT));
            late.then(|ticket| {
                let [outer, inner] = [0, 1].map(|index| ticket.assignments[index].due.unwrap());
                assert_eq!(inner.at == outer.at, same);
                assert!(inner.at <= outer.at);
            });
        }
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

    #[test]
    fn a_unit_that_is_moved_keeps_its_work_for_the_department_that_delegated_it() {
        let moved = || delegated().after_the_move();
        let ticket = moved().fold();
        assert!(ticket.is_business_of(&moved_unit_clerk()));
        assert!(ticket.is_business_of(&clerk()), "it sums up");
        assert!(!ticket.is_visible_to(&other_clerk()));
        let signed = || moved().and(moved_unit_clerk(), sign());
        signed()
            .when(moved_unit_clerk(), send_back())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::InProgress);
                assert!(ticket.held_by(&clerk()).is_some());
            });
        let replied = || signed().and(moved_unit_clerk(), reply());
        replied()
            .when(other_clerk(), reply())
            .refused(Reason::NotHolder, None);
        replied().when(clerk(), reply()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Replied);
            assert_eq!(ticket.assignments[1].department, DEPARTMENT);
        });
        // What it goes on with is no new delegation.
        replied()
            .and(clerk(), rework())
            .when(moved_unit_clerk(), reply())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::AwaitingSummary);
            });
    }

    #[test]
    fn after_a_move_only_the_new_department_delegates_to_the_unit() {
        signed()
            .after_the_move()
            .when(clerk(), delegate_to(UNIT))
            .refused(Reason::UnknownOffice, Some("unitId"));
        let both = || {
            assigned_with_assist()
                .and(clerk(), sign())
                .and(clerk(), delegate())
        };
        let both = || both().after_the_move().and(other_clerk(), sign());
        let twice = both().and(other_clerk(), delegate_to(UNIT));
        // The one given last first, and then the other: neither is lost.
        let first = twice
            .and(moved_unit_clerk(), sign())
            .and(moved_unit_clerk(), reply());
        first.when(moved_unit_clerk(), sign()).then(|ticket| {
            let held = ticket.held_by(&moved_unit_clerk()).unwrap();
            assert_eq!(
                (held.department, held.parent),
                (DEPARTMENT, Some(ticket.assignments[0].no))
            );
            assert_eq!(ticket.assignments[3].department, OTHER_DEPARTMENT);
        });
    }

    #[test]
    fn a_unit_moved_under_the_accused_loses_the_report_and_its_department_takes_it_back() {
        let given = given([(operator(), confidential_on(OTHER_DEPARTMENT))]);
        let given = given.and(dispatcher(), assign()).and(clerk(), sign());
        let signed = given.and(clerk(), delegate()).and(unit_clerk(), sign());
        assert!(signed.clone().fold().is_visible_to(&unit_clerk()));
        assert!(!signed.clone().fold().is_visible_to(&moved_unit_clerk()));
        signed
            .clone()
            .when(clerk(), recall())
            .refused(Reason::AlreadySigned, None);
        signed
            .clone()
            .after_the_move()
            .when(clerk(), recall())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::InProgress);
            });
        let replied = signed.and(unit_clerk(), reply());
        replied
            .clone()
            .after_the_move()
            .when(clerk(), rework())
            .refused(Reason::AccusedOffice, None);
        replied.when(clerk(), rework()).then(|_| {});
    }
}
