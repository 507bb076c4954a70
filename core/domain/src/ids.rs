//! Identifiers, one type each, so that a ticket's id cannot be handed over for an account's.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// One ticket (工单); its stream is `ticket-<uuid>`.
    TicketId,
    /// One person who can log in; its stream is `account-<uuid>`.
    AccountId,
    /// A level-1 department (一级部门).
    DepartmentId,
    /// A level-2 unit (二级部门) of one department.
    UnitId,
    /// A reply template or phrase of a phrasebook.
    PhraseId,
    /// A notice; its stream is `notice-<uuid>`.
    NoticeId,
    /// A file attached to a ticket.
    AttachmentId,
    /// Bytes of a file as they are stored, under a name that nobody can guess.
    ObjectId,
    /// A journal: made once at its birth, and part of every record's canonical encoding.
    LogId,
    /// One stored event.
    EventId,
    /// One command, chosen by its sender; sent twice, it takes effect once.
    CommandId,
    /// One erasing of a person, which may touch many tickets.
    ErasureId,
    /// One sealing key: of a caller, a respondent, an account, or a ticket's texts.
    KeyId,
}

impl AccountId {
    /// The actor of what Docket does by itself (founding a store, timers).
    pub const SYSTEM: Self = Self(Uuid::nil());
    /// Whoever shows a ticket's number and query code: a citizen without an account.
    pub const BEARER: Self = Self(Uuid::from_u128(1));
}

/// An assignment's number within its ticket, counted from 1 in order of birth.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct AssignmentNo(pub u16);

impl fmt::Display for AssignmentNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
