//! Rule packs: what differs from city to city, as data.
//!
//! A pack is a TOML text, published as an event on the one `rules-<uuid>` stream. Its version is the
//! number of its publication; every ticket event is stamped with the version it was decided under. The
//! text and the holiday list travel inside the event, so that a replay needs nothing else.

mod pack;
mod routes;

pub use pack::{DeclineReason, Labelled, Term, TextLimits};

use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::calendar::{Calendar, Holidays};
use crate::people::{Actor, Role};
use crate::refusal::{Reason, Refusal};
use crate::ticket::{Kind, Urgency};
use crate::time::{Due, Timestamp};
use chrono::TimeDelta;
use chrono_tz::Tz;
use pack::{CallsBack, Pack, last_office_hour};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The text of the default pack.
pub const DEFAULT_PACK: &str = include_str!("../rules/default.toml");
/// The text of the Chinese holiday list.
pub const CALENDAR_CN: &str = include_str!("../rules/calendar-cn.toml");

/// A rule pack in force: checked, with its calendar.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The number of its publication, from 1.
    pub version: u32,
    /// Working days and office hours.
    pub calendar: Calendar,
    pack: Pack,
}

/// What is wrong with a rule pack.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct PackError(pub String);

impl Rules {
    /// Reads and checks a pack and its holiday list.
    pub fn parse(pack: &str, holidays: &str, version: u32) -> Result<Self, PackError> {
        let pack: Pack = toml::from_str(pack).map_err(|e| PackError(format!("rule pack: {e}")))?;
        let holidays: Holidays =
            toml::from_str(holidays).map_err(|e| PackError(format!("holiday list: {e}")))?;
        let zone: Tz = pack.pack.time_zone.parse().map_err(|_| {
            PackError(format!(
                "pack.time_zone: {:?} is no IANA zone",
                pack.pack.time_zone
            ))
        })?;
        let day_ends = last_office_hour(&pack.pack.office_hours)?;
        pack::check(&pack)?;
        Ok(Self {
            version,
            calendar: Calendar {
                zone,
                day_ends,
                holidays,
            },
            pack,
        })
    }

    /// The default pack with the Chinese calendar.
    #[must_use]
    pub fn default_pack() -> Self {
        Self::parse(DEFAULT_PACK, CALENDAR_CN, 1).expect("the shipped pack is checked by a test")
    }

    /// The pack's name and titles: (name, Chinese, English).
    #[must_use]
    pub fn titles(&self) -> (&str, &str, &str) {
        (
            &self.pack.pack.name,
            &self.pack.pack.title_zh,
            &self.pack.pack.title_en,
        )
    }

    fn due(&self, term: Term, from: Timestamp) -> Due {
        match term {
            Term::WorkingDays(days) => self.calendar.after_working_days(from, days),
            Term::Minutes(minutes) => Calendar::after_minutes(from, minutes),
        }
    }

    /// When an assignment made at `from` must be signed.
    #[must_use]
    pub fn sign_due(&self, urgency: Urgency, from: Timestamp) -> Due {
        let terms = self.pack.sign;
        let term = match urgency {
            Urgency::Normal => terms.normal,
            Urgency::Urgent => terms.urgent,
            Urgency::Critical => terms.critical,
        };
        self.due(term, from)
    }

    /// When an assignment made at `from` must be replied. Where the kind is not known, the longest term
    /// of any holds: nobody is judged by a shorter one than may apply.
    #[must_use]
    pub fn handle_due(&self, kind: Option<Kind>, from: Timestamp) -> Due {
        let terms = &self.pack.handle;
        let fitting = terms
            .iter()
            .filter(|(k, _)| kind.is_none_or(|kind| kind == **k));
        fitting
            .map(|(_, term)| self.due(*term, from))
            .max()
            .expect("a checked pack has a term for every kind")
    }

