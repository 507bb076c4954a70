//! Answer directly (直接答复): the operator answers at once, and no office is troubled.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, required};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Answer, TicketState};
use serde::{Deserialize, Serialize};

/// Answers a received ticket.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerDirectly<T> {
    /// The answer told to the citizen.
    pub answer: T,
    /// The knowledge article it was taken from, in words.
    pub article: Option<T>,
}

/// A ticket was answered directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The answer.
    pub answer: Sealed,
    /// The knowledge article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<Sealed>,
}

impl<T> AnswerDirectly<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AnswerDirectly<U>, E> {
        Ok(AnswerDirectly {
            answer: seal(Field::of_ticket("answer"), self.answer)?,
            article: try_map_option(self.article, Field::of_ticket("article"), seal)?,
        })
    }
}

impl Action for AnswerDirectly<Sealed> {
    const SPEC: Spec = Spec {
        name: "answer",
        zh: "直接答复",
        en: "Answer directly",
        event: Answered::TYPE,
        roles: &[Role::Operator],
        gate: Gate::Ticket(&[TicketState::Received]),
    };
    type Event = Answered;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        // What was answered and is to be handled anew goes to an office.
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
    ) -> Result<Option<Answered>, Refusal> {
        let max = context.rules.texts();
        required::<Self>(ticket, "answer", &self.answer, max.answer)?;
        optional::<Self>(ticket, "article", self.article.as_ref(), max.short)?;
        Ok(Some(Answered {
            answer: self.answer,
            article: self.article,
        }))
    }
}

impl Fact for Answered {
    const TYPE: &'static str = "answered";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.answer = Some(Answer {
            at: stamp.at,
            by: stamp.by,
            opinion: None,
            text: self.answer.clone(),
            article: self.article.clone(),
            contacted: None,
            solved: None,
            unsolved_reason: None,
            handler: None,
            phone: None,
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn the_citizen_is_answered_and_no_office_has_it() {
        received().when(operator(), answer()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Replied);
            assert!(ticket.answer.as_ref().is_some_and(|a| a.handler.is_none()));
            assert!(ticket.assignments.is_empty());
        });
    }

    #[test]
    fn only_operators_and_only_before_an_office_has_it() {
        received()
            .when(dispatcher(), answer())
            .refused(Reason::RoleNotAllowed, None);
        assigned()
            .when(operator(), answer())
            .refused(Reason::WrongState, None);
        received()
            .and(operator(), answer())
            .and(office(), redo())
            .when(operator(), answer())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn an_answer_is_needed_and_has_a_limit() {
        for (text, reason) in [
            (String::new(), Reason::Required),
            ("长".repeat(5001), Reason::TooLong),
        ] {
            received()
                .when(operator(), answer_saying(&text))
                .refused(reason, Some("answer"));
        }
    }
}
