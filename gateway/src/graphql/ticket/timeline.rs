//! The steps of a ticket, with every text given then.

use super::Ticket;
use crate::auth::{Group, Sight, draft_sight, viewer};
use crate::error::{Code, fault_because};
use crate::graphql::account::Account;
use crate::graphql::common::{PageInfo, Position};
use crate::graphql::organisation::{Department, Unit, organisation};
use async_graphql::{Context, Error, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ids::AssignmentNo;
use docket_domain::organisation::Office;
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::ask_exclusion::ExclusionAsked;
use docket_domain::ticket::actions::decide_exclusion::ExclusionDecided;
use docket_domain::ticket::actions::join::Joined;
use docket_domain::ticket::actions::leave::Left;
use docket_domain::ticket::actions::lift_supervision::SupervisionLifted;
use docket_domain::ticket::actions::light::Lit;
use docket_domain::ticket::actions::note_call_back_due::CallBackFellDue;
use docket_domain::ticket::actions::print::Printed;
use docket_domain::ticket::actions::save_draft::Drafted;
use docket_domain::ticket::actions::supervise::Supervised;
use docket_domain::ticket::actions::terminate::Terminated;
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
    ("purpose", Group::Work),
];

/// Steps that are the staff's alone.
const INTERNAL: &[&str] = &[
    Lit::TYPE,
    Supervised::TYPE,
    SupervisionLifted::TYPE,
    ExclusionAsked::TYPE,
    ExclusionDecided::TYPE,
    Joined::TYPE,
    Left::TYPE,
    Printed::TYPE,
    CallBackFellDue::TYPE,
];

/// Whether a step is no citizen's to know of.
pub(super) fn is_internal(event_type: &str) -> bool {
    INTERNAL.contains(&event_type)
}

/// An office that a step names.
#[derive(SimpleObject)]
pub struct StepOffice {
    /// As what: `lead`, `assists`, `unit` and so on after the event's fields; `assignment` is the office whose
    /// assignment the step is about.
    field: String,
    /// What the office was called then.
    name: String,
    /// The department, as it is now.
    department: Option<Department>,
    /// The unit, as it is now.
    unit: Option<Unit>,
}

/// Fields of events that name departments.
const STEP_DEPARTMENTS: &[&str] = &[
    "lead",
    "assists",
    "department",
    "suggested_department",
    "accused_department",
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

    /// Every office it names, by the name it had then. Not told to citizens.
    #[graphql(complexity = "5 * child_complexity")]
    async fn offices(&self, context: &Context<'_>) -> Result<Vec<StepOffice>, Error> {
        if self.of.sight(context, Group::Work)? == Sight::Hidden {
            return Ok(Vec::new());
        }
        let organisation = organisation(context).await?;
        let named = |(field, office): (&str, Office)| {
            let (department, unit) = match office {
                Office::Department(id) => (Department::new(&organisation, id), None),
                Office::Unit(id) => (None, Unit::new(&organisation, id)),
            };
            Some(StepOffice {
                field: field.to_owned(),
                name: organisation.name_at(office, self.step.at)?.to_owned(),
                department,
                unit,
            })
        };
        Ok(self
            .named_offices()?
            .into_iter()
            .filter_map(named)
            .collect())
    }

    /// Every text given with it, as it was then.
    async fn texts(&self, context: &Context<'_>) -> Result<Vec<StepText>, Error> {
        let data = self.data()?;
        if self.step.event_type == Drafted::TYPE
            && self.draft_sight(context, &data)? != Sight::Clear
        {
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        for (field, usual) in STEP_TEXTS {
            // The explanation of a termination is for the citizen.
            let for_citizen = self.step.event_type == Terminated::TYPE;
            let group = if for_citizen { &Group::Matter } else { usual };
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
    fn data(&self) -> Result<serde_json::Value, Error> {
        serde_json::from_str(&self.step.data).map_err(|_| fault_because(Code::Internal, "an event"))
    }

    fn named_offices(&self) -> Result<Vec<(&'static str, Office)>, Error> {
        let data = self.data()?;
        let mut offices = Vec::new();
        for field in STEP_DEPARTMENTS {
            let value = data.get(field);
            let list = value.and_then(|v| v.as_array()).map_or(&[][..], |all| all);
            let ids = value.into_iter().chain(list).filter_map(|v| v.as_str());
            let department = |id: &str| Some((*field, Office::Department(id.parse().ok()?)));
            offices.extend(ids.filter_map(department));
        }
        let id = data.get("unit").and_then(|v| v.as_str());
        let unit = id.and_then(|id| id.parse().ok()).map(Office::Unit);
        let no = data.get("assignment").and_then(serde_json::Value::as_u64);
        let no = no.and_then(|no| u16::try_from(no).ok());
        let holder = no.and_then(|no| self.of.ticket.assignment(AssignmentNo(no)));
        // A unit that is delegated to holds the assignment, too: named once.
        offices.extend(match (unit, holder) {
            (Some(unit), _) => Some(("unit", unit)),
            (None, Some(holder)) => Some(("assignment", holder.office())),
            (None, None) => None,
        });
        Ok(offices)
    }

    /// How much the account sees of a draft: decided by the assignment it was saved in.
    fn draft_sight(&self, context: &Context<'_>, data: &serde_json::Value) -> Result<Sight, Error> {
        let drafted: Drafted = serde_json::from_value(data.clone())
            .map_err(|_| fault_because(Code::Internal, "an event"))?;
        let actor = &viewer(context)?.actor;
        let ticket = &self.of.judged_by;
        let assignment = ticket.assignment(drafted.assignment);
        Ok(assignment.map_or(Sight::Hidden, |a| draft_sight(actor, ticket, a)))
    }
}
