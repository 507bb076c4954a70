//! Replaying a ticket's history, step by step with the state after each, for auditors.

use docket_core::esrs_store::decode;
use docket_core::{Desk, JournalError, Record};
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ticket::{Ticket, TicketNumber};
use docket_domain::{Due, Timestamp};
use std::fmt::Write as _;

/// Where a replay ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// At the ticket's last event.
    End,
    /// At a position of the log.
    Position(u64),
    /// At a point in business time.
    Time(Timestamp),
}

impl Until {
    fn admits(self, record: &Record) -> bool {
        match self {
            Self::End => true,
            Self::Position(position) => record.position <= position,
            Self::Time(time) => record.occurred_at <= time,
        }
    }
}

/// Replays a ticket; `None` when there is no such number.
pub async fn replay(
    desk: &Desk,
    number: &TicketNumber,
    until: Until,
) -> Result<Option<String>, JournalError> {
    let journal = desk.journal();
    let claim = journal
        .claimed_by("ticket_number", number.as_str().as_bytes())
        .await?;
    let Some(stream) = claim else { return Ok(None) };
    let mut ticket = Ticket::default();
    let mut text = format!(
        "ticket {number}, stream ticket-{stream}, log {}\n",
        journal.log_id()
    );
    let mut after = 0;
    loop {
        let page = journal.read_stream(stream, after).await?;
        let Some(last) = page.last() else {
            return Ok(Some(text));
        };
        after = last.version;
        for record in &page {
            if !until.admits(record) {
                return Ok(Some(text));
            }
            let event = decode::<Ticket>(record)?;
            Ticket::evolve(&mut ticket, &record.stamp(), &event);
            step(&mut text, record, &ticket);
        }
    }
}

fn step(text: &mut String, record: &Record, ticket: &Ticket) {
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n#{} v{} {} at {} by account:{} under rules {}",
        record.position,
        record.version,
        record.event_type,
        record.occurred_at.to_rfc3339(),
        record.actor,
        record.rules_version,
    );
    let _ = writeln!(
        text,
        "  recorded {} event {}",
        record.recorded_at.to_rfc3339(),
        record.event
    );
    let _ = writeln!(text, "  data {}", record.data);
    let _ = writeln!(
        text,
        "  → {} ({}), revision {}, round {}",
        ticket.state.name(),
        ticket.state.name_zh(),
        ticket.revision,
        ticket.round
    );
    for assignment in &ticket.assignments {
        let holder = assignment.unit.map_or_else(
            || format!("department:{}", assignment.department),
            |unit| format!("unit:{unit}"),
        );
        let by = |due: Due| {
            let provisional = if due.provisional {
                " (provisional)"
            } else {
                ""
            };
            format!("{}{provisional}", due.at.to_rfc3339())
        };
        let reply_by = assignment.due.map_or_else(|| "not known".to_owned(), by);
        let sign_by = assignment
            .sign_due
            .map_or_else(String::new, |due| format!("sign by {}, ", by(due)));
        let _ = writeln!(
            text,
            "    {} {} {holder}: {}, {sign_by}reply by {reply_by}",
            assignment.no,
            assignment.part.name(),
            assignment.state.name(),
        );
    }
}
