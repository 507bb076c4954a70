//! The commands on a ticket, one mutation an action. Each takes one `input` and gives the ticket folded
//! from the append, its position, and typed refusals. What all of them share is here; the actions are in
//! the files below, by where in a ticket's life they belong.

mod assigning;
mod attaching;
mod bulk;
mod deciding;
mod ending;
mod flags;
mod handling;
mod intake;
mod printing;

use super::common::{Position, UserError, app, local_id, options, split};
use super::ticket::{Ticket, visible};
use crate::auth::viewer;
use crate::error::{Code, Failure, fault_because};
use async_graphql::{Context, Error, ID, MergedObject, SimpleObject};
use docket_core::DeskError;
use docket_core::desk::Outcome;
use docket_domain::ids::TicketId;
use docket_domain::text::is_blank;
use docket_domain::ticket::{self as domain, TicketAction};
use uuid::Uuid;

/// Commands on tickets.
#[derive(MergedObject, Default)]
pub struct TicketMutation(
    intake::IntakeMutation,
    assigning::AssigningMutation,
    handling::HandlingMutation,
    deciding::DecidingMutation,
    flags::FlagMutation,
    printing::PrintingMutation,
    attaching::AttachingMutation,
    ending::EndingMutation,
    bulk::TicketsMutation,
);

macro_rules! action_inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $name {
            /// The ticket.
            id: ID,
            $($(#[$fdoc])* $field: $type,)*
            /// Sent again with the same id, the command takes effect once.
            command_id: Option<Uuid>,
            /// The revision you saw: refused if the ticket has changed since.
            expected_revision: Option<i32>,
        }

        impl $name {
            fn envelope(&self) -> Envelope {
                Envelope {
                    id: self.id.clone(),
                    command_id: self.command_id,
                    expected_revision: self.expected_revision,
                }
            }
        }
    )+};
}

/// What every action's input has.
struct Envelope {
    id: ID,
    command_id: Option<Uuid>,
    expected_revision: Option<i32>,
}

use action_inputs;

/// The ticket after a command.
#[derive(SimpleObject)]
pub struct TicketPayload {
    #[graphql(skip)]
    repeated: bool,
    /// The ticket as the command left it; null where it was refused.
    ticket: Option<Ticket>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

impl TicketPayload {
    /// A command that was not taken.
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self {
            repeated: false,
            ticket: None,
            position: None,
            user_errors,
        }
    }
}

/// What is wrong with another id.
const NO_TICKET_ID: (&str, &str) = ("input.id 不是工单编号", "input.id is no id of a ticket");

/// An optional text that says something.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !is_blank(text))
}

async fn act(
    context: &Context<'_>,
    envelope: Envelope,
    action: TicketAction<String>,
) -> Result<TicketPayload, Error> {
    let viewer = viewer(context)?;
    let id: TicketId = local_id("ticket", &envelope.id)
        .map_err(|_| fault_because(Code::BadRequest, NO_TICKET_ID))?;
    let options = options(envelope.command_id, envelope.expected_revision);
    let done = match app(context)?
        .desk
        .act(&viewer.actor, id, action, &options)
        .await
    {
        // Why it was refused tells of the ticket: only to those who may know of it.
        Err(DeskError::Refused(refusal)) => match visible(context, id).await? {
            Some(_) => Err(Failure::from(DeskError::Refused(refusal))),
            None => Err(Failure::not_found()),
        },
        other => other.map_err(Failure::from),
    };
    payload(context, done).await
}

/// A command sent again is answered as it was, and shows no more than the account may see now: what it was told then
/// it was told by right, but steps were added since.
async fn payload(
    context: &Context<'_>,
    done: Result<Outcome<domain::Ticket>, Failure>,
) -> Result<TicketPayload, Error> {
    let judged_by = match &done {
        Ok(done) if done.repeated => visible(context, TicketId(done.id)).await?,
        Ok(_) | Err(_) => None,
    };
    let done = match done {
        Ok(done) if done.repeated && judged_by.is_none() => Err(Failure::not_found()),
        done => done,
    };
    let (outcome, user_errors) = split(context, done)?;
    let position = outcome.as_ref().map(|o| o.position);
    let repeated = outcome.as_ref().is_some_and(|o| o.repeated);
    let ticket = outcome.map(|done| Ticket {
        id: TicketId(done.id),
        judged_by: judged_by.map_or_else(|| done.state.clone(), |present| present.ticket),
        ticket: done.state,
        position: done.position,
        siblings: None,
    });
    Ok(TicketPayload {
        repeated,
        ticket,
        position: position.map(Position),
        user_errors,
    })
}
