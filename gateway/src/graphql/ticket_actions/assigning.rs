//! The centre hands a ticket out, takes it back, and decides on returns.

use super::{Envelope, TicketPayload, act, action_inputs, filled};
use crate::graphql::common::{counted, local_id};
use async_graphql::{Context, Error, ID, InputObject, Object};
use docket_domain::ids::AssignmentNo;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{accept_return, assign, recall, refuse_return};
use uuid::Uuid;

action_inputs! {
    /// An assignment (派单).
    AssignTicketInput {
        /// The department that answers for it.
        lead_id: ID,
        /// The departments that help.
        assist_ids: Option<Vec<ID>>,
        /// What the centre asks of them.
        instruction: Option<String>,
    }
    /// A recall (撤回).
    RecallTicketInput {
        /// Why.
        text: Option<String>,
    }
    /// A return accepted (同意退回).
    AcceptReturnInput {
        /// Which assignment's; the lead's if left out, else the first assist's.
        assignment_no: Option<i32>,
    }
    /// A return refused (不同意退回).
    RefuseReturnInput {
        /// Which assignment's; the lead's if left out, else the first assist's.
        assignment_no: Option<i32>,
        /// Why the office has to handle it.
        text: String,
    }
}

/// An assignment as an action.
pub(super) fn assigned(
    lead: &ID,
    assists: &[ID],
    instruction: Option<String>,
) -> Result<TicketAction<String>, Error> {
    let assists = assists.iter().map(|id| local_id("department", id));
    Ok(TicketAction::Assign(assign::Assign {
        lead: local_id("department", lead)?,
        assists: assists.collect::<Result<_, _>>()?,
        instruction,
    }))
}

/// Commands with which tickets are handed out.
#[derive(Default)]
pub struct AssigningMutation;

#[Object]
impl AssigningMutation {
    /// 派单: assigns a ticket to a lead department and assists (dispatchers).
    async fn assign_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AssignTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let assists = input.assist_ids.unwrap_or_default();
        let action = assigned(&input.lead_id, &assists, filled(input.instruction))?;
        act(context, envelope, action).await
    }

    /// 撤回: takes back what is not signed yet: the centre from the lead, a department from its unit.
    async fn recall_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RecallTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = recall::Recall {
            text: filled(input.text),
        };
        act(context, envelope, TicketAction::Recall(action)).await
    }

    /// 同意退回: accepts a department's return (dispatchers). The lead's is then to be assigned again.
    async fn accept_return(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AcceptReturnInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = accept_return::AcceptReturn {
            assignment: number(input.assignment_no),
        };
        act(context, envelope, TicketAction::AcceptReturn(action)).await
    }

    /// 不同意退回: refuses a department's return, which has it again as it was (dispatchers).
    async fn refuse_return(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RefuseReturnInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = refuse_return::RefuseReturn {
            assignment: number(input.assignment_no),
            text: input.text,
        };
        act(context, envelope, TicketAction::RefuseReturn(action)).await
    }
}

fn number(no: Option<i32>) -> Option<AssignmentNo> {
    no.map(|no| AssignmentNo(counted(no, u16::MAX)))
}
