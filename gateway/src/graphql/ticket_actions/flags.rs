//! Facts beside a ticket's state: supervised, disputed and ruled on, suspended, merged, confidential, archived; and
//! callers put through at once, tickets handed on.

use super::{Envelope, TicketPayload, act, action_inputs, filled};
use crate::graphql::common::local_id;
use crate::graphql::ticket::{Secrecy, SupervisionLevel};
use async_graphql::{Context, Error, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{
    add_assist, archive, dispute, lift_supervision, merge, reassign, resume, rule, set_secrecy,
    supervise, suspend, transfer, unmerge,
};
use uuid::Uuid;

action_inputs! {
    /// A transfer to an emergency line (转接).
    TransferTicketInput {
        /// The code of an emergency line of the rule pack.
        line: String,
        /// What was said.
        text: Option<String>,
    }
    /// A reassignment (转派).
    ReassignTicketInput {
        /// The department that answers for it now.
        lead_id: ID,
        /// The departments that help.
        assist_ids: Option<Vec<ID>>,
        /// What the centre asks of them.
        instruction: Option<String>,
        /// Why it is handed on.
        text: String,
    }
    /// One more assist (增加协办).
    AddAssistInput {
        /// The department.
        department_id: ID,
        /// What the centre asks of it.
        instruction: Option<String>,
    }
    /// Supervision (督办).
    SuperviseTicketInput {
        /// How strict.
        level: SupervisionLevel,
        /// What set it off.
        text: String,
    }
    /// The end of supervision (解除督办).
    LiftSupervisionInput {
        /// Why.
        text: String,
    }
    /// A mark as disputed (标记疑难).
    DisputeTicketInput {
        /// Why.
        text: String,
    }
    /// A ruling (裁定).
    RuleOnTicketInput {
        /// The department that answers for it.
        lead_id: ID,
        /// The departments that help.
        assist_ids: Option<Vec<ID>>,
        /// The ruling.
        text: String,
    }
    /// A suspension (挂起).
    SuspendTicketInput {
        /// The code of a lawful ground of the rule pack.
        ground: String,
        /// When it is expected to go on.
        expected_at: DateTime<Utc>,
        /// In words.
        text: String,
    }
    /// A resumption (恢复).
    ResumeTicketInput {
        /// Why.
        text: String,
    }
    /// A merge (并单).
    MergeTicketInput {
        /// The ticket that goes on for both.
        master_id: ID,
    }
    /// A merge taken back (撤销并单).
    UnmergeTicketInput {
        /// Why.
        text: String,
    }
    /// A change of who may know (设置保密).
    SetSecrecyInput {
        /// Who may know from now on.
        secrecy: Secrecy,
        /// Whom the report accuses, where that has come out since, or was noted wrongly; as it is, if left out.
        accused_department_id: Option<ID>,
        /// Why.
        text: String,
    }
    /// An archiving (归档).
    ArchiveTicketInput {
        /// The code of a retention class of the rule pack; the first of them if left out.
        class: Option<String>,
    }
}

/// Commands beside a ticket's way.
#[derive(Default)]
pub struct FlagMutation;

#[Object]
impl FlagMutation {
    /// 转接: puts a caller through to an emergency line at once (operators). The ticket is over with it.
    async fn transfer_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TransferTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = transfer::Transfer {
            line: input.line,
            text: filled(input.text),
        };
        act(context, envelope, TicketAction::Transfer(action)).await
    }

    /// 转派: takes a ticket from its department and hands it to another, with limits of its own (dispatchers).
    async fn reassign_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReassignTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = reassign::Reassign {
            lead: local_id("department", &input.lead_id)?,
            assists: departments(input.assist_ids)?,
            instruction: filled(input.instruction),
            text: input.text,
        };
        act(context, envelope, TicketAction::Reassign(action)).await
    }

    /// 增加协办: has one more department help (dispatchers).
    async fn add_assist(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddAssistInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = add_assist::AddAssist {
            department: local_id("department", &input.department_id)?,
            instruction: filled(input.instruction),
        };
        act(context, envelope, TicketAction::AddAssist(action)).await
    }

    /// 督办: puts a ticket on a level of supervision (supervisors).
    async fn supervise_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SuperviseTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = supervise::Supervise {
            level: input.level.into(),
            text: filled(Some(input.text)),
        };
        act(context, envelope, TicketAction::Supervise(action)).await
    }

    /// 解除督办: lifts the supervision of a ticket (supervisors).
    async fn lift_supervision(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: LiftSupervisionInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = lift_supervision::LiftSupervision { text: input.text };
        act(context, envelope, TicketAction::LiftSupervision(action)).await
    }

    /// 标记疑难: marks a ticket as disputed, for the joint meeting (dispatchers).
    async fn dispute_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DisputeTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = dispute::MarkDisputed {
            text: filled(Some(input.text)),
        };
        act(context, envelope, TicketAction::MarkDisputed(action)).await
    }

    /// 裁定: rules who handles a disputed ticket; they cannot return it (the joint meeting).
    async fn rule_on_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RuleOnTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = rule::RuleOn {
            lead: local_id("department", &input.lead_id)?,
            assists: departments(input.assist_ids)?,
            text: input.text,
        };
        act(context, envelope, TicketAction::RuleOn(action)).await
    }

    /// 挂起: stops the clocks of a ticket on a lawful ground (the hotline office).
    async fn suspend_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SuspendTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = suspend::Suspend {
            ground: input.ground,
            expected_at: input.expected_at,
            text: input.text,
        };
        act(context, envelope, TicketAction::Suspend(action)).await
    }

    /// 恢复: has the clocks of a suspended ticket go on; its limits move by the time they stood still (the hotline office).
    async fn resume_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ResumeTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = resume::Resume {
            text: filled(Some(input.text)),
        };
        act(context, envelope, TicketAction::Resume(action)).await
    }

    /// 并单: has another ticket on the same matter go on for both (dispatchers). This one rests, and gets its outcome.
    async fn merge_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MergeTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = merge::Merge::with(local_id("ticket", &input.master_id)?);
        act(context, envelope, TicketAction::Merge(action)).await
    }

    /// 撤销并单: takes a merge back; holders and clocks are as before, but for the time it rested (dispatchers).
    async fn unmerge_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UnmergeTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = unmerge::Unmerge {
            text: filled(Some(input.text)),
        };
        act(context, envelope, TicketAction::Unmerge(action)).await
    }

    /// 设置保密: changes who may know of a ticket (operators, dispatchers, the hotline office).
    async fn set_secrecy(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetSecrecyInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let accused = input.accused_department_id.as_ref();
        let accused = accused.map(|id| local_id("department", id));
        let action = set_secrecy::SetSecrecy {
            secrecy: input.secrecy.into(),
            accused_department: accused.transpose()?,
            text: input.text,
        };
        act(context, envelope, TicketAction::SetSecrecy(action)).await
    }

    /// 归档: lays a ticket that is over down for good (the hotline office).
    async fn archive_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveTicketInput,
    ) -> Result<TicketPayload, Error> {
        let envelope = input.envelope();
        let action = archive::Archive {
            class: filled(input.class),
        };
        act(context, envelope, TicketAction::Archive(action)).await
    }
}

fn departments(ids: Option<Vec<ID>>) -> Result<Vec<docket_domain::ids::DepartmentId>, Error> {
    let ids = ids.unwrap_or_default();
    ids.iter().map(|id| local_id("department", id)).collect()
}
