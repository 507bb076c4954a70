//! Rule on a dispute (裁定): the joint meeting says who handles a disputed ticket. Whoever it is cannot return
//! it.

use super::assign::{check_offices, hand_out, terms_of};
use super::dispute::DISPUTABLE;
use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required, too_many};
use crate::ids::{AssignmentNo, DepartmentId};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Ruling, Terms, TicketState};
use serde::{Deserialize, Serialize};

/// Rules on a disputed ticket.
#[derive(Clone, Debug, Serialize)]
pub struct RuleOn<T> {
    /// The department that answers for it.
    pub lead: DepartmentId,
    /// The departments that help.
    pub assists: Vec<DepartmentId>,
    /// The ruling.
    pub text: T,
}

/// A dispute was ruled on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The lead's assignment; the assists' follow in order.
    pub first: AssignmentNo,
    /// The lead.
    pub lead: DepartmentId,
    /// The assists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DepartmentId>,
    /// The ruling.
    pub text: Sealed,
    /// The deadlines.
    pub terms: Terms,
    /// The round it begins, where it had been answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u16>,
}

impl<T> RuleOn<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<RuleOn<U>, E> {
        Ok(RuleOn {
            lead: self.lead,
            assists: self.assists,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for RuleOn<Sealed> {
    const SPEC: Spec = Spec {
        name: "rule",
        zh: "裁定",
        en: "Rule",
        event: Ruled::TYPE,
        roles: &[Role::JointMeeting],
        gate: Gate::Ticket(DISPUTABLE),
    };
    type Event = Ruled;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        if ticket.dispute.is_none() {
            return Err(Reason::NotDisputed);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Ruled>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        check_offices::<Self>(ticket, self.lead, &self.assists, context)?;
        let Some(intake) = &ticket.intake else {
            return Err(refuse::<Self>(ticket, Reason::NotFound));
        };
        let again = ticket.state == TicketState::AwaitingRedo;
        let next = || {
            ticket
                .round
                .checked_add(1)
                .ok_or_else(|| too_many::<Self>(ticket))
        };
        Ok(Some(Ruled {
            first: ticket.next_no().ok_or_else(|| too_many::<Self>(ticket))?,
            lead: self.lead,
            assists: self.assists,
            text: self.text,
            terms: terms_of(&intake.matter(), context),
            round: if again { Some(next()?) } else { None },
        }))
    }
}

impl Fact for Ruled {
    const TYPE: &'static str = "ruled";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(round) = self.round {
            ticket.begin_round(round, stamp.at);
        }
        let offices = (self.lead, &self.assists[..]);
        hand_out(
            ticket,
            stamp,
            self.first,
            offices,
            Some(&self.text),
            self.terms,
        );
        for assignment in &mut ticket.assignments {
            assignment.locked |= assignment.no >= self.first;
        }
        ticket.ruling = Some(Ruling {
            at: stamp.at,
            by: stamp.by,
            text: self.text.clone(),
            assignment: self.first,
        });
        (ticket.dispute, ticket.to_dispute) = (None, None);
        ticket.handed_on = 0;
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn who_is_ruled_to_handle_it_cannot_return_it() {
        let ruled = || disputed().and(joint_meeting(), rule());
        let ticket = ruled().fold();
        assert_eq!(ticket.state, TicketState::Assigned);
        assert!(ticket.dispute.is_none() && ticket.ruling.is_some());
        ruled()
            .when(clerk(), send_back())
            .refused(Reason::RuledOn, None);
        ruled()
            .and(clerk(), sign())
            .when(clerk(), reply())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Replied));
    }

    #[test]
    fn only_another_ruling_moves_it() {
        let ruled = || disputed().and(joint_meeting(), rule());
        for action in [reassign(), recall()] {
            ruled()
                .when(dispatcher(), action)
                .refused(Reason::RuledOn, None);
        }
        let signed = || ruled().and(clerk(), sign());
        signed()
            .when(dispatcher(), reassign())
            .refused(Reason::RuledOn, None);
        // Nor in the next round.
        let again = || signed().and(clerk(), reply()).and(office(), redo());
        again()
            .when(clerk(), send_back())
            .refused(Reason::RuledOn, None);
        again()
            .when(dispatcher(), reassign())
            .refused(Reason::RuledOn, None);
        let other = || {
            crate::ticket::TicketAction::RuleOn(super::RuleOn {
                lead: OTHER_DEPARTMENT,
                assists: vec![],
                text: sealed("改由公安局主办"),
            })
        };
        for given in [ruled(), signed(), again()] {
            given
                .and(dispatcher(), dispute())
                .when(joint_meeting(), other())
                .then(|ticket| {
                    let lead = ticket.lead().unwrap();
                    assert_eq!(lead.department, OTHER_DEPARTMENT);
                    assert!(ticket.is_ruled_on(lead));
                    assert!(
                        ticket
                            .assignments
                            .iter()
                            .all(|a| a.no == lead.no || !a.state.is_open())
                    );
                });
        }
    }

    /// What a department delegated under a ruling is its own to take back.
    #[test]
    fn a_unit_is_not_ruled_on() {
        let ruled = disputed().and(joint_meeting(), rule());
        let delegated = ruled.and(clerk(), sign()).and(clerk(), delegate());
        delegated.clone().when(clerk(), recall()).then(|_| {});
        delegated.when(unit_clerk(), send_back()).then(|_| {});
    }

    #[test]
    fn what_was_answered_and_not_solved_begins_a_round() {
        unsolved()
            .and(dispatcher(), dispute())
            .when(joint_meeting(), rule())
            .then(|ticket| {
                assert_eq!((ticket.round, ticket.state), (2, TicketState::Assigned));
                assert!(ticket.answer.is_none());
            });
    }

    #[test]
    fn only_the_joint_meeting_on_what_is_disputed() {
        disputed()
            .when(dispatcher(), rule())
            .refused(Reason::RoleNotAllowed, None);
        returned()
            .when(joint_meeting(), rule())
            .refused(Reason::NotDisputed, None);
    }

    #[test]
    fn a_ruling_has_words_and_names_departments_once() {
        let with = |text: &str, assists| {
            crate::ticket::TicketAction::RuleOn(super::RuleOn {
                lead: DEPARTMENT,
                assists,
                text: sealed(text),
            })
        };
        disputed()
            .when(joint_meeting(), with("", vec![]))
            .refused(Reason::Required, Some("text"));
        disputed()
            .when(joint_meeting(), with("由城管局主办", vec![DEPARTMENT]))
            .refused(Reason::OfficeTwice, Some("assistIds"));
    }
}