    /// A unit's inner deadline under its department's; where that is not known, by the ticket's kind.
    #[must_use]
    pub fn inner_due(&self, outer: Option<Due>, kind: Option<Kind>, from: Timestamp) -> Due {
        let margin = self.pack.delegate.margin_working_days;
        match outer {
            Some(outer) => self.calendar.before_by_working_days(outer, margin, from),
            None => self.handle_due(kind, from),
        }
    }

    /// Until when an assignment made at `from` may be returned.
    #[must_use]
    pub fn return_by(&self, from: Timestamp) -> Due {
        self.due(self.pack.returning.window, from)
    }

    /// The reasons an office may give for a return.
    #[must_use]
    pub fn return_reasons(&self) -> &[Labelled] {
        &self.pack.returning.reasons
    }

    /// The reasons a request may be declined for.
    #[must_use]
    pub fn decline_reasons(&self) -> &[DeclineReason] {
        &self.pack.decline.reasons
    }

    /// When what is handled anew from `from` on must be replied.
    #[must_use]
    pub fn redo_due(&self, from: Timestamp) -> Due {
        self.due(self.pack.redo.term, from)
    }

    /// Whether an answer must be reviewed before the ticket is closed.
    #[must_use]
    pub fn review_is_required(&self) -> bool {
        self.pack.review.required
    }

    /// Whether such a caller is called back after the review.
    #[must_use]
    pub fn calls_back(&self, wants_reply: bool, anonymous: bool) -> bool {
        !anonymous
            && match self.pack.call_back.when {
                CallsBack::Wanted => wants_reply,
                CallsBack::Always => true,
                CallsBack::Never => false,
            }
    }

    /// How often a citizen who is not reached is called.
    #[must_use]
    pub fn call_back_attempts(&self) -> u16 {
        self.pack.call_back.attempts
    }

    /// The shortest time between two urgings, by the citizen or by the centre.
    #[must_use]
    pub fn urge_interval(&self, by_citizen: bool) -> TimeDelta {
        let rules = &self.pack.urge;
        let minutes = if by_citizen {
            rules.citizen_minutes
        } else {
            rules.centre_minutes
        };
        TimeDelta::minutes(i64::from(minutes))
    }

    /// Within what time of each other two requests may be the same.
    #[must_use]
    pub fn duplicates_within(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.pack.duplicates.days))
    }

    /// The names of the departments a topic in a region goes to, the closest route first.
    #[must_use]
    pub fn suggested_departments(&self, topic: Option<&str>, region: Option<&str>) -> Vec<&str> {
        routes::suggested(&self.pack.routes, topic, region)
    }

    /// The channels requests come in by.
    #[must_use]
    pub fn channels(&self) -> &[Labelled] {
        &self.pack.channels
    }

    /// The topics a ticket may carry, as paths.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.pack.topics
    }

    /// The regions a place may lie in.
    #[must_use]
    pub fn regions(&self) -> &[String] {
        &self.pack.regions
    }

    /// Whether the lead's reply waits for the assists'.
    #[must_use]
    pub fn reply_waits_for_assists(&self) -> bool {
        self.pack.reply.waits_for_assists
    }

    /// The longest texts.
    #[must_use]
    pub fn texts(&self) -> TextLimits {
        self.pack.texts
    }

    /// The weight of "fairly satisfied", 0 to 1.
    #[must_use]
    pub fn fairly_weight(&self) -> f64 {
        self.pack.rating.fairly_weight
    }
}

/// The Chinese holidays 2019-2026.
#[must_use]
pub fn default_holidays() -> Holidays {
    toml::from_str(CALENDAR_CN).expect("the shipped list is checked by a test")
}

/// The rules aggregate: one stream, every publication an event.
pub enum RulesBook {}

