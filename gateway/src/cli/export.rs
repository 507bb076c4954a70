//! `docket export`: tickets or events as CSV or JSON lines. Streams; the columns are in `docs/operations.md`.
//!
//! Everything comes from the log itself, as one unmoving state: views may be behind or missing. Without
//! `--personal` no seal is opened and no key is needed.

pub(super) mod output;
pub(super) mod tickets;

use super::progress::Shown;
use super::{Failed, StoreArgs};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use docket_core::safekeeping::Snapshot;
use docket_core::{Desk, Record};
use docket_domain::Timestamp;
use docket_domain::text::is_blank;
use docket_domain::ticket::{Kind, TicketNumber, TicketState};
use output::{Cell, Output};
use std::path::PathBuf;
use std::process::ExitCode;
use uuid::Uuid;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RFC 4180, UTF-8, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// A row a ticket, as it stands.
    Tickets,
    /// A row an event: the exact record.
    Events,
}

/// Writes tickets or events to a file or to standard output. A server may run.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    store: StoreArgs,
    /// How rows are written.
    #[arg(long)]
    format: Format,
    /// What is written.
    #[arg(long)]
    what: What,
    /// The file, which is there whole or not at all; by default standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A byte order mark first, by which Excel knows UTF-8 (CSV only).
    #[arg(long)]
    bom: bool,
    /// Tickets received, or events that happened, at this time or later (RFC 3339).
    #[arg(long, value_parser = time)]
    from: Option<Timestamp>,
    /// And before this time.
    #[arg(long, value_parser = time)]
    to: Option<Timestamp>,
    /// Tickets whose lead is this department.
    #[arg(long)]
    department: Option<String>,
    /// Tickets in this state; may be given several times.
    #[arg(long, value_parser = state)]
    state: Vec<TicketState>,
    /// Tickets of this kind; may be given several times.
    #[arg(long, value_parser = kind)]
    kind: Vec<Kind>,
    /// Events from this position on.
    #[arg(long)]
    from_position: Option<u64>,
    /// Events up to this position.
    #[arg(long)]
    to_position: Option<u64>,
    /// Events of this type; may be given several times.
    #[arg(long = "type", value_parser = event_type)]
    types: Vec<String>,
    /// Events of the ticket with this number.
    #[arg(long)]
    ticket: Option<TicketNumber>,
    /// Opens the seals: names, phones and texts of citizens and staff in the clear.
    #[arg(long, requires = "purpose")]
    personal: bool,
    /// What the personal data is taken out for.
    #[arg(long, requires = "personal")]
    purpose: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "a time is such as 2026-11-23T10:00:00+08:00".into())
}

fn state(text: &str) -> Result<TicketState, String> {
    let named = TicketState::ALL.iter().find(|state| state.name() == text);
    let names: Vec<_> = TicketState::ALL.iter().map(|state| state.name()).collect();
    named
        .copied()
        .ok_or_else(|| format!("a state is one of {}", names.join(", ")))
}

fn event_type(text: &str) -> Result<String, String> {
    let known = docket_core::catalogue::event_types();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("an event type is one of {}", known.join(", ")))
}

