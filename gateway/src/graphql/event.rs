//! The log itself, for auditors: every record as stored, texts sealed.

use super::common::{Position, app, cursor, cursor_parts, wait_for};
use super::paging::{PageArgs, PageInfo, Paging, page_size};
use crate::auth::viewer_with;
use crate::error::{Code, fault, fault_because, system};
use crate::rights::READS_LOGS;
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::{DeskError, Journal, Record};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Most records one page returns.
const PAGE_MAX: u32 = 500;
/// Records of a page where the client does not say.
const PAGE_USUAL: u32 = 100;
/// Most records looked at for one page; a page may end early, and goes on from its cursor.
const SCANNED_MAX: u32 = 5_000;

/// Which records.
#[derive(InputObject, Default)]
pub struct EventFilter {
    /// Only this category: ticket, account, organisation, rules, phrasebook, notice.
    category: Option<String>,
    /// Only this type, e.g. `signed`.
    #[graphql(name = "type")]
    event_type: Option<String>,
    /// Only this stream, by its UUID.
    stream: Option<Uuid>,
    /// Only this actor's, by account UUID.
    actor: Option<Uuid>,
}

impl EventFilter {
    fn admits(&self, record: &Record) -> bool {
        self.category.as_ref().is_none_or(|c| *c == record.category)
            && self
                .event_type
                .as_ref()
                .is_none_or(|t| *t == record.event_type)
            && self.stream.is_none_or(|s| s == record.stream)
            && self.actor.is_none_or(|a| a == record.actor.0)
    }
}

/// A record of the log.
#[derive(SimpleObject)]
pub struct Event {
    /// Its place in the log.
    position: Position,
    /// The stream's name, `CATEGORY-<uuid>`.
    stream: String,
    /// Its place in its stream, from 1.
    version: u64,
    /// Its id.
    id: Uuid,
    /// Its type.
    #[graphql(name = "type")]
    event_type: String,
    /// Schema version of its data.
    schema_version: u16,
    /// Its data as stored: JSON, texts sealed.
    data: String,
    /// The account that acted.
    actor: Uuid,
    /// On whose behalf.
    acting_for: Option<Uuid>,
    /// The command it came from.
    command_id: Uuid,
    /// What it belongs to.
    correlation_id: Uuid,
    /// What caused it.
    causation_id: Option<Uuid>,
    /// Business time.
    occurred_at: DateTime<Utc>,
    /// When the journal took it.
    recorded_at: DateTime<Utc>,
    /// The rule pack it was decided under; 0 where none applied.
    rules_version: u32,
    /// SHA-256 of its canonical encoding, in hexadecimal.
    canonical_hash: String,
}

/// A record with its cursor.
#[derive(SimpleObject)]
pub struct EventEdge {
    /// Give this as `after` to go on from here, as `before` to go back.
    cursor: String,
    /// The record.
    node: Event,
}

/// A page of the log.
pub struct EventConnection {
    edges: Vec<EventEdge>,
    page_info: PageInfo,
    head: u64,
    log_id: Uuid,
}

/// A page of the log.
#[Object]
impl EventConnection {
    /// The records, each with its cursor.
    #[graphql(complexity = "child_complexity")]
    async fn edges(&self) -> &[EventEdge] {
        &self.edges
    }

    /// The records alone.
    #[graphql(complexity = "child_complexity")]
    async fn nodes(&self) -> Vec<&Event> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page begins and ends. With a filter a page may be short, or empty, and still have a next one.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// The log's last position.
    async fn head(&self) -> Position {
        Position(self.head)
    }

    /// The log's id.
    async fn log_id(&self) -> Uuid {
        self.log_id
    }
}