/// The packs published so far.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// The pack in force, if any was published.
    pub current: Option<Arc<Rules>>,
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
        Rules::parse(&command.pack, &command.holidays, version)
            .map_err(|error| refuse(Reason::InvalidRules).because(error.0))?;
        Ok(vec![PackPublished {
            version,
            pack: command.pack,
            holidays: command.holidays,
        }])
    }

    fn evolve(state: &mut Published, _stamp: &Stamp, event: &PackPublished) {
        // A pack that a later version of Docket cannot read any more leaves the one before in force.
        if let Ok(rules) = Rules::parse(&event.pack, &event.holidays, event.version) {
            state.current = Some(Arc::new(rules));
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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveTime;

    #[test]
    fn the_shipped_pack_is_sound() {
        let rules = Rules::parse(DEFAULT_PACK, CALENDAR_CN, 1).unwrap();
        assert_eq!(rules.titles().0, "default");
        assert_eq!(rules.return_reasons().len(), 4);
        assert_eq!(
            rules.calendar.day_ends,
            NaiveTime::from_hms_opt(17, 30, 0).unwrap()
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, named) in [
            ("Asia/Shanghai", "Asia/Nowhere", "time_zone"),
            ("\"17:30\"", "\"25:30\"", "25:30"),
            ("\"14:00\"", "\"11:00\"", "in order"),
            ("praise = { working_days = 5 }", "", "handle.praise"),
            (
                "normal = { working_days = 1 }",
                "normal = { working_days = 0 }",
                "1 to 400",
            ),
            (
                "fairly_weight = 0.6",
                "fairly_weight = 1.6",
                "fairly_weight",
            ),
            ("margin_working_days", "margin_days", "margin_days"),
        ] {
            assert!(DEFAULT_PACK.contains(from), "{from}");
            let error = Rules::parse(&DEFAULT_PACK.replace(from, to), CALENDAR_CN, 1).unwrap_err();
            assert!(error.0.contains(named), "{named}: {error}");
        }
    }

    /// A pack published before there were these sections is read as ever.
    #[test]
    fn sections_that_came_later_may_be_missing() {
        let old: String = DEFAULT_PACK
            .split("\n\n")
            .filter(|part| {
                let later = [
                    "[decline]",
                    "[redo]",
                    "[review]",
                    "[call_back]",
                    "[urge]",
                    "[duplicates]",
                ];
                !later.iter().any(|section| part.contains(section))
            })
            .collect::<Vec<_>>()
            .join("\n\n");
        let (old, new) = (
            Rules::parse(&old, CALENDAR_CN, 1).unwrap(),
            Rules::parse(DEFAULT_PACK, CALENDAR_CN, 1).unwrap(),
        );
        assert!(old.decline_reasons().is_empty());
        assert_eq!(new.decline_reasons().len(), 10);
        let now = crate::ticket::scenario::now();
        assert_eq!(old.redo_due(now), new.redo_due(now));
        assert_eq!(old.review_is_required(), new.review_is_required());
        assert_eq!(old.call_back_attempts(), new.call_back_attempts());
        assert_eq!(old.duplicates_within(), new.duplicates_within());
        for by_citizen in [true, false] {
            assert_eq!(old.urge_interval(by_citizen), new.urge_interval(by_citizen));
        }
        for (wants_reply, anonymous) in [(true, false), (true, true), (false, false)] {
            let calls = |rules: &Rules| rules.calls_back(wants_reply, anonymous);
            assert_eq!(calls(&old), wants_reply && !anonymous);
            assert_eq!(calls(&new), calls(&old));
        }
    }

    #[test]
    fn only_administrators_publish_and_versions_count_up() {
        let publish = |actor| Publish {
            actor,
            pack: DEFAULT_PACK.into(),
            holidays: CALENDAR_CN.into(),
        };
        let clerk = Actor {
            roles: vec![Role::Clerk],
            ..Actor::system()
        };
        let refused = RulesBook::decide(&Published::default(), publish(clerk)).unwrap_err();
        assert_eq!(refused.reason, Reason::RoleNotAllowed);
        let mut state = Published::default();
        for version in 1..=2 {
            let events = RulesBook::decide(&state, publish(Actor::system())).unwrap();
            assert_eq!(events[0].version, version);
            let stamp = crate::ticket::scenario::stamp();
            RulesBook::evolve(&mut state, &stamp, &events[0]);
        }
        assert_eq!(state.current.unwrap().version, 2);
    }
}
