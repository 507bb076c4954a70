//! Note that a call-back is due (回访到期): Docket notes, once, that a citizen was not called back by the day the
//! pack says.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::Field;
use crate::ticket::state::TicketState;
use crate::time::Due;
use serde::{Deserialize, Serialize};

/// Notes that a call-back is due.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NoteCallBackDue;

/// A citizen was not called back in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBackFellDue {
    /// By when they were to be called.
    pub due: Due,
}

impl NoteCallBackDue {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for NoteCallBackDue {
    const SPEC: Spec = Spec {
        name: "note_call_back_due",
        zh: "回访到期",
        en: "Call-back due",
        event: CallBackFellDue::TYPE,
        roles: Role::NOBODY,
        gate: Gate::Ticket(&[TicketState::AwaitingCallBack]),
    };
    type Event = CallBackFellDue;

    // Not a command that did nothing: the same will come when it is time.
    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let due = ticket.call_back_due;
        if due.is_some_and(|due| due.met_at(context.now)) {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<CallBackFellDue>, Refusal> {
        let due = ticket.call_back_due;
        let due = due.filter(|_| !ticket.call_back_lit && ticket.call_backs.is_empty());
        Ok(due.map(|due| CallBackFellDue { due }))
    }
}

impl Fact for CallBackFellDue {
    const TYPE: &'static str = "call_back_fell_due";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, _stamp: &Stamp) {
        ticket.call_back_lit = true;
    }
}

#[cfg(test)]
mod tests {
    use super::NoteCallBackDue;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    #[test]
    fn once_and_only_when_nobody_called_in_time() {
        let note = || TicketAction::NoteCallBackDue(NoteCallBackDue);
        let days = |days: i64| reviewed().later(days * 24 * 60);
        days(1)
            .when(Actor::system(), note())
            .refused(Reason::WrongState, None);
        days(2)
            .when(Actor::system(), note())
            .then(|ticket| assert!(ticket.call_back_lit));
        days(2)
            .and(Actor::system(), note())
            .when(Actor::system(), note())
            .nothing();
        days(2)
            .when(caller_back(), note())
            .refused(Reason::RoleNotAllowed, None);
    }
}
