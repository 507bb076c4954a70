//! Rate (评价): the citizen says how content they are, themselves or through staff. The first and the
//! latest rating are both kept.

use super::optional;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Rating, Satisfaction, TicketState};
use serde::{Deserialize, Serialize};

/// Most ratings of one ticket, so that nobody can grow its history without end. A technical limit.
pub const RATINGS_MAX: u16 = 20;

/// Rates an answered ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Rate<T> {
    /// How content.
    pub satisfaction: Satisfaction,
    /// Whether it is solved, if said.
    pub solved: Option<bool>,
    /// What was said with it.
    pub comment: Option<T>,
}

/// A ticket was rated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// How content.
    pub satisfaction: Satisfaction,
    /// Whether it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// What was said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Sealed>,
    /// True when staff wrote down what the citizen said.
    pub relayed: bool,
}

impl<T> Rate<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Rate<U>, E> {
        let comment = try_map_option(self.comment, Field::of_ticket("comment"), seal)?;
        Ok(Rate {
            satisfaction: self.satisfaction,
            solved: self.solved,
            comment,
        })
    }
}

impl Action for Rate<Sealed> {
    const SPEC: Spec = Spec {
        name: "rate",
        zh: "评价",
        en: "Rate",
        event: Rated::TYPE,
        roles: &[Role::Citizen, Role::Operator, Role::CallBack],
        gate: Gate::Ticket(&[
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
        ]),
    };
    type Event = Rated;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if !ticket.is_own_of(&context.actor) && !context.actor.in_centre() {
            return Err(Reason::NotOwnTicket);
        }
        if ticket.ratings >= RATINGS_MAX {
            return Err(Reason::NoMoreTimes);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Rated>, Refusal> {
        optional::<Self>(
            ticket,
            "comment",
            self.comment.as_ref(),
            context.rules.texts().opinion,
        )?;
        let own = ticket.is_own_of(&context.actor);
        Ok(Some(Rated {
            satisfaction: self.satisfaction,
            solved: self.solved,
            comment: self.comment,
            relayed: !own,
        }))
    }
}

impl Fact for Rated {
    const TYPE: &'static str = "rated";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let rating = Rating {
            at: stamp.at,
            satisfaction: self.satisfaction,
            solved: self.solved,
            comment: self.comment.clone(),
            relayed: self.relayed,
        };
        ticket.keep_rating(rating);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::{RATINGS_MAX, Rate};
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{Satisfaction, TicketAction, TicketState};

    fn rate_as(satisfaction: Satisfaction) -> TicketAction<Sealed> {
        TicketAction::Rate(Rate {
            satisfaction,
            solved: Some(true),
            comment: Some(sealed("谢谢")),
        })
    }

    #[test]
    fn nobody_rates_without_end() {
        let mut given = own_replied();
        for _ in 0..RATINGS_MAX {
            given = given.and(citizen(), rate());
        }
        given
            .when(citizen(), rate())
            .refused(Reason::NoMoreTimes, None);
    }

    #[test]
    fn the_first_and_the_latest_rating_are_kept() {
        own_replied()
            .and(citizen(), rate_as(Satisfaction::Dissatisfied))
            .when(citizen(), rate_as(Satisfaction::Satisfied))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Replied);
                let first = ticket.first_rating.as_ref().unwrap();
                let last = ticket.last_rating.as_ref().unwrap();
                assert_eq!(first.satisfaction, Satisfaction::Dissatisfied);
                assert_eq!(last.satisfaction, Satisfaction::Satisfied);
                assert!(!last.relayed);
            });
    }

    #[test]
    fn staff_relay_what_a_caller_says() {
        replied()
            .when(operator(), rate_as(Satisfaction::Fairly))
            .then(|ticket| {
                assert!(ticket.last_rating.as_ref().unwrap().relayed);
            });
    }

    #[test]
    fn whoever_shows_the_code_rates_as_the_citizen() {
        replied()
            .when(Actor::bearer(), rate_as(Satisfaction::Satisfied))
            .then(|ticket| {
                assert!(!ticket.last_rating.as_ref().unwrap().relayed);
            });
    }

    #[test]
    fn nobody_rates_others_tickets_or_what_is_not_answered() {
        replied()
            .when(citizen(), rate_as(Satisfaction::Fairly))
            .refused(Reason::NotOwnTicket, None);
        replied()
            .when(clerk(), rate_as(Satisfaction::Fairly))
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(operator(), rate_as(Satisfaction::Fairly))
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn over_long_comments_are_refused() {
        let TicketAction::Rate(mut action) = rate_as(Satisfaction::Fairly) else {
            unreachable!()
        };
        action.comment = Some(sealed(&"长".repeat(5001)));
        replied()
            .when(operator(), TicketAction::Rate(action))
            .refused(Reason::TooLong, Some("comment"));
    }
}
