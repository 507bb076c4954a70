//! Notices of the hotline office, and who has read them.

use super::common::{
    PageInfo, Position, UserError, app, cursor, cursor_parts, global_id, local_id, open, options,
    page_size, split, wait_for,
};
use super::organisation::Department;
use crate::auth::{Sight, viewer};
use crate::error::{Code, Failure, fault, view_fault};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::desk::Outcome;
use docket_domain::ids::{DepartmentId, NoticeId};
use docket_domain::notice::{self as domain, Content, NoticeAction};
use docket_domain::people::{Actor, Role};
use docket_projections::notices::{NoticeQuery, NoticeRow};
use uuid::Uuid;

/// Most notices a page.
const PAGE_MAX: u32 = 100;

/// A notice (公告) of the hotline office.
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

#[Object]
impl Notice {
    /// Global id.
    async fn id(&self) -> ID {
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
        Ok(Some(departments))
    }

    /// How many people of each department have read it as it stands (the hotline office, auditors; null for others).
    /// Departments that nobody has read it in are left out.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn read_by(&self, context: &Context<'_>) -> Result<Option<Vec<NoticeReaders>>, Error> {
        if !sees_all(&viewer(context)?.actor) {
            return Ok(None);
        }
        wait_for(context, self.position).await?;
        let counted = app(context)?.views.notice_readers(self.row.id).await;
        let mut readers = Vec::new();
        for (department, count) in counted.map_err(|error| view_fault(&error))? {
            let department = match department {
                Some(id) => Department::find(context, id).await?,
                None => None,
            };
            readers.push(NoticeReaders { department, count });
        }
        Ok(Some(readers))
    }
}

/// A page of notices.
#[derive(SimpleObject)]
pub struct NoticeConnection {
    /// The rows.
    #[graphql(complexity = "child_complexity")]
    edges: Vec<NoticeEdge>,
    /// Where the page ends.
    page_info: PageInfo,
}

/// A row with its cursor.
#[derive(SimpleObject)]
pub struct NoticeEdge {
    /// Its cursor.
    cursor: String,
    /// The notice.
    node: Notice,
}

/// Whether an account sees every notice, those that are over as well.
fn sees_all(actor: &Actor) -> bool {
    actor.has_any(&[Role::Office, Role::Auditor])
}

/// Queries about notices.
#[derive(Default)]
pub struct NoticeQueries;

#[Object]
impl NoticeQueries {
    /// 公告: the notices addressed to one's department, the latest first. The centre sees all that hold; the hotline
    /// office and auditors also those that are over.
    #[graphql(complexity = "50 + page_size(first, PAGE_MAX) as usize * child_complexity")]
    async fn notices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows wanted, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what one has not read as it stands.", default)] unread_only: bool,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<NoticeConnection, Error> {
        let actor = &viewer(context)?.actor;
        let all = actor.in_centre() || sees_all(actor);
        let department = actor.department.filter(|_| !all && actor.in_office());
        if !all && department.is_none() {
            return Err(fault(Code::Forbidden));
        }
        wait_for(context, min_position).await?;
        let size = page_size(first, PAGE_MAX);
        let query = NoticeQuery {
            account: actor.account,
            department,
            with_ended: sees_all(actor),
            unread_only,
            now: app(context)?.desk.now(),
            after: after.as_deref().map(place).transpose()?,
            limit: size + 1,
        };
        let rows = app(context)?.views.notices(&query).await;
        let mut rows = rows.map_err(|error| view_fault(&error))?;
        let has_next_page = rows.len() > size as usize;
        rows.truncate(size as usize);
        let edge = |row: NoticeRow| NoticeEdge {
            cursor: cursor_of(&row),
            node: Notice {
                row,
                position: None,
            },
        };
        let edges: Vec<NoticeEdge> = rows.into_iter().map(edge).collect();
        let cursor = |edge: &NoticeEdge| edge.cursor.clone();
        Ok(NoticeConnection {
            page_info: PageInfo {
                has_next_page,
                has_previous_page: query.after.is_some(),
                start_cursor: edges.first().map(cursor),
                end_cursor: edges.last().map(cursor),
            },
            edges,
        })
    }
}

