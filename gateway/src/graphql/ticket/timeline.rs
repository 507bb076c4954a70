//! The steps of a ticket, with every text given then.

use super::Ticket;
use crate::auth::viewer;
use crate::error::{Code, fault, fault_because, view_fault};
use crate::graphql::account::Account;
use crate::graphql::common::{Position, app, cursor, cursor_parts, language, wait_for};
use crate::graphql::limits::counted;
use crate::graphql::organisation::{Department, Unit, organisation};
use crate::graphql::paging::{PageArgs, PageInfo, Paging, connection};
use crate::rights::{Group, Sight, draft_sight, step_text_group};
use async_graphql::{Context, Error, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::Span;
use docket_domain::ids::AssignmentNo;
use docket_domain::organisation::Office;
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_domain::ticket::actions::Fact as _;
use docket_domain::ticket::actions::ask_exclusion::ExclusionAsked;
use docket_domain::ticket::actions::attach_file::FileAttached;
use docket_domain::ticket::actions::decide_exclusion::ExclusionDecided;
use docket_domain::ticket::actions::join::Joined;
use docket_domain::ticket::actions::leave::Left;
use docket_domain::ticket::actions::lift_supervision::SupervisionLifted;
use docket_domain::ticket::actions::light::Lit;
use docket_domain::ticket::actions::note_call_back_due::CallBackFellDue;
use docket_domain::ticket::actions::open_file::FileOpened;
use docket_domain::ticket::actions::print::Printed;
use docket_domain::ticket::actions::save_draft::Drafted;
use docket_domain::ticket::actions::settle_dues::DuesSettled;
use docket_domain::ticket::actions::supervise::Supervised;
use docket_projections::timeline::{STEPS_MAX, Step as StoredStep};

/// Steps of a page where the client does not say.
pub(super) const STEPS_USUAL: u32 = 100;

connection! {
    /// Steps of a ticket.
    TimelineConnection,
    /// A step of a ticket, with its cursor.
    TimelineEdge of Step
}

/// A page of a ticket's steps.
pub(super) async fn page(
    context: &Context<'_>,
    of: &Ticket,
    args: &PageArgs,
) -> Result<TimelineConnection, Error> {
    let paging = Paging::of(context, args, (STEPS_USUAL, STEPS_MAX), |text| {
        let [version] = cursor_parts::<1>("timeline", text)?;
        version.parse().map_err(|_| fault(Code::BadCursor))
    })?;
    wait_for(context, Some(Position(of.position))).await?;
    // What is the staff's alone is left out before pages are cut: nobody sees by their lengths that there is more.
    let without = if of.reads_work(context)? {
        &[][..]
    } else {
        INTERNAL
    };
    let load = |span: Span<u64>| async move {
        if let Some(siblings) = &of.siblings {
            return siblings.timeline(context, of.id, &span, without).await;
        }
        let steps = app(context)?.views.timeline(of.id, &span, without).await;
        steps.map_err(|error| view_fault(&error))
    };
    let page = paging.read(|step: &StoredStep| step.version, load).await?;
    let cursor_of = |step: &StoredStep| cursor("timeline", &[step.version.to_string()]);
    let page_info = page.info(cursor_of);
    let edge = |step: StoredStep| TimelineEdge {
        cursor: cursor_of(&step),
        node: Step {
            of: of.clone(),
            step,
        },
    };
    Ok(TimelineConnection {
        edges: page.rows.into_iter().map(edge).collect(),
        page_info,
    })
}

/// A step of a ticket.
pub struct Step {
    of: Ticket,
    step: StoredStep,
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
    ("file_name", Group::Work),
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
    FileAttached::TYPE,
    FileOpened::TYPE,
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

/// A step of a ticket.
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

    /// The action's name in the language of the request (`Accept-Language`; Chinese by default).
    async fn label(&self, context: &Context<'_>) -> &str {
        let spec = domain::ACTIONS
            .iter()
            .find(|spec| spec.event == self.step.event_type);
        spec.map_or(self.step.event_type.as_str(), |spec| {
            language(context).pick(spec.zh, spec.en)
        })
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
        if !self.of.reads_work(context)? {
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
        let offices = self.named_offices()?.into_iter();
        counted(context, offices.filter_map(named).collect())
    }

    /// Whether the supervision that Docket itself had put the ticket under was taken back with it, as the limit that it
    /// was for came out otherwise (`dues_settled`). Not told to citizens.
    async fn lifts_supervision(&self, context: &Context<'_>) -> Result<bool, Error> {
        if self.step.event_type != DuesSettled::TYPE || !self.of.reads_work(context)? {
            return Ok(false);
        }
        Ok(self.data()?["lifts_supervision"] == true)
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
            let group = step_text_group(&self.step.event_type, *usual);
            let sealed = data
                .get(field)
                .and_then(|v| v.as_str())
                .and_then(|t| t.parse::<Sealed>().ok());
            let Some(sealed) = sealed else { continue };
            if self.of.sight(context, group)? != Sight::Hidden {
                let text = self.of.text(context, group, field, Some(&sealed)).await?;
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
