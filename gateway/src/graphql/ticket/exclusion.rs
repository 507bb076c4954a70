//! Exclusions from the appraisal (剔除), of one ticket and of all.

use super::{Siblings, Ticket};
use crate::auth::viewer;
use crate::error::{Code, fault, fault_because, system, view_fault};
use crate::graphql::account::Account;
use crate::graphql::common::{Day, Position, app, cursor, cursor_parts, local_id, wait_for};
use crate::graphql::organisation::Department;
use crate::graphql::paging::{PageArgs, PageInfo, Paging, connection, page_size};
use crate::rights::{self, Group, Listed};
use async_graphql::{Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use docket_domain::ids::DepartmentId;
use docket_domain::ticket as domain;
use docket_projections::exclusions::{self as view, ExclusionQuery, ExclusionRow, PAGE_MAX};

/// Rows of a page where the client does not say.
const PAGE_USUAL: u32 = 20;

/// What became of an exclusion from the appraisal.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_projections::exclusions::ExclusionState")]
pub enum ExclusionState {
    /// 待审批: asked for the first time, and not decided on (the hotline office's to decide).
    Pending,
    /// 申诉中: asked for again after a refusal, and not decided on (the joint meeting's to decide).
    Appealed,
    /// 已剔除: granted.
    Granted,
    /// 未剔除: refused.
    Refused,
}

/// A department's wish that a ticket be left out of its appraisal (申请剔除), or its appeal.
pub struct Exclusion {
    pub(super) of: Ticket,
    pub(super) exclusion: domain::Exclusion,
}

/// A department's wish that a ticket be left out of its appraisal (申请剔除), or its appeal.
#[Object]
impl Exclusion {
    /// The ticket.
    async fn ticket(&self) -> &Ticket {
        &self.of
    }

    /// Its number within the ticket, from 1.
    async fn no(&self) -> u16 {
        self.exclusion.no
    }

    /// What became of it.
    async fn state(&self) -> ExclusionState {
        view::ExclusionState::of(&self.exclusion).into()
    }

    /// The department that asks.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        Department::find(context, self.exclusion.department).await
    }

    /// When it asked.
    async fn asked_at(&self) -> DateTime<Utc> {
        self.exclusion.asked_at
    }

    /// By whom.
    async fn asked_by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        self.of.by(context, self.exclusion.asked_by).await
    }

    /// The ground's code.
    async fn ground(&self) -> &str {
        &self.exclusion.ground
    }

    /// The evidence.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let text = Some(&self.exclusion.text);
        self.of.text(context, Group::Work, "text", text).await
    }

    /// Whether it is an appeal, which the joint meeting decides.
    async fn appeal(&self) -> bool {
        self.exclusion.appeal
    }

    /// When it was decided.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.exclusion.decided_at
    }

    /// By whom.
    async fn decided_by(&self, context: &Context<'_>) -> Result<Option<Account>, Error> {
        match self.exclusion.decided_by {
            Some(by) => self.of.by(context, by).await,
            None => Ok(None),
        }
    }

    /// What was decided; null while that is open.
    async fn granted(&self) -> Option<bool> {
        self.exclusion.granted
    }

    /// Why.
    async fn opinion(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let opinion = self.exclusion.opinion.as_ref();
        self.of.text(context, Group::Work, "text", opinion).await
    }
}

connection! {
    /// A page of the exclusions from the appraisal.
    ExclusionConnection,
    /// An exclusion from the appraisal, with its cursor.
    ExclusionEdge of Exclusion
}

/// Which exclusions.
#[derive(InputObject, Default)]
pub struct ExclusionFilter {
    /// Only those of this department.
    department_id: Option<ID>,
    /// Only those that stand so.
    state: Option<ExclusionState>,
    /// Only those asked for on this day or later, in the hotline's zone.
    from: Option<Day>,
    /// Only those asked for on this day or earlier.
    to: Option<Day>,
}

/// Queries about exclusions.
#[derive(Default)]
pub struct ExclusionQueries;

#[Object]
impl ExclusionQueries {
    /// 剔除清单: every exclusion from the appraisal that was asked for, the latest first (the hotline office, the joint
    /// meeting, supervisors, auditors; a department its own).
    #[graphql(
        complexity = "50 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn exclusions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows wanted from the latest on, 1 to 100; 20 if neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows wanted from the oldest back, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which.")] filter: Option<ExclusionFilter>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<ExclusionConnection, Error> {
        let query = &asked_for(context, filter.unwrap_or_default()).await?;
        wait_for(context, min_position).await?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let paging = Paging::of(context, &args, (PAGE_USUAL, PAGE_MAX), place)?;
        let views = &app(context)?.views;
        let load = |span| async move {
            let read = views.exclusions(query, &span).await;
            read.map_err(|error| view_fault(&error))
        };
        let page = paging.read(|row: &ExclusionRow| row.place, load).await?;
        let page_info = page.info(cursor_of);
        let siblings = Siblings::of(page.rows.iter().map(|row| &row.card));
        let edge = |row: ExclusionRow| {
            let (_, _, no) = row.place;
            let cursor = cursor_of(&row);
            // The card is read by the same statement as the row.
            let mut all = row.card.ticket.exclusions.iter();
            let exclusion = all.find(|exclusion| exclusion.no == no).cloned();
            let nowhere = || fault_because(Code::Internal, "an exclusion");
            let exclusion = exclusion.ok_or_else(nowhere)?;
            let of = Ticket::among(row.card, &siblings);
            let node = Exclusion { of, exclusion };
            Ok::<_, Error>(ExclusionEdge { cursor, node })
        };
        Ok(ExclusionConnection {
            edges: page.rows.into_iter().map(edge).collect::<Result<_, _>>()?,
            page_info,
        })
    }
}

/// What a filter asks for, as far as the viewer may.
async fn asked_for(
    context: &Context<'_>,
    filter: ExclusionFilter,
) -> Result<ExclusionQuery, Error> {
    let actor = &viewer(context)?.actor;
    let listed = rights::lists_exclusions(actor).ok_or_else(|| fault(Code::Forbidden))?;
    let named = filter
        .department_id
        .map(|id| local_id::<DepartmentId>("department", &id))
        .transpose()?;
    let department = match (listed, named) {
        (Listed::All, named) => named,
        (Listed::Of(own), None) => Some(own),
        (Listed::Of(own), Some(named)) if named == own => Some(own),
        (Listed::Of(_), Some(_)) => return Err(fault(Code::Forbidden)),
    };
    let rules = app(context)?.desk.rules().await.map_err(|e| system(&e))?;
    let begins = |day: NaiveDate| rules.calendar.at(day, NaiveTime::MIN);
    let (from, to) = (
        filter.from.map(Day::known).transpose()?,
        filter.to.map(Day::known).transpose()?,
    );
    Ok(ExclusionQuery {
        department,
        known_to: actor.department,
        state: filter.state.map(Into::into),
        from: from.map(begins),
        until: to.map(|last| begins(last + Days::new(1))),
    })
}

fn cursor_of(row: &ExclusionRow) -> String {
    let (at, ticket, no) = row.place;
    cursor(
        "exclusions",
        &[at.to_string(), ticket.to_string(), no.to_string()],
    )
}

fn place(text: &str) -> Result<view::Place, Error> {
    let [at, ticket, no] = cursor_parts::<3>("exclusions", text)?;
    match (at.parse(), ticket.parse(), no.parse()) {
        (Ok(at), Ok(ticket), Ok(no)) => Ok((at, ticket, no)),
        _ => Err(fault(Code::BadCursor)),
    }
}
