//! Save a draft (暂存): an answer written down and not submitted (S11: saved without 上报). Any part may
//! be missing. It is for the holder's office alone; the latest stands until the reply.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse, sign_off};
use crate::ids::{AccountId, AssignmentNo, EventId};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{AssignmentState, Draft, Level, Part};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Saves an answer without submitting it.
#[derive(Clone, Debug, Serialize)]
pub struct SaveDraft<T> {
    /// The internal account (办理意见).
    pub opinion: Option<T>,
    /// The answer.
    pub answer: Option<T>,
    /// Whether the caller was contacted.
    pub contacted: Option<bool>,
    /// Whether it is solved.
    pub solved: Option<bool>,
    /// Why not.
    pub unsolved_reason: Option<T>,
    /// Who handles it (承办人).
    pub handler: Option<T>,
    /// The handler's phone (联系电话).
    pub phone: Option<T>,
}

/// An answer was saved, not submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    /// In which assignment.
    pub assignment: AssignmentNo,
    /// The internal account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinion: Option<Sealed>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Sealed>,
    /// Whether the caller was contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacted: Option<bool>,
    /// Whether it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsolved_reason: Option<Sealed>,
    /// Who handles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Sealed>,
    /// The handler's phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    /// Whether it is complete, and the pack has the leader sign it off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_sign_off: bool,
}

impl Drafted {
    fn draft(&self, event: EventId, at: Timestamp, by: AccountId) -> Draft {
        Draft {
            event,
            at,
            by,
            opinion: self.opinion.clone(),
            answer: self.answer.clone(),
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: self.unsolved_reason.clone(),
            handler: self.handler.clone(),
            phone: self.phone.clone(),
            awaits_sign_off: self.awaits_sign_off,
        }
    }
}

impl<T> SaveDraft<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<SaveDraft<U>, E> {
        let mut map = |name, text| try_map_option(text, Field::of_ticket(name), seal);
        Ok(SaveDraft {
            opinion: map("opinion", self.opinion)?,
            answer: map("answer", self.answer)?,
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: map("unsolved_reason", self.unsolved_reason)?,
            handler: map("handler", self.handler)?,
            phone: map("phone", self.phone)?,
        })
    }
}

impl Action for SaveDraft<Sealed> {
    const SPEC: Spec = Spec {
        name: "save_draft",
        zh: "暂存",
        en: "Save draft",
        event: Drafted::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::AwaitingSummary,
            ],
            level: None,
        },
    };
    type Event = Drafted;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Drafted>, Refusal> {
        let Some(held) = on else {
            return Err(refuse::<Self>(ticket, Reason::NotHolder).at("id"));
        };
        let max = context.rules.texts();
        for (field, text, max) in [
            ("opinion", &self.opinion, max.opinion),
            ("answer", &self.answer, max.answer),
            ("unsolvedReason", &self.unsolved_reason, max.opinion),
            ("handler", &self.handler, max.short),
            ("phone", &self.phone, max.short),
        ] {
            optional::<Self>(ticket, field, text.as_ref(), max)?;
        }
        let mut drafted = Drafted {
            assignment: held.no,
            opinion: self.opinion,
            answer: self.answer,
            contacted: self.contacted,
            solved: self.solved,
            unsolved_reason: self.unsolved_reason,
            handler: self.handler,
            phone: self.phone,
            awaits_sign_off: false,
        };
        let leads = held.part == Part::Lead && held.level() == Level::Department;
        if leads && context.rules.sign_off_is_required() {
            let draft = drafted.draft(
                EventId(uuid::Uuid::nil()),
                context.now,
                context.actor.account,
            );
            drafted.awaits_sign_off = sign_off::complete(held.no, &draft).is_some();
        }
        Ok(Some(drafted))
    }
}

impl Fact for Drafted {
    const TYPE: &'static str = "drafted";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.draft = Some(self.draft(stamp.event, stamp.at, stamp.by));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SaveDraft;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn a_draft_answers_nobody_and_the_latest_stands_until_the_reply() {
        let drafted = || signed().and(clerk(), save_draft("初稿"));
        let ticket = drafted().and(leader(), save_draft("二稿")).fold();
        assert_eq!(ticket.state, TicketState::InProgress);
        assert!(ticket.answer.is_none());
        let draft = ticket.assignments[0].draft.as_ref().unwrap();
        assert_eq!(draft.by, leader().account);
        assert_eq!(ticket.revision, 3, "a colleague's reply is not in its way");
        drafted()
            .when(clerk(), reply())
            .then(|ticket| assert_eq!(ticket.assignments[0].draft, None));
    }

    #[test]
    fn the_holder_writes_it_while_it_is_theirs_to_answer() {
        assigned()
            .when(clerk(), save_draft("x"))
            .refused(Reason::WrongState, None);
        delegated()
            .when(clerk(), save_draft("x"))
            .refused(Reason::WrongState, None);
        signed()
            .when(other_clerk(), save_draft("x"))
            .refused(Reason::NotHolder, None);
        replied()
            .when(clerk(), save_draft("x"))
            .refused(Reason::NotHolder, None);
    }

    #[test]
    fn every_text_has_a_limit() {
        let long = || Some(sealed(&"长".repeat(5001)));
        let empty = || SaveDraft {
            opinion: None,
            answer: None,
            contacted: None,
            solved: None,
            unsolved_reason: None,
            handler: None,
            phone: None,
        };
        for (field, draft) in [
            (
                "opinion",
                SaveDraft {
                    opinion: long(),
                    ..empty()
                },
            ),
            (
                "answer",
                SaveDraft {
                    answer: long(),
                    ..empty()
                },
            ),
            (
                "unsolvedReason",
                SaveDraft {
                    unsolved_reason: long(),
                    ..empty()
                },
            ),
            (
                "handler",
                SaveDraft {
                    handler: long(),
                    ..empty()
                },
            ),
            (
                "phone",
                SaveDraft {
                    phone: long(),
                    ..empty()
                },
            ),
        ] {
            signed()
                .when(clerk(), TicketAction::SaveDraft(draft))
                .refused(Reason::TooLong, Some(field));
        }
    }
}
