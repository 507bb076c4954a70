//! Print (打印): a form of the ticket is printed: 受理单, 下派单, 督办单 or 催办通知书 (S11). Whoever takes a ticket out on
//! paper is on record: who, when, which form, with the caller masked or not.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse, required};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{PrintForm, TicketState};
use serde::{Deserialize, Serialize};

/// Prints a form.
#[derive(Clone, Debug, Serialize)]
pub struct Print<T> {
    /// Which form.
    pub form: PrintForm,
    /// Whose task, of an assignment form; by default the lead's, or the one's own.
    pub assignment: Option<AssignmentNo>,
    /// Whether the caller is masked on it.
    pub masked: bool,
    /// What for; required where the caller is not masked.
    pub purpose: Option<T>,
}

/// A form was printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// Which form.
    pub form: PrintForm,
    /// Whose task, of an assignment form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentNo>,
    /// Whether the caller is masked on it.
    pub masked: bool,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Sealed>,
}

impl<T> Print<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Print<U>, E> {
        Ok(Print {
            form: self.form,
            assignment: self.assignment,
            masked: self.masked,
            purpose: try_map_option(self.purpose, Field::of_ticket("purpose"), seal)?,
        })
    }
}

impl Action for Print<Sealed> {
    const SPEC: Spec = Spec {
        name: "print",
        zh: "打印",
        en: "Print",
        event: Printed::TYPE,
        roles: &[
            Role::Operator,
            Role::Dispatcher,
            Role::Supervisor,
            Role::Office,
            Role::Clerk,
            Role::Leader,
        ],
        gate: Gate::Ticket(TicketState::ALL),
    };
    type Event = Printed;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if context.actor.in_office() && !ticket.is_business_of(&context.actor) {
            return Err(Reason::NotHolder);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Printed>, Refusal> {
        let max = context.rules.texts().short;
        match &self.purpose {
            Some(purpose) if !self.masked => required::<Self>(ticket, "purpose", purpose, max)?,
            None if !self.masked => {
                return Err(refuse::<Self>(ticket, Reason::Required).at("purpose"));
            }
            purpose => optional::<Self>(ticket, "purpose", purpose.as_ref(), max)?,
        }
        let no = |reason, detail: (&str, &str)| {
            Err(refuse::<Self>(ticket, reason).at("form").because(detail))
        };
        let assignment = match self.form {
            PrintForm::Supervision if ticket.supervision.is_none() => {
                return no(
                    Reason::NotSupervised,
                    ("没有可打印的内容", "there is nothing to print"),
                );
            }
            PrintForm::Urging if ticket.urges == 0 => {
                return no(
                    Reason::InvalidValue,
                    ("工单从未催办", "the ticket was never urged"),
                );
            }
            PrintForm::Acceptance | PrintForm::Supervision | PrintForm::Urging => None,
            PrintForm::Assignment => {
                let own = ticket.held_by(&context.actor).or_else(|| ticket.lead());
                let named = match self.assignment {
                    Some(no) => ticket.assignment(no),
                    None => own,
                };
                let may = |a: &&Assignment| {
                    let department = context.actor.department;
                    !context.actor.in_office() || Some(a.department) == department
                };
                let Some(named) = named.filter(may) else {
                    return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                        .at("assignmentNo")
                        .because((
                            "须为本工单、本部门的任务序号",
                            "the number of an assignment of this ticket, and of one's own department",
                        )));
                };
                Some(named.no)
            }
        };
        Ok(Some(Printed {
            form: self.form,
            assignment,
            masked: self.masked,
            purpose: self.purpose.filter(|purpose| purpose.chars > 0),
        }))
    }
}

impl Fact for Printed {
    const TYPE: &'static str = "printed";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, _: &mut Ticket, _: &Stamp) {}
}

#[cfg(test)]
mod tests {
    use super::Print;
    use crate::ids::AssignmentNo;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;
    use crate::ticket::state::PrintForm;

    fn form(form: PrintForm) -> TicketAction<crate::Sealed> {
        TicketAction::Print(Print {
            form,
            assignment: None,
            masked: true,
            purpose: None,
        })
    }

    #[test]
    fn whoever_prints_the_caller_says_what_for() {
        let open = |purpose: Option<&str>| {
            TicketAction::Print(Print {
                form: PrintForm::Acceptance,
                assignment: None,
                masked: false,
                purpose: purpose.map(sealed),
            })
        };
        for nothing in [None, Some("")] {
            signed()
                .when(clerk(), open(nothing))
                .refused(Reason::Required, Some("purpose"));
        }
        signed()
            .when(clerk(), open(Some(&"长".repeat(1000))))
            .refused(Reason::TooLong, Some("purpose"));
        signed().when(clerk(), open(Some("上门核实"))).then(|_| {});
    }

    #[test]
    fn the_centre_and_the_holder_print_and_it_changes_nothing() {
        let before = signed().fold();
        for who in [
            operator(),
            dispatcher(),
            supervisor(),
            office(),
            clerk(),
            leader(),
        ] {
            signed()
                .when(who, print())
                .then(|ticket| assert_eq!(*ticket, before));
        }
        signed()
            .when(other_clerk(), print())
            .refused(Reason::NotHolder, None);
        signed()
            .when(auditor(), print())
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn a_form_is_of_what_there_is() {
        signed()
            .when(supervisor(), form(PrintForm::Supervision))
            .refused(Reason::NotSupervised, Some("form"));
        signed()
            .when(supervisor(), form(PrintForm::Urging))
            .refused(Reason::InvalidValue, Some("form"));
        received()
            .when(dispatcher(), form(PrintForm::Assignment))
            .refused(Reason::InvalidValue, Some("assignmentNo"));
        let ready = || {
            signed()
                .and(supervisor(), supervise())
                .and(supervisor(), urge())
        };
        for kind in PrintForm::ALL {
            ready().when(supervisor(), form(*kind)).then(|_| {});
        }
    }

    #[test]
    fn an_office_prints_its_own_task() {
        let of = |no| {
            TicketAction::Print(Print {
                form: PrintForm::Assignment,
                assignment: Some(AssignmentNo(no)),
                masked: true,
                purpose: None,
            })
        };
        assigned_with_assist()
            .when(other_clerk(), of(2))
            .then(|_| {});
        assigned_with_assist()
            .when(other_clerk(), of(1))
            .refused(Reason::InvalidValue, Some("assignmentNo"));
        assigned_with_assist()
            .when(dispatcher(), of(3))
            .refused(Reason::InvalidValue, Some("assignmentNo"));
    }
}
