//! From the answer to the end: review, call-back, redo, closing; and what the citizen says to it all.

use super::{Envelope, TicketPayload, act, action_inputs, filled};
use crate::graphql::ticket::Satisfaction;
use async_graphql::{Context, Error, ID, InputObject, Object};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{call_back, close, rate, redo, review, urge, withdraw};
use uuid::Uuid;

action_inputs! {
    /// A review that takes the answer (审核).
    ReviewTicketInput {
        /// What the office thinks of it.
        opinion: Option<String>,
    }
    /// A call to the citizen after the answer (回访).
    CallBackTicketInput {
        /// Whether the citizen was reached.
        reached: bool,
        /// Whether the handling office had contacted them, as they say.
        contacted: Option<bool>,
        /// Whether it is solved, as they say; leave it out where not said.
        solved: Option<bool>,
        /// How content they are, if they said: kept as their rating.
        satisfaction: Option<Satisfaction>,
        /// What else they said.
        comment: Option<String>,
        /// The recording's id in the telephone system.
        recording: Option<String>,
    }
    /// A further round of handling (重办).
    RedoTicketInput {
        /// Why, and what is still to be done.
        instruction: String,
    }
    /// A closing (办结).
    CloseTicketInput {
        /// Why it ends; required where it is not solved.
        text: Option<String>,
    }
    /// A rating (评价).
    RateTicketInput {
        /// How content.
        satisfaction: Satisfaction,
        /// Whether it is solved, if said.
        solved: Option<bool>,
        /// What was said with it.
        comment: Option<String>,
    }
    /// An urging (催办).
    UrgeTicketInput {
        /// What is asked; required of the centre.
        text: Option<String>,
    }
    /// A withdrawal (撤诉).
    WithdrawTicketInput {
        /// Why; an operator says how the caller made sure who they are.
        text: Option<String>,
    }
}

/// Commands that bring a ticket to its end, and the citizen's.
#[derive(Default)]
pub struct EndingMutation;

#[Object]
impl EndingMutation {
    /// 审核: takes an answer (the hotline office). The citizen is then called back, or it is to be closed.
    async fn review_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReviewTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = review::ReviewAnswer {
            opinion: filled(input.opinion),
        };
        act(context, envelope, TicketAction::ReviewAnswer(action)).await
    }

    /// 回访: notes a call to the citizen (call-back operators). Solved or not said closes the ticket; not
    /// solved has it wait to be redone.
    async fn call_back_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CallBackTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = call_back::CallBack {
            reached: input.reached,
            contacted: input.contacted,
            solved: input.solved,
            satisfaction: input.satisfaction.map(Into::into),
            comment: filled(input.comment),
            recording: filled(input.recording),
        };
        act(context, envelope, TicketAction::CallBack(action)).await
    }

    /// 重办: has an answered ticket handled anew, in a further round (the hotline office).
    async fn redo_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RedoTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = redo::Redo {
            instruction: input.instruction,
        };
        act(context, envelope, TicketAction::Redo(action)).await
    }

    /// 办结: closes an answered ticket (the hotline office).
    async fn close_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CloseTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = close::Close {
            text: filled(input.text),
        };
        act(context, envelope, TicketAction::Close(action)).await
    }

    /// 评价: rates an answered ticket (its citizen; operators and call-back operators relay
    /// what a caller says).
    async fn rate_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RateTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = rate::Rate {
            satisfaction: input.satisfaction.into(),
            solved: input.solved,
            comment: filled(input.comment),
        };
        act(context, envelope, TicketAction::Rate(action)).await
    }

    /// 催办: asks the holder to hurry (the centre; its citizen). Changes no state and no clock.
    async fn urge_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UrgeTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = urge::Urge {
            text: filled(input.text),
        };
        act(context, envelope, TicketAction::Urge(action)).await
    }

    /// 撤诉: takes back a request that is not answered yet (its citizen; operators for a caller).
    async fn withdraw_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: WithdrawTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = withdraw::Withdraw {
            text: filled(input.text),
        };
        act(context, envelope, TicketAction::Withdraw(action)).await
    }
}
