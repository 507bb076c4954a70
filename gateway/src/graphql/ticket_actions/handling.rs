//! An office works on what it holds: from the first look to the reply.

use super::{Envelope, TicketPayload, act, action_inputs, filled};
use crate::graphql::common::local_id;
use crate::graphql::ticket::ContactMeans;
use async_graphql::{Context, Error, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{
    contact, delegate, hand_over, reply, rework, save_draft, send_back, sign, view,
};
use uuid::Uuid;

action_inputs! {
    /// A look (查看).
    ViewTicketInput {}
    /// A signature (签收).
    SignTicketInput {}
    /// A handover within the office (转交).
    HandOverTicketInput {
        /// The account of a colleague, or one's own to take it oneself.
        to_id: ID,
    }
    /// A contact with the caller (联系).
    ContactTicketInput {
        /// Whether the caller was reached.
        reached: bool,
        /// When, between the assignment and now; now if left out.
        at: Option<DateTime<Utc>>,
        /// How.
        means: ContactMeans,
        /// What was said, or how it is known (a recording, a photograph).
        evidence: Option<String>,
    }
    /// A delegation (交办).
    DelegateTicketInput {
        /// A unit of one's own department.
        unit_id: ID,
        /// What the department asks of it (交办意见).
        instruction: Option<String>,
    }
    /// A return (退回).
    ReturnTicketInput {
        /// A reason code of the rule pack, e.g. `NOT_COMPETENT`.
        reason: String,
        /// The reason in words.
        text: String,
        /// Who should have it instead, if known.
        suggested_department_id: Option<ID>,
    }
    /// An answer saved, not submitted (暂存). Any part may be missing.
    SaveDraftInput {
        /// The internal account (办理意见).
        opinion: Option<String>,
        /// The answer.
        answer: Option<String>,
        /// Whether the caller was contacted.
        contacted: Option<bool>,
        /// Whether it is solved.
        solved: Option<bool>,
        /// Why not.
        unsolved_reason: Option<String>,
        /// Who handles it (承办人).
        handler: Option<String>,
        /// The handler's phone (联系电话).
        phone: Option<String>,
    }
    /// A reply (办理/答复).
    ReplyTicketInput {
        /// The internal account (办理意见); required of a lead department.
        opinion: Option<String>,
        /// The answer: a unit's to its department, a lead's to the citizen.
        answer: String,
        /// Whether the caller was contacted; required of a lead department.
        contacted: Option<bool>,
        /// Whether it is solved; required of a lead department.
        solved: Option<bool>,
        /// Why not; required where it is not solved.
        unsolved_reason: Option<String>,
        /// Who handled it (承办人).
        handler: String,
        /// The handler's phone (联系电话).
        phone: String,
    }
    /// A unit's reply sent back to it (退回重办).
    ReworkTicketInput {
        /// What is missing (退回原因).
        instruction: String,
    }
}

/// Commands of the offices that handle tickets.
#[derive(Default)]
pub struct HandlingMutation;

#[Object]
impl HandlingMutation {
    /// 查看: marks the assignment one's office holds as looked at.
    async fn view_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ViewTicketInput,
    ) -> Result<TicketPayload, Error> {
        act(context, input.envelope(), TicketAction::View(view::View)).await
    }

    /// 签收: signs the assignment one's office holds.
    async fn sign_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SignTicketInput,
    ) -> Result<TicketPayload, Error> {
        act(context, input.envelope(), TicketAction::Sign(sign::Sign)).await
    }

    /// 交办: delegates to a unit of one's own department (level 1).
    async fn delegate_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DelegateTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let unit = local_id("unit", &input.unit_id)?;
        let action = delegate::Delegate {
            unit,
            instruction: filled(input.instruction),
        };
        act(context, envelope, TicketAction::Delegate(action)).await
    }

    /// 退回: returns the assignment one's office holds, level 2 to its department, level 1 to the centre.
    async fn return_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReturnTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let suggested = input.suggested_department_id.as_ref();
        let action = send_back::SendBack {
            reason: input.reason,
            text: input.text,
            suggested_department: suggested.map(|id| local_id("department", id)).transpose()?,
        };
        act(context, envelope, TicketAction::SendBack(action)).await
    }

    /// 办理/答复: replies to the assignment one's office holds. Submitted is final.
    async fn reply_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReplyTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = reply::Reply {
            opinion: filled(input.opinion),
            answer: input.answer,
            contacted: input.contacted,
            solved: input.solved,
            unsolved_reason: filled(input.unsolved_reason),
            handler: input.handler,
            phone: input.phone,
        };
        act(context, envelope, TicketAction::Reply(action)).await
    }

    /// 转交: hands the assignment one's office holds to a colleague, or takes it oneself.
    async fn hand_over_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: HandOverTicketInput,
    ) -> Result<TicketPayload, Error> {
        let action = hand_over::HandOver {
            to: local_id("account", &input.to_id)?,
            office: None,
        };
        act(context, input.envelope(), TicketAction::HandOver(action)).await
    }

    /// 联系: notes that the caller was contacted, or that one tried.
    async fn contact_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ContactTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = contact::Contact {
            reached: input.reached,
            at: input.at,
            means: input.means.into(),
            evidence: filled(input.evidence),
        };
        act(context, envelope, TicketAction::Contact(action)).await
    }

    /// 暂存: saves an answer without submitting it, for one's own office alone. The latest stands until
    /// the reply.
    async fn save_draft(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SaveDraftInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = save_draft::SaveDraft {
            opinion: filled(input.opinion),
            answer: filled(input.answer),
            contacted: input.contacted,
            solved: input.solved,
            unsolved_reason: filled(input.unsolved_reason),
            handler: filled(input.handler),
            phone: filled(input.phone),
        };
        act(context, envelope, TicketAction::SaveDraft(action)).await
    }

    /// 退回重办: sends the unit's reply back to it (level 1).
    async fn rework_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReworkTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = rework::Rework {
            instruction: input.instruction,
        };
        act(context, envelope, TicketAction::Rework(action)).await
    }
}
