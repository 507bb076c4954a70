//! What an aggregate is: a pure decision and a fold.

use crate::ids::{AccountId, EventId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What the journal knows of an event beside its data; `evolve` may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The event's id.
    pub event: EventId,
    /// Business time.
    pub at: Timestamp,
    /// The account that acted.
    pub by: AccountId,
    /// The version of the rules it was decided under; 0 before any were published.
    pub rules: u32,
}

/// One kind of thing whose history the journal keeps.
///
/// `decide` refuses or yields events; `evolve` never fails. Both are pure.
pub trait Aggregate: Send + Sync + 'static {
    /// The stream's category: streams are named `CATEGORY-<uuid>`. Frozen.
    const CATEGORY: &'static str;
    /// The frozen type name of every event.
    const EVENT_TYPES: &'static [&'static str];
    /// The folded state.
    type State: Default + Clone + Send + Sync;
    /// What may be asked, with everything the decision needs.
    type Command: Send;
    /// What may happen.
    type Event: Clone + Send + Sync;

    /// Decides a command on a state: events (none: nothing to do), or a refusal.
    fn decide(state: &Self::State, command: Self::Command) -> Result<Vec<Self::Event>, Refusal>;

    /// Folds one event into the state.
    fn evolve(state: &mut Self::State, stamp: &Stamp, event: &Self::Event);

    /// The event's frozen type name, its schema version, and its data as JSON.
    fn encode(event: &Self::Event) -> Encoded;

    /// The event of a type name, from data of the *current* schema version (older data is upcast before).
    fn decode(event_type: &str, data: &str) -> Result<Self::Event, UnknownEvent>;
}

/// An event as the journal will store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Frozen `snake_case` type name, unique within the category.
    pub event_type: &'static str,
    /// Schema version of the data, from 1.
    pub schema_version: u16,
    /// JSON text; these bytes are the record.
    pub data: String,
}

/// The data of an event that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnknownEvent {
    /// No event of this type in the category.
    #[error("no event type {event_type:?} in category {category:?}")]
    Type {
        /// The aggregate's category.
        category: &'static str,
        /// The type found.
        event_type: String,
    },
    /// The data does not fit the type.
    #[error("the data of a {category} event {event_type:?} does not fit its schema: {reason}")]
    Data {
        /// The aggregate's category.
        category: &'static str,
        /// The type found.
        event_type: String,
        /// What does not fit (never quotes the data).
        reason: String,
    },
}

/// Reads an event's data, telling what does not fit without quoting it.
pub fn read_data<E: serde::de::DeserializeOwned>(
    category: &'static str,
    event_type: &str,
    data: &str,
) -> Result<E, UnknownEvent> {
    serde_json::from_str(data).map_err(|error| UnknownEvent::Data {
        category,
        event_type: event_type.to_owned(),
        reason: format!(
            "{:?} at line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        ),
    })
}

/// Writes an event's data.
#[must_use]
pub fn write_data<E: serde::Serialize>(event: &E) -> String {
    serde_json::to_string(event).expect("events are plain structs with string keys")
}
