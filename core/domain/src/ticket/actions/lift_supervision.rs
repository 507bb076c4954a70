//! Lift supervision (解除督办): the trigger is gone.

use super::required;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::TicketState;
use serde::{Deserialize, Serialize};

/// Lifts the supervision of a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct LiftSupervision<T> {
    /// Why.
    pub text: T,
}

/// A ticket is under supervision no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionLifted {
    /// Why.
    pub text: Sealed,
}

impl<T> LiftSupervision<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<LiftSupervision<U>, E> {
        Ok(LiftSupervision {
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for LiftSupervision<Sealed> {
    const SPEC: Spec = Spec {
        name: "lift_supervision",
        zh: "解除督办",
        en: "Lift supervision",
        event: SupervisionLifted::TYPE,
        roles: &[Role::Supervisor, Role::JointMeeting],
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
            // Merged before that was refused of what is supervised.
            TicketState::Merged,
        ]),
    };
    type Event = SupervisionLifted;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        ticket.supervisable_by(&context.actor)?;
        if ticket.supervision.is_none() {
            return Err(Reason::NotSupervised);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<SupervisionLifted>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        Ok(Some(SupervisionLifted { text: self.text }))
    }
}

impl Fact for SupervisionLifted {
    const TYPE: &'static str = "supervision_lifted";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, _stamp: &Stamp) {
        ticket.supervision = None;
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;

    #[test]
    fn it_is_over_and_cannot_be_lifted_twice() {
        let supervised = || signed().and(supervisor(), supervise());
        supervised()
            .when(supervisor(), lift_supervision())
            .then(|ticket| assert!(ticket.supervision.is_none()));
        supervised()
            .and(supervisor(), lift_supervision())
            .when(supervisor(), lift_supervision())
            .refused(Reason::NotSupervised, None);
        supervised()
            .when(office(), lift_supervision())
            .refused(Reason::RoleNotAllowed, None);
        let silent = super::LiftSupervision { text: sealed("") };
        supervised()
            .when(
                supervisor(),
                crate::ticket::TicketAction::LiftSupervision(silent),
            )
            .refused(Reason::Required, Some("text"));
    }
}
