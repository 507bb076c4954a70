//! The inbox of every office: the centre, each department, each unit. One row a holder and ticket.
//!
//! "Overdue" is not stored: it is decided when asked, from the due time and whether the row is open.

mod limit;
mod query;

pub use query::{InboxQuery, InboxRow, Order, Place, Stretch};

use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::write::Write;
use docket_core::db::Value;
use docket_core::values;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, AssignmentNo, DepartmentId, TicketId, UnitId};
use docket_domain::organisation::Office;
use docket_domain::people::Actor;
use docket_domain::ticket::{
    Assignment, AssignmentState, Intake, Kind, Level, Ticket, TicketState, Urgency,
};
use limit::{Limit, RESTS_GREEN, or_never};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The projection.
pub struct Inbox;

/// Most rows one page returns.
pub const PAGE_MAX: u32 = 100;
/// No deadline, nor any time: sorts last.
const NEVER: i64 = i64::MAX;

const TABLE: Table = Table {
    name: "inbox",
    columns: &[
        Column::Id("holder"),
        Column::Id("ticket"),
        Column::Text("tab"),
        Column::Int("open"),
        Column::Int("assignment"),
        Column::Int("entered_at"),
        Column::Int("received_at"),
        Column::Int("due_at"),
        Column::Int("unviewed"),
        Column::Text("kind"),
        Column::Text("urgency"),
        Column::Text("handler"),
        Column::Int("unassigned_since"),
        Column::Int("urgent"),
        Column::Int("yellow_at"),
        Column::Int("supervised"),
        Column::Int("urged"),
    ],
    key: 2,
    indexes: &[
        "holder, tab, due_at, ticket",
        "holder, tab, received_at, ticket",
        "holder, tab, entered_at, ticket",
        "holder, unassigned_since, ticket WHERE tab = 'to_assign'",
        "holder, tab, urgent, ticket WHERE tab <> 'done'",
        // PostgreSQL takes the condition as met, and would look at nothing of a column of its own.
        "holder, due_at, ticket WHERE open = 1",
    ],
};

/// How many rows each tab of a holder has: a city's inboxes hold too many to be counted when asked.
const TABS: Table = Table {
    name: "inbox_tabs",
    columns: &[
        Column::Id("holder"),
        Column::Text("tab"),
        Column::Int("count"),
    ],
    key: 2,
    indexes: &[],
};

/// How many open rows of a holder are due within each hour, day and month of 32 days: what is overdue is a sum
/// of the months before this one, its days before today, today's hours before this one, and the rows of this
/// hour, counted.
const DUE: Table = Table {
    name: "inbox_due",
    columns: &[
        Column::Id("holder"),
        Column::Int("span"),
        Column::Int("begin"),
        Column::Int("count"),
    ],
    key: 3,
    indexes: &[],
};

const HOUR_MICROS: i64 = 3_600_000_000;

/// The spans of [`DUE`], in microseconds; each is a multiple of the one before.
const SPANS: [i64; 3] = [HOUR_MICROS, 24 * HOUR_MICROS, 32 * 24 * HOUR_MICROS];

/// When the span began that a time lies in, both in microseconds.
const fn begin_of(span: i64, micros: i64) -> i64 {
    micros - micros.rem_euclid(span)
}

/// Whose inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The hotline centre.
    Centre,
    /// A level-1 department.
    Department(DepartmentId),
    /// A level-2 unit.
    Unit(UnitId),
}

impl Holder {
    /// The inbox an account works from, if it has one.
    #[must_use]
    pub fn of(actor: &Actor) -> Option<Self> {
        if actor.in_centre() {
            return Some(Self::Centre);
        }
        actor.office().map(Self::from)
    }

    /// As the tables name it: by the id of the department or unit; the centre has none.
    pub(crate) const fn key(self) -> Value {
        id(match self {
            Self::Centre => Uuid::nil(),
            Self::Department(department) => department.0,
            Self::Unit(unit) => unit.0,
        })
    }
}

impl From<Office> for Holder {
    fn from(office: Office) -> Self {
        match office {
            Office::Department(id) => Self::Department(id),
            Office::Unit(id) => Self::Unit(id),
        }
    }
}

macro_rules! tabs {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $zh:literal, $en:literal;)+) => {
        /// A tab of an inbox.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tab { $($(#[$doc])* $name,)+ }

        impl Tab {
            /// Every tab in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The Chinese term.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// The English one.
            #[must_use]
            pub const fn name_en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }
        }
    };
}

