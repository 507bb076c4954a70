//! What becomes of a notice, and how it changes and remembers.

use super::{Content, Notice, NoticeCommand};
use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{DepartmentId, UnitId};
use crate::refusal::Refusal;
use crate::sealed::Sealed;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeEvent {
    /// It was published.
    Published(NoticePublished),
    /// It was changed.
    Changed(NoticeChanged),
    /// It was withdrawn.
    Withdrawn(NoticeWithdrawn),
    /// Somebody read it.
    Read(NoticeRead),
}

macro_rules! editions {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// Title.
            pub title: Sealed,
            /// Body.
            pub body: Sealed,
            /// The departments it is addressed to; none said: all.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub departments: Option<Vec<DepartmentId>>,
            /// Until when it holds.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub expires_at: Option<Timestamp>,
        }

        impl From<Content<Sealed>> for $name {
            fn from(content: Content<Sealed>) -> Self {
                Self {
                    title: content.title,
                    body: content.body,
                    departments: content.departments,
                    expires_at: content.expires_at,
                }
            }
        }

        impl From<&$name> for Content<Sealed> {
            fn from(event: &$name) -> Self {
                Self {
                    title: event.title.clone(),
                    body: event.body.clone(),
                    departments: event.departments.clone(),
                    expires_at: event.expires_at,
                }
            }
        }
    )+};
}

editions! {
    /// A notice was published: its first edition.
    NoticePublished,
    /// A notice was changed: its next edition, whole.
    NoticeChanged,
}

/// A notice was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeWithdrawn {}

/// The account that wrote the event has read the notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRead {
    /// Which edition of it.
    pub edition: u32,
    /// The department the account was of; none: of the centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// The unit the account was of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

const PUBLISHED: &str = "notice_published";
const CHANGED: &str = "notice_changed";
const WITHDRAWN: &str = "notice_withdrawn";
const READ: &str = "notice_read";

impl Aggregate for Notice {
    const CATEGORY: &'static str = "notice";
    const EVENT_TYPES: &'static [&'static str] = &[PUBLISHED, CHANGED, WITHDRAWN, READ];
    type State = Self;
    type Command = NoticeCommand;
    type Event = NoticeEvent;

    fn decide(state: &Self, command: NoticeCommand) -> Result<Vec<NoticeEvent>, Refusal> {
        Ok(super::decide(state, &command)?.into_iter().collect())
    }

    fn evolve(state: &mut Self, stamp: &Stamp, event: &NoticeEvent) {
        match event {
            NoticeEvent::Published(e) => {
                state.content = Some(e.into());
                state.published_at = Some(stamp.at);
                state.edition = state.edition.saturating_add(1);
            }
            NoticeEvent::Changed(e) => {
                state.content = Some(e.into());
                state.changed_at = Some(stamp.at);
                state.edition = state.edition.saturating_add(1);
            }
            NoticeEvent::Withdrawn(_) => state.withdrawn_at = Some(stamp.at),
            NoticeEvent::Read(e) => {
                state.readers.insert(stamp.by, e.edition);
            }
        }
    }

    fn encode(event: &NoticeEvent) -> Encoded {
        let (event_type, data) = match event {
            NoticeEvent::Published(e) => (PUBLISHED, write_data(e)),
            NoticeEvent::Changed(e) => (CHANGED, write_data(e)),
            NoticeEvent::Withdrawn(e) => (WITHDRAWN, write_data(e)),
            NoticeEvent::Read(e) => (READ, write_data(e)),
        };
        Encoded {
            event_type,
            schema_version: 1,
            data,
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<NoticeEvent, UnknownEvent> {
        Ok(match event_type {
            PUBLISHED => NoticeEvent::Published(read_data(Self::CATEGORY, event_type, data)?),
            CHANGED => NoticeEvent::Changed(read_data(Self::CATEGORY, event_type, data)?),
            WITHDRAWN => NoticeEvent::Withdrawn(read_data(Self::CATEGORY, event_type, data)?),
            READ => NoticeEvent::Read(read_data(Self::CATEGORY, event_type, data)?),
            other => {
                return Err(UnknownEvent::Type {
                    category: Self::CATEGORY,
                    event_type: other.into(),
                });
            }
        })
    }
}
