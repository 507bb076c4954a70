//! Decline (不予受理): a request that is not for this hotline ends here, and the caller is told the
//! lawful channel for it.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{any_listed, refuse, required};
use crate::refusal::Detail;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Declines a received ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Decline<T> {
    /// A reason code of the pack.
    pub reason: String,
    /// The lawful channel the caller was told.
    pub lawful_channel: T,
}

/// A ticket was declined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// The reason's code.
    pub reason: String,
    /// The lawful channel the caller was told.
    pub lawful_channel: Sealed,
}

impl<T> Decline<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Decline<U>, E> {
        Ok(Decline {
            reason: self.reason,
            lawful_channel: seal(Field::of_ticket("lawful_channel"), self.lawful_channel)?,
        })
    }
}

impl Action for Decline<Sealed> {
    const SPEC: Spec = Spec {
        name: "decline",
        zh: "不予受理",
        en: "Decline",
        event: Declined::TYPE,
        roles: &[Role::Operator, Role::Dispatcher],
        gate: Gate::Ticket(&[TicketState::Received]),
    };
    type Event = Declined;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        any_listed(context.rules.decline_reasons())?;
        // Once it was taken on and answered, it cannot be no business of the hotline's.
        if ticket.round > 1 {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Declined>, Refusal> {
        let known = context.rules.decline_reasons();
        if !known.iter().any(|r| r.code == self.reason) {
            let detail = Detail::of_the_rule_pack("不予受理理由", "a reason for declining");
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("reason")
                .because(detail));
        }
        let max = context.rules.texts().opinion;
        required::<Self>(ticket, "lawfulChannel", &self.lawful_channel, max)?;
        Ok(Some(Declined {
            reason: self.reason,
            lawful_channel: self.lawful_channel,
        }))
    }
}

impl Fact for Declined {
    const TYPE: &'static str = "declined";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.ending = Some(Ending {
            kind: EndingKind::Declined,
            at: Some(stamp.at),
            by: stamp.by,
            reason: Some(self.reason.clone()),
            lawful_channel: Some(self.lawful_channel.clone()),
            text: None,
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Decline;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    fn saying(reason: &str, lawful_channel: &str) -> TicketAction<Sealed> {
        TicketAction::Decline(Decline {
            reason: reason.into(),
            lawful_channel: sealed(lawful_channel),
        })
    }

    #[test]
    fn it_ends_the_ticket_with_reason_and_lawful_channel() {
        received().when(dispatcher(), decline()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Declined);
            let ending = ticket.ending.as_ref().unwrap();
            assert_eq!(ending.reason.as_deref(), Some("LITIGATION"));
            assert!(ending.lawful_channel.is_some());
        });
    }

    #[test]
    fn the_lawful_channel_and_a_known_reason_are_needed() {
        received()
            .when(operator(), saying("LITIGATION", ""))
            .refused(Reason::Required, Some("lawfulChannel"));
        received()
            .when(operator(), saying("BUSY", "法院"))
            .refused(Reason::InvalidValue, Some("reason"));
    }

    #[test]
    fn what_an_office_has_or_had_is_not_declined() {
        assigned()
            .when(dispatcher(), decline())
            .refused(Reason::WrongState, None);
        returned()
            .when(dispatcher(), decline())
            .refused(Reason::WrongState, None);
        received()
            .and(operator(), answer())
            .and(office(), redo())
            .when(operator(), decline())
            .refused(Reason::WrongState, None);
        received()
            .when(clerk(), decline())
            .refused(Reason::RoleNotAllowed, None);
    }
}
