//! Signing and assigning in bulk: each ticket as by its own command, with an outcome of its own.

use super::assigning::assigned;
use super::{Envelope, TicketPayload, act, filled};
use crate::auth::viewer;
use crate::error::{Code, Refused, fault_because, slow, system};
use crate::graphql::account::address;
use crate::graphql::common::{Position, UserError, app, local_id};
use crate::graphql::ticket::{Siblings, Ticket};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use docket_core::ops::SecurityKind;
use docket_domain::ids::TicketId;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::sign;
use futures_util::stream::{self, StreamExt as _};
use std::collections::HashSet;
use uuid::Uuid;

/// Most tickets at one time.
pub const TICKETS_AT_ONCE: usize = 100;
/// Commands of a batch under way at a time: enough for the journal to gather them into few commits, and
/// few beside what everybody else does.
const COMMANDS_AT_A_TIME: usize = 32;

/// A ticket to be signed.
#[derive(InputObject)]
pub struct SignTicketsItem {
    /// The ticket.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The revision you saw: refused if the ticket has changed since.
    expected_revision: Option<i32>,
}

/// Signatures in bulk (批量签收).
#[derive(InputObject)]
pub struct SignTicketsInput {
    /// The tickets, at most 100, each once.
    items: Vec<SignTicketsItem>,
    /// Of the whole batch: an item without a `commandId` gets one that follows from this and its ticket. Sent again with the
    /// same id, what was taken takes effect once, and what was refused is decided anew.
    command_id: Option<Uuid>,
}

/// A ticket to be assigned.
#[derive(InputObject)]
pub struct AssignTicketsItem {
    /// The ticket.
    id: ID,
    /// The department that answers for it.
    lead_id: ID,
    /// The departments that help.
    assist_ids: Option<Vec<ID>>,
    /// What the centre asks of them.
    instruction: Option<String>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The revision you saw: refused if the ticket has changed since.
    expected_revision: Option<i32>,
}

/// Assignments in bulk (批量派单).
#[derive(InputObject)]
pub struct AssignTicketsInput {
    /// The tickets, at most 100, each once.
    items: Vec<AssignTicketsItem>,
    /// Of the whole batch: an item without a `commandId` gets one that follows from this and its ticket. Sent again with the
    /// same id, what was taken takes effect once, and what was refused is decided anew.
    command_id: Option<Uuid>,
}

/// What became of one ticket of a batch.
#[derive(SimpleObject)]
pub struct TicketOutcome {
    /// The ticket's global id, as it was sent.
    ticket_id: ID,
    /// The ticket as the command left it; null where it was refused.
    ticket: Option<Ticket>,
    /// The position of the command's event; null where it was refused.
    position: Option<Position>,
    /// Why not. `path` begins with `input`, `items` and the place from 0 on.
    user_errors: Vec<UserError>,
}

/// What became of a batch.
#[derive(SimpleObject)]
pub struct TicketsPayload {
    /// What became of each, in the order they were sent.
    outcomes: Vec<TicketOutcome>,
    /// The greatest position of all: give it as `minPosition` to read your own writes. Null where all were refused.
    position: Option<Position>,
    /// Why not, of all that were refused.
    user_errors: Vec<UserError>,
}

/// Commands on many tickets.
#[derive(Default)]
pub struct TicketsMutation;

#[Object]
impl TicketsMutation {
    /// 批量签收: signs tickets, at most 100, each as `signTicket` would: some may be signed and others refused. Counts for as
    /// many requests as it has tickets. If the request breaks off, send it again with the same `commandId`s.
    #[graphql(complexity = "cost(input.items.len(), child_complexity)")]
    async fn sign_tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SignTicketsInput,
    ) -> Result<TicketsPayload, Error> {
        let asked = input.items.into_iter().map(|item| {
            let envelope = Envelope {
                id: item.id,
                command_id: item.command_id,
                expected_revision: item.expected_revision,
            };
            Ok((envelope, TicketAction::Sign(sign::Sign)))
        });
        each(context, asked.collect(), input.command_id).await
    }

    /// 批量派单: assigns tickets, at most 100, each as `assignTicket` would: some may be assigned and others refused
    /// (dispatchers). Counts for as many requests as it has tickets. If the request breaks off, send it again with the same
    /// `commandId`s.
    #[graphql(complexity = "cost(input.items.len(), child_complexity)")]
    async fn assign_tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AssignTicketsInput,
    ) -> Result<TicketsPayload, Error> {
        let asked = input.items.into_iter().map(|item| {
            let assists = item.assist_ids.unwrap_or_default();
            let action = assigned(&item.lead_id, &assists, filled(item.instruction))?;
            let envelope = Envelope {
                id: item.id,
                command_id: item.command_id,
                expected_revision: item.expected_revision,
            };
            Ok((envelope, action))
        });
        each(context, asked.collect(), input.command_id).await
    }
}

