//! Every aggregate whose events a log may hold: the one list of them, for what looks at a whole log.

use crate::esrs_store::decode;
use crate::journal::{JournalError, Record};
use docket_domain::Aggregate;
use docket_domain::account::Account;
use docket_domain::notice::Notice;
use docket_domain::organisation::Organisation;
use docket_domain::phrasebook::Phrasebook;
use docket_domain::rules::RulesBook;
use docket_domain::ticket::Ticket;

/// An aggregate as far as its events can be read, whatever they mean.
pub struct Entry {
    /// Its category.
    pub category: &'static str,
    /// The frozen type names of its events.
    pub event_types: &'static [&'static str],
    read: fn(&Record) -> Result<u16, JournalError>,
}

/// The list.
pub const AGGREGATES: [Entry; 6] = [
    entry::<Ticket>(),
    entry::<Organisation>(),
    entry::<Account>(),
    entry::<RulesBook>(),
    entry::<Phrasebook>(),
    entry::<Notice>(),
];

const fn entry<A: Aggregate>() -> Entry {
    Entry {
        category: A::CATEGORY,
        event_types: A::EVENT_TYPES,
        read: |record| Ok(A::encode(&decode::<A>(record)?).schema_version),
    }
}

/// The entry of a category.
#[must_use]
pub fn of(category: &str) -> Option<&'static Entry> {
    AGGREGATES.iter().find(|entry| entry.category == category)
}

impl Entry {
    /// Reads a record's event, and gives the schema version this Docket writes such events in.
    pub fn read(&self, record: &Record) -> Result<u16, JournalError> {
        (self.read)(record)
    }
}

/// The type names of all events, sorted.
#[must_use]
pub fn event_types() -> Vec<&'static str> {
    let mut types: Vec<_> = AGGREGATES
        .iter()
        .flat_map(|entry| entry.event_types)
        .copied()
        .collect();
    types.sort_unstable();
    types.dedup();
    types
}