tabs! {
    /// Nobody's: received, or back at the centre for good (the centre's).
    ToAssign = "to_assign", "待派单", "To assign";
    /// The centre has to decide: on a return, an extension, a termination, an exclusion (the centre's).
    ToDecide = "to_decide", "待审批", "To decide";
    /// Disputed: the joint meeting rules who handles it (the centre's).
    Disputed = "disputed", "疑难待裁定", "Disputed";
    /// Assigned, not signed. Unviewed ones have a red title.
    ToSign = "to_sign", "待签收", "To sign";
    /// Signed.
    InProgress = "in_progress", "办理中", "In progress";
    /// With a unit.
    Delegated = "delegated", "已交办", "Delegated";
    /// The unit has replied, the department sums up.
    AwaitingSummary = "awaiting_summary", "一级部门汇总", "To sum up";
    /// The answer is drafted, and its leader is to sign it off, where the pack asks for that (a department's).
    ToSignOff = "to_sign_off", "待签发", "To sign off";
    /// Its clock stands still on a lawful ground.
    Suspended = "suspended", "已挂起", "Suspended";
    /// Given back (the offices').
    Returned = "returned", "已退回", "Returned";
    /// Replied, and not over yet (the offices').
    Replied = "replied", "已答复", "Replied";
    /// Answered: the hotline office reviews it (the centre's).
    ToReview = "to_review", "待审核答复", "To review";
    /// Reviewed: the citizen is to be called back (the centre's).
    ToCallBack = "to_call_back", "待回访", "To call back";
    /// Not solved, says the citizen: to be handled anew, or closed all the same (the centre's).
    ToRedo = "to_redo", "待重办", "To redo";
    /// Reviewed, with nobody to call back: to be closed (the centre's).
    ToClose = "to_close", "待办结", "To close";
    /// Over, or out of this office's hands.
    Done = "done", "已办结", "Done";
    /// Open and past its deadline, in whatever other tab it is.
    Overdue = "overdue", "超期", "Overdue";
}

/// A holder's view of a ticket.
struct Entry {
    holder: Holder,
    tab: Tab,
    open: bool,
    assignment: AssignmentNo,
    entered_at: Timestamp,
    limit: Limit,
    unviewed: bool,
    handler: Option<AccountId>,
    unassigned_since: Option<Timestamp>,
}

/// The rows a ticket has: one for the centre, one for each office that holds or held it.
fn entries(ticket: &Ticket) -> Vec<Entry> {
    let known = ticket.intake.as_ref();
    let Some(intake) = known.filter(|_| ticket.erased_at.is_none()) else {
        return Vec::new();
    };
    let lead = ticket.lead();
    let stopped_at = ticket.suspended_since();
    let limit = |a: &Assignment| a.due.map_or(Limit::NONE, |due| Limit::of(due, stopped_at));
    let (tab, open) = centre_tab(ticket);
    let mut entries = vec![Entry {
        holder: Holder::Centre,
        tab,
        open,
        assignment: lead.map_or(AssignmentNo(0), |a| a.no),
        entered_at: ticket.changed_at.unwrap_or(intake.at),
        limit: lead.filter(|_| open).map_or(Limit::NONE, limit),
        unviewed: lead.is_some_and(Assignment::is_unviewed),
        handler: None,
        unassigned_since: ticket.unassigned_since(),
    }];
    // The latest open assignment of an office stands for it, as it is what the office acts on next; or else
    // the latest. A unit may hold two that are open: it was moved, and its new department delegates, too.
    let (open, over): (Vec<_>, Vec<_>) = ticket
        .assignments
        .iter()
        .rev()
        .partition(|a| a.state.is_open());
    for assignment in open.into_iter().chain(over) {
        let holder = Holder::from(assignment.office());
        if entries.iter().any(|entry| entry.holder == holder) {
            continue;
        }
        entries.push(Entry {
            holder,
            tab: office_tab(ticket, assignment),
            open: assignment.state.is_open(),
            assignment: assignment.no,
            // While it is open, whatever moves the ticket moves the row.
            entered_at: assignment
                .ended_at
                .or(ticket.changed_at)
                .unwrap_or(assignment.assigned_at),
            limit: limit(assignment),
            unviewed: assignment.is_unviewed(),
            handler: assignment.handler,
            unassigned_since: None,
        });
    }
    entries
}

fn centre_tab(ticket: &Ticket) -> (Tab, bool) {
    let (tab, open) = centre_tab_of_state(ticket);
    let asked = |a: &Assignment| a.state.is_open() && a.pending_extension().is_some();
    let to_decide = ticket.pending_returns().next().is_some()
        || ticket.pending_termination().is_some()
        || ticket.pending_exclusions().next().is_some()
        || ticket.assignments.iter().any(asked);
    if ticket.dispute.is_some() {
        (Tab::Disputed, open)
    } else if to_decide {
        (Tab::ToDecide, open)
    } else if ticket.is_suspended() {
        (Tab::Suspended, open)
    } else {
        (tab, open)
    }
}

fn centre_tab_of_state(ticket: &Ticket) -> (Tab, bool) {
    match ticket.state {
        TicketState::Absent | TicketState::Received | TicketState::Returned => {
            (Tab::ToAssign, true)
        }
        TicketState::Assigned => (Tab::ToSign, true),
        TicketState::InProgress => (Tab::InProgress, true),
        TicketState::Delegated => (Tab::Delegated, true),
        TicketState::AwaitingSummary => (Tab::AwaitingSummary, true),
        TicketState::Replied if ticket.review.is_some() => (Tab::ToClose, false),
        TicketState::Replied => (Tab::ToReview, false),
        TicketState::AwaitingCallBack => (Tab::ToCallBack, false),
        TicketState::AwaitingRedo => (Tab::ToRedo, false),
        TicketState::Closed
        | TicketState::Declined
        | TicketState::Withdrawn
        | TicketState::Transferred
        | TicketState::Merged
        | TicketState::Terminated
        | TicketState::Archived => (Tab::Done, false),
    }
}

