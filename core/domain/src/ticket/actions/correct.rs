//! Correct an answer (更正答复): what was submitted stays as it is (S11); a correction is a further event, and the
//! answer from then on. What a merged ticket got from its master is corrected with that one, by Docket.

use super::required;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use crate::people::Actor;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Ending, EndingKind, TicketState};
use serde::{Deserialize, Serialize};

/// Corrects the answer that went to the citizen.
#[derive(Clone, Debug, Serialize)]
pub struct Correct<T> {
    /// The answer as it should be.
    pub answer: T,
    /// What was wrong.
    pub text: T,
}

/// An answer was corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// The answer as it is now.
    pub answer: Sealed,
    /// What was wrong.
    pub text: Sealed,
}

impl<T> Correct<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Correct<U>, E> {
        Ok(Correct {
            answer: seal(Field::of_ticket("answer"), self.answer)?,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for Correct<Sealed> {
    const SPEC: Spec = Spec {
        name: "correct",
        zh: "更正答复",
        en: "Correct answer",
        event: Corrected::TYPE,
        roles: &[Role::Clerk, Role::Leader, Role::Office],
        gate: Gate::Ticket(&[
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
        ]),
    };
    type Event = Corrected;
    const BY_DOCKET: bool = true;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if ticket.answer.is_none() {
            return Err(Reason::WrongState);
        }
        if context.actor == Actor::system() {
            let of_its_master = |ending: &Ending| ending.kind == EndingKind::Merged;
            let shared = ticket.ending.as_ref().is_some_and(of_its_master);
            return if shared {
                Ok(())
            } else {
                Err(Reason::NotHolder)
            };
        }
        let rules = &context.rules;
        let left_to = |role| rules.lets(Self::SPEC.name, role);
        let clerks = left_to(Role::Clerk) && !rules.sign_off_is_required();
        // An office's answer is corrected by that office, the centre's own by the centre, and by the centre what the
        // pack leaves no office to correct.
        let own = match ticket.answered_in() {
            Some(answered) if clerks || left_to(Role::Leader) => {
                answered.is_held_by(&context.actor)
            }
            Some(_) | None => context.actor.has(Role::Office),
        };
        let signs = rules.sign_off_is_required() && context.actor.has(Role::Clerk);
        match (own, signs) {
            (false, _) => Err(Reason::NotHolder),
            (true, true) => Err(Reason::SignOffNeeded),
            (true, false) => Ok(()),
        }
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Corrected>, Refusal> {
        let max = context.rules.texts();
        required::<Self>(ticket, "answer", &self.answer, max.answer)?;
        required::<Self>(ticket, "text", &self.text, max.opinion)?;
        Ok(Some(Corrected {
            answer: self.answer,
            text: self.text,
        }))
    }
}

impl Fact for Corrected {
    const TYPE: &'static str = "corrected";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let answered_in = ticket.answered_in().map(|a| a.no);
        if let Some(answer) = &mut ticket.answer {
            answer.text = self.answer.clone();
        }
        let corrected = ticket.answer.clone();
        if let Some(assignment) = answered_in.and_then(|no| ticket.assignment_mut(no)) {
            assignment.answer = corrected;
        }
        ticket.corrections = ticket.corrections.saturating_add(1);
        if ticket.ending.is_some() {
            // They are given it anew.
            ticket.followers.append(&mut ticket.concluded);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn the_answer_changes_and_nothing_else() {
        let before = reviewed().fold();
        reviewed().when(clerk(), correct()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::AwaitingCallBack);
            let (old, new) = (
                before.answer.as_ref().unwrap(),
                ticket.answer.as_ref().unwrap(),
            );
            assert_ne!(old.text, new.text);
            assert_eq!((old.at, old.by), (new.at, new.by));
            assert_eq!(
                ticket.answered_in().unwrap().no,
                before.answered_in().unwrap().no
            );
            assert_eq!(ticket.corrections, 1);
        });
    }

    #[test]
    fn each_corrects_its_own() {
        replied()
            .when(other_clerk(), correct())
            .refused(Reason::NotHolder, None);
        replied()
            .when(office(), correct())
            .refused(Reason::NotHolder, None);
        received()
            .and(operator(), answer())
            .when(office(), correct())
            .then(|ticket| assert_eq!(ticket.corrections, 1));
        signed()
            .when(clerk(), correct())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn what_no_office_may_correct_the_centre_does() {
        let only = |roles: &str, given: Given| {
            let roles = format!("[roles]\ncorrect = [{roles}]\n\n[rating]");
            given.under(&[("[rating]", &*roles)])
        };
        only("\"office\"", replied())
            .when(office(), correct())
            .then(|ticket| assert_eq!(ticket.corrections, 1));
        only("\"leader\", \"office\"", replied())
            .when(office(), correct())
            .refused(Reason::NotHolder, None);
        only("\"leader\", \"office\"", replied())
            .when(leader(), correct())
            .then(|ticket| assert_eq!(ticket.corrections, 1));
    }

    #[test]
    fn of_what_is_over_those_that_share_the_answer_are_told() {
        let over = || {
            signed()
                .and(Actor::system(), join())
                .and(clerk(), reply())
                .and(office(), review())
                .and(caller_back(), call_back())
        };
        let concluded = || over().and(Actor::system(), leave());
        let follower = over().fold().followers;
        let ticket = concluded().fold();
        assert_eq!((&ticket.concluded, ticket.followers), (&follower, vec![]));
        concluded().when(clerk(), correct()).then(|ticket| {
            assert_eq!(ticket.followers, follower);
            assert!(ticket.concluded.is_empty());
        });
        concluded()
            .and(office(), redo())
            .and(clerk(), reply())
            .when(clerk(), correct())
            .then(|ticket| assert!(ticket.followers.is_empty()));
    }

    #[test]
    fn docket_corrects_what_came_from_a_master_alone() {
        let merged =
            || given([(citizen(), receive()), (dispatcher(), assign())]).and(dispatcher(), merge());
        merged()
            .and(Actor::system(), conclude())
            .when(Actor::system(), correct())
            .then(|ticket| assert_eq!(ticket.corrections, 1));
        replied()
            .when(Actor::system(), correct())
            .refused(Reason::NotHolder, None);
    }

    #[test]
    fn it_says_what_was_wrong() {
        let with = |answer: &str, text: &str| {
            crate::ticket::TicketAction::Correct(super::Correct {
                answer: sealed(answer),
                text: sealed(text),
            })
        };
        replied()
            .when(clerk(), with("已停工", ""))
            .refused(Reason::Required, Some("text"));
        replied()
            .when(clerk(), with("", "笔误"))
            .refused(Reason::Required, Some("answer"));
    }
}
