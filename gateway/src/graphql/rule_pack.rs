//! The lists of the rule pack in force: the codes and texts that inputs take.

use super::common::{Position, app, wait_for};
use super::ticket::{Kind, Satisfaction};
use crate::auth::viewer;
use crate::error::system;
use async_graphql::{Context, Enum, Error, Object, SimpleObject};
use docket_domain::rules::{self, Labelled, Rules};
use docket_domain::ticket as domain;

/// A code with its texts.
#[derive(SimpleObject)]
pub struct RuleCode {
    /// The code, as inputs take it.
    code: String,
    /// Chinese text.
    zh: String,
    /// English text.
    en: String,
}

/// A reason to decline, with the lawful channel to propose.
#[derive(SimpleObject)]
pub struct DeclineReason {
    /// The code, as inputs take it.
    code: String,
    /// Chinese text.
    zh: String,
    /// English text.
    en: String,
    /// The lawful channel in Chinese.
    channel_zh: String,
    /// The lawful channel in English.
    channel_en: String,
}

/// A kind of request as the city calls it.
#[derive(SimpleObject)]
pub struct KindTitle {
    /// The kind, as inputs take it.
    code: Kind,
    /// Chinese text.
    zh: String,
    /// English text.
    en: String,
}

/// An entry of the menu of categories: choosing it chooses kind and topic.
#[derive(SimpleObject)]
pub struct MenuEntry {
    /// Its code.
    code: String,
    /// Chinese text.
    zh: String,
    /// English text.
    en: String,
    /// The kind of a request made under it.
    kind: Kind,
    /// Its topic, if it has one.
    topic: Option<String>,
}

/// What a form may have to ask for, beside title, body, channel and kind.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_domain::rules::IntakeField")]
pub enum IntakeField {
    /// Who calls: no anonymous requests of the kind.
    Caller,
    /// A phone or an e-mail to be reached at.
    Contact,
    /// Where it happened, in words.
    Place,
    /// The region of the place.
    Region,
    /// When it happened.
    IncidentAt,
    /// The topic.
    Topic,
    /// The party complained of.
    Respondent,
    /// The number of an earlier ticket.
    Earlier,
}

/// What the form has to ask for in requests of a kind.
#[derive(SimpleObject)]
pub struct RequiredFields {
    /// The kind.
    kind: Kind,
    /// The fields; a request without one of them is refused with `REQUIRED`.
    fields: Vec<IntakeField>,
}

/// The lists of the rule pack in force.
#[derive(SimpleObject)]
pub struct RulePack {
    /// The number of its publication.
    version: u32,
    /// The kinds that requests are taken of.
    kinds: Vec<KindTitle>,
    /// The menu of categories; empty where the kinds are the menu.
    menu: Vec<MenuEntry>,
    /// What the form has to ask for, kind by kind; kinds that ask for nothing more are left out.
    required_fields: Vec<RequiredFields>,
    /// Whether Docket assigns a received request by itself where the routes name one closest department.
    assigns_by_itself: bool,
    /// The channels requests come in by.
    channels: Vec<RuleCode>,
    /// The topics, each a path; empty where tickets carry none.
    topics: Vec<String>,
    /// The regions; empty where tickets carry none.
    regions: Vec<String>,
    /// The reasons for returning.
    return_reasons: Vec<RuleCode>,
    /// The reasons for declining.
    decline_reasons: Vec<DeclineReason>,
    /// The emergency lines a caller is put through to.
    emergency_lines: Vec<RuleCode>,
    /// The lawful grounds for suspending.
    suspension_grounds: Vec<RuleCode>,
    /// The reasons for terminating.
    termination_reasons: Vec<RuleCode>,
    /// The grounds for exclusion from the appraisal.
    exclusion_grounds: Vec<RuleCode>,
    /// The retention classes for archiving.
    retention_classes: Vec<RuleCode>,
    /// The most working days of one extension.
    extension_days_max: u16,
    /// Whether a department's leader signs its answers off.
    sign_off_required: bool,
    /// The scale of satisfaction in the city's words, from the best: what a form offers and a page shows.
    rating_scale: Vec<RatingWord>,
    /// The weight of "fairly satisfied" in the rate of satisfaction, 0 to 1.
    fairly_weight: f64,
    /// The weights of the three-rate score.
    rate_weights: RateWeights,
}

