//! Queries on inboxes: a page of a tab, totals, counts, and how long a ticket has been nobody's.

use super::{Holder, NEVER, PAGE_MAX, RESTS_GREEN, SPANS, Tab, begin_of};
use crate::card::Card;
use crate::projection::{ProjectionError, id};
use crate::views::Views;
use docket_core::Span;
use docket_core::db::{Row, Value};
use docket_core::values;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, AssignmentNo, TicketId};
use docket_domain::ticket::{Kind, Urgency};
use docket_domain::time::Light;
use std::collections::HashMap;
use std::fmt::Write as _;

/// What to show of an inbox.
#[derive(Clone, Debug)]
pub struct InboxQuery {
    /// Whose.
    pub holder: Holder,
    /// Which tab.
    pub tab: Tab,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this urgency.
    pub urgency: Option<Urgency>,
    /// Only unviewed ones.
    pub unviewed: Option<bool>,
    /// Only (or only not) those under supervision.
    pub supervised: Option<bool>,
    /// Only (or only not) those that were urged.
    pub urged: Option<bool>,
    /// Only open ones whose limit stands so now.
    pub light: Option<Light>,
    /// Only those this account works on.
    pub handler: Option<AccountId>,
    /// By what.
    pub order: Order,
    /// The time that decides what is overdue.
    pub now: Timestamp,
}

/// An inbox's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Next due first.
    DueFirst,
    /// Longest received first.
    OldestFirst,
    /// Latest received first.
    NewestFirst,
    /// Latest moved first.
    LatestFirst,
    /// Longest nobody's first; what is somebody's last. In tabs where nothing is nobody's as
    /// [`Self::OldestFirst`].
    UnassignedFirst,
    /// The most pressing first, of those what is due next. Of what is over as [`Self::OldestFirst`].
    UrgentFirst,
}

impl Order {
    /// The column it goes by in a tab. Only what waits for the centre to assign or decide can be nobody's;
    /// elsewhere whatever was received first comes first.
    const fn column(self, tab: Tab) -> &'static str {
        match (self, tab) {
            (Self::DueFirst, _) => "due_at",
            (Self::LatestFirst, _) => "entered_at",
            (Self::UnassignedFirst, Tab::ToAssign | Tab::ToDecide) => "unassigned_since",
            (Self::UrgentFirst, tab) if !matches!(tab, Tab::Done) => "urgent",
            (
                Self::OldestFirst | Self::NewestFirst | Self::UnassignedFirst | Self::UrgentFirst,
                _,
            ) => "received_at",
        }
    }

    const fn descends(self) -> bool {
        matches!(self, Self::NewestFirst | Self::LatestFirst)
    }
}

/// A row's place in an order: what it sorts by, and its ticket.
pub type Place = (i64, TicketId);

/// A row of an inbox.
#[derive(Clone, Debug)]
pub struct InboxRow {
    /// The ticket.
    pub card: Card,
    /// The holder's assignment; 0 where none was made yet.
    pub assignment: AssignmentNo,
    /// The tab it is in (its own, for overdue rows).
    pub tab: String,
    /// Whether the holder has not looked at it: the red title.
    pub unviewed: bool,
    /// When it must be replied.
    pub due_at: Option<Timestamp>,
    /// Whether that waits for a year's calendar, and may move.
    pub due_provisional: bool,
    /// Whether it is open and past due.
    pub overdue: bool,
    /// What it sorts by, for the cursor.
    pub sort: i64,
}

/// A stretch of an inbox.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Its rows, in the order they are read.
    pub rows: Vec<InboxRow>,
    /// How many the query has in all, where that was asked for; of a stretch without rows it is not known.
    pub total: Option<u64>,
}

impl InboxQuery {
    /// Whether it asks for some rows of its tab only.
    #[must_use]
    pub const fn is_filtered(&self) -> bool {
        self.kind.is_some()
            || self.urgency.is_some()
            || self.unviewed.is_some()
            || self.supervised.is_some()
            || self.urged.is_some()
            || self.light.is_some()
            || self.handler.is_some()
    }

