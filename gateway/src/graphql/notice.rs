//! Notices of the hotline office, and who has read them.

use super::common::{
    Position, UserError, app, cursor, global_id, local_id, open, options, split, wait_for,
};
use super::limits::counted;
use super::organisation::Department;
use super::paging::{PageArgs, PageInfo, Paging, connection, page_size, place_of};
use crate::auth::viewer;
use crate::error::{Code, Failure, fault, fault_because, view_fault};
use crate::rights::{Sight, sees_every_notice as sees_all};
use async_graphql::{Context, Error, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::Span;
use docket_core::desk::{Options, Outcome};
use docket_domain::account::Given;
use docket_domain::ids::{DepartmentId, NoticeId};
use docket_domain::notice::{self as domain, Change, Content, NoticeAction};
use docket_domain::people::Actor;
use docket_projections::notices::{NoticeQuery, NoticeRow};
use uuid::Uuid;

/// Most notices a page.
const PAGE_MAX: u32 = 100;
/// Notices of a page where the client does not say.
const PAGE_USUAL: u32 = 20;

/// A notice (公告) of the hotline office.
#[derive(Clone)]
pub struct Notice {
    row: NoticeRow,
    /// What the views must have seen before they are asked about it.
    position: Option<Position>,
}

/// How many people of an office have read a notice as it stands.
#[derive(SimpleObject)]
pub struct NoticeReaders {
    /// The department, its units included; null: the centre.
    department: Option<Department>,
    /// How many accounts.
    count: u64,
}

impl Notice {
    pub(super) const fn key(&self) -> NoticeId {
        self.row.id
    }
}

/// A notice (公告) of the hotline office.
#[Object]
impl Notice {
    /// Global id.
    pub async fn id(&self) -> ID {
        global_id("notice", self.row.id.0)
    }

    /// Title.
    async fn title(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        open(context, Sight::Clear, "title", Some(&self.row.title)).await
    }

    /// Body.
    async fn body(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        open(context, Sight::Clear, "body", Some(&self.row.body)).await
    }

    /// When it was published.
    async fn published_at(&self) -> DateTime<Utc> {
        self.row.published_at
    }

    /// When it was changed last.
    async fn changed_at(&self) -> Option<DateTime<Utc>> {
        self.row.changed_at
    }

    /// Until when it holds; null: until it is withdrawn.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.expires_at
    }

    /// When it was withdrawn. Only the hotline office and auditors still see it then.
    async fn withdrawn_at(&self) -> Option<DateTime<Utc>> {
        self.row.withdrawn_at
    }

    /// 1 when published, and one more with every change.
    async fn edition(&self) -> u32 {
        self.row.edition
    }

    /// Moves with every change, and when it is withdrawn; not when it is read. Give it as `expectedRevision`.
    async fn revision(&self) -> u32 {
        domain::revision(self.row.edition, self.row.withdrawn_at.is_some())
    }

    /// Whether one has read it as it stands.
    async fn read(&self) -> bool {
        self.row.read
    }

    /// The departments it is addressed to, at most 2,000, their units included; null: all.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn departments(&self, context: &Context<'_>) -> Result<Option<Vec<Department>>, Error> {
        wait_for(context, self.position).await?;
        let named = app(context)?.views.notice_departments(self.row.id).await;
        let Some(named) = named.map_err(|error| view_fault(&error))? else {
            return Ok(None);
        };
        let mut departments = Vec::with_capacity(named.len());
        for id in named {
            departments.extend(Department::find(context, id).await?);
        }
        counted(context, departments).map(Some)
    }

    /// How many people of each department have read it as it stands (the hotline office, auditors; null for others).
    /// Departments that nobody has read it in are left out.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn read_by(&self, context: &Context<'_>) -> Result<Option<Vec<NoticeReaders>>, Error> {
        if !sees_all(&viewer(context)?.actor) {
            return Ok(None);
        }
        wait_for(context, self.position).await?;
        let found = app(context)?.views.notice_readers(self.row.id).await;
        let mut readers = Vec::new();
        for (department, count) in found.map_err(|error| view_fault(&error))? {
            let department = match department {
                Some(id) => Department::find(context, id).await?,
                None => None,
            };
            readers.push(NoticeReaders { department, count });
        }
        counted(context, readers).map(Some)
    }
}

