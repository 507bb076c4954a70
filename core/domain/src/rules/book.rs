//! The rules aggregate: packs as they are published.

use super::{Mistake, Rules, check, default_holidays};
use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::people::{Actor, Role};
use crate::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use chrono::Datelike as _;
use chrono_tz::Tz;
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
    /// The text of the pack in force, as it was published.
    pub text: Option<Arc<PackPublished>>,
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
    /// When it is to be published.
    pub at: Timestamp,
    /// The zone that the hotline was founded in; `None`: it is being founded.
    pub time_zone: Option<Tz>,
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

/// The last year whose list can be published at a time: the notice comes late in the year before. Those that come with
/// this Docket are out, whatever a clock says.
#[must_use]
pub fn latest_year(at: Timestamp) -> i32 {
    let shipped = default_holidays().published.last().copied();
    (at.year() + 1).max(shipped.unwrap_or_default())
}

impl Rules {
    /// Refuses a pack of another time zone than the one the hotline was founded in; `None`: it is being founded.
    pub fn fits(&self, time_zone: Option<Tz>) -> Result<(), Refusal> {
        let zone = self.calendar.zone;
        let Some(founded) = time_zone.filter(|founded| *founded != zone) else {
            return Ok(());
        };
        let detail = (
            format!("pack.time_zone 为 {zone}，热线所在时区为 {founded}"),
            format!("pack.time_zone is {zone}, the hotline's {founded}"),
        );
        Err(Refusal::new("publish", "rules", Reason::OtherTimeZone).because(detail))
    }
}

impl Aggregate for RulesBook {
    const CATEGORY: &'static str = "rules";
    const EVENT_TYPES: &'static [&'static str] = &["published"];
    type State = Published;
    type Command = Publish;
    type Event = PackPublished;

    fn decide(state: &Published, command: Publish) -> Result<Vec<PackPublished>, Refusal> {
        let refuse = |reason| Refusal::new("publish", "rules", reason);
        let publishes = command.actor.has_any(&[Role::Administrator, Role::Office]);
        if command.actor != Actor::system() && !publishes {
            return Err(refuse(Reason::RoleNotAllowed));
        }
        let version = state.current.as_ref().map_or(0, |rules| rules.version) + 1;
        let wrong = |what: &str, mistakes: &[Mistake]| {
            let first = mistakes.first()?;
            let more = match mistakes.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            Some(refuse(Reason::InvalidRules).because(format!("{what}{first}{more}")))
        };
        // What is published from now on has no mistake at all; what was published before is read as it was.
        let latest = latest_year(command.at);
        let listed = |list: &str| check::check_holidays(list, latest);
        let no = wrong("", &check::check(&command.pack));
        if let Some(no) = no.or_else(|| wrong("list of holidays: ", &listed(&command.holidays))) {
            return Err(no);
        }
        let rules = Rules::parse(&command.pack, &command.holidays, version)
            .map_err(|error| refuse(Reason::InvalidRules).because(error.0))?;
        rules.fits(command.time_zone)?;
        let same = |text: &Arc<PackPublished>| {
            (&text.pack, &text.holidays) == (&command.pack, &command.holidays)
        };
        if state.text.as_ref().is_some_and(same) {
            return Err(refuse(Reason::NoChange));
        }
        // Limits that were reckoned by a year's list are not to become guesses again; unless the list has a mistake,
        // and is to be taken back.
        let sound = |text: &Arc<PackPublished>| listed(&text.holidays).is_empty();
        let sound = state.text.as_ref().is_none_or(sound);
        if let Some(current) = state.current.as_ref().filter(|_| sound) {
            let years = &rules.calendar.holidays.published;
            let gone = current.calendar.holidays.published.difference(years).next();
            if let Some(year) = gone {
                let detail = (
                    format!("现行节假日表含{year}年，此表没有"),
                    format!("the list of holidays in force has {year}, this one has not"),
                );
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
        if let Ok(mut rules) = Rules::parse(&event.pack, &event.holidays, event.version) {
            if let Some(before) = &state.current {
                let holidays = &before.calendar.holidays;
                rules.corrected = holidays.corrected_by(&rules.calendar.holidays);
                rules.corrected.extend(&before.corrected);
            }
            let rules = Arc::new(rules);
            state.past.push((stamp.at, rules.clone()));
            state.current = Some(rules);
            state.text = Some(Arc::new(event.clone()));
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
