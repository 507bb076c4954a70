//! Facts about a ticket beside its state (DOMAIN §3): urged, supervised, disputed, suspended, merged, excluded from
//! the appraisal, asked to be terminated, archived.

use super::words::{AssignmentState, DisputeCause, PauseCause, SupervisionLevel};
use crate::ids::{AccountId, AssignmentNo, DepartmentId, EventId, TicketId};
use crate::sealed::Sealed;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A ticket under supervision (督办).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// How strict.
    pub level: SupervisionLevel,
    /// Since when on this level.
    pub at: Timestamp,
    /// Put there by which account; Docket itself where the rules did.
    pub by: AccountId,
    /// What set it off.
    pub text: Option<Sealed>,
    /// What people had put it under before, where Docket raised that.
    pub before: Option<Box<Self>>,
}

impl Supervision {
    /// Whether Docket itself put it there.
    #[must_use]
    pub fn is_dockets(&self) -> bool {
        self.by == AccountId::SYSTEM
    }

    /// What people had put it under, without what Docket did.
    pub(in crate::ticket) fn without_dockets(self) -> Option<Self> {
        if self.is_dockets() {
            self.before.map(|before| *before)
        } else {
            Some(self)
        }
    }
}

/// An urging (催办).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urging {
    /// When.
    pub at: Timestamp,
    /// By which account; Docket itself where the rules did.
    pub by: AccountId,
    /// Whether its citizen did it.
    pub by_citizen: bool,
    /// What is asked.
    pub text: Option<Sealed>,
}

/// A ticket that no department will have, or that is done anew and again not solved (疑难).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Since when.
    pub at: Timestamp,
    /// Marked by which account; Docket itself where the rules did.
    pub by: AccountId,
    /// Why.
    pub cause: DisputeCause,
    /// In words.
    pub text: Option<Sealed>,
}

/// What was ruled on a dispute (裁定).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// The ruling.
    pub text: Sealed,
    /// The lead's assignment that it made.
    pub assignment: AssignmentNo,
}

/// A time in which no clock of the ticket ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub cause: PauseCause,
    /// From when on.
    pub from: Timestamp,
    /// The event that began it.
    pub from_event: EventId,
    /// Until when. `None`: it goes on.
    pub to: Option<Timestamp>,
    /// The event that ended it.
    pub to_event: Option<EventId>,
    /// The lawful ground's code, of a suspension.
    pub ground: Option<String>,
    /// When it is expected to end, of a suspension.
    pub expected_at: Option<Timestamp>,
    /// Whether it ends by itself then.
    pub resumes_by_itself: bool,
    /// In words.
    pub text: Option<Sealed>,
}

/// What a ticket that was merged into another was before (并单).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The ticket that goes on for both.
    pub master: TicketId,
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// The assignments that were open, and are again if it is taken back.
    pub open: Vec<(AssignmentNo, AssignmentState)>,
}

/// An office's wish that a ticket be left out of its appraisal (剔除), or its appeal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Its number within the ticket, from 1.
    pub no: u16,
    /// The department that asks.
    pub department: DepartmentId,
    /// When it asked.
    pub asked_at: Timestamp,
    /// By which account.
    pub asked_by: AccountId,
    /// The ground's code.
    pub ground: String,
    /// The evidence.
    pub text: Sealed,
    /// Whether it asks again after a refusal: the joint meeting decides.
    pub appeal: bool,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// By which account.
    pub decided_by: Option<AccountId>,
    /// What was decided. `None`: not yet.
    pub granted: Option<bool>,
    /// Why.
    pub opinion: Option<Sealed>,
}

/// A department's wish that its ticket be ended unsolved (终止).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Termination {
    /// The assignment it was asked in.
    pub assignment: AssignmentNo,
    /// When.
    pub asked_at: Timestamp,
    /// By which account.
    pub asked_by: AccountId,
    /// The reason's code.
    pub reason: String,
    /// In words.
    pub text: Sealed,
}

/// A ticket laid down for good (归档).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// When.
    pub at: Timestamp,
    /// By which account; Docket itself where the rules did.
    pub by: AccountId,
    /// The retention class's code.
    pub class: String,
}
