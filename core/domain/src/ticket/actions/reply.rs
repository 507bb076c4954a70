//! Reply (办理/答复/上报): level 2 answers its department, which sums up and answers the centre and the
//! citizen. Submitted is final (S11): a correction will be a further event.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse, required};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Answer, AssignmentState, Level, Part};
use serde::{Deserialize, Serialize};

/// Replies to the assignment one's office holds.
#[derive(Clone, Debug, Serialize)]
pub struct Reply<T> {
    /// The internal account (办理意见); required of a lead department.
    pub opinion: Option<T>,
    /// The answer: a unit's to its department, a lead's to the citizen.
    pub answer: T,
    /// Whether the caller was contacted; required of a lead department.
    pub contacted: Option<bool>,
    /// Whether it is solved; required of a lead department.
    pub solved: Option<bool>,
    /// Why not; required where it is not solved.
    pub unsolved_reason: Option<T>,
    /// Who handled it (承办人).
    pub handler: T,
    /// The handler's phone (联系电话).
    pub phone: T,
}

/// An assignment was replied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replied {
    /// Which.
    pub assignment: AssignmentNo,
    /// The internal account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinion: Option<Sealed>,
    /// The answer.
    pub answer: Sealed,
    /// Whether the caller was contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacted: Option<bool>,
    /// Whether it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsolved_reason: Option<Sealed>,
    /// Who handled it.
    pub handler: Sealed,
    /// The handler's phone.
    pub phone: Sealed,
}

impl<T> Reply<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Reply<U>, E> {
        Ok(Reply {
            opinion: try_map_option(self.opinion, Field::of_ticket("opinion"), seal)?,
            answer: seal(Field::of_ticket("answer"), self.answer)?,
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: try_map_option(
                self.unsolved_reason,
                Field::of_ticket("unsolved_reason"),
                seal,
            )?,
            handler: seal(Field::of_ticket("handler"), self.handler)?,
            phone: seal(Field::of_ticket("phone"), self.phone)?,
        })
    }
}

impl Action for Reply<Sealed> {
    const SPEC: Spec = Spec {
        name: "reply",
        zh: "答复",
        en: "Reply",
        event: Replied::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::AwaitingSummary,
            ],
            level: None,
        },
    };
    type Event = Replied;

    fn permit(ticket: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let leads =
            |held: &Assignment| held.part == Part::Lead && held.level() == Level::Department;
        if !on.is_some_and(leads) {
            return Ok(());
        }
        if context.rules.sign_off_is_required() && !context.actor.has(Role::Leader) {
            return Err(Reason::SignOffNeeded);
        }
        may_answer(ticket, on, context)
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Replied>, Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        let Some(held) = on else {
            return Err(refuse(Reason::NotHolder, "id"));
        };
        let max = context.rules.texts();
        required::<Self>(ticket, "answer", &self.answer, max.answer)?;
        required::<Self>(ticket, "handler", &self.handler, max.short)?;
        required::<Self>(ticket, "phone", &self.phone, max.short)?;
        optional::<Self>(ticket, "opinion", self.opinion.as_ref(), max.opinion)?;
        optional::<Self>(
            ticket,
            "unsolvedReason",
            self.unsolved_reason.as_ref(),
            max.opinion,
        )?;
        let is_empty = |text: &Option<Sealed>| text.as_ref().is_none_or(|t| t.chars == 0);
        if self.solved == Some(false) && is_empty(&self.unsolved_reason) {
            return Err(refuse(Reason::Required, "unsolvedReason"));
        }
        if held.part == Part::Lead && held.level() == Level::Department {
            if is_empty(&self.opinion) {
                return Err(refuse(Reason::Required, "opinion"));
            }
            if self.contacted.is_none() {
                return Err(refuse(Reason::Required, "contacted"));
            }
            if self.solved.is_none() {
                return Err(refuse(Reason::Required, "solved"));
            }
        }
        Ok(Some(Replied {
            assignment: held.no,
            opinion: self.opinion,
            answer: self.answer,
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: self.unsolved_reason,
            handler: self.handler,
            phone: self.phone,
        }))
    }
}

impl Fact for Replied {
    const TYPE: &'static str = "replied";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let answer = Answer {
            at: stamp.at,
            by: stamp.by,
            opinion: self.opinion.clone(),
            text: self.answer.clone(),
            article: None,
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: self.unsolved_reason.clone(),
            handler: Some(self.handler.clone()),
            phone: Some(self.phone.clone()),
        };
        submit(ticket, self.assignment, answer, stamp);
    }
}

/// Whether the lead need not wait for its assists.
pub(super) fn may_answer(
    ticket: &Ticket,
    on: Option<&Assignment>,
    context: &Context,
) -> Result<(), Reason> {
    let assist_open = |a: &Assignment| a.part == Part::Assist && a.state.is_open();
    let leads = on.is_some_and(|held| held.part == Part::Lead);
    let waits = leads && context.rules.reply_waits_for_assists();
    if waits && ticket.assignments.iter().any(assist_open) {
        return Err(Reason::AssistsOpen);
    }
    Ok(())
}