/// A word of the scale of satisfaction.
#[derive(SimpleObject)]
pub struct RatingWord {
    /// Which.
    code: Satisfaction,
    /// Chinese text.
    zh: String,
    /// English text.
    en: String,
}

/// The weights of the three-rate score (三率), in hundredths; they make 100.
#[derive(SimpleObject)]
pub struct RateWeights {
    /// 响应率: of the response rate.
    response: u16,
    /// 解决率: of the resolution rate.
    resolution: u16,
    /// 满意率: of the rate of satisfaction.
    satisfaction: u16,
}

impl From<&rules::ScaleEntry> for RatingWord {
    fn from(entry: &rules::ScaleEntry) -> Self {
        Self {
            code: entry.code.into(),
            zh: entry.zh.clone(),
            en: entry.en.clone(),
        }
    }
}

impl From<rules::RateWeights> for RateWeights {
    fn from(weights: rules::RateWeights) -> Self {
        Self {
            response: weights.response,
            resolution: weights.resolution,
            satisfaction: weights.satisfaction,
        }
    }
}

impl From<&Labelled> for RuleCode {
    fn from(labelled: &Labelled) -> Self {
        Self {
            code: labelled.code.clone(),
            zh: labelled.zh.clone(),
            en: labelled.en.clone(),
        }
    }
}

impl From<&rules::DeclineReason> for DeclineReason {
    fn from(reason: &rules::DeclineReason) -> Self {
        Self {
            code: reason.code.clone(),
            zh: reason.zh.clone(),
            en: reason.en.clone(),
            channel_zh: reason.channel_zh.clone(),
            channel_en: reason.channel_en.clone(),
        }
    }
}

/// The form for requests, as the pack has it.
struct Form {
    kinds: Vec<KindTitle>,
    menu: Vec<MenuEntry>,
    required: Vec<RequiredFields>,
}

impl Form {
    fn of(rules: &Rules) -> Self {
        let kind = |kind: &rules::KindTitle| KindTitle {
            code: kind.code.into(),
            zh: kind.zh.clone(),
            en: kind.en.clone(),
        };
        let entry = |entry: &rules::MenuEntry| MenuEntry {
            code: entry.code.clone(),
            zh: entry.zh.clone(),
            en: entry.en.clone(),
            kind: entry.kind.into(),
            topic: entry.topic.clone(),
        };
        let required = |kind: &domain::Kind| {
            let fields = rules.required_fields(*kind);
            (!fields.is_empty()).then(|| RequiredFields {
                kind: (*kind).into(),
                fields: fields.iter().copied().map(IntakeField::from).collect(),
            })
        };
        Self {
            kinds: rules.kinds().iter().map(kind).collect(),
            menu: rules.menu().iter().map(entry).collect(),
            required: domain::Kind::ALL.iter().filter_map(required).collect(),
        }
    }
}

/// Queries about the rules.
#[derive(Default)]
pub struct RulePackQuery;

#[Object]
impl RulePackQuery {
    /// The lists of the rule pack in force, for the forms of a workbench.
    #[graphql(complexity = "50 + 20 * child_complexity")]
    async fn rule_pack(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<RulePack, Error> {
        viewer(context)?;
        wait_for(context, min_position).await?;
        let rules = app(context)?.desk.rules().await.map_err(|e| system(&e))?;
        let codes = |list: &[Labelled]| list.iter().map(RuleCode::from).collect();
        let declining = rules.decline_reasons().iter();
        let form = Form::of(&rules);
        Ok(RulePack {
            version: rules.version,
            kinds: form.kinds,
            menu: form.menu,
            required_fields: form.required,
            assigns_by_itself: rules.assigns_by_itself(),
            channels: codes(rules.channels()),
            topics: rules.topics().to_vec(),
            regions: rules.regions().to_vec(),
            return_reasons: codes(rules.return_reasons()),
            decline_reasons: declining.map(DeclineReason::from).collect(),
            emergency_lines: codes(rules.emergency_lines()),
            suspension_grounds: codes(rules.suspension_grounds()),
            termination_reasons: codes(rules.termination_reasons()),
            exclusion_grounds: codes(rules.exclusion_grounds()),
            retention_classes: codes(rules.retention_classes()),
            extension_days_max: rules.extension_days_max(),
            sign_off_required: rules.sign_off_is_required(),
            rating_scale: rules.scale().iter().map(RatingWord::from).collect(),
            fairly_weight: rules.fairly_weight(),
            rate_weights: rules.rate_weights().into(),
        })
    }
}
