//! What a department asks the centre for, and the centre's decision: more time, an end unsolved, exclusion from the
//! appraisal; a leader's sign-off, and corrections.

use super::{Envelope, TicketPayload, act, action_inputs};
use crate::graphql::common::counted;
use async_graphql::{Context, Error, ID, InputObject, Object};
use docket_domain::ids::EventId;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{
    ask_exclusion, ask_extension, ask_termination, correct, decide_exclusion, grant_extension,
    refuse_extension, refuse_termination, sign_off, terminate,
};
use uuid::Uuid;

action_inputs! {
    /// More time asked for (申请延期).
    AskExtensionInput {
        /// How many working days.
        days: i32,
        /// On what basis.
        text: String,
        /// Whether the caller was told.
        caller_told: bool,
    }
    /// More time granted (同意延期).
    GrantExtensionInput {
        /// How many working days; as many as were asked for if left out, and never more.
        days: Option<i32>,
    }
    /// More time refused (不同意延期).
    RefuseExtensionInput {
        /// Why.
        text: String,
    }
    /// A sign-off (签发).
    SignOffReplyInput {
        /// The draft that was read: `assignments { draft { id } }`. `STALE_REVISION` where another was saved since.
        draft_id: Uuid,
    }
    /// A correction (更正答复).
    CorrectAnswerInput {
        /// The answer as it should be.
        answer: String,
        /// What was wrong.
        text: String,
    }
    /// An end unsolved asked for (申请终止).
    AskTerminationInput {
        /// The code of a reason of the rule pack.
        reason: String,
        /// In words.
        text: String,
    }
    /// An end unsolved (同意终止).
    TerminateTicketInput {
        /// The explanation to the citizen.
        text: String,
    }
    /// An end unsolved refused (不同意终止).
    RefuseTerminationInput {
        /// Why.
        text: String,
    }
    /// Exclusion from the appraisal asked for (申请剔除).
    AskExclusionInput {
        /// The code of a ground of the rule pack.
        ground: String,
        /// The evidence.
        text: String,
    }
    /// A decision on an exclusion (剔除审批).
    DecideExclusionInput {
        /// Which asking, where several departments have asked (`exclusions { no }`); by default the first that waits
        /// for you.
        exclusion_no: Option<i32>,
        /// Whether it is left out.
        granted: bool,
        /// Why.
        text: String,
    }
}

/// Commands that ask and decide.
#[derive(Default)]
pub struct DecidingMutation;

#[Object]
impl DecidingMutation {
    /// 申请延期: asks the centre for more working days, before the limit is over (the lead department).
    async fn ask_extension(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AskExtensionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = ask_extension::AskExtension {
            days: counted(input.days, u16::MAX),
            text: input.text,
            caller_told: input.caller_told,
        };
        act(context, envelope, TicketAction::AskExtension(action)).await
    }

    /// 同意延期: grants more time (dispatchers). The limit moves, and that of a unit that has the work with it.
    async fn grant_extension(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: GrantExtensionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = grant_extension::GrantExtension {
            days: input.days.map(|days| counted(days, u16::MAX)),
        };
        act(context, envelope, TicketAction::GrantExtension(action)).await
    }

    /// 不同意延期: refuses more time (dispatchers).
    async fn refuse_extension(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RefuseExtensionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = refuse_extension::RefuseExtension { text: input.text };
        act(context, envelope, TicketAction::RefuseExtension(action)).await
    }

    /// 签发: makes the department's draft its answer (its leader).
    async fn sign_off_reply(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SignOffReplyInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = sign_off::SignOff {
            draft: Some(EventId(input.draft_id)),
        };
        act(context, envelope, TicketAction::SignOff(action)).await
    }

    /// 更正答复: corrects the answer that went to the citizen (the office that gave it, or the hotline office
    /// where the pack leaves it to no other); every version stays in the timeline.
    async fn correct_answer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CorrectAnswerInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = correct::Correct {
            answer: input.answer,
            text: input.text,
        };
        act(context, envelope, TicketAction::Correct(action)).await
    }

    /// 申请终止: asks the centre to end a ticket unsolved (the lead department).
    async fn ask_termination(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AskTerminationInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = ask_termination::AskTermination {
            reason: input.reason,
            text: input.text,
        };
        act(context, envelope, TicketAction::AskTermination(action)).await
    }

    /// 同意终止: ends a ticket unsolved, as its department asked (the hotline office).
    async fn terminate_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TerminateTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = terminate::Terminate { text: input.text };
        act(context, envelope, TicketAction::Terminate(action)).await
    }

    /// 不同意终止: the department goes on (the hotline office).
    async fn refuse_termination(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RefuseTerminationInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = refuse_termination::RefuseTermination { text: input.text };
        act(context, envelope, TicketAction::RefuseTermination(action)).await
    }

    /// 申请剔除: asks that a ticket be left out of the appraisal of one's department; again after a refusal is an appeal.
    async fn ask_exclusion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AskExclusionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = ask_exclusion::AskExclusion {
            ground: input.ground,
            text: input.text,
        };
        act(context, envelope, TicketAction::AskExclusion(action)).await
    }

    /// 剔除审批: decides on an exclusion (the hotline office; the joint meeting on an appeal; one of them on both where the pack says so).
    async fn decide_exclusion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DecideExclusionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = decide_exclusion::DecideExclusion {
            asking: input.exclusion_no.map(|no| counted(no, u16::MAX)),
            granted: input.granted,
            text: input.text,
        };
        act(context, envelope, TicketAction::DecideExclusion(action)).await
    }
}
