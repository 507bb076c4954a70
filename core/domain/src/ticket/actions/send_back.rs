//! Return (退回): the holder gives an assignment back, level 2 to its department, level 1 to the
//! centre. (`return` is a keyword, hence the file's name.)

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::{AssignmentNo, DepartmentId};
use crate::refusal::Detail;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{AssignmentState, Level, Part, Return};
use serde::{Deserialize, Serialize};

/// Returns the assignment one's office holds.
#[derive(Clone, Debug, Serialize)]
pub struct SendBack<T> {
    /// A reason code of the pack.
    pub reason: String,
    /// The reason in words.
    pub text: T,
    /// Who should have it instead, if known.
    pub suggested_department: Option<DepartmentId>,
}

/// An assignment was returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Which.
    pub assignment: AssignmentNo,
    /// The reason's code.
    pub reason: String,
    /// The reason in words.
    pub text: Sealed,
    /// Who should have it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_department: Option<DepartmentId>,
    /// Whether it came back to the centre so often that it is to be marked disputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_often: bool,
}

fn is_the_leads(assignment: &Assignment) -> bool {
    assignment.part == Part::Lead && assignment.level() == Level::Department
}

impl<T> SendBack<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<SendBack<U>, E> {
        Ok(SendBack {
            reason: self.reason,
            text: seal(Field::of_ticket("text"), self.text)?,
            suggested_department: self.suggested_department,
        })
    }
}

impl Action for SendBack<Sealed> {
    const SPEC: Spec = Spec {
        name: "return",
        zh: "退回",
        en: "Return",
        event: Returned::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[AssignmentState::Assigned, AssignmentState::InProgress],
            level: None,
        },
    };
    type Event = Returned;

    fn permit(ticket: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let Some(held) = on else {
            return Ok(());
        };
        if ticket.is_ruled_on(held) {
            return Err(Reason::RuledOn);
        }
        if !held.return_by.met_at(context.now) {
            return Err(Reason::ReturnWindowOver);
        }
        let of_office = ticket
            .assignments
            .iter()
            .filter(|a| a.office() == held.office());
        let returns: usize = of_office.map(|a| a.returns.len()).sum();
        let max = context.rules.returns_max();
        if max.is_some_and(|max| returns >= usize::from(max)) {
            return Err(Reason::NoMoreTimes);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Returned>, Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        let Some(held) = on else {
            return Err(refuse(Reason::NotHolder, "id"));
        };
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        if !context
            .rules
            .return_reasons()
            .iter()
            .any(|r| r.code == self.reason)
        {
            let detail = Detail::of_the_rule_pack("退回理由", "a return reason");
            return Err(refuse(Reason::InvalidValue, "reason").because(detail));
        }
        if self
            .suggested_department
            .is_some_and(|d| context.organisation.department(d).is_none())
        {
            return Err(refuse(Reason::UnknownOffice, "suggestedDepartmentId"));
        }
        Ok(Some(Returned {
            assignment: held.no,
            reason: self.reason,
            text: self.text,
            suggested_department: self.suggested_department,
            too_often: is_the_leads(held)
                && ticket.handed_on + 1 >= context.rules.disputed_after_returns(),
        }))
    }
}

impl Fact for Returned {
    const TYPE: &'static str = "returned";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let Some(assignment) = ticket.assignment_mut(self.assignment) else {
            return;
        };
        assignment.state = AssignmentState::Returned;
        assignment.ended_at = Some(stamp.at);
        // Who returns has seen it.
        assignment.viewed_at.get_or_insert(stamp.at);
        assignment.returns.push(Return {
            at: stamp.at,
            reason: self.reason.clone(),
            decided_at: None,
            accepted: None,
        });
        let is_the_leads = is_the_leads(assignment);
        // Level 2: back with the department, which goes on. Level 1: the centre accepts or refuses, and
        // until then the assists go on.
        let parent = assignment.parent;
        if let Some(parent) = parent.and_then(|no| ticket.assignment_mut(no)) {
            parent.state = AssignmentState::InProgress;
        }
        if is_the_leads {
            ticket.hand_on(self.too_often);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::SendBack;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState, available_actions};

    fn with(reason: &str, text: &str) -> TicketAction<Sealed> {
        TicketAction::SendBack(SendBack {
            reason: reason.into(),
            text: sealed(text),
            suggested_department: None,
        })
    }

    #[test]
    fn the_lead_returns_to_the_centre_and_its_assists_go_on_until_that_is_accepted() {
        assigned_with_assist()
            .when(clerk(), send_back())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Returned);
                assert_eq!(ticket.assignments[0].state, AssignmentState::Returned);
                assert_eq!(ticket.assignments[0].viewed_at, Some(now()));
                assert!(ticket.assignments[0].return_is_pending());
                assert_eq!(ticket.assignments[1].state, AssignmentState::Assigned);
            });
    }

    #[test]
    fn an_assist_returns_alone() {
        assigned_with_assist()
            .when(other_clerk(), send_back())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.assignments[0].state, AssignmentState::Assigned);
                assert_eq!(ticket.assignments[1].state, AssignmentState::Returned);
            });
    }

    #[test]
    fn a_unit_returns_to_its_department_which_goes_on() {
        delegated().when(unit_clerk(), send_back()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::InProgress);
            assert_eq!(ticket.assignments[1].state, AssignmentState::Returned);
            assert!(
                !ticket.assignments[1].return_is_pending(),
                "nobody has to decide"
            );
        });
    }

    #[test]
    fn the_window_closes_with_the_second_working_days_office_hours() {
        // Assigned Monday 10:00; the window ends Wednesday 17:30: 55.5 hours later.
        let last = 55 * 60 + 30;
        let late = || assigned().later(last + 1);
        assigned()
            .later(last)
            .when(clerk(), send_back())
            .then(|t| assert_eq!(t.revision, 3));
        late()
            .when(clerk(), send_back())
            .refused(Reason::ReturnWindowOver, None);
        let offered = |minutes| {
            let mut context = context(clerk());
            context.now += chrono::TimeDelta::minutes(minutes);
            available_actions(&assigned().fold(), &context).contains(&"return")
        };
        assert!(offered(last));
        assert!(!offered(last + 1));
    }

    #[test]
    fn a_reason_is_needed() {
        assigned()
            .when(clerk(), with("NOT_COMPETENT", ""))
            .refused(Reason::Required, Some("text"));
        assigned()
            .when(clerk(), with("BORED", "x"))
            .refused(Reason::InvalidValue, Some("reason"));
        let TicketAction::SendBack(mut action) = send_back() else {
            unreachable!()
        };
        action.suggested_department = Some(id(99));
        assigned()
            .when(clerk(), TicketAction::SendBack(action))
            .refused(Reason::UnknownOffice, Some("suggestedDepartmentId"));
    }

    #[test]
    fn what_is_with_a_unit_is_not_returned_over_its_head() {
        delegated()
            .when(clerk(), send_back())
            .refused(Reason::WrongState, None);
        assigned()
            .when(other_clerk(), send_back())
            .refused(Reason::NotHolder, None);
    }
}