/// Queries of the log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The log in order of position (auditors).
    #[graphql(
        complexity = "500 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Records wanted from the first on, 1 to 500; 100 if neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this position, or after this cursor.")]
        after: Option<String>,
        #[graphql(desc = "Records wanted from the last back, 1 to 500.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this position, or before this cursor.")]
        before: Option<String>,
        #[graphql(desc = "Which.")] filter: Option<EventFilter>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<EventConnection, Error> {
        viewer_with(context, READS_LOGS)?;
        wait_for(context, min_position).await?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let paging = Paging::of(context, &args, (PAGE_USUAL, PAGE_MAX), place)?;
        let journal = app(context)?.desk.journal();
        let head = journal.head().await;
        let head = head.map_err(|error| system(&DeskError::Journal(error)))?;
        let scanned = scan(journal, &paging, &filter.unwrap_or_default(), head).await?;
        let page_info = scanned.info(&paging, head);
        let log = journal.log_id();
        let edge = |record: Record| {
            let hash = Sha256::digest(record.canonical(log));
            EventEdge {
                cursor: cursor_at(record.position),
                node: event(record, hash.iter().map(|b| format!("{b:02x}")).collect()),
            }
        };
        Ok(EventConnection {
            edges: scanned.records.into_iter().map(edge).collect(),
            page_info,
            head,
            log_id: log.0,
        })
    }
}

/// Records that were looked at from one position to another.
struct Scanned {
    records: Vec<Record>,
    /// Everything after this was looked at.
    from: u64,
    /// And everything up to this.
    to: u64,
}

impl Scanned {
    /// Positions have no gaps: what there is beyond the page they tell by themselves.
    fn info(&self, paging: &Paging<u64>, head: u64) -> PageInfo {
        let ends = (self.records.first(), self.records.last());
        let [start, end] = match ends {
            (Some(first), Some(last)) => [first.position, last.position].map(Some),
            _ => [None, None],
        };
        // A page that ended early goes on from where it was looked to, not from its last record.
        let (start, end) = if paging.backward {
            (Some(self.from + 1), end)
        } else {
            (start, Some(self.to))
        };
        PageInfo {
            has_next_page: self.to < head,
            has_previous_page: self.from > 0,
            start_cursor: start.map(cursor_at),
            end_cursor: end.map(cursor_at),
        }
    }
}

/// Looks at the log between two places from one end on, until the page is full or enough was looked at.
async fn scan(
    journal: &Journal,
    paging: &Paging<u64>,
    filter: &EventFilter,
    head: u64,
) -> Result<Scanned, Error> {
    let low = paging.after.unwrap_or(0);
    let high = paging
        .before
        .unwrap_or(u64::MAX)
        .saturating_sub(1)
        .min(head);
    let high = high.max(low);
    let (mut from, mut to) = if paging.backward {
        (high, high)
    } else {
        (low, low)
    };
    let mut records = Vec::new();
    let mut scanned = 0;
    while records.len() < paging.size as usize && scanned < SCANNED_MAX {
        let piece = (if paging.backward {
            from - low
        } else {
            high - to
        })
        .min(PAGE_MAX.into());
        let Some(wanted) = u32::try_from(piece).ok().filter(|piece| *piece > 0) else {
            break;
        };
        let after = if paging.backward { from - piece } else { to };
        let read = journal.read_all(after, wanted).await;
        let mut read = read.map_err(|error| system(&DeskError::Journal(error)))?;
        if read.is_empty() {
            break;
        }
        if paging.backward {
            read.reverse();
        }
        for record in read {
            if records.len() == paging.size as usize {
                break;
            }
            scanned += 1;
            if paging.backward {
                from = record.position - 1;
            } else {
                to = record.position;
            }
            if filter.admits(&record) {
                records.push(record);
            }
        }
    }
    if paging.backward {
        records.reverse();
    }
    Ok(Scanned { records, from, to })
}

fn cursor_at(position: u64) -> String {
    cursor("events", &[position.to_string()])
}

fn place(text: &str) -> Result<u64, Error> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| {
            fault_because(
                Code::BadRequest,
                ("position 应为数字", "a position is a number"),
            )
        });
    }
    let [position] = cursor_parts::<1>("events", text)?;
    position.parse().map_err(|_| fault(Code::BadCursor))
}

fn event(record: Record, canonical_hash: String) -> Event {
    Event {
        position: Position(record.position),
        stream: record.stream_name(),
        version: record.version,
        id: record.event.0,
        event_type: record.event_type,
        schema_version: record.schema_version,
        data: record.data,
        actor: record.actor.0,
        acting_for: record.acting_for,
        command_id: record.command.0,
        correlation_id: record.correlation,
        causation_id: record.causation,
        occurred_at: record.occurred_at,
        recorded_at: record.recorded_at,
        rules_version: record.rules_version,
        canonical_hash,
    }
}
