//! Redo (重办): the hotline office has an answered ticket handled anew, in a round of its own. Who led it
//! goes on without signing; what the centre answered by itself waits to be assigned. What was done anew as often as the
//! rules say, and is not solved still, is to be marked disputed, whichever way it came here.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::AssignmentNo;
use crate::refusal::Detail;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{AssignmentState, DisputeCause, Part, Terms, TicketState};
use serde::{Deserialize, Serialize};

/// Has a ticket handled anew.
#[derive(Clone, Debug, Serialize)]
pub struct Redo<T> {
    /// Why, and what is still to be done.
    pub instruction: T,
}

/// A ticket is to be handled anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoOrdered {
    /// The new round.
    pub round: u16,
    /// Why.
    pub instruction: Sealed,
    /// The lead's new assignment and its deadlines; `None` where no office had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// Whether it was done anew so often before that it is to be marked disputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_often: bool,
}

/// A lead's assignment of a further round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// The lead's assignment of the round before.
    pub before: AssignmentNo,
    /// The new one.
    pub assignment: AssignmentNo,
    /// Its deadlines.
    pub terms: Terms,
}

impl<T> Redo<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Redo<U>, E> {
        let instruction = seal(Field::of_ticket("instruction"), self.instruction)?;
        Ok(Redo { instruction })
    }
}

impl Action for Redo<Sealed> {
    const SPEC: Spec = Spec {
        name: "redo",
        zh: "重办",
        en: "Redo",
        event: RedoOrdered::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(&[
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
        ]),
    };
    type Event = RedoOrdered;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<RedoOrdered>, Refusal> {
        required::<Self>(
            ticket,
            "instruction",
            &self.instruction,
            context.rules.texts().opinion,
        )?;
        let too_many = || {
            refuse::<Self>(ticket, Reason::InvalidValue)
                .at("id")
                .because(Detail::too_many_assignments())
        };
        let lead = ticket
            .lead()
            .filter(|lead| lead.state == AssignmentState::Replied)
            .zip(ticket.intake.as_ref());
        let again = match lead {
            Some((lead, intake)) => Some(Again {
                before: lead.no,
                assignment: ticket.next_no().ok_or_else(too_many)?,
                terms: Terms {
                    sign_due: None,
                    due: context.rules.redo_due(context.now),
                    return_by: context.rules.return_by(&intake.matter(), context.now),
                    contact_due: None,
                },
            }),
            None => None,
        };
        Ok(Some(RedoOrdered {
            round: ticket.round.checked_add(1).ok_or_else(too_many)?,
            instruction: self.instruction,
            again,
            too_often: is_unsolved(ticket) && ticket.round > context.rules.disputed_after_redos(),
        }))
    }
}

/// Whether the round that ends with it counts as not solved: unless its citizen, asked last, said that it is.
fn is_unsolved(ticket: &Ticket) -> bool {
    let answered_at = ticket.answer.as_ref().map(|answer| answer.at);
    let of_this_round = |at| answered_at.is_none_or(|answered| at >= answered);
    let called = ticket.call_backs.iter().rev();
    let called = called.filter_map(|call| Some((call.at, call.solved?)));
    let rated = ticket.last_rating.as_ref();
    let rated = rated.and_then(|rating| Some((rating.at, rating.solved?)));
    let rated = rated.filter(|(at, _)| of_this_round(*at));
    let last = called.chain(rated).max();
    last.is_none_or(|(_, solved)| !solved)
}

impl Fact for RedoOrdered {
    const TYPE: &'static str = "redo_ordered";
    const VERSION: u16 = 3;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.begin_round(self.round, stamp.at);
        if self.too_often && ticket.dispute.is_none() {
            ticket.to_dispute = Some(DisputeCause::Redos);
        }
        let before = self.again.as_ref().and_then(|again| {
            let before = ticket.assignment(again.before)?;
            Some((again, before.department, before.handler))
        });
        if let Some((again, department, handler)) = before {
            ticket.assignments.push(Assignment {
                round: self.round,
                handler,
                instruction: Some(self.instruction.clone()),
                ..Assignment::new(
                    again.assignment,
                    (Part::Lead, department),
                    stamp,
                    again.terms,
                )
            });
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Redo;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, TicketAction, TicketState};

    #[test]
    fn the_lead_goes_on_in_a_new_round_without_signing() {
        replied().when(office(), redo()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::InProgress);
            assert_eq!(ticket.round, 2);
            assert!(ticket.answer.is_none());
            let [first, again] = ticket.assignments.as_slice() else {
                panic!("two rounds")
            };
            assert!(first.answer.is_some(), "the first answer stays");
            assert_eq!((again.round, again.state), (2, AssignmentState::InProgress));
            assert_eq!(again.sign_due, None);
            // Three working days (上海青浦) from Monday 23 November 2026.
            assert_eq!(again.due.unwrap().at.to_string(), "2026-11-26 09:30:00 UTC");
        });
        replied()
            .and(office(), redo())
            .when(clerk(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Replied));
    }

    #[test]
    fn a_closed_ticket_opens_again_and_is_reviewed_again() {
        reviewed()
            .and(caller_back(), call_back())
            .and(office(), redo())
            .and(clerk(), reply())
            .when(office(), review())
            .then(|ticket| assert_eq!(ticket.state, TicketState::AwaitingCallBack));
    }

    #[test]
    fn what_the_centre_answered_waits_to_be_assigned() {
        received()
            .and(operator(), answer())
            .later(7)
            .and(office(), redo())
            .when(dispatcher(), assign())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.assignments[0].round, 2);
            });
    }

    #[test]
    fn a_reason_an_answer_and_the_office_are_needed() {
        let action = TicketAction::Redo(Redo {
            instruction: sealed(""),
        });
        replied()
            .when(office(), action)
            .refused(Reason::Required, Some("instruction"));
        signed()
            .when(office(), redo())
            .refused(Reason::WrongState, None);
        replied()
            .when(dispatcher(), redo())
            .refused(Reason::RoleNotAllowed, None);
    }
}
