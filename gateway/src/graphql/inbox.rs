//! The inbox of the office one works for.

use super::common::{Position, app, cursor, language, wait_for};
use super::in_turn::{InTurn, Rows};
use super::paging::{Page, PageArgs, PageInfo, Paging, page_size, place_of};
use super::ticket::{Kind, Light, Siblings, Ticket, Urgency};
use crate::auth::viewer;
use crate::error::{Code, fault, view_fault};
use async_graphql::{ComplexObject, Context, Enum, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ids::TicketId;
use docket_projections::inbox::{self as view, Holder, PAGE_MAX};
use std::sync::OnceLock;
use tokio::sync::OnceCell;

/// Rows of a page where the client does not say.
const PAGE_USUAL: u32 = 20;

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
    /// The most pressing first, of those what is due next. In `DONE` as `OLDEST_FIRST`.
    UrgentFirst,
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
    /// Only (or only not) those under supervision (督办).
    supervised: Option<bool>,
    /// Only (or only not) those that were urged (催办).
    urged: Option<bool>,
    /// Only open ones whose limit stands so now; what is suspended stands as it did when its clock stopped, and what has
    /// no limit has no light.
    light: Option<Light>,
    /// True: only those one works on oneself, as the handler of the assignment.
    #[graphql(default)]
    mine: bool,
}

/// A page of an inbox.
pub struct InboxConnection {
    query: view::InboxQuery,
    page: Page<InTurn<InboxEdge>>,
    /// How many rows there are in all, where the page was read with it.
    total: Option<u64>,
    /// Asked for once, however many fields need them.
    counts: OnceCell<Vec<(view::Tab, u64)>>,
}

/// A row of an inbox, with its cursor.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct InboxEdge {
    #[graphql(skip)]
    place: RowPlace,
    /// The row.
    node: InTurn<InboxItem>,
}

#[ComplexObject]
impl InboxEdge {
    /// Give this as `after` to go on from here, as `before` to go back.
    async fn cursor(&self) -> String {
        self.place.cursor()
    }
}

/// A row's place in an order, to make a cursor of.
#[derive(Clone, Copy)]
struct RowPlace {
    order: view::Order,
    sort: i64,
    ticket: TicketId,
}

impl RowPlace {
    fn cursor(self) -> String {
        let parts = [self.sort.to_string(), self.ticket.to_string()];
        cursor(&kind(self.order), &parts)
    }
}

/// A row of an inbox.
#[derive(SimpleObject)]
pub struct InboxItem {
    /// The ticket.
    ticket: InTurn<Ticket>,
    /// The number of the office's assignment; 0 where none was made yet.
    assignment_no: u16,
    /// Whether nobody of the office has looked at it: the red title.
    unviewed: bool,
    /// To be replied by. Null where there is no limit, and while the clock stands still before it was over.
    due_at: Option<DateTime<Utc>>,
    /// Whether that is reckoned on plain weekdays, because a year's holidays were not published yet: it may move.
    due_provisional: bool,
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
    /// Its name in the language of the request (`Accept-Language`; Chinese by default).
    label: &'static str,
    /// Its rows.
    count: u64,
}

/// A page of an inbox.
#[Object]
impl InboxConnection {
    /// The rows, each with its cursor.
    #[graphql(complexity = "child_complexity")]
    async fn edges(&self) -> Rows<'_, InboxEdge> {
        Rows(self.page.rows.iter().collect())
    }

    /// The rows alone.
    #[graphql(complexity = "child_complexity")]
    async fn nodes(&self) -> Rows<'_, InboxItem> {
        Rows(self.page.rows.iter().map(|edge| &edge.0.node).collect())
    }

    /// Where the page begins and ends.
    async fn page_info(&self) -> PageInfo {
        self.page.info(|edge| edge.0.place.cursor())
    }

    /// Rows in all, under the same filter. Counted only when asked for.
    #[graphql(complexity = 50)]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64, Error> {
        if !self.query.is_filtered() {
            let counts = self.counted(context).await?.iter();
            let count = counts.filter(|(tab, _)| *tab == self.query.tab);
            return Ok(count.map(|(_, count)| count).sum());
        }
        if let Some(total) = self.total {
            return Ok(total);
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
                label: language(context).pick(tab.name_zh(), tab.name_en()),
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
    #[graphql(
        complexity = "50 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tab.")] tab: InboxTab,
        #[graphql(desc = "What to show of it.")] filter: Option<InboxFilter>,
        #[graphql(desc = "In which order.", default_with = "InboxOrder::DueFirst")]
        order_by: InboxOrder,
        #[graphql(
            desc = "Rows wanted from the first of the order on, 1 to 100; 20 if neither is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor of the same order.")] after: Option<
            String,
        >,
        #[graphql(desc = "Rows wanted from the last of the order back, 1 to 100.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Only what comes before this cursor of the same order.")] before: Option<
            String,
        >,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<InboxConnection, Error> {
        let actor = &viewer(context)?.actor;
        let holder = Holder::of(actor).ok_or_else(|| fault(Code::Forbidden))?;
        wait_for(context, min_position).await?;
        let order = view::Order::from(order_by);
        let filter = filter.unwrap_or_default();
        let query = view::InboxQuery {
            holder,
            tab: tab.into(),
            kind: filter.kind.map(Into::into),
            urgency: filter.urgency.map(Into::into),
            unviewed: filter.unviewed,
            supervised: filter.supervised,
            urged: filter.urged,
            light: filter.light.map(Into::into),
            handler: filter.mine.then_some(actor.account),
            order,
            now: app(context)?.desk.now(),
        };
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let kind = kind(order);
        let place = |text: &str| place_of::<TicketId>(&kind, text);
        let paging = Paging::of(context, &args, (PAGE_USUAL, PAGE_MAX), place)?;
        let (views, asked, total) = (&app(context)?.views, &query, &OnceLock::new());
        let with_total = query.is_filtered() && context.look_ahead().field("totalCount").exists();
        let load = |span| async move {
            // Counted once, with the page itself.
            let with_total = with_total && total.get().is_none();
            let read = views.inbox(asked, &span, with_total).await;
            let read = read.map_err(|e| view_fault(&e))?;
            if let Some(count) = read.total {
                let _ = total.set(count);
            }
            Ok(read.rows)
        };
        let page = paging.read(|row| (row.sort, row.card.id), load).await?;
        let siblings = Siblings::of(page.rows.iter().map(|row| &row.card));
        let edge = |row: view::InboxRow| {
            let place = RowPlace {
                order,
                sort: row.sort,
                ticket: row.card.id,
            };
            let node = InTurn(InboxItem {
                ticket: InTurn(Ticket::among(row.card, &siblings)),
                assignment_no: row.assignment.0,
                unviewed: row.unviewed,
                due_at: row.due_at,
                due_provisional: row.due_provisional,
                overdue: row.overdue,
                tab: row.tab,
            });
            InTurn(InboxEdge { place, node })
        };
        Ok(InboxConnection {
            query,
            page: page.map(edge),
            total: total.get().copied(),
            counts: OnceCell::new(),
        })
    }
}
