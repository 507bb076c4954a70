//! Rule packs: what differs from city to city, as data.
//!
//! A pack is a TOML text, published as an event on the one `rules-<uuid>` stream. Its version is the
//! number of its publication; every ticket event is stamped with the version it was decided under. The
//! text and the holiday list travel inside the event, so that a replay needs nothing else.

mod book;
pub mod check;
mod deadlines;
mod diff;
pub mod edge;
mod pack;
mod routes;
#[cfg(test)]
mod tests;

pub use crate::time::Term;
pub use book::{PackPublished, Publish, Published, RulesBook, latest_year};
pub use check::{Mistake, Said};
pub use deadlines::Matter;
pub use diff::{Change, diff, diff_holidays};
pub use edge::{
    IntakeField, KindTitle, LoginPrefix, MenuEntry, PasswordRules, RateWeights, Request, ScaleEntry,
};
pub use pack::{DeclineReason, Escalation, Labelled, TextLimits};

use crate::calendar::{Calendar, Holidays};
use crate::people::Role;
use crate::time::{Light, Timestamp};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use pack::{CallsBack, Pack, office_hours};
use std::collections::BTreeSet;

/// The text of the default pack.
pub const DEFAULT_PACK: &str = include_str!("../rules/default.toml");
/// The shipped packs by name, the default one first: Suzhou (S3), Ordos (S2), Putian (S1), Pingyao (S11), and a
/// county with a joint meeting (S10).
pub const PACKS: &[(&str, &str)] = &[
    ("default", DEFAULT_PACK),
    ("suzhou", include_str!("../rules/suzhou.toml")),
    ("ordos", include_str!("../rules/ordos.toml")),
    ("putian", include_str!("../rules/putian.toml")),
    ("pingyao", include_str!("../rules/pingyao.toml")),
    ("county", include_str!("../rules/county.toml")),
];
/// The text of the Chinese holiday list.
pub const CALENDAR_CN: &str = include_str!("../rules/calendar-cn.toml");

/// A rule pack in force: checked, with its calendar.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The number of its publication, from 1.
    pub version: u32,
    /// Working days and office hours.
    pub calendar: Calendar,
    /// The days that an earlier list had published otherwise: limits that were reckoned over them are settled again.
    pub corrected: BTreeSet<NaiveDate>,
    pack: Pack,
}

/// What is wrong with a rule pack.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct PackError(pub String);

impl Rules {
    /// Reads and checks a pack and its holiday list.
    pub fn parse(pack: &str, holidays: &str, version: u32) -> Result<Self, PackError> {
        let pack = Pack::read(pack)?;
        let holidays: Holidays =
            toml::from_str(holidays).map_err(|e| PackError(format!("holiday list: {e}")))?;
        let zone: Tz = pack.pack.time_zone.parse().map_err(|_| {
            PackError(format!(
                "pack.time_zone: {:?} is no IANA zone",
                pack.pack.time_zone
            ))
        })?;
        let hours = office_hours(&pack.pack.office_hours)
            .map_err(|said| PackError(format!("pack.office_hours: {said}")))?;
        pack::check(&pack)?;
        Ok(Self {
            version,
            calendar: Calendar {
                zone,
                hours,
                holidays,
            },
            corrected: BTreeSet::new(),
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

    /// How often one office may return one ticket.
    #[must_use]
    pub fn returns_max(&self) -> Option<u16> {
        self.pack.returning.times
    }

    /// How often an assignment's deadline may be extended, where a clerk or a leader asks.
    #[must_use]
    pub fn extensions_max(&self, by_leader: bool) -> u16 {
        let rules = &self.pack.extend;
        if by_leader {
            rules.times.max(rules.leader_times)
        } else {
            rules.times
        }
    }

    /// The most working days of one extension.
    #[must_use]
    pub fn extension_days_max(&self) -> u16 {
        self.pack.extend.days_max
    }

    /// After how many returns and reassignments with no lead a ticket is disputed.
    #[must_use]
    pub fn disputed_after_returns(&self) -> u16 {
        self.pack.dispute.returns
    }

    /// After how many redos that did not solve it a ticket is disputed.
    #[must_use]
    pub fn disputed_after_redos(&self) -> u16 {
        self.pack.dispute.redos
    }

    /// The lawful grounds for stopping the clock.
    #[must_use]
    pub fn suspension_grounds(&self) -> &[Labelled] {
        &self.pack.suspend.grounds
    }

    /// Whether a suspended ticket goes on by itself when the expected time comes.
    #[must_use]
    pub fn resumes_by_itself(&self) -> bool {
        self.pack.suspend.resumes_by_itself
    }

    /// Whether a leader signs off a department's answer.
    #[must_use]
    pub fn sign_off_is_required(&self) -> bool {
        self.pack.sign_off.required
    }

    /// The grounds for exclusion from the appraisal.
    #[must_use]
    pub fn exclusion_grounds(&self) -> &[Labelled] {
        &self.pack.exclude.grounds
    }

    /// How often an office may ask for a ticket's exclusion, the appeal included.
    #[must_use]
    pub fn exclusions_max(&self) -> u16 {
        self.pack.exclude.times
    }

    /// The reasons for terminating.
    #[must_use]
    pub fn termination_reasons(&self) -> &[Labelled] {
        &self.pack.terminate.reasons
    }

    /// The emergency lines.
    #[must_use]
    pub fn emergency_lines(&self) -> &[Labelled] {
        &self.pack.transfer.lines
    }

    /// The retention classes.
    #[must_use]
    pub fn retention_classes(&self) -> &[Labelled] {
        &self.pack.archive.classes
    }

    /// When a ticket that ended at `from` is archived by itself; `None`: never.
    #[must_use]
    pub fn archived_at(&self, from: Timestamp) -> Option<Timestamp> {
        let days = self.pack.archive.after_days;
        let ever = days > 0 && !self.pack.archive.classes.is_empty();
        ever.then(|| from + TimeDelta::days(i64::from(days)))
    }

    /// Whether Docket urges an office by itself when a light is lit.
    #[must_use]
    pub fn urges_at(&self, light: Light) -> bool {
        match light {
            Light::Green => false,
            Light::Yellow => self.pack.lights.urges_at_yellow,
            Light::Red => self.pack.lights.urges_at_red,
        }
    }

    /// What an overdue ticket comes under by itself, in order of time.
    #[must_use]
    pub fn escalations(&self) -> &[Escalation] {
        &self.pack.lights.escalate
    }

    /// Whether the pack lets one of these roles do an action that the code lets them do. Packs narrow, and
    /// never widen.
    #[must_use]
    pub fn lets(&self, action: &str, role: Role) -> bool {
        let only = self.pack.roles.get(action);
        only.is_none_or(|roles| roles.contains(&role))
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
