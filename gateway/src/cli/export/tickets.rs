//! A row a ticket, folded from its events.

use super::output::{Cell, Output};
use super::{Export, Failed, Shown};
use docket_core::Vault;
use docket_core::desk::Caller;
use docket_core::esrs_store::fold;
use docket_core::safekeeping::Snapshot;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::TicketId;
use docket_domain::organisation::Organisation;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::Ticket;
use docket_domain::ticket::state::Intake;
use std::collections::HashMap;
use uuid::Uuid;

/// Tickets folded at a time.
const TICKETS_AT_ONCE: u32 = 200;
/// What stands for a text that is there and was not opened.
pub(in crate::cli) const MASKED: &str = "***";
/// What stands for a text whose key was destroyed.
pub(in crate::cli) const ERASED: &str = "(erased)";

const COLUMNS: [&str; 50] = [
    "ticket",
    "number",
    "state",
    "kind",
    "channel",
    "topic",
    "region",
    "urgency",
    "secrecy",
    "anonymous",
    "wants_reply",
    "received_at",
    "incident_at",
    "earlier",
    "department",
    "unit",
    "round",
    "assignments",
    "assigned_at",
    "sign_due_at",
    "sign_due_provisional",
    "signed_at",
    "due_at",
    "due_provisional",
    "replied_at",
    "contacted",
    "solved",
    "first_satisfaction",
    "last_satisfaction",
    "ratings",
    "urges",
    "reviewed_at",
    "called_back_at",
    "ending",
    "ended_at",
    "decline_reason",
    "source",
    "source_standing",
    "erased_at",
    "changed_at",
    "revision",
    "position",
    "caller_name",
    "caller_phone",
    "respondent",
    "title",
    "body",
    "place",
    "answer",
    "as_of_position",
];

/// Writes the tickets that were asked for; how many.
pub(super) async fn write(
    export: &Export,
    snapshot: &mut Snapshot,
    vault: Option<&Vault>,
    output: &mut Output,
    shown: &mut Shown,
) -> Result<u64, Failed> {
    let organisation = organisation(snapshot).await?;
    if let Some(name) = &export.department
        && !organisation.departments.iter().any(|d| d.name == *name)
    {
        return Err(format!("there is no department {name}").into());
    }
    let (mut after, mut rows, head) = (0, 0, snapshot.head);
    loop {
        let born = snapshot
            .born(Ticket::CATEGORY, after, TICKETS_AT_ONCE)
            .await?;
        let Some((_, last)) = born.last() else {
            output.header(&COLUMNS)?;
            return Ok(rows);
        };
        after = *last;
        let streams: Vec<Uuid> = born.iter().map(|(stream, _)| *stream).collect();
        let mut folded = fold_all(snapshot, &streams).await?;
        for stream in streams {
            let Some((ticket, position)) = folded.remove(&stream) else {
                continue;
            };
            if let Some(intake) = ticket
                .intake
                .as_ref()
                .filter(|i| chosen(export, &organisation, &ticket, i))
            {
                let row = Row {
                    id: TicketId(stream),
                    ticket: &ticket,
                    intake,
                    position,
                    head,
                };
                output.row(&COLUMNS, &row.cells(&organisation, vault).await?)?;
                rows += 1;
            }
        }
        shown.show((after, head));
    }
}

pub(in crate::cli) async fn organisation(snapshot: &mut Snapshot) -> Result<Organisation, Failed> {
    let mut organisation = Organisation::default();
    for (stream, _) in snapshot.born(Organisation::CATEGORY, 0, 1).await? {
        let records = snapshot.of_streams(&[stream]).await?;
        fold::<Organisation>(&mut organisation, &records)?;
    }
    Ok(organisation)
}

/// Tickets by stream, with the position of the last event of each.
pub(in crate::cli) async fn fold_all(
    snapshot: &mut Snapshot,
    streams: &[Uuid],
) -> Result<HashMap<Uuid, (Ticket, u64)>, Failed> {
    let mut folded: HashMap<Uuid, (Ticket, u64)> = HashMap::new();
    for record in snapshot.of_streams(streams).await? {
        let (ticket, position) = folded.entry(record.stream).or_default();
        *position = record.position;
        fold::<Ticket>(ticket, std::slice::from_ref(&record))?;
    }
    Ok(folded)
}

fn chosen(export: &Export, organisation: &Organisation, ticket: &Ticket, intake: &Intake) -> bool {
    let lead = ticket
        .lead()
        .and_then(|lead| organisation.department(lead.department));
    let department = export
        .department
        .as_ref()
        .is_none_or(|name| lead.is_some_and(|lead| lead.name == *name));
    department
        && export.spans(intake.at)
        && (export.state.is_empty() || export.state.contains(&ticket.state))
        && (export.kind.is_empty() || intake.kind.is_some_and(|kind| export.kind.contains(&kind)))
}

struct Row<'r> {
    id: TicketId,
    ticket: &'r Ticket,
    intake: &'r Intake,
    position: u64,
    head: u64,
}

