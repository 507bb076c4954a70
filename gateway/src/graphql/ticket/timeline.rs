//! The steps of a ticket, with every text given then.

use super::Ticket;
use crate::auth::{Group, Sight, draft_sight, viewer};
use crate::error::{Code, fault_because};
use crate::graphql::account::Account;
use crate::graphql::common::{PageInfo, Position};
use async_graphql::{Context, Error, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::save_draft::Drafted;
use docket_projections::timeline::Step as StoredStep;

/// Steps of a ticket.
#[derive(SimpleObject)]
pub struct TimelineConnection {
    /// The steps.
    pub(super) nodes: Vec<Step>,
    /// Where the page ends.
    pub(super) page_info: PageInfo,
}

/// A step of a ticket.
pub struct Step {
    pub(super) of: Ticket,
    pub(super) step: StoredStep,
}

/// A text given with a step.
#[derive(SimpleObject)]
pub struct StepText {
    /// The field.
    field: String,
    /// The text; null where erased.
    text: Option<String>,
}

/// Text fields of events, with who may read them. The caller's block is read at [`Ticket`]; drafts are for
/// the holder's office alone, whatever the field.
const STEP_TEXTS: &[(&str, Group)] = &[
    ("title", Group::Matter),
    ("body", Group::Matter),
    ("place", Group::Matter),
    ("source_number", Group::Matter),
    ("source_words", Group::Work),
    ("respondent", Group::Respondent),
    ("instruction", Group::Work),
    ("text", Group::Work),
    ("opinion", Group::Work),
    ("answer", Group::Work),
    ("unsolved_reason", Group::Work),
    ("handler", Group::Work),
    ("phone", Group::Work),
    ("comment", Group::Matter),
    ("article", Group::Work),
    ("lawful_channel", Group::Matter),
    ("evidence", Group::Work),
    ("recording", Group::Work),
];

#[Object]
impl Step {
    /// Its place in the log.
    async fn position(&self) -> Position {
        Position(self.step.position)
    }

    /// What happened, by the event's name: received, assigned, signed, replied and so on.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.step.event_type
    }

    /// The action's Chinese name.
    async fn label(&self) -> &str {
        let spec = domain::ACTIONS
            .iter()
            .find(|spec| spec.event == self.step.event_type);
        spec.map_or(self.step.event_type.as_str(), |spec| spec.zh)
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.step.at
    }

    /// By whom. Not told to citizens; and who called is told only to those who may know the caller.
    async fn by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.step.by).await
    }

    /// Every text given with it, as it was then.
    async fn texts(&self, context: &Context<'_>) -> Result<Vec<StepText>, Error> {
        let data: serde_json::Value = serde_json::from_str(&self.step.data)
            .map_err(|_| fault_because(Code::Internal, "an event"))?;
        if self.step.event_type == Drafted::TYPE
            && self.draft_sight(context, &data)? != Sight::Clear
        {
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        for (field, group) in STEP_TEXTS {
            let sealed = data
                .get(field)
                .and_then(|v| v.as_str())
                .and_then(|t| t.parse::<Sealed>().ok());
            let Some(sealed) = sealed else { continue };
            if self.of.sight(context, *group)? != Sight::Hidden {
                let text = self.of.text(context, *group, field, Some(&sealed)).await?;
                texts.push(StepText {
                    field: (*field).to_owned(),
                    text,
                });
            }
        }
        Ok(texts)
    }
}

impl Step {
    /// How much the account sees of a draft: decided by the assignment it was saved in.
    fn draft_sight(&self, context: &Context<'_>, data: &serde_json::Value) -> Result<Sight, Error> {
        let drafted: Drafted = serde_json::from_value(data.clone())
            .map_err(|_| fault_because(Code::Internal, "an event"))?;
        let actor = &viewer(context)?.actor;
        let assignment = self.of.ticket.assignment(drafted.assignment);
        Ok(assignment.map_or(Sight::Hidden, |a| draft_sight(actor, &self.of.ticket, a)))
    }
}