/// An office's answer is in: a unit's department sums up, a lead's goes to the citizen.
pub(super) fn submit(ticket: &mut Ticket, no: AssignmentNo, answer: Answer, stamp: &Stamp) {
    let Some(assignment) = ticket.assignment_mut(no) else {
        return;
    };
    assignment.state = AssignmentState::Replied;
    assignment.ended_at = Some(stamp.at);
    assignment.answer = Some(answer.clone());
    assignment.draft = None;
    match (assignment.parent, assignment.part) {
        // Level 2: its department sums up.
        (Some(parent), _) => {
            if let Some(parent) = ticket.assignment_mut(parent) {
                parent.state = AssignmentState::AwaitingSummary;
            }
        }
        // The lead: the citizen is answered, open assists are released, and no dispute is left.
        (None, Part::Lead) => {
            ticket.answer = Some(answer);
            ticket.handed_on = 0;
            (ticket.dispute, ticket.to_dispute) = (None, None);
            ticket.to_urge = None;
            ticket.release(stamp.at, |_| true);
        }
        (None, Part::Assist) => {}
    }
    ticket.changed_at = Some(stamp.at);
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use crate::refusal::Reason;
    use crate::rules::{CALENDAR_CN, DEFAULT_PACK, Rules};
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{AssignmentState, Context, TicketAction, TicketState, available_actions};
    use std::sync::Arc;

    #[test]
    fn the_leads_reply_answers_the_citizen_and_releases_open_assists() {
        assigned_with_assist()
            .and(clerk(), sign())
            .when(clerk(), reply())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Replied);
                assert!(ticket.answer.is_some());
                assert_eq!(ticket.assignments[0].ended_at, Some(now()));
                assert_eq!(ticket.assignments[1].state, AssignmentState::Released);
            });
    }

    #[test]
    fn an_assists_reply_answers_nobody_yet() {
        assigned_with_assist()
            .and(other_clerk(), sign())
            .when(other_clerk(), reply())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert!(ticket.answer.is_none());
                assert_eq!(ticket.assignments[1].state, AssignmentState::Replied);
            });
    }

    #[test]
    fn a_units_reply_awaits_its_departments_summary() {
        let after_unit = || {
            delegated()
                .and(unit_clerk(), sign())
                .and(unit_clerk(), reply())
        };
        let ticket = after_unit().fold();
        assert_eq!(ticket.state, TicketState::AwaitingSummary);
        assert!(ticket.answer.is_none());
        after_unit().when(leader(), reply()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Replied);
            assert_eq!(ticket.answer.as_ref().unwrap().by, leader().account);
        });
    }

    #[test]
    fn a_pack_may_make_the_lead_wait_for_its_assists() {
        assigned_with_assist()
            .and(clerk(), sign())
            .under(&[("waits_for_assists = false", "waits_for_assists = true")])
            .when(clerk(), reply())
            .refused(Reason::AssistsOpen, None);
        let waits = Rules::parse(
            &DEFAULT_PACK.replace("waits_for_assists = false", "waits_for_assists = true"),
            CALENDAR_CN,
            2,
        );
        let context = Context {
            rules: Arc::new(waits.unwrap()),
            ..context(clerk())
        };
        let ticket = assigned_with_assist().and(clerk(), sign()).fold();
        assert!(!available_actions(&ticket, &context).contains(&"reply"));
    }

    #[test]
    fn nothing_is_replied_unsigned_twice_or_by_others() {
        assigned()
            .when(clerk(), reply())
            .refused(Reason::WrongState, None);
        delegated()
            .when(clerk(), reply())
            .refused(Reason::WrongState, None);
        signed()
            .when(other_clerk(), reply())
            .refused(Reason::NotHolder, None);
        signed()
            .and(clerk(), reply())
            .when(clerk(), reply())
            .refused(Reason::NotHolder, None);
    }

    fn changed(change: impl FnOnce(&mut Reply<Sealed>)) -> TicketAction<Sealed> {
        let TicketAction::Reply(mut action) = reply() else {
            unreachable!()
        };
        change(&mut action);
        TicketAction::Reply(action)
    }

    #[test]
    fn each_field_is_checked() {
        let refused = |change: fn(&mut Reply<Sealed>), reason, field| {
            signed()
                .when(clerk(), changed(change))
                .refused(reason, Some(field));
        };
        refused(|r| r.answer = sealed(""), Reason::Required, "answer");
        refused(|r| r.handler = sealed(""), Reason::Required, "handler");
        refused(|r| r.phone = sealed(""), Reason::Required, "phone");
        refused(|r| r.opinion = None, Reason::Required, "opinion");
        refused(
            |r| r.opinion = Some(sealed("")),
            Reason::Required,
            "opinion",
        );
        refused(
            |r| r.opinion = Some(sealed(&"长".repeat(5001))),
            Reason::TooLong,
            "opinion",
        );
        refused(|r| r.contacted = None, Reason::Required, "contacted");
        refused(|r| r.solved = None, Reason::Required, "solved");
        refused(
            |r| r.solved = Some(false),
            Reason::Required,
            "unsolvedReason",
        );
    }

    #[test]
    fn a_unit_needs_neither_opinion_nor_verdict() {
        let plain = changed(|r| {
            r.opinion = None;
            r.contacted = None;
            r.solved = None;
        });
        delegated()
            .and(unit_clerk(), sign())
            .when(unit_clerk(), plain)
            .then(|t| assert_eq!(t.state, TicketState::AwaitingSummary));
    }
}