    /// The condition, and its values from `$1` on.
    fn condition(&self) -> (String, Vec<Value>) {
        let mut values = values![self.holder.key()];
        // In words, for the index that has one tab's rows only.
        let mut sql = match self.tab {
            Tab::Overdue => "i.holder = $1 AND i.open = 1".to_owned(),
            tab => format!("i.holder = $1 AND i.tab = '{}'", tab.name()),
        };
        let mut and = |text: &str, value: Value| {
            values.push(value);
            sql.push_str(&text.replace('?', &format!("${}", values.len())));
        };
        if self.tab == Tab::Overdue {
            and(" AND i.due_at < ?", self.now.into());
        }
        if let Some(kind) = self.kind {
            and(" AND i.kind = ?", kind.name().into());
        }
        if let Some(urgency) = self.urgency {
            and(" AND i.urgency = ?", urgency.name().into());
        }
        if let Some(unviewed) = self.unviewed {
            and(" AND i.unviewed = ?", unviewed.into());
        }
        if let Some(supervised) = self.supervised {
            and(" AND i.supervised = ?", supervised.into());
        }
        if let Some(urged) = self.urged {
            and(" AND i.urged = ?", urged.into());
        }
        if let Some(light) = self.light {
            // As `Ticket::light` has it: see `Limit::of` for what rests.
            let stands = match light {
                Light::Red => "i.due_at < ?".to_owned(),
                Light::Yellow => "i.due_at >= ? AND i.yellow_at <= ?".to_owned(),
                Light::Green => {
                    format!(
                        "i.due_at >= ? AND i.yellow_at > ?
                         AND (i.due_at <> {NEVER} OR i.yellow_at = {RESTS_GREEN})"
                    )
                }
            };
            and(&format!(" AND i.open = 1 AND {stands}"), self.now.into());
        }
        if let Some(handler) = self.handler {
            and(" AND i.handler = ?", handler.to_string().into());
        }
        (sql, values)
    }
}

impl Views {
    /// A stretch of an inbox, at most [`PAGE_MAX`] rows and one; and in the same statement, where asked for, how many rows
    /// there are in all.
    pub async fn inbox(
        &self,
        query: &InboxQuery,
        span: &Span<Place>,
        with_total: bool,
    ) -> Result<Stretch, ProjectionError> {
        let (mut condition, mut values) = query.condition();
        let total = if with_total {
            format!("(SELECT count(*) FROM inbox i WHERE {condition})")
        } else {
            "0".to_owned()
        };
        let column = query.order.column(query.tab);
        if column == "urgent" {
            // In words, for the index that has no rows that are over.
            condition.push_str(" AND i.tab <> 'done'");
        }
        let descends = query.order.descends();
        let (after, before) = Span::<Place>::compares(descends);
        for (compare, place) in [(after, span.after), (before, span.before)] {
            let Some((sort, ticket)) = place else {
                continue;
            };
            let (n, m) = (values.len() + 1, values.len() + 2);
            let _ = write!(
                condition,
                " AND (i.{column}, i.ticket) {compare} (${n}, ${m})"
            );
            values.extend(values![sort, id(ticket.0)]);
        }
        let direction = span.direction(descends);
        values.push(span.limit.min(PAGE_MAX + 1).into());
        let sql = format!(
            "SELECT t.ticket, t.version, i.assignment, i.tab, i.unviewed, i.due_at, i.open, i.{column}, {total}
             FROM inbox i JOIN tickets t ON t.ticket = i.ticket WHERE {condition}
             ORDER BY i.{column} {direction}, i.ticket {direction} LIMIT ${}",
            values.len()
        );
        let now = query.now.timestamp_micros();
        let rows = self.db().fetch_all(&sql, values).await?;
        let seen = |row: &Row| {
            let version = u64::try_from(row.int(1)?).unwrap_or(0);
            Ok((TicketId(row.id(0)?), version))
        };
        let seen: Vec<_> = rows
            .iter()
            .map(seen)
            .collect::<Result<_, ProjectionError>>()?;
        let cards = self.cards(&seen).await?;
        let row = |(row, card): (&Row, Option<Card>)| {
            let Some(card) = card else {
                return Ok(None);
            };
            let due = row.int(5)?;
            let due_at = (due != NEVER).then(|| row.time(5)).transpose()?;
            let assignment = AssignmentNo(u16::try_from(row.int(2)?).unwrap_or(0));
            // Of the limit that is shown: while the ticket rests in time there is none.
            let limit = card.ticket.assignment(assignment).and_then(|a| a.due);
            Ok(Some(InboxRow {
                due_provisional: due_at.is_some() && limit.is_some_and(|due| due.provisional),
                card,
                assignment,
                tab: row.text(3)?,
                unviewed: row.int(4)? == 1,
                due_at,
                overdue: row.int(6)? == 1 && due < now,
                sort: row.int(7)?,
            }))
        };
        let total = rows.first().filter(|_| with_total).map(|row| row.int(8));
        let rows = rows.iter().zip(cards).map(row);
        Ok(Stretch {
            rows: rows
                .filter_map(Result::transpose)
                .collect::<Result<_, ProjectionError>>()?,
            total: total
                .transpose()?
                .map(|total| u64::try_from(total).unwrap_or(0)),
        })
    }

