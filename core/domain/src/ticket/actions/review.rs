//! Review (审核): the hotline office looks at an answer. One it takes is closed, or the citizen is called
//! back first, as the rules say; one it does not take is handled anew (`redo`).

use super::optional;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Awaiting, Review, TicketState};
use crate::time::Due;
use serde::{Deserialize, Serialize};

/// Takes an answer.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewAnswer<T> {
    /// What the office thinks of it.
    pub opinion: Option<T>,
}

/// An answer was reviewed and taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// What the office thinks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinion: Option<Sealed>,
    /// Whether the citizen is to be called back.
    pub calls_back: bool,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_due: Option<Due>,
}

impl<T> ReviewAnswer<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<ReviewAnswer<U>, E> {
        let opinion = try_map_option(self.opinion, Field::of_ticket("opinion"), seal)?;
        Ok(ReviewAnswer { opinion })
    }
}

impl Action for ReviewAnswer<Sealed> {
    const SPEC: Spec = Spec {
        name: "review",
        zh: "审核",
        en: "Review",
        event: Reviewed::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(&[TicketState::Replied]),
    };
    type Event = Reviewed;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        if ticket.review.is_some() {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Reviewed>, Refusal> {
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "opinion", self.opinion.as_ref(), max)?;
        let calls_back = ticket.intake.as_ref().is_some_and(|intake| {
            context
                .rules
                .calls_back(intake.wants_reply, intake.anonymous)
        });
        Ok(Some(Reviewed {
            opinion: self.opinion,
            calls_back,
            call_back_due: calls_back.then(|| context.rules.call_back_due(context.now)),
        }))
    }
}

impl Fact for Reviewed {
    const TYPE: &'static str = "reviewed";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.review = Some(Review {
            at: stamp.at,
            by: stamp.by,
            opinion: self.opinion.clone(),
        });
        if self.calls_back {
            ticket.awaiting = Awaiting::CallBack;
            ticket.call_back_due = self.call_back_due;
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn a_citizen_who_wants_a_reply_is_called_back() {
        replied().when(office(), review()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::AwaitingCallBack);
            assert_eq!(ticket.review.as_ref().unwrap().by, office().account);
        });
    }

    #[test]
    fn the_pack_says_who_is_called_back() {
        let rest = |changes: &[(&str, &str)], state| {
            replied()
                .under(changes)
                .when(office(), review())
                .then(|ticket| assert_eq!(ticket.state, state));
        };
        rest(
            &[("when = \"wanted\"", "when = \"never\"")],
            TicketState::Replied,
        );
        let who = [("when = \"wanted\"", "when = \"always\"")];
        rest(&who, TicketState::AwaitingCallBack);
    }

    #[test]
    fn only_the_office_and_only_once() {
        replied()
            .when(dispatcher(), review())
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(office(), review())
            .refused(Reason::WrongState, None);
        replied()
            .under(&[("when = \"wanted\"", "when = \"never\"")])
            .and(office(), review())
            .when(office(), review())
            .refused(Reason::WrongState, None);
    }
}
