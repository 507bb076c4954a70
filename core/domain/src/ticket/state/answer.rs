//! What an office answers, and what the centre and the citizen do with it until the end.

use super::words::{EndingKind, Satisfaction};
use crate::ids::{AccountId, EventId};
use crate::sealed::Sealed;
use crate::time::{Due, Timestamp};
use serde::{Deserialize, Serialize};

/// An answer saved, not submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The event that it was saved by: whoever signs it off names it.
    pub event: EventId,
    /// When it was saved.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// The internal account (办理意见).
    pub opinion: Option<Sealed>,
    /// The answer.
    pub answer: Option<Sealed>,
    /// Whether the caller was contacted.
    pub contacted: Option<bool>,
    /// Whether it is solved.
    pub solved: Option<bool>,
    /// Why not.
    pub unsolved_reason: Option<Sealed>,
    /// Who handles it.
    pub handler: Option<Sealed>,
    /// The handler's phone.
    pub phone: Option<Sealed>,
    /// Whether it is complete, and waits for the leader to sign it off.
    pub awaits_sign_off: bool,
}

/// An answer, as given by one level to the next or to the citizen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// The internal account (办理意见).
    pub opinion: Option<Sealed>,
    /// The answer.
    pub text: Sealed,
    /// The knowledge article it was taken from, where the centre answered directly.
    pub article: Option<Sealed>,
    /// Whether the caller was contacted.
    pub contacted: Option<bool>,
    /// Whether it is solved.
    pub solved: Option<bool>,
    /// Why not.
    pub unsolved_reason: Option<Sealed>,
    /// Who handled it; `None` where the centre answered directly.
    pub handler: Option<Sealed>,
    /// The handler's phone.
    pub phone: Option<Sealed>,
}

/// The call-back of a round that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastCallBack {
    /// When the answer was reviewed.
    pub reviewed_at: Timestamp,
    /// By when the citizen was to be called; `None`: nobody was.
    pub due: Option<Due>,
    /// When the citizen was called first, reached or not.
    pub called_at: Option<Timestamp>,
    /// When the ticket was closed, or else done anew.
    pub ended_at: Timestamp,
}

/// The centre's review of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// What the centre thinks of it.
    pub opinion: Option<Sealed>,
}

/// A call to the citizen after the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBack {
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// Whether the citizen was reached.
    pub reached: bool,
    /// Whether the unit had contacted them, as they say.
    pub contacted: Option<bool>,
    /// Whether it is solved, as they say; `None` is not said.
    pub solved: Option<bool>,
    /// What else was said.
    pub comment: Option<Sealed>,
}

/// The end of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub kind: EndingKind,
    /// When; not known of some imported ones.
    pub at: Option<Timestamp>,
    /// By which account.
    pub by: AccountId,
    /// The reason's code, where it was declined.
    pub reason: Option<String>,
    /// The lawful channel the caller was told, where it was declined.
    pub lawful_channel: Option<Sealed>,
    /// Why it is closed or withdrawn.
    pub text: Option<Sealed>,
}

/// A rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// When.
    pub at: Timestamp,
    /// How content.
    pub satisfaction: Satisfaction,
    /// Whether it is solved, if said.
    pub solved: Option<bool>,
    /// What was said with it.
    pub comment: Option<Sealed>,
    /// True when staff wrote down what the citizen said.
    pub relayed: bool,
}
