//! The rules aggregate: packs as they are published.

use super::{Rules, check};
use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::people::{Actor, Role};
use crate::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The rules aggregate: one stream, every publication an event.
pub enum RulesBook {}

/// The packs published so far.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// The pack in force, if any was published.
    pub current: Option<Arc<Rules>>,
    /// Every pack, with the time from which on it was in force; in order.
    pub past: Vec<(Timestamp, Arc<Rules>)>,
}

impl Published {
    /// The pack of a version.
    #[must_use]
    pub fn version(&self, version: u32) -> Option<&Arc<Rules>> {
        let mut published = self.past.iter().map(|(_, rules)| rules);
        published.find(|rules| rules.version == version)
    }

    /// The pack that was in force at a time; the first one for what was before.
    #[must_use]
    pub fn as_of(&self, time: Timestamp) -> Option<&Arc<Rules>> {
        let later = self.past.partition_point(|(from, _)| *from <= time);
        self.past
            .get(later.saturating_sub(1))
            .map(|(_, rules)| rules)
    }
}

/// Asks for a pack to be published.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Who asks.
    pub actor: Actor,
    /// The pack's TOML.
    pub pack: String,
    /// The holiday list's TOML.
    pub holidays: String,
}

/// A pack was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackPublished {
    /// Its version, from 1.
    pub version: u32,
    /// Its TOML.
    pub pack: String,
    /// The holiday list's TOML.
    pub holidays: String,
}

impl Aggregate for RulesBook {
    const CATEGORY: &'static str = "rules";
    const EVENT_TYPES: &'static [&'static str] = &["published"];
    type State = Published;
    type Command = Publish;
    type Event = PackPublished;

    fn decide(state: &Published, command: Publish) -> Result<Vec<PackPublished>, Refusal> {
        let refuse = |reason| Refusal::new("publish", "rules", reason);
        if command.actor != Actor::system() && !command.actor.has(Role::Administrator) {
            return Err(refuse(Reason::RoleNotAllowed));
        }
        let version = state.current.as_ref().map_or(0, |rules| rules.version) + 1;
        // What is published from now on has no mistake at all; what was published before is read as it was.
        let mistakes = check::check(&command.pack);
        if let Some(first) = mistakes.first() {
            let more = match mistakes.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return Err(refuse(Reason::InvalidRules).because(format!("{first}{more}")));
        }
        let rules = Rules::parse(&command.pack, &command.holidays, version)
            .map_err(|error| refuse(Reason::InvalidRules).because(error.0))?;
        // Limits that were reckoned by a year's list are not to become guesses again.
        if let Some(current) = &state.current {
            let years = &rules.calendar.holidays.published;
            let gone = current.calendar.holidays.published.difference(years).next();
            if let Some(year) = gone {
                let detail = format!("the list of holidays in force has {year}, this one has not");
                return Err(refuse(Reason::InvalidRules).because(detail));
            }
        }
        Ok(vec![PackPublished {
            version,
            pack: command.pack,
            holidays: command.holidays,
        }])
    }

    fn evolve(state: &mut Published, stamp: &Stamp, event: &PackPublished) {
        // A pack that a later version of Docket cannot read any more leaves the one before in force.
        if let Ok(rules) = Rules::parse(&event.pack, &event.holidays, event.version) {
            let rules = Arc::new(rules);
            state.past.push((stamp.at, rules.clone()));
            state.current = Some(rules);
        }
    }

    fn encode(event: &PackPublished) -> Encoded {
        Encoded {
            event_type: "published",
            schema_version: 1,
            data: write_data(event),
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<PackPublished, UnknownEvent> {
        match event_type {
            "published" => read_data(Self::CATEGORY, event_type, data),
            other => Err(UnknownEvent::Type {
                category: Self::CATEGORY,
                event_type: other.into(),
            }),
        }
    }
}
