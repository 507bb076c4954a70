//! A rule pack as it is written, in TOML, and what its parts must be.

use super::PackError;
use super::routes::{Route, unknown};
use crate::calendar::TERM_WORKING_DAYS_MAX;
use crate::ticket::Kind;
use chrono::NaiveTime;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A length of time as packs write it: `{ working_days = 5 }` or `{ minutes = 30 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Term {
    /// Working days; ends with the last one's office hours.
    WorkingDays(u16),
    /// Minutes of calendar time, on any day.
    Minutes(u32),
}

/// A code with its texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// Stable code.
    pub code: String,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
}

/// Longest texts, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextLimits {
    /// A ticket's title.
    pub title: u32,
    /// A ticket's body.
    pub body: u32,
    /// Opinions, instructions, reasons.
    pub opinion: u32,
    /// Answers to the citizen.
    pub answer: u32,
    /// Names, phones, places.
    pub short: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackHead {
    pub(super) name: String,
    pub(super) title_zh: String,
    pub(super) title_en: String,
    pub(super) time_zone: String,
    pub(super) office_hours: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignTerms {
    pub(super) normal: Term,
    pub(super) urgent: Term,
    pub(super) critical: Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegateRules {
    pub(super) margin_working_days: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnRules {
    pub(super) window: Term,
    pub(super) reasons: Vec<Labelled>,
}

/// Sections that packs published before them do not have: their default is the default pack's.
macro_rules! later_sections {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name { $(pub(super) $field: $type,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    )+};
}

later_sections! {
    /// Why a request may be declined. A pack without reasons declines nothing.
    DeclineRules { reasons: Vec<DeclineReason> = Vec::new(), }
    /// Handling anew.
    RedoRules { term: Term = Term::WorkingDays(3), }
    /// The centre's review of answers.
    ReviewRules { required: bool = true, }
    /// Calling back.
    CallBackRules { when: CallsBack = CallsBack::Wanted, attempts: u16 = 3, }
    /// Urging: at least so long between two.
    UrgeRules { citizen_minutes: u32 = 1440, centre_minutes: u32 = 0, }
    /// Possible duplicates: received within so many days of each other.
    DuplicateRules { days: u16 = 30, }
}

/// Whom the centre calls back after the review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallsBack {
    /// Whoever wants a reply and is not anonymous.
    Wanted,
    /// Whoever is not anonymous.
    Always,
    /// Nobody.
    Never,
}

/// A reason to decline, with the lawful channel to tell the caller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineReason {
    /// Stable code.
    pub code: String,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
    /// The lawful channel in Chinese, as a proposal.
    pub channel_zh: String,
    /// The lawful channel in English.
    pub channel_en: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyRules {
    pub(super) waits_for_assists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RatingRules {
    pub(super) fairly_weight: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    pub(super) pack: PackHead,
    pub(super) sign: SignTerms,
    pub(super) handle: BTreeMap<Kind, Term>,
    pub(super) delegate: DelegateRules,
    #[serde(rename = "return")]
    pub(super) returning: ReturnRules,
    pub(super) reply: ReplyRules,
    pub(super) texts: TextLimits,
    pub(super) rating: RatingRules,
    #[serde(default)]
    pub(super) decline: DeclineRules,
    #[serde(default)]
    pub(super) redo: RedoRules,
    #[serde(default)]
    pub(super) review: ReviewRules,
    #[serde(default)]
    pub(super) call_back: CallBackRules,
    #[serde(default)]
    pub(super) urge: UrgeRules,
    #[serde(default)]
    pub(super) duplicates: DuplicateRules,
    /// The table of topic × region: suggests a department while assigning.
    #[serde(default)]
    pub(super) routes: Vec<Route>,
    pub(super) channels: Vec<Labelled>,
    /// Topics by path, e.g. `城市管理/占道经营`; empty: tickets carry none.
    #[serde(default)]
    pub(super) topics: Vec<String>,
    /// Regions a place may lie in; empty: tickets carry none.
    #[serde(default)]
    pub(super) regions: Vec<String>,
}

/// When the last office hour of a day ends.
pub(super) fn last_office_hour(hours: &[(String, String)]) -> Result<NaiveTime, PackError> {
    let time = |text: &str| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| PackError(format!("pack.office_hours: {text:?} is no time (HH:MM)")))
    };
    let mut previous = None;
    for (start, end) in hours {
        let (start, end) = (time(start)?, time(end)?);
        if start >= end || previous.is_some_and(|p| p > start) {
            return Err(PackError(
                "pack.office_hours: spans must be in order and not empty".into(),
            ));
        }
        previous = Some(end);
    }
    previous.ok_or_else(|| PackError("pack.office_hours: at least one span is needed".into()))
}

/// Checks what is between the lines: no figure out of bounds, no list empty, no name of nothing.
pub(super) fn check(pack: &Pack) -> Result<(), PackError> {
    for kind in Kind::ALL {
        if !pack.handle.contains_key(kind) {
            return Err(PackError(format!("handle.{}: missing", kind.name())));
        }
    }
    let terms = pack.handle.values().copied().chain([
        pack.sign.normal,
        pack.sign.urgent,
        pack.sign.critical,
        pack.returning.window,
        pack.redo.term,
    ]);
    for term in terms {
        let fits = match term {
            Term::WorkingDays(days) => (1..=TERM_WORKING_DAYS_MAX).contains(&days),
            Term::Minutes(minutes) => {
                (1..=u32::from(TERM_WORKING_DAYS_MAX) * 1440).contains(&minutes)
            }
        };
        if !fits {
            return Err(PackError(format!(
                "a term must be 1 to {TERM_WORKING_DAYS_MAX} working days, or as many days of minutes"
            )));
        }
    }
    if !(0.0..=1.0).contains(&pack.rating.fairly_weight) {
        return Err(PackError(
            "rating.fairly_weight: must lie between 0 and 1".into(),
        ));
    }
    if pack.call_back.attempts == 0 {
        return Err(PackError("call_back.attempts: at least 1".into()));
    }
    if let Some(route) = unknown(&pack.routes, &pack.topics, &pack.regions) {
        return Err(PackError(format!(
            "routes: {:?}: topic and region must be of the pack's lists",
            route.department
        )));
    }
    if pack.returning.reasons.is_empty() || pack.channels.is_empty() {
        return Err(PackError(
            "return.reasons and channels: at least one each".into(),
        ));
    }
    Ok(())
}
