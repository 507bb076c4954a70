//! Call back (回访): the centre asks the citizen what became of it. Solved or not said, the ticket is
//! closed; not solved, it waits to be handled anew; not reached, it is tried again as often as the rules
//! say and then closed.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{
    self, Awaiting, DisputeCause, Ending, EndingKind, Rating, Satisfaction, TicketState,
};
use serde::{Deserialize, Serialize};

/// Notes a call to the citizen.
#[derive(Clone, Debug, Serialize)]
pub struct CallBack<T> {
    /// Whether the citizen was reached.
    pub reached: bool,
    /// Whether the handling office had contacted them, as they say.
    pub contacted: Option<bool>,
    /// Whether it is solved, as they say; `None`: not said.
    pub solved: Option<bool>,
    /// How content they are, if they said.
    pub satisfaction: Option<Satisfaction>,
    /// What else they said.
    pub comment: Option<T>,
    /// The recording's id in the telephone system.
    pub recording: Option<T>,
}

/// The citizen was called back, or not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledBack {
    /// Whether the citizen was reached.
    pub reached: bool,
    /// Whether the handling office had contacted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacted: Option<bool>,
    /// Whether it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// How content they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfaction: Option<Satisfaction>,
    /// What else they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Sealed>,
    /// The recording's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Sealed>,
    /// Whether the ticket is closed with it.
    pub closes: bool,
    /// Whether it was done anew so often that it is to be marked disputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_often: bool,
}

impl<T> CallBack<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<CallBack<U>, E> {
        Ok(CallBack {
            reached: self.reached,
            contacted: self.contacted,
            solved: self.solved,
            satisfaction: self.satisfaction,
            comment: try_map_option(self.comment, Field::of_ticket("comment"), seal)?,
            recording: try_map_option(self.recording, Field::of_ticket("recording"), seal)?,
        })
    }
}

impl Action for CallBack<Sealed> {
    const SPEC: Spec = Spec {
        name: "call_back",
        zh: "回访",
        en: "Call back",
        event: CalledBack::TYPE,
        roles: &[Role::CallBack],
        gate: Gate::Ticket(&[TicketState::AwaitingCallBack]),
    };
    type Event = CalledBack;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<CalledBack>, Refusal> {
        let max = context.rules.texts();
        optional::<Self>(ticket, "comment", self.comment.as_ref(), max.opinion)?;
        optional::<Self>(ticket, "recording", self.recording.as_ref(), max.short)?;
        if !self.reached {
            for (field, said) in [
                ("contacted", self.contacted.is_some()),
                ("solved", self.solved.is_some()),
                ("satisfaction", self.satisfaction.is_some()),
            ] {
                if said {
                    let detail = (
                        "未接通的回访没有评价可填",
                        "who was not reached has said nothing",
                    );
                    return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                        .at(field)
                        .because(detail));
                }
            }
        }
        let closes = if self.reached {
            self.solved != Some(false)
        } else {
            ticket.call_backs.len() + 1 >= usize::from(context.rules.call_back_attempts())
        };
        Ok(Some(CalledBack {
            reached: self.reached,
            contacted: self.contacted,
            solved: self.solved,
            satisfaction: self.satisfaction,
            comment: self.comment,
            recording: self.recording,
            closes,
            too_often: self.reached
                && self.solved == Some(false)
                && ticket.round > context.rules.disputed_after_redos(),
        }))
    }
}

impl Fact for CalledBack {
    const TYPE: &'static str = "called_back";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.call_backs.push(state::CallBack {
            at: stamp.at,
            by: stamp.by,
            reached: self.reached,
            contacted: self.contacted,
            solved: self.solved,
            comment: self.comment.clone(),
        });
        if let Some(satisfaction) = self.satisfaction {
            ticket.keep_rating(Rating {
                at: stamp.at,
                satisfaction,
                solved: self.solved,
                comment: self.comment.clone(),
                relayed: true,
            });
        }
        if self.closes {
            ticket.ending = Some(Ending {
                kind: EndingKind::Closed,
                at: Some(stamp.at),
                by: stamp.by,
                reason: None,
                lawful_channel: None,
                text: None,
            });
        } else if self.reached {
            ticket.awaiting = Awaiting::Redo;
        }
        if self.too_often && ticket.dispute.is_none() {
            ticket.to_dispute = Some(DisputeCause::Redos);
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::CallBack;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{Satisfaction, TicketAction, TicketState};

    fn said(solved: Option<bool>, satisfaction: Option<Satisfaction>) -> TicketAction<Sealed> {
        TicketAction::CallBack(CallBack {
            reached: true,
            contacted: Some(true),
            solved,
            satisfaction,
            comment: None,
            recording: None,
        })
    }

    fn in_vain() -> CallBack<Sealed> {
        CallBack {
            reached: false,
            contacted: None,
            solved: None,
            satisfaction: None,
            comment: None,
            recording: None,
        }
    }

    #[test]
    fn solved_or_not_said_closes_and_what_was_said_is_a_rating() {
        reviewed()
            .when(caller_back(), said(Some(true), Some(Satisfaction::Fairly)))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Closed);
                let rating = ticket.last_rating.as_ref().unwrap();
                assert_eq!(rating.satisfaction, Satisfaction::Fairly);
                assert!(rating.relayed);
            });
        reviewed()
            .when(caller_back(), said(None, None))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Closed);
                assert_eq!(ticket.last_rating, None);
            });
    }

    #[test]
    fn not_solved_waits_to_be_handled_anew() {
        reviewed()
            .when(
                caller_back(),
                said(Some(false), Some(Satisfaction::Dissatisfied)),
            )
            .then(|ticket| assert_eq!(ticket.state, TicketState::AwaitingRedo));
    }

    #[test]
    fn not_reached_is_tried_three_times() {
        let tried = |times| {
            (0..times).fold(reviewed(), |given, _| {
                given.and(caller_back(), TicketAction::CallBack(in_vain()))
            })
        };
        assert_eq!(tried(2).fold().state, TicketState::AwaitingCallBack);
        assert_eq!(tried(3).fold().state, TicketState::Closed);
    }

    #[test]
    fn who_was_not_reached_has_said_nothing() {
        for (field, action) in [
            (
                "contacted",
                CallBack {
                    contacted: Some(true),
                    ..in_vain()
                },
            ),
            (
                "solved",
                CallBack {
                    solved: Some(true),
                    ..in_vain()
                },
            ),
            (
                "satisfaction",
                CallBack {
                    satisfaction: Some(Satisfaction::Satisfied),
                    ..in_vain()
                },
            ),
        ] {
            reviewed()
                .when(caller_back(), TicketAction::CallBack(action))
                .refused(Reason::InvalidValue, Some(field));
        }
    }

    #[test]
    fn only_after_the_review_and_only_by_call_back_operators() {
        replied()
            .when(caller_back(), call_back())
            .refused(Reason::WrongState, None);
        reviewed()
            .when(operator(), call_back())
            .refused(Reason::RoleNotAllowed, None);
    }
}