    /// How many rows a query has in all, counted one by one; without a filter, see [`Self::inbox_counts`].
    pub async fn inbox_total(&self, query: &InboxQuery) -> Result<u64, ProjectionError> {
        let (condition, values) = query.condition();
        let sql = format!("SELECT count(*) FROM inbox i WHERE {condition}");
        let row = self.db().fetch_optional(&sql, values).await?;
        Ok(row
            .map(|r| r.int(0))
            .transpose()?
            .map_or(0, |n| u64::try_from(n).unwrap_or(0)))
    }

    /// Since when the ticket that has been nobody's for longest is so; `None` where every one is somebody's.
    pub async fn unassigned_since(&self) -> Result<Option<Timestamp>, ProjectionError> {
        let mut longest: Option<Timestamp> = None;
        for tab in [Tab::ToAssign, Tab::ToDecide] {
            let sql = format!(
                "SELECT unassigned_since FROM inbox WHERE holder = $1 AND tab = '{}'
                 ORDER BY unassigned_since LIMIT 1",
                tab.name()
            );
            // An assist's return is decided on while the lead has the ticket: it is somebody's.
            let row = self
                .db()
                .fetch_optional(&sql, values![Holder::Centre.key()])
                .await?;
            let first = row.filter(|row| !matches!(row.int(0), Ok(NEVER)));
            let since = first.map(|row| row.time(0)).transpose()?;
            longest = longest.into_iter().chain(since).min();
        }
        Ok(longest)
    }

    /// How many rows each tab of a holder has.
    pub async fn inbox_counts(
        &self,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Vec<(Tab, u64)>, ProjectionError> {
        let [hour, day, month] = SPANS.map(|span| begin_of(span, now.timestamp_micros()));
        let sql = "SELECT tab, count FROM inbox_tabs WHERE holder = $1 UNION ALL
             SELECT $2, CAST(coalesce(sum(count), 0) AS BIGINT) FROM inbox_due
             WHERE holder = $1 AND span = $3 AND begin < $4 UNION ALL
             SELECT $2, CAST(coalesce(sum(count), 0) AS BIGINT) FROM inbox_due
             WHERE holder = $1 AND span = $5 AND begin >= $4 AND begin < $6 UNION ALL
             SELECT $2, CAST(coalesce(sum(count), 0) AS BIGINT) FROM inbox_due
             WHERE holder = $1 AND span = $7 AND begin >= $6 AND begin < $8 UNION ALL
             SELECT $2, count(*) FROM inbox
             WHERE holder = $1 AND open = 1 AND due_at >= $8 AND due_at < $9";
        let overdue = Tab::Overdue.name();
        let [hours, days, months] = SPANS;
        let values = values![
            holder.key(),
            overdue,
            months,
            month,
            days,
            day,
            hours,
            hour,
            now
        ];
        let mut counted: HashMap<String, i64> = HashMap::new();
        for row in self.db().fetch_all(sql, values).await? {
            *counted.entry(row.text(0)?).or_default() += row.int(1)?;
        }
        let of = |tab: &Tab| {
            let count = counted.get(tab.name()).copied().unwrap_or(0);
            (*tab, u64::try_from(count).unwrap_or(0))
        };
        Ok(Tab::ALL.iter().map(of).collect())
    }
}
