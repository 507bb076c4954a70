//! A rule pack as it is written, in TOML, and what its parts must be.

use super::PackError;
use super::check::Said;
use super::edge::{
    self, AccountRules, IntakeRules, KindTitle, PasswordRules, RoutingRules, ScaleEntry,
    TriageRules,
};
use super::routes::{Route, unknown};
use crate::calendar::{DAY_OVER, TERM_WORKING_DAYS_MAX};
use crate::people::Role;
use crate::ticket::{Kind, SupervisionLevel, Urgency};
use crate::time::Term;
use chrono::NaiveTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A code with its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackHead {
    pub(super) name: String,
    pub(super) title_zh: String,
    pub(super) title_en: String,
    pub(super) time_zone: String,
    pub(super) office_hours: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignTerms {
    pub(super) normal: Term,
    pub(super) urgent: Term,
    pub(super) critical: Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegateRules {
    pub(super) margin_working_days: u16,
    // Later than the days above.
    #[serde(default = "half")]
    pub(super) margin_percent_max: u16,
}

const fn half() -> u16 {
    50
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnRules {
    pub(super) window: Term,
    /// How often one office may return one ticket; `None`: as often as it is given it.
    pub(super) times: Option<u16>,
    pub(super) reasons: Vec<Labelled>,
}

/// Sections that packs published before them do not have: their default is the default pack's.
macro_rules! later_sections {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    CallBackRules {
        when: CallsBack = CallsBack::Wanted,
        attempts: u16 = 3,
        within: Term = Term::WorkingDays(1),
    }
    /// Urging: at least so long between two.
    UrgeRules { citizen_minutes: u32 = 1440, centre_minutes: u32 = 0, }
    /// Possible duplicates: received within so many days of each other.
    DuplicateRules { days: u16 = 30, }
    /// Contacting the caller: within so long of the assignment. `None`: no limit.
    ContactRules { within: Option<Term> = None, }
    /// Extensions: how often one assignment's deadline moves when a clerk asks, and when a leader does; and by
    /// how many working days at most.
    ExtendRules { times: u16 = 1, leader_times: u16 = 1, days_max: u16 = 10, }
    /// Disputed tickets: given back or handed on so often with no lead, or done anew so often unsolved.
    DisputeRules { returns: u16 = 3, redos: u16 = 3, }
    /// The lawful grounds for stopping the clock. A pack without any stops none.
    SuspendRules { grounds: Vec<Labelled> = Vec::new(), resumes_by_itself: bool = true, }
    /// Whether a leader signs off a department's answer.
    SignOffRules { required: bool = false, }
    /// Exclusion from the appraisal: the grounds, and how often an office may ask for one ticket, the appeal
    /// included. A pack without grounds excludes nothing.
    ExclusionRules { grounds: Vec<Labelled> = Vec::new(), times: u16 = 2, }
    /// Terminating: the reasons. A pack without any terminates nothing.
    TerminationRules { reasons: Vec<Labelled> = Vec::new(), }
    /// The emergency lines a call is transferred to. A pack without any transfers none.
    TransferRules { lines: Vec<Labelled> = Vec::new(), }
    /// Archiving: the retention classes, and after how many days the first of them holds by itself (0: never).
    ArchiveRules { classes: Vec<Labelled> = Vec::new(), after_days: u16 = 0, }
    /// Lights: how long before the limit the yellow one is lit, and what follows by itself.
    LightRules {
        yellow_working_days: u16 = 1,
        urges_at_yellow: bool = false,
        urges_at_red: bool = false,
        escalate: Vec<Escalation> = Vec::new(),
    }
}

/// Supervision that an overdue ticket comes under by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// So many working days after the limit; 0: at once.
    pub working_days: u16,
    /// The level of supervision.
    pub level: SupervisionLevel,
}

/// A line of the table of deadlines: what it names must all fit. The first line that fits and has the term
/// asked for holds; `sign` and `handle` are what else there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadlineLine {
    pub(super) kind: Option<Kind>,
    /// A topic's path, or the beginning of one up to a `/`.
    pub(super) topic: Option<String>,
    pub(super) urgency: Option<Urgency>,
    pub(super) channel: Option<String>,
    pub(super) sign: Option<Term>,
    pub(super) handle: Option<Term>,
    pub(super) contact: Option<Term>,
    #[serde(rename = "return")]
    pub(super) returning: Option<Term>,
}

/// Whom the centre calls back after the review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyRules {
    pub(super) waits_for_assists: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RatingRules {
    pub(super) fairly_weight: f64,
    // Later than the weight above: 30/35/35 in 准格尔旗.
    #[serde(default = "response_weight")]
    pub(super) response_weight: u16,
    #[serde(default = "other_weight")]
    pub(super) resolution_weight: u16,
    #[serde(default = "other_weight")]
    pub(super) satisfaction_weight: u16,
    #[serde(default = "edge::usual_scale")]
    pub(super) scale: Vec<ScaleEntry>,
}

const fn response_weight() -> u16 {
    30
}

const fn other_weight() -> u16 {
    35
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub(super) contact: ContactRules,
    #[serde(default)]
    pub(super) extend: ExtendRules,
    #[serde(default)]
    pub(super) dispute: DisputeRules,
    #[serde(default)]
    pub(super) suspend: SuspendRules,
    #[serde(default)]
    pub(super) sign_off: SignOffRules,
    #[serde(default)]
    pub(super) exclude: ExclusionRules,
    #[serde(default)]
    pub(super) terminate: TerminationRules,
    #[serde(default)]
    pub(super) transfer: TransferRules,
    #[serde(default)]
    pub(super) archive: ArchiveRules,
    #[serde(default)]
    pub(super) lights: LightRules,
    #[serde(default)]
    pub(super) triage: TriageRules,
    #[serde(default)]
    pub(super) routing: RoutingRules,
    #[serde(default)]
    pub(super) intake: IntakeRules,
    #[serde(default)]
    pub(super) password: PasswordRules,
    #[serde(default)]
    pub(super) accounts: AccountRules,
    /// The kinds a form offers.
    #[serde(default = "edge::every_kind")]
    pub(super) kinds: Vec<KindTitle>,
    /// Who may do an action, where fewer may than the code lets.
    #[serde(default)]
    pub(super) roles: BTreeMap<String, Vec<Role>>,
    /// Deadlines by kind, topic, urgency and channel, before those of `sign` and `handle`.
    #[serde(default)]
    pub(super) deadlines: Vec<DeadlineLine>,
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

impl Pack {
    /// Reads a pack's text; what is between the lines is for [`check`].
    pub(super) fn read(text: &str) -> Result<Self, PackError> {
        toml::from_str(text).map_err(|error| PackError(format!("rule pack: {error}")))
    }
}

/// The office hours of a day. 24:00 is its end.
pub(super) fn office_hours(
    hours: &[(String, String)],
) -> Result<Vec<(NaiveTime, NaiveTime)>, Said> {
    let time = |text: &str| {
        if text == "24:00" {
            return Ok(DAY_OVER);
        }
        NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| {
            Said::new(
                format!("“{text}”不是时刻（时:分）"),
                format!("{text:?} is no time (HH:MM)"),
            )
        })
    };
    let mut spans: Vec<(NaiveTime, NaiveTime)> = Vec::with_capacity(hours.len());
    for (start, end) in hours {
        let (start, end) = (time(start)?, time(end)?);
        if start >= end || spans.last().is_some_and(|(_, before)| *before > start) {
            return Err(Said::new(
                "时段须按先后排列，且止于开始之后",
                "spans must be in order and not empty",
            ));
        }
        spans.push((start, end));
    }
    if spans.is_empty() {
        return Err(Said::new("至少要有一个时段", "at least one span is needed"));
    }
    Ok(spans)
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
    let terms = terms.chain(pack.contact.within);
    let terms = terms.chain(pack.deadlines.iter().flat_map(|line| {
        let all = [line.sign, line.handle, line.contact, line.returning];
        all.into_iter().flatten()
    }));
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
    let rating = &pack.rating;
    let weights = [
        rating.response_weight,
        rating.resolution_weight,
        rating.satisfaction_weight,
    ];
    if weights.into_iter().map(u32::from).sum::<u32>() != 100 {
        return Err(PackError(
            "rating: the three weights must make 100 together".into(),
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
