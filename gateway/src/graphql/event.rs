//! The log itself, for auditors: every record as stored, texts sealed.

use super::common::{PageInfo, Position, app, cursor, cursor_parts, page_size};
use crate::auth::viewer_with;
use crate::error::{Code, fault, fault_because, system};
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::{DeskError, Record};
use docket_domain::people::Role;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Most records one page returns.
const PAGE_MAX: u32 = 500;
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

/// A page of the log.
#[derive(SimpleObject)]
pub struct EventConnection {
    /// The records.
    nodes: Vec<Event>,
    /// Where the page ends. With a filter a page may be short, or empty, and still have a next one.
    page_info: PageInfo,
    /// The log's last position.
    head: Position,
    /// The log's id.
    log_id: Uuid,
}

/// Queries of the log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The log in order of position (auditors).
    #[graphql(complexity = "500 + page_size(first, PAGE_MAX) as usize * child_complexity")]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After this position, or after this cursor.")] after: Option<String>,
        #[graphql(desc = "Records wanted, 1 to 500.", default = 100)] first: Option<i32>,
        #[graphql(desc = "Which.")] filter: Option<EventFilter>,
    ) -> Result<EventConnection, Error> {
        viewer_with(context, &[Role::Auditor])?;
        let filter = filter.unwrap_or_default();
        let size = page_size(first, PAGE_MAX) as usize;
        let mut at = match after {
            Some(after) => start(&after)?,
            None => 0,
        };
        let has_previous_page = at > 0;
        let journal = app(context)?.desk.journal();
        let failed = |error| system(&DeskError::Journal(error));
        let head = journal.head().await.map_err(failed)?;
        let log = journal.log_id();
        let mut nodes = Vec::new();
        let mut scanned = 0;
        while nodes.len() < size && scanned < SCANNED_MAX {
            let page = journal.read_all(at, PAGE_MAX).await.map_err(failed)?;
            if page.is_empty() {
                break;
            }
            for record in page {
                if nodes.len() == size {
                    break;
                }
                scanned += 1;
                at = record.position;
                if filter.admits(&record) {
                    let hash = Sha256::digest(record.canonical(log));
                    nodes.push(event(
                        record,
                        hash.iter().map(|b| format!("{b:02x}")).collect(),
                    ));
                }
            }
        }
        let cursor_at = |position: u64| cursor("events", &[position.to_string()]);
        let page_info = PageInfo {
            has_next_page: at < head,
            has_previous_page,
            start_cursor: nodes.first().map(|first| cursor_at(first.position.0)),
            end_cursor: Some(cursor_at(at)),
        };
        Ok(EventConnection {
            nodes,
            page_info,
            head: Position(head),
            log_id: log.0,
        })
    }
}

fn start(after: &str) -> Result<u64, Error> {
    if after.bytes().all(|b| b.is_ascii_digit()) {
        return after
            .parse()
            .map_err(|_| fault_because(Code::BadRequest, "`after` is a position"));
    }
    let [position] = cursor_parts::<1>("events", after)?;
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
