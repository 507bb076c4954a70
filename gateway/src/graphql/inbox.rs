//! The inbox of the office one works for.

use super::common::{PageInfo, Position, app, cursor, cursor_parts, page_size, wait_for};
use super::ticket::{Kind, Ticket, Urgency};
use crate::auth::viewer;
use crate::error::{Code, fault, view_fault};
use async_graphql::{Context, Enum, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ids::TicketId;
use docket_projections::inbox::{self as view, Holder, PAGE_MAX};
use tokio::sync::OnceCell;

/// A tab of an inbox.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_projections::inbox::Tab")]
pub enum InboxTab {
    /// 待派单: nobody's: received, or back at the centre for good (the centre's).
    ToAssign,
    /// 待审批: the centre has to decide: on a return, an extension, a termination, an exclusion (the centre's).
    ToDecide,
    /// 疑难待裁定: disputed: the joint meeting rules who handles it (the centre's).
    Disputed,
    /// 待签收: assigned, not signed. Unviewed ones have a red title.
    ToSign,
    /// 办理中: signed.
    InProgress,
    /// 已交办: with a unit.
    Delegated,
    /// 一级部门汇总: the unit has replied, the department sums up.
    AwaitingSummary,
    /// 待签发: the answer is drafted, and its leader is to sign it off, where the pack asks for that (a department's).
    ToSignOff,
    /// 已挂起: its clock stands still on a lawful ground.
    Suspended,
    /// 已退回: given back (the offices').
    Returned,
    /// 已答复: replied, and not over yet (the offices').
    Replied,
    /// 待审核答复: answered: the hotline office reviews it (the centre's).
    ToReview,
    /// 待回访: reviewed: the citizen is to be called back (the centre's).
    ToCallBack,
    /// 待重办: not solved, says the citizen: to be handled anew, or closed all the same (the centre's).
    ToRedo,
    /// 待办结: reviewed, with nobody to call back: to be closed (the centre's).
    ToClose,
    /// 已办结: over, or out of this office's hands.
    Done,
    /// 超期: open and past its deadline, in whatever other tab it is.
    Overdue,
}

/// An inbox's order.
#[expect(clippy::enum_variant_names, reason = "that is what they say")]
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_projections::inbox::Order")]
pub enum InboxOrder {
    /// Next due first.
    DueFirst,
    /// Longest received first.
    OldestFirst,
    /// Latest received first.
    NewestFirst,
    /// Latest moved first.
    LatestFirst,
    /// Longest nobody's first; what is somebody's last. In tabs where nothing is nobody's as `OLDEST_FIRST`.
    UnassignedFirst,
}

/// What to show of a tab.
#[derive(InputObject, Default)]
pub struct InboxFilter {
    /// Only this kind.
    kind: Option<Kind>,
    /// Only this urgency.
    urgency: Option<Urgency>,
    /// Only (or only not) unviewed ones.
    unviewed: Option<bool>,
    /// True: only those one works on oneself, as the handler of the assignment.
    #[graphql(default)]
    mine: bool,
}

/// A page of an inbox.
pub struct InboxConnection {
    query: view::InboxQuery,
    rows: Vec<view::InboxRow>,
    has_next_page: bool,
    /// Asked for once, however many fields need them.
    counts: OnceCell<Vec<(view::Tab, u64)>>,
}

/// A row of an inbox, with its cursor.
#[derive(SimpleObject)]
pub struct InboxEdge {
    /// Give this as `after` to go on from here.
    cursor: String,
    /// The row.
    node: InboxItem,
}

/// A row of an inbox.
#[derive(SimpleObject)]
pub struct InboxItem {
    /// The ticket.
    ticket: Ticket,
    /// The number of the office's assignment; 0 where none was made yet.
    assignment_no: u16,
    /// Whether nobody of the office has looked at it: the red title.
    unviewed: bool,
    /// To be replied by.
    due_at: Option<DateTime<Utc>>,
    /// Whether it is open and past due.
    overdue: bool,
    /// The tab it is in, where that is not the one asked for (overdue rows).
    tab: String,
}

/// How many rows a tab has.
#[derive(SimpleObject)]
pub struct TabCount {
    /// The tab.
    tab: InboxTab,
    /// Its Chinese name.
    label: &'static str,
    /// Its rows.
    count: u64,
}

#[Object]
impl InboxConnection {
    /// The rows.
    #[graphql(complexity = "child_complexity")]
    async fn edges(&self) -> Vec<InboxEdge> {
        let edge = |row: &view::InboxRow| InboxEdge {
            cursor: self.cursor(row),
            node: InboxItem {
                ticket: Ticket::from(row.card.clone()),
                assignment_no: row.assignment.0,
                unviewed: row.unviewed,
                due_at: row.due_at,
                overdue: row.overdue,
                tab: row.tab.clone(),
            },
        };
        self.rows.iter().map(edge).collect()
    }

    /// Where the page begins and ends.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.query.after.is_some(),
            start_cursor: self.rows.first().map(|row| self.cursor(row)),
            end_cursor: self.rows.last().map(|row| self.cursor(row)),
        }
    }

    /// Rows in all, under the same filter. Counted only when asked for.
    #[graphql(complexity = 50)]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64, Error> {
        if !self.query.is_filtered() {
            let counts = self.counted(context).await?.iter();
            let count = counts.filter(|(tab, _)| *tab == self.query.tab);
            return Ok(count.map(|(_, count)| count).sum());
        }
        let views = &app(context)?.views;
        let total = views.inbox_total(&self.query).await;
        total.map_err(|e| view_fault(&e))
    }

    /// Since when the ticket that has been nobody's for longest is so (the centre's).
    #[graphql(complexity = 20)]
    async fn unassigned_since(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        if self.query.holder != Holder::Centre {
            return Ok(None);
        }
        let views = &app(context)?.views;
        views.unassigned_since().await.map_err(|e| view_fault(&e))
    }

    /// How many rows each tab of this inbox has, without the filter.
    #[graphql(complexity = 100)]
    async fn counts(&self, context: &Context<'_>) -> Result<Vec<TabCount>, Error> {
        let counts = self.counted(context).await?.iter();
        Ok(counts
            .map(|(tab, count)| TabCount {
                tab: (*tab).into(),
                label: tab.name_zh(),
                count: *count,
            })
            .collect())
    }
}