fn cursor_of(row: &NoticeRow) -> String {
    let at = row.published_at.timestamp_micros().to_string();
    cursor("notices", &[at, row.id.to_string()])
}

fn place(after: &str) -> Result<(DateTime<Utc>, NoticeId), Error> {
    let [at, id] = cursor_parts::<2>("notices", after)?;
    let at = at.parse().ok().and_then(DateTime::from_timestamp_micros);
    at.zip(id.parse().ok())
        .ok_or_else(|| fault(Code::BadCursor))
}

/// A notice to be published.
#[derive(InputObject)]
pub struct PublishNoticeInput {
    /// Title.
    title: String,
    /// Body.
    body: String,
    /// The departments it is for, their units included; leave it out for all.
    department_ids: Option<Vec<ID>>,
    /// Until when it holds; leave it out where it holds until it is withdrawn.
    expires_at: Option<DateTime<Utc>>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// What a notice is to say from now on, whole.
#[derive(InputObject)]
pub struct ChangeNoticeInput {
    /// Which.
    id: ID,
    /// Title.
    title: String,
    /// Body.
    body: String,
    /// The departments it is for, their units included; leave it out for all.
    department_ids: Option<Vec<ID>>,
    /// Until when it holds; leave it out where it holds until it is withdrawn.
    expires_at: Option<DateTime<Utc>>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// A notice to be withdrawn.
#[derive(InputObject)]
pub struct WithdrawNoticeInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// A notice that was read.
#[derive(InputObject)]
pub struct MarkNoticeReadInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
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
        input: PublishNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let command = input.command_id.map(Into::into);
        let id = app(context)?.desk.new_notice(command);
        let content = content(
            (input.title, input.body),
            input.department_ids,
            input.expires_at,
        )?;
        keep(
            context,
            id,
            NoticeAction::Publish(content),
            input.command_id,
        )
        .await
    }

    /// 修改公告: has a notice say something else, or to others (the hotline office). It is then unread again.
    async fn change_notice(
        &self,
        context: &Context<'_>,
        input: ChangeNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        let content = content(
            (input.title, input.body),
            input.department_ids,
            input.expires_at,
        )?;
        keep(context, id, NoticeAction::Change(content), input.command_id).await
    }

    /// 撤回公告: takes a notice back; that it was published stays on record (the hotline office).
    async fn withdraw_notice(
        &self,
        context: &Context<'_>,
        input: WithdrawNoticeInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        keep(context, id, NoticeAction::Withdraw, input.command_id).await
    }

    /// 公告已读: marks a notice as read as it stands (whoever it is addressed to, and the centre).
    async fn mark_notice_read(
        &self,
        context: &Context<'_>,
        input: MarkNoticeReadInput,
    ) -> Result<NoticePayload, Error> {
        let id = local_id("notice", &input.id)?;
        keep(context, id, NoticeAction::MarkRead, input.command_id).await
    }
}

fn content(
    (title, body): (String, String),
    departments: Option<Vec<ID>>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Content<String>, Error> {
    let local = |ids: Vec<ID>| {
        let ids = ids.iter().map(|id| local_id("department", id));
        ids.collect::<Result<Vec<DepartmentId>, Error>>()
    };
    Ok(Content {
        title,
        body,
        departments: departments.map(local).transpose()?,
        expires_at,
    })
}

async fn keep(
    context: &Context<'_>,
    id: NoticeId,
    action: NoticeAction<String>,
    command: Option<Uuid>,
) -> Result<NoticePayload, Error> {
    let options = options(command, None)?;
    let actor = &viewer(context)?.actor;
    let desk = &app(context)?.desk;
    let kept = desk.keep_notice(actor, id, action, &options).await;
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
