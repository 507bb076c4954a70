//! Mark as disputed (标记疑难): nobody will have the ticket, or it is done anew and again not solved. The joint
//! meeting rules on it. Docket marks it by itself after as many returns, or as many redos not solved, as the pack says.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{Actor, required_of_people};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Dispute, DisputeCause, TicketState};
use serde::{Deserialize, Serialize};

/// Marks a ticket as disputed.
#[derive(Clone, Debug, Serialize)]
pub struct MarkDisputed<T> {
    /// Why; people have to say.
    pub text: Option<T>,
}

/// A ticket was marked as disputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputed {
    /// Why.
    pub cause: DisputeCause,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
}

impl<T> MarkDisputed<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<MarkDisputed<U>, E> {
        Ok(MarkDisputed {
            text: try_map_option(self.text, Field::of_ticket("text"), seal)?,
        })
    }
}

/// The states in which it may be disputed who is to handle a ticket.
pub const DISPUTABLE: &[TicketState] = &[
    TicketState::Received,
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
    TicketState::Returned,
    TicketState::AwaitingRedo,
];

impl Action for MarkDisputed<Sealed> {
    const SPEC: Spec = Spec {
        name: "dispute",
        zh: "标记疑难",
        en: "Mark as disputed",
        event: Disputed::TYPE,
        roles: &[Role::Dispatcher, Role::JointMeeting],
        gate: Gate::Ticket(DISPUTABLE),
    };
    type Event = Disputed;
    const BY_DOCKET: bool = true;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        if ticket.dispute.is_some() {
            return Err(Reason::AlreadyDisputed);
        }
        if context.actor == Actor::system() && ticket.to_dispute.is_none() {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Disputed>, Refusal> {
        required_of_people::<Self>(ticket, context, self.text.as_ref())?;
        let by_rule = ticket
            .to_dispute
            .filter(|_| context.actor == Actor::system());
        Ok(Some(Disputed {
            cause: by_rule.unwrap_or(DisputeCause::Asked),
            text: self.text,
        }))
    }
}

impl Fact for Disputed {
    const TYPE: &'static str = "disputed";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.to_dispute = None;
        ticket.dispute = Some(Dispute {
            at: stamp.at,
            by: stamp.by,
            cause: self.cause,
            text: self.text.clone(),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::MarkDisputed;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{DisputeCause, TicketAction};

    fn by_rule() -> TicketAction<crate::Sealed> {
        TicketAction::MarkDisputed(MarkDisputed { text: None })
    }

    /// Given back by its lead so often.
    fn given_back(times: usize) -> Given {
        (0..times).fold(received(), |ticket, _| {
            ticket.and(dispatcher(), assign()).and(clerk(), send_back())
        })
    }

    #[test]
    fn three_returns_without_a_lead_mark_it_by_themselves() {
        given_back(2)
            .when(Actor::system(), by_rule())
            .refused(Reason::WrongState, None);
        given_back(3)
            .when(Actor::system(), by_rule())
            .then(|ticket| {
                assert_eq!(
                    ticket.dispute.as_ref().unwrap().cause,
                    DisputeCause::Returns
                );
            });
    }

    #[test]
    fn three_redos_not_solved_mark_it_by_themselves() {
        let again = |ticket: Given| {
            ticket
                .and(office(), redo())
                .and(clerk(), reply())
                .and(office(), review())
                .and(caller_back(), not_solved())
        };
        let twice = || again(again(unsolved()));
        assert_eq!(twice().fold().to_dispute, None);
        again(twice())
            .when(Actor::system(), by_rule())
            .then(|ticket| {
                assert_eq!(ticket.dispute.as_ref().unwrap().cause, DisputeCause::Redos);
            });
    }

    fn nothing_said() -> TicketAction<crate::Sealed> {
        TicketAction::CallBack(crate::ticket::actions::call_back::CallBack {
            reached: true,
            contacted: None,
            solved: None,
            satisfaction: None,
            comment: None,
            recording: None,
        })
    }

    /// Each way from an answer to a redo counts.
    #[test]
    fn three_redos_not_solved_mark_it_whichever_way_they_came() {
        let in_vain = || {
            let TicketAction::Reply(mut unsolved) = reply() else {
                unreachable!()
            };
            unsolved.solved = Some(false);
            unsolved.unsolved_reason = Some(sealed("需上级协调"));
            TicketAction::Reply(unsolved)
        };
        let rated = |solved| {
            TicketAction::Rate(crate::ticket::actions::rate::Rate {
                satisfaction: crate::ticket::Satisfaction::Dissatisfied,
                solved: Some(solved),
                comment: None,
            })
        };
        let ways: &[fn(Given) -> Given] = &[
            // Replied, reviewed, and closed after a call-back on which nothing was said of it.
            |answered| answered,
            |answered| answered.and(office(), review()),
            |answered| {
                answered
                    .and(office(), review())
                    .and(caller_back(), nothing_said())
            },
        ];
        for way in ways {
            let again = |ticket: Given| way(ticket.and(office(), redo()).and(clerk(), in_vain()));
            let thrice = again(again(again(way(signed().and(clerk(), in_vain())))));
            assert_eq!(thrice.clone().fold().to_dispute, None, "it is answered");
            let fourth = thrice.clone().and(office(), redo());
            fourth.when(Actor::system(), by_rule()).then(|ticket| {
                assert_eq!(ticket.round, 5);
                let dispute = ticket.dispute.as_ref().unwrap();
                assert_eq!(dispute.cause, DisputeCause::Redos);
            });
            // Whose citizen said last that it is solved is not done anew unsolved; nor is a third redo too many.
            let solved = thrice.and(operator(), rated(true)).and(office(), redo());
            assert_eq!(solved.fold().to_dispute, None);
            let twice = again(again(way(signed().and(clerk(), in_vain()))));
            let third = twice.and(operator(), rated(false)).and(office(), redo());
            assert_eq!(third.fold().to_dispute, None);
        }
    }

    #[test]
    fn a_dispatcher_says_why_and_only_once() {
        returned()
            .when(dispatcher(), by_rule())
            .refused(Reason::Required, Some("text"));
        returned()
            .and(dispatcher(), dispute())
            .when(dispatcher(), dispute())
            .refused(Reason::AlreadyDisputed, None);
        returned()
            .when(clerk(), dispute())
            .refused(Reason::RoleNotAllowed, None);
        replied()
            .when(dispatcher(), dispute())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn an_answer_settles_it() {
        returned()
            .and(dispatcher(), dispute())
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .when(clerk(), reply())
            .then(|ticket| assert!(ticket.dispute.is_none() && ticket.handed_on == 0));
    }
}