impl Row<'_> {
    async fn cells(
        &self,
        organisation: &Organisation,
        vault: Option<&Vault>,
    ) -> Result<Vec<Cell>, Failed> {
        let Self { ticket, intake, .. } = self;
        let lead = ticket.lead();
        let holder = ticket.assignments.iter().rev().find_map(|a| a.unit);
        let department = lead.and_then(|lead| organisation.department(lead.department));
        let unit = holder.and_then(|unit| organisation.unit(unit));
        let answer = ticket.answer.as_ref();
        let (ending, source) = (ticket.ending.as_ref(), ticket.source.as_ref());
        let satisfaction = |rating: &Option<docket_domain::ticket::state::Rating>| {
            Cell::maybe(rating.as_ref().map(|rating| rating.satisfaction.name()))
        };
        let mut cells = vec![
            Cell::text(&self.id),
            Cell::text(&intake.number),
            Cell::text(ticket.state.name()),
            Cell::maybe(intake.kind.map(docket_domain::ticket::Kind::name)),
            Cell::maybe(intake.channel.as_ref()),
            Cell::maybe(intake.topic.as_ref()),
            Cell::maybe(intake.region.as_ref()),
            Cell::text(intake.urgency.name()),
            Cell::text(intake.secrecy.name()),
            Cell::Bool(intake.anonymous),
            Cell::Bool(intake.wants_reply),
            Cell::time(intake.at),
            Cell::maybe_time(intake.incident_at),
            Cell::maybe(intake.earlier.as_ref()),
            Cell::maybe(department.map(|d| &d.name)),
            Cell::maybe(unit.map(|(_, u)| &u.name)),
            Cell::Number(ticket.round.into()),
            Cell::Number(ticket.assignments.len() as u64),
            Cell::maybe_time(lead.map(|a| a.assigned_at)),
            Cell::maybe_time(lead.and_then(|a| a.sign_due).map(|due| due.at)),
            Cell::maybe_bool(lead.and_then(|a| a.sign_due).map(|due| due.provisional)),
            Cell::maybe_time(lead.and_then(|a| a.signed_at)),
            Cell::maybe_time(lead.and_then(|a| a.due).map(|due| due.at)),
            Cell::maybe_bool(lead.and_then(|a| a.due).map(|due| due.provisional)),
            Cell::maybe_time(answer.map(|a| a.at)),
            Cell::maybe_bool(answer.and_then(|a| a.contacted)),
            Cell::maybe_bool(answer.and_then(|a| a.solved)),
            satisfaction(&ticket.first_rating),
            satisfaction(&ticket.last_rating),
            Cell::Number(ticket.ratings.into()),
            Cell::Number(ticket.urges.into()),
            Cell::maybe_time(ticket.review.as_ref().map(|review| review.at)),
            Cell::maybe_time(ticket.call_backs.last().map(|call| call.at)),
            Cell::maybe(ending.map(|ending| ending.kind.name())),
            Cell::maybe_time(ending.and_then(|ending| ending.at)),
            Cell::maybe(ending.and_then(|ending| ending.reason.as_ref())),
            Cell::maybe(source.map(|source| &source.system)),
            Cell::maybe(source.map(|source| source.standing.name())),
            Cell::maybe_time(ticket.erased_at),
            Cell::maybe_time(ticket.changed_at),
            Cell::Number(ticket.revision.into()),
            Cell::Number(self.position),
        ];
        cells.extend(self.texts(vault).await?);
        cells.push(Cell::Number(self.head));
        Ok(cells)
    }

    /// What is sealed: in the clear with a vault, else only that it is there.
    async fn texts(&self, vault: Option<&Vault>) -> Result<Vec<Cell>, Failed> {
        let intake = self.intake;
        let mut cells = match (vault, &intake.caller) {
            (_, None) => vec![Cell::Empty, Cell::Empty],
            (None, Some(_)) => vec![Cell::text(MASKED), Cell::text(MASKED)],
            (Some(vault), Some(sealed)) => match vault.open_text("caller", sealed).await? {
                None => vec![Cell::text(ERASED), Cell::text(ERASED)],
                Some(block) => {
                    let caller: Caller = serde_json::from_str(&block)
                        .map_err(|_| format!("the caller of {} cannot be read", intake.number))?;
                    vec![Cell::maybe(caller.name), Cell::maybe(caller.phone)]
                }
            },
        };
        let answer = self.ticket.answer.as_ref();
        for (field, sealed) in [
            ("respondent", intake.respondent.as_ref()),
            ("title", Some(&intake.title)),
            ("body", intake.body.as_ref()),
            ("place", intake.place.as_ref()),
            ("answer", answer.map(|answer| &answer.text)),
        ] {
            cells.push(text(vault, field, sealed).await?);
        }
        Ok(cells)
    }
}

async fn text(
    vault: Option<&Vault>,
    field: &'static str,
    sealed: Option<&Sealed>,
) -> Result<Cell, Failed> {
    Ok(match (vault, sealed) {
        (_, None) => Cell::Empty,
        (None, Some(_)) => Cell::text(MASKED),
        (Some(vault), Some(sealed)) => {
            let opened = vault.open_text(field, sealed).await?;
            Cell::Text(opened.unwrap_or_else(|| ERASED.into()))
        }
    })
}
