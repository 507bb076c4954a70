//! Set secrecy (设置保密): who may know of a ticket changes after it was received.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::DepartmentId;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Secrecy, TicketState};
use serde::{Deserialize, Serialize};

/// Changes who may know of a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct SetSecrecy<T> {
    /// Who may know from now on.
    pub secrecy: Secrecy,
    /// Whom the report accuses, where that has come out since, or was noted wrongly; as it is, if left out.
    pub accused_department: Option<DepartmentId>,
    /// Why.
    pub text: T,
}

/// Who may know of a ticket has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecrecyChanged {
    /// Who may know from now on.
    pub secrecy: Secrecy,
    /// Whom the report accuses, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused_department: Option<DepartmentId>,
    /// Why.
    pub text: Sealed,
}

impl<T> SetSecrecy<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<SetSecrecy<U>, E> {
        Ok(SetSecrecy {
            secrecy: self.secrecy,
            accused_department: self.accused_department,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for SetSecrecy<Sealed> {
    const SPEC: Spec = Spec {
        name: "set_secrecy",
        zh: "设置保密",
        en: "Set secrecy",
        event: SecrecyChanged::TYPE,
        roles: &[Role::Operator, Role::Dispatcher, Role::Office],
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
            TicketState::Declined,
            TicketState::Withdrawn,
            TicketState::Transferred,
            TicketState::Merged,
            TicketState::Terminated,
            TicketState::Archived,
        ]),
    };
    type Event = SecrecyChanged;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<SecrecyChanged>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let intake = ticket.intake.as_ref();
        let known = intake.and_then(|intake| intake.accused_department);
        let absent = |id| context.organisation.department(id).is_none();
        if self.accused_department.is_some_and(absent) {
            return Err(refuse::<Self>(ticket, Reason::UnknownOffice).at("accusedDepartmentId"));
        }
        let accused = self.accused_department.or(known);
        if accused == known && intake.is_some_and(|intake| intake.secrecy == self.secrecy) {
            return Err(refuse::<Self>(ticket, Reason::NoChange).at("secrecy"));
        }
        let merged = ticket.merged.as_ref();
        // Unmerging would give it back.
        let gets_it_back = |no| merged.is_some_and(|m| m.open.iter().any(|(open, _)| *open == no));
        let has_it = |a: &Assignment| {
            (a.state.is_open() || gets_it_back(a.no)) && Some(a.department) == accused
        };
        if self.secrecy == Secrecy::Confidential && ticket.assignments.iter().any(has_it) {
            return Err(refuse::<Self>(ticket, Reason::AccusedOffice)
                .at("secrecy")
                .because(("请先转派其他部门", "hand it on to another department first")));
        }
        Ok(Some(SecrecyChanged {
            secrecy: self.secrecy,
            accused_department: self.accused_department,
            text: self.text,
        }))
    }
}

impl Fact for SecrecyChanged {
    const TYPE: &'static str = "secrecy_changed";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(intake) = &mut ticket.intake {
            intake.secrecy = self.secrecy;
            if self.accused_department.is_some() {
                intake.accused_department = self.accused_department;
            }
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{Secrecy, TicketAction};

    fn open_on(accused: crate::ids::DepartmentId) -> Given {
        let TicketAction::Receive(mut action) = confidential_on(accused) else {
            unreachable!()
        };
        action.secrecy = Secrecy::Open;
        given([(operator(), TicketAction::Receive(action))])
    }

    #[test]
    fn the_accused_no_longer_knows_of_it() {
        let ticket = open_on(DEPARTMENT)
            .and(dispatcher(), assign())
            .and(dispatcher(), reassign());
        assert!(ticket.clone().fold().is_visible_to(&clerk()));
        ticket
            .when(office(), set_secrecy())
            .then(|ticket| assert!(!ticket.is_visible_to(&clerk())));
    }

    #[test]
    fn the_accused_touches_no_more_what_it_answered() {
        let answered = open_on(DEPARTMENT)
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .and(clerk(), reply());
        answered.clone().when(clerk(), correct()).then(|_| {});
        let hushed = answered.and(office(), set_secrecy());
        for action in [correct(), ask_exclusion()] {
            hushed
                .clone()
                .when(clerk(), action)
                .refused(Reason::NotFound, None);
        }
    }

    #[test]
    fn nor_does_the_accused_know_of_what_is_merged_or_over() {
        let handed_on = || {
            open_on(DEPARTMENT)
                .and(dispatcher(), assign())
                .and(dispatcher(), reassign())
        };
        let over = [
            handed_on().and(dispatcher(), merge()),
            reviewed()
                .and(caller_back(), call_back())
                .and(office(), archive()),
        ];
        for given in over {
            assert!(given.clone().fold().is_visible_to(&clerk()));
            let accuses = TicketAction::SetSecrecy(super::SetSecrecy {
                secrecy: Secrecy::Confidential,
                accused_department: Some(DEPARTMENT),
                text: sealed("举报对象为承办单位"),
            });
            given
                .when(office(), accuses)
                .then(|ticket| assert!(!ticket.is_visible_to(&clerk())));
        }
        // Unmerging would give it back to the accused.
        open_on(DEPARTMENT)
            .and(dispatcher(), assign())
            .and(dispatcher(), merge())
            .when(office(), set_secrecy())
            .refused(Reason::AccusedOffice, Some("secrecy"));
    }

    #[test]
    fn whom_it_accuses_may_come_out_later() {
        let accuses = |department| {
            TicketAction::SetSecrecy(super::SetSecrecy {
                secrecy: Secrecy::Confidential,
                accused_department: Some(department),
                text: sealed("来电人补充"),
            })
        };
        let secret = || received().and(office(), set_secrecy());
        secret()
            .and(office(), accuses(DEPARTMENT))
            .when(dispatcher(), assign())
            .refused(Reason::AccusedOffice, Some("leadId"));
        secret()
            .and(office(), accuses(DEPARTMENT))
            .when(operator(), accuses(DEPARTMENT))
            .refused(Reason::NoChange, Some("secrecy"));
        secret()
            .when(office(), accuses(id(99)))
            .refused(Reason::UnknownOffice, Some("accusedDepartmentId"));
        secret()
            .and(dispatcher(), assign())
            .when(office(), accuses(DEPARTMENT))
            .refused(Reason::AccusedOffice, Some("secrecy"));
    }

    #[test]
    fn not_while_the_accused_has_it_nor_twice() {
        open_on(DEPARTMENT)
            .and(dispatcher(), assign())
            .when(office(), set_secrecy())
            .refused(Reason::AccusedOffice, Some("secrecy"));
        received()
            .and(office(), set_secrecy())
            .when(operator(), set_secrecy())
            .refused(Reason::NoChange, Some("secrecy"));
        signed()
            .when(clerk(), set_secrecy())
            .refused(Reason::RoleNotAllowed, None);
        let silent = super::SetSecrecy {
            secrecy: Secrecy::Confidential,
            accused_department: None,
            text: sealed(""),
        };
        received()
            .when(office(), TicketAction::SetSecrecy(silent))
            .refused(Reason::Required, Some("text"));
    }
}