fn office_tab(ticket: &Ticket, assignment: &Assignment) -> Tab {
    match assignment.state {
        open if open.is_open() && ticket.is_suspended() => Tab::Suspended,
        AssignmentState::Assigned => Tab::ToSign,
        _ if assignment.awaits_sign_off() => Tab::ToSignOff,
        AssignmentState::InProgress => Tab::InProgress,
        AssignmentState::Delegated => Tab::Delegated,
        AssignmentState::AwaitingSummary => Tab::AwaitingSummary,
        AssignmentState::Returned => Tab::Returned,
        AssignmentState::Recalled | AssignmentState::Released => Tab::Done,
        AssignmentState::Replied => {
            // What an earlier round was answered with is this office's no more.
            let over = ticket.state.is_over() || assignment.round < ticket.round;
            let done = match assignment.level() {
                Level::Unit => over || ticket.state.is_answered(),
                Level::Department => over,
            };
            if done { Tab::Done } else { Tab::Replied }
        }
    }
}

impl Projection for Inbox {
    fn name(&self) -> &'static str {
        "inbox"
    }

    fn version(&self) -> i64 {
        13
    }

    fn tables(&self) -> &'static [Table] {
        &[TABLE, TABS, DUE]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let mut rows = Vec::with_capacity(batch.changes.len() * 2);
        let mut gone = Vec::new();
        let mut moved = Counts::default();
        for change in batch.changes {
            let (before, after) = (entries(&change.before), entries(&change.after));
            for entry in &before {
                moved.add(entry, -1);
                // No office ever loses its row in this version.
                if after.iter().all(|other| other.holder != entry.holder) {
                    gone.push(values![entry.holder.key(), id(change.id.0)]);
                }
            }
            let Some(intake) = &change.after.intake else {
                continue;
            };
            let known = change.before.intake.iter();
            let stand: Vec<_> = known
                .flat_map(|intake| {
                    before
                        .iter()
                        .map(|entry| row(change.id, intake, &change.before, entry))
                })
                .collect();
            for entry in &after {
                moved.add(entry, 1);
                let row = row(change.id, intake, &change.after, entry);
                if !stand.contains(&row) {
                    rows.push(row);
                }
            }
        }
        let mut writes = vec![Write::Remove(&TABLE, gone), Write::PutOnce(&TABLE, rows)];
        writes.extend(moved.writes());
        Ok(writes)
    }
}

fn row(id_of: TicketId, intake: &Intake, ticket: &Ticket, entry: &Entry) -> Vec<Value> {
    values![
        entry.holder.key(),
        id(id_of.0),
        entry.tab.name(),
        entry.open,
        i64::from(entry.assignment.0),
        entry.entered_at,
        intake.at,
        or_never(entry.limit.due_at),
        entry.unviewed,
        intake.kind.map_or("", Kind::name),
        intake.urgency.name(),
        entry.handler.map_or_else(String::new, |a| a.to_string()),
        or_never(entry.unassigned_since),
        urgent(intake.urgency, entry.limit.due_at),
        entry.limit.yellow_at,
        ticket.supervision.is_some(),
        ticket.urging.is_some(),
    ]
}

/// Due times of one urgency lie within so many microseconds: until the year 4253.
const URGENCY_STEP: i64 = 1 << 56;

/// What sorts the most pressing first, and of those what is due next.
fn urgent(urgency: Urgency, due: Option<Timestamp>) -> i64 {
    let rank = match urgency {
        Urgency::Critical => 0,
        Urgency::Urgent => 1,
        Urgency::Normal => 2,
    };
    let due = due.map_or(NEVER, |due| due.timestamp_micros());
    rank * URGENCY_STEP + due.clamp(0, URGENCY_STEP - 1)
}

/// By how much counts move.
#[derive(Default)]
struct Counts {
    tabs: BTreeMap<(Holder, &'static str), i64>,
    due: BTreeMap<(Holder, i64, i64), i64>,
}

impl Counts {
    fn add(&mut self, entry: &Entry, by: i64) {
        *self
            .tabs
            .entry((entry.holder, entry.tab.name()))
            .or_default() += by;
        if let Some(due) = entry.limit.due_at.filter(|_| entry.open) {
            for span in SPANS {
                let begin = begin_of(span, due.timestamp_micros());
                let count = self.due.entry((entry.holder, span, begin));
                *count.or_default() += by;
            }
        }
    }

    fn writes(self) -> [Write; 2] {
        let tabs = self.tabs.into_iter().filter(|(_, by)| *by != 0);
        let tabs = tabs.map(|((holder, tab), by)| values![holder.key(), tab, by]);
        let due = self.due.into_iter().filter(|(_, by)| *by != 0);
        let due = due.map(|((holder, span, begin), by)| values![holder.key(), span, begin, by]);
        [
            Write::Add(&TABS, tabs.collect()),
            Write::Add(&DUE, due.collect()),
        ]
    }
}