connection! {
    /// A page of notices.
    NoticeConnection,
    /// A row of the notices, with its cursor.
    NoticeEdge of Notice
}

/// Which notices.
#[derive(InputObject, Default)]
pub struct NoticeFilter {
    /// True: only what one has not read as it stands.
    #[graphql(default)]
    unread_only: bool,
}

/// Queries about notices.
#[derive(Default)]
pub struct NoticeQueries;

#[Object]
impl NoticeQueries {
    /// 公告: the notices addressed to one's department, the latest first. The centre sees all that hold; the hotline
    /// office and auditors also those that are over.
    #[graphql(
        complexity = "50 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn notices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows wanted from the latest on, 1 to 100; 20 if neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows wanted from the oldest back, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which.")] filter: Option<NoticeFilter>,
        #[graphql(
            desc = "Only what one has not read as it stands.",
            default,
            deprecation = "Give it in `filter`."
        )]
        unread_only: bool,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<NoticeConnection, Error> {
        let query = addressed(context)?.ok_or_else(|| fault(Code::Forbidden))?;
        let query = &NoticeQuery {
            unread_only: unread_only || filter.is_some_and(|filter| filter.unread_only),
            ..query
        };
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
            let read = views.notices(query, &span).await;
            read.map_err(|error| view_fault(&error))
        };
        let page = paging.read(|row| (row.published_at, row.id), load).await?;
        let page_info = page.info(cursor_of);
        let edge = |row: NoticeRow| NoticeEdge {
            cursor: cursor_of(&row),
            node: Notice {
                row,
                position: None,
            },
        };
        Ok(NoticeConnection {
            edges: page.rows.into_iter().map(edge).collect(),
            page_info,
        })
    }
}

/// The notices that the viewer may see; `None` where there are none for them.
fn addressed(context: &Context<'_>) -> Result<Option<NoticeQuery>, Error> {
    let actor = &viewer(context)?.actor;
    let all = actor.in_centre() || sees_all(actor);
    let department = actor.department.filter(|_| !all && actor.in_office());
    if !all && department.is_none() {
        return Ok(None);
    }
    Ok(Some(NoticeQuery {
        account: actor.account,
        department,
        with_ended: sees_all(actor),
        unread_only: false,
        now: app(context)?.desk.now(),
        only: None,
    }))
}

/// Those of these notices that the viewer may see.
pub(super) async fn seen(context: &Context<'_>, ids: Vec<NoticeId>) -> Result<Vec<Notice>, Error> {
    let Some(query) = addressed(context)? else {
        return Ok(Vec::new());
    };
    let query = NoticeQuery {
        only: Some(ids),
        ..query
    };
    let span = Span::first(PAGE_MAX);
    let rows = app(context)?.views.notices(&query, &span).await;
    let rows = rows.map_err(|error| view_fault(&error))?;
    let notice = |row| Notice {
        row,
        position: None,
    };
    Ok(rows.into_iter().map(notice).collect())
}

fn cursor_of(row: &NoticeRow) -> String {
    let at = row.published_at.timestamp_micros().to_string();
    cursor("notices", &[at, row.id.to_string()])
}

fn place(text: &str) -> Result<(DateTime<Utc>, NoticeId), Error> {
    let (at, id) = place_of("notices", text)?;
    let at = DateTime::from_timestamp_micros(at).ok_or_else(|| fault(Code::BadCursor))?;
    Ok((at, id))
}