/// As much as the commands one by one, and what is asked of each.
fn cost(items: usize, of_each: usize) -> usize {
    items.clamp(1, TICKETS_AT_ONCE) * (1 + of_each)
}

type Asked = (Envelope, TicketAction<String>);

/// Does each command, several at a time. All are read before the first is done.
async fn each(
    context: &Context<'_>,
    asked: Result<Vec<Asked>, Error>,
    whole: Option<Uuid>,
) -> Result<TicketsPayload, Error> {
    viewer(context)?;
    let asked = asked?;
    if asked.len() > TICKETS_AT_ONCE {
        let detail = (
            format!("一次至多{TICKETS_AT_ONCE}件工单"),
            format!("at most {TICKETS_AT_ONCE} tickets at a time"),
        );
        return Err(fault_because(Code::TooLarge, detail));
    }
    let mut seen = HashSet::new();
    let mut commands = Vec::with_capacity(asked.len());
    for (place, (mut envelope, action)) in asked.into_iter().enumerate() {
        let detail = || {
            (
                format!("input.items.{place}.id 不是工单编号"),
                format!("input.items.{place}.id is no id of a ticket"),
            )
        };
        let ticket: TicketId = local_id("ticket", &envelope.id)
            .map_err(|_| fault_because(Code::BadRequest, detail()))?;
        let named = |whole: Uuid| Uuid::new_v5(&whole, format!("ticket {ticket}").as_bytes());
        envelope.command_id = envelope.command_id.or_else(|| whole.map(named));
        let again = !seen.insert(ticket);
        commands.push(one(context, place, envelope, action, again));
    }
    count(context, commands.len()).await?;
    let mut outcomes: Vec<TicketOutcome> = stream::iter(commands)
        .buffered(COMMANDS_AT_A_TIME)
        .collect()
        .await;
    let taken = outcomes
        .iter()
        .filter_map(|outcome| outcome.ticket.as_ref());
    let siblings = Siblings::new(taken.map(|ticket| (ticket.id, &*ticket.ticket, ticket.position)));
    for ticket in outcomes.iter_mut().filter_map(|o| o.ticket.as_mut()) {
        ticket.siblings = Some(siblings.clone());
    }
    let positions = outcomes.iter().filter_map(|outcome| outcome.position);
    let errors = outcomes.iter().flat_map(|outcome| &outcome.user_errors);
    Ok(TicketsPayload {
        position: positions.max_by_key(|position| position.0),
        user_errors: errors.cloned().collect(),
        outcomes,
    })
}

/// One command of a batch. What keeps it from being done keeps none of the others.
async fn one(
    context: &Context<'_>,
    place: usize,
    envelope: Envelope,
    action: TicketAction<String>,
    again: bool,
) -> TicketOutcome {
    let ticket_id = envelope.id.clone();
    let done = if again {
        let mut refused = Refused::from(Code::DuplicateItem);
        refused.path = Some("id");
        Ok(TicketPayload::refused(UserError::of(context, &refused)))
    } else {
        act(context, envelope, action).await
    };
    let mut payload = done
        .unwrap_or_else(|fault| TicketPayload::refused(vec![UserError::of_fault(context, &fault)]));
    for error in &mut payload.user_errors {
        error.put_under("items", place);
    }
    TicketOutcome {
        ticket_id,
        ticket: payload.ticket,
        position: payload.position,
        user_errors: payload.user_errors,
    }
}

/// Counts every command at the account; the request itself was counted for one.
async fn count(context: &Context<'_>, commands: usize) -> Result<(), Error> {
    let (app, account) = (app(context)?, viewer(context)?.actor.account);
    let more = u32::try_from(commands.saturating_sub(1)).unwrap_or(u32::MAX);
    let Err(limit) = app.rates.of_account(account, more) else {
        return Ok(());
    };
    if let Some(times) = limit.untold {
        let kind = SecurityKind::RateLimited;
        let noted = app.desk.note(kind, Some(account), address(context), times);
        if let Err(error) = noted.await {
            let _ = system(&error);
        }
    }
    Err(slow(limit.seconds()))
}