impl InboxConnection {
    async fn counted(&self, context: &Context<'_>) -> Result<&Vec<(view::Tab, u64)>, Error> {
        let views = &app(context)?.views;
        let counts = || views.inbox_counts(self.query.holder, self.query.now);
        let counted = self.counts.get_or_try_init(counts).await;
        counted.map_err(|e| view_fault(&e))
    }

    fn cursor(&self, row: &view::InboxRow) -> String {
        cursor(
            &kind(self.query.order),
            &[row.sort.to_string(), row.card.id.to_string()],
        )
    }
}

/// A cursor belongs to an order.
fn kind(order: view::Order) -> String {
    format!("inbox-{order:?}")
}

/// Queries about inboxes.
#[derive(Default)]
pub struct InboxQueries;

#[Object]
impl InboxQueries {
    /// A tab of the inbox of one's office: the centre, a department or a unit.
    #[graphql(complexity = "50 + page_size(first, PAGE_MAX) as usize * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tab.")] tab: InboxTab,
        #[graphql(desc = "What to show of it.")] filter: Option<InboxFilter>,
        #[graphql(desc = "In which order.", default_with = "InboxOrder::DueFirst")]
        order_by: InboxOrder,
        #[graphql(desc = "Rows wanted, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "After this cursor of the same order.")] after: Option<String>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<InboxConnection, Error> {
        let actor = &viewer(context)?.actor;
        let holder = Holder::of(actor).ok_or_else(|| fault(Code::Forbidden))?;
        wait_for(context, min_position).await?;
        let size = page_size(first, PAGE_MAX);
        let order = view::Order::from(order_by);
        let filter = filter.unwrap_or_default();
        let query = view::InboxQuery {
            holder,
            tab: tab.into(),
            kind: filter.kind.map(Into::into),
            urgency: filter.urgency.map(Into::into),
            unviewed: filter.unviewed,
            handler: filter.mine.then_some(actor.account),
            order,
            after: after.map(|after| position_of(order, &after)).transpose()?,
            limit: size + 1,
            now: app(context)?.desk.now(),
        };
        let mut rows = app(context)?
            .views
            .inbox(&query)
            .await
            .map_err(|e| view_fault(&e))?;
        let has_next_page = rows.len() > size as usize;
        rows.truncate(size as usize);
        Ok(InboxConnection {
            query,
            rows,
            has_next_page,
            counts: OnceCell::new(),
        })
    }
}

fn position_of(order: view::Order, after: &str) -> Result<(i64, TicketId), Error> {
    let [sort, ticket] = cursor_parts::<2>(&kind(order), after)?;
    match (sort.parse(), ticket.parse()) {
        (Ok(sort), Ok(ticket)) => Ok((sort, ticket)),
        _ => Err(fault(Code::BadCursor)),
    }
}
