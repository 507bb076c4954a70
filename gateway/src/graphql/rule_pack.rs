//! The lists of the rule pack in force: the codes and texts that inputs take.

use super::common::app;
use crate::auth::viewer;
use crate::error::system;
use async_graphql::{Context, Error, Object, SimpleObject};
use docket_domain::rules::{self, Labelled};

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

/// The lists of the rule pack in force.
#[derive(SimpleObject)]
pub struct RulePack {
    /// The number of its publication.
    version: u32,
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

/// Queries about the rules.
#[derive(Default)]
pub struct RulePackQuery;

#[Object]
impl RulePackQuery {
    /// The lists of the rule pack in force, for the forms of a workbench.
    async fn rule_pack(&self, context: &Context<'_>) -> Result<RulePack, Error> {
        viewer(context)?;
        let rules = app(context)?.desk.rules().await.map_err(|e| system(&e))?;
        let codes = |list: &[Labelled]| list.iter().map(RuleCode::from).collect();
        let declining = rules.decline_reasons().iter();
        Ok(RulePack {
            version: rules.version,
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
        })
    }
}