fn kind(text: &str) -> Result<Kind, String> {
    let named = Kind::ALL.iter().find(|kind| kind.name() == text);
    let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    named
        .copied()
        .ok_or_else(|| format!("a kind is one of {}", names.join(", ")))
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        self.refuse_what_does_not_fit()?;
        let purpose = self.purpose.as_deref().unwrap_or_default();
        if self.personal && is_blank(purpose) {
            return Err("say what the personal data is taken out for: --purpose TEXT".into());
        }
        let opened = if self.personal {
            Some(self.store.open().await?)
        } else {
            None
        };
        let mut snapshot = Snapshot::open(&self.store.url()?).await?;
        let (log, head) = (snapshot.birth.log, snapshot.head);
        let mut output = Output::create(self.out.as_deref(), self.format, self.bom)?;
        let mut shown = Shown::new("exporting");
        let rows = match self.what {
            What::Events => {
                let stream = match &self.ticket {
                    Some(number) => Some(self.stream_of(number).await?),
                    None => None,
                };
                self.events(&mut snapshot, stream, &mut output, &mut shown)
                    .await?
            }
            What::Tickets => {
                let vault = opened.as_ref().map(|store| &store.vault);
                tickets::write(&self, &mut snapshot, vault, &mut output, &mut shown).await?
            }
        };
        output.finish()?;
        shown.finish();
        let what = match self.what {
            What::Tickets => "tickets",
            What::Events => "events",
        };
        let personal = if self.personal {
            format!(", personal data in the clear for: {purpose}")
        } else {
            String::new()
        };
        let says = format!("exported {rows} {what} of log {log} at position {head}{personal}");
        if self.out.is_some() {
            println!("{says}");
        } else {
            eprintln!("{says}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A filter that would be passed over in silence is refused.
    fn refuse_what_does_not_fit(&self) -> Result<(), Failed> {
        let of_tickets =
            self.department.is_some() || !self.state.is_empty() || !self.kind.is_empty();
        let of_events = self.from_position.is_some()
            || self.to_position.is_some()
            || !self.types.is_empty()
            || self.ticket.is_some();
        match self.what {
            What::Events if of_tickets => {
                Err("--department, --state and --kind choose tickets, not events".into())
            }
            What::Events if self.personal => Err(
                "events are exported as they are recorded, sealed: --personal is for tickets"
                    .into(),
            ),
            What::Tickets if of_events => Err(
                "--from-position, --to-position, --type and --ticket choose events, not tickets"
                    .into(),
            ),
            What::Tickets | What::Events => Ok(()),
        }
    }

    /// The stream of a ticket.
    async fn stream_of(&self, number: &TicketNumber) -> Result<Uuid, Failed> {
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        let claim = desk
            .journal()
            .claimed_by("ticket_number", number.as_str().as_bytes())
            .await?;
        claim.ok_or_else(|| format!("there is no ticket {number}").into())
    }

    /// Whether a time is within `--from` and `--to`.
    fn spans(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    async fn events(
        &self,
        snapshot: &mut Snapshot,
        stream: Option<Uuid>,
        output: &mut Output,
        shown: &mut Shown,
    ) -> Result<u64, Failed> {
        let until = self.to_position.unwrap_or(u64::MAX).min(snapshot.head);
        let mut at = self.from_position.unwrap_or(1).saturating_sub(1);
        let mut rows = 0;
        while at < until {
            let page = match stream {
                // A ticket's events are few, and found by its stream.
                Some(stream) => snapshot.of_streams(&[stream]).await?,
                None => snapshot.records(at).await?,
            };
            let Some(last) = page.last() else { break };
            let after = at;
            at = if stream.is_some() {
                until
            } else {
                last.position
            };
            for record in &page {
                let chosen = record.position > after
                    && record.position <= until
                    && self.spans(record.occurred_at)
                    && (self.types.is_empty() || self.types.contains(&record.event_type));
                if chosen {
                    output.row(&EVENT_COLUMNS, &event_cells(record))?;
                    rows += 1;
                }
            }
            shown.show((at.min(until), until));
        }
        output.header(&EVENT_COLUMNS)?;
        Ok(rows)
    }
}

/// The columns of an event, in the order of the record's canonical encoding.
const EVENT_COLUMNS: [&str; 16] = [
    "position",
    "category",
    "stream",
    "version",
    "event",
    "type",
    "schema_version",
    "data",
    "actor",
    "acting_for",
    "command",
    "correlation",
    "causation",
    "occurred_at",
    "recorded_at",
    "rules_version",
];

fn event_cells(record: &Record) -> [Cell; 16] {
    [
        Cell::Number(record.position),
        Cell::text(&record.category),
        Cell::text(&record.stream),
        Cell::Number(record.version),
        Cell::text(&record.event),
        Cell::text(&record.event_type),
        Cell::Number(record.schema_version.into()),
        Cell::text(&record.data),
        Cell::text(&record.actor),
        Cell::maybe(record.acting_for),
        Cell::text(&record.command),
        Cell::text(&record.correlation),
        Cell::maybe(record.causation),
        Cell::time(record.occurred_at),
        Cell::time(record.recorded_at),
        Cell::Number(record.rules_version.into()),
    ]
}

/// A point in time to the microsecond, in UTC.
fn to_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