/// A notice to be published.
#[derive(InputObject)]
pub struct PublishNoticeInput {
    /// Title.
    title: String,
    /// Body.
    body: String,
    /// The departments it is for, their units included; left out or null: all. An empty list is refused: it names
    /// nobody.
    department_ids: Option<Vec<ID>>,
    /// Until when it holds; leave it out where it holds until it is withdrawn.
    expires_at: Option<DateTime<Utc>>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// What a notice is to say from now on.
#[derive(InputObject)]
pub struct ChangeNoticeInput {
    /// Which.
    id: ID,
    /// Title.
    title: String,
    /// Body.
    body: String,
    /// The departments it is for from now on, their units included; left out or null: those it is for already. An
    /// empty list is refused: it names nobody.
    department_ids: Option<Vec<ID>>,
    /// True: it is for all departments from now on. Not beside `departmentIds`.
    to_all: Option<bool>,
    /// Until when it holds; left out: as long as it held already; null: until it is withdrawn.
    expires_at: MaybeUndefined<DateTime<Utc>>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the notice as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A notice to be withdrawn.
#[derive(InputObject)]
pub struct WithdrawNoticeInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the notice as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A notice that was read.
#[derive(InputObject)]
pub struct MarkNoticeReadInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the notice as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A notice after the command.
#[derive(SimpleObject)]
pub struct NoticePayload {
    /// The notice as the command left it; null where it was refused.
    notice: Option<Notice>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands about notices.
#[derive(Default)]
pub struct NoticeMutation;

#[Object]
impl NoticeMutation {
    /// 发布公告: publishes a notice to all departments or to some (the hotline office).
    async fn publish_notice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: PublishNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let command = input.command_id.map(Into::into);
        let id = app(context)?.desk.new_notice(command);
        let named = input.department_ids.as_deref();
        let content = Content {
            title: input.title,
            body: input.body,
            departments: named.map(departments).transpose()?,
            expires_at: input.expires_at,
        };
        let options = options(input.command_id, None);
        keep(context, id, NoticeAction::Publish(content), &options).await
    }

    /// 修改公告: has a notice say something else, or to others (the hotline office). It is then unread again.
    async fn change_notice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ChangeNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        let departments = match (input.to_all == Some(true), input.department_ids) {
            (true, Some(_)) => {
                let detail = (
                    "departmentIds 与 toAll 不能同时填写",
                    "input has departmentIds or toAll, not both",
                );
                return Err(fault_because(Code::BadRequest, detail));
            }
            (true, None) => Given::Nothing,
            (false, None) => Given::Kept,
            (false, Some(ids)) => Given::This(departments(&ids)?),
        };
        let change = Change {
            title: input.title,
            body: input.body,
            departments,
            expires_at: match input.expires_at {
                MaybeUndefined::Undefined => Given::Kept,
                MaybeUndefined::Null => Given::Nothing,
                MaybeUndefined::Value(at) => Given::This(at),
            },
        };
        let options = options(input.command_id, input.expected_revision);
        keep(context, id, NoticeAction::Change(change), &options).await
    }

    /// 撤回公告: takes a notice back; that it was published stays on record (the hotline office).
    async fn withdraw_notice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: WithdrawNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        let options = options(input.command_id, input.expected_revision);
        keep(context, id, NoticeAction::Withdraw, &options).await
    }

    /// 公告已读: marks a notice as read as it stands (whoever it is addressed to, and the centre).
    async fn mark_notice_read(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MarkNoticeReadInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        let options = options(input.command_id, input.expected_revision);
        keep(context, id, NoticeAction::MarkRead, &options).await
    }
}

fn departments(ids: &[ID]) -> Result<Vec<DepartmentId>, Error> {
    let ids = ids.iter().map(|id| local_id("department", id));
    ids.collect()
}

async fn keep(
    context: &Context<'_>,
    id: NoticeId,
    action: NoticeAction<String>,
    options: &Options,
) -> Result<NoticePayload, Error> {
    let actor = &viewer(context)?.actor;
    let desk = &app(context)?.desk;
    let kept = desk.keep_notice(actor, id, action, options).await;
    let (outcome, user_errors) = split(context, kept.map_err(Failure::from))?;
    Ok(NoticePayload {
        position: outcome.as_ref().map(|outcome| Position(outcome.position)),
        notice: outcome.and_then(|outcome| from_the_append(&outcome, actor)),
        user_errors,
    })
}

fn from_the_append(outcome: &Outcome<domain::Notice>, actor: &Actor) -> Option<Notice> {
    let notice = &outcome.state;
    let (content, published_at) = notice.content.as_ref().zip(notice.published_at)?;
    Some(Notice {
        row: NoticeRow {
            id: NoticeId(outcome.id),
            title: content.title.clone(),
            body: content.body.clone(),
            published_at,
            changed_at: notice.changed_at,
            expires_at: content.expires_at,
            withdrawn_at: notice.withdrawn_at,
            edition: notice.edition,
            read: notice.is_read_by(actor.account),
        },
        position: Some(Position(outcome.position)),
    })
}
