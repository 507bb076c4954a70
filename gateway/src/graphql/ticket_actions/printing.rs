//! Printing a form of a ticket: on record, and behind a link that ends soon.

use super::{Envelope, act, action_inputs, filled};
use crate::auth::viewer;
use crate::error::{Code, fault_because, system};
use crate::graphql::common::{Position, UserError, app, counted};
use crate::prints::form::Order;
use crate::prints::{self, LINK_LASTS};
use async_graphql::{Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_domain::ids::AssignmentNo;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::print::Print;
use uuid::Uuid;

/// A form that is printed.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_domain::ticket::PrintForm")]
pub enum PrintForm {
    /// 受理单: of the request, for its caller and the file.
    Acceptance,
    /// 下派单: of an office's task.
    Assignment,
    /// 督办单: of the supervision it is under.
    Supervision,
    /// 催办通知书: of the latest urging.
    Urging,
}

action_inputs! {
    /// A print (打印).
    PrintTicketInput {
        /// Which form.
        form: PrintForm,
        /// Whose task, of an assignment form; one's own, or the lead's, if left out.
        assignment_no: Option<i32>,
        /// Whether the caller is masked on it; yes if left out.
        masked: Option<bool>,
        /// What for; required where the caller is not masked.
        purpose: Option<String>,
    }
}

/// A printed form.
#[derive(SimpleObject)]
pub struct PrintPayload {
    /// Where the page is, below the server's own address; whoever opens the link first sees the page, once. Null where
    /// refused, and where the command was sent before: print again.
    url: Option<String>,
    /// Until when the link works: two minutes.
    expires_at: Option<DateTime<Utc>>,
    /// The position of the event that says it was printed.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Printing.
#[derive(Default)]
pub struct PrintingMutation;

#[Object]
impl PrintingMutation {
    /// 打印: prints a form of a ticket (the centre; the office that has it). Every print is an event.
    async fn print_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: PrintTicketInput,
    ) -> Result<PrintPayload, Error> {
        let envelope = input.envelope();
        let no = input.assignment_no.map(|no| counted(no, u16::MAX));
        let print = Print {
            form: input.form.into(),
            assignment: no.map(AssignmentNo),
            masked: input.masked.unwrap_or(true),
            purpose: filled(input.purpose),
        };
        let (form, assignment, masked) = (print.form, print.assignment, print.masked);
        let done = act(context, envelope, TicketAction::Print(print)).await?;
        // A page that no event tells of there is not.
        let Some(ticket) = done.ticket.filter(|_| !done.repeated) else {
            return Ok(PrintPayload {
                url: None,
                expires_at: None,
                position: done.position,
                user_errors: done.user_errors,
            });
        };
        let (app, actor) = (app(context)?, &viewer(context)?.actor);
        let own = ticket
            .ticket
            .held_by(actor)
            .or_else(|| ticket.ticket.lead());
        let order = Order {
            desk: &app.desk,
            ticket: &ticket.ticket,
            actor,
            form,
            assignment: assignment.or(own.map(|own| own.no)),
            masked,
        };
        let page = order.page().await.map_err(|error| system(&error))?;
        let page = page.ok_or_else(|| fault_because(Code::Internal, "an empty ticket"))?;
        let until = app.desk.now() + LINK_LASTS;
        let kept = prints::keep(&app.store.ops, &page.html(), until).await;
        let token = kept.map_err(|error| system(&error.into()))?;
        Ok(PrintPayload {
            url: Some(format!("/print/{token}")),
            expires_at: Some(until),
            position: done.position,
            user_errors: Vec::new(),
        })
    }
}
