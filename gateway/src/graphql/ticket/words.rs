//! The words for kinds, states and parts, and deadlines.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};

macro_rules! remote_enums {
    ($($(#[$doc:meta])* $name:ident of $remote:literal { $($(#[$vdoc:meta])* $variant:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
        #[graphql(remote = $remote)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }
    )+};
}

remote_enums! {
    /// What a file is attached to.
    FilePart of "docket_domain::ticket::FilePart" {
        /// 诉求: the request itself.
        Matter,
        /// 答复: the answer to the caller, who sees it once that is given.
        Answer,
        /// 佐证: what shows how it was handled, for the staff alone.
        Evidence,
    }

    /// What the caller wants (诉求类型).
    Kind of "docket_domain::ticket::Kind" {
        /// 咨询: asks for information.
        Consult,
        /// 求助: asks for help.
        Help,
        /// 投诉: complains of a service or a nuisance.
        Complain,
        /// 举报: reports a breach of law.
        Report,
        /// 建议: suggests something.
        Suggest,
        /// 表扬: praises.
        Praise,
    }
    /// How pressing it is.
    Urgency of "docket_domain::ticket::Urgency" {
        /// 一般.
        Normal,
        /// 紧急: water, power, gas, heat.
        Urgent,
        /// 特急: danger to life.
        Critical,
    }
    /// Who may know of it.
    Secrecy of "docket_domain::ticket::Secrecy" {
        /// 公开.
        Open,
        /// 保密: the caller is not told to offices; a department accused never sees the ticket.
        Confidential,
    }
    /// Where a ticket stands.
    TicketState of "docket_domain::ticket::TicketState" {
        /// Not received yet.
        Absent,
        /// 已受理: nobody handles it yet.
        Received,
        /// 待签收: with the lead department, not signed.
        Assigned,
        /// 办理中: signed.
        InProgress,
        /// 已交办: with a level-2 unit.
        Delegated,
        /// 待汇总: the unit has replied.
        AwaitingSummary,
        /// 已退回: back at the centre.
        Returned,
        /// 已答复: answered, by the lead or by the centre directly.
        Replied,
        /// 待回访: reviewed; the citizen is to be called back.
        AwaitingCallBack,
        /// 待重办: not solved, says the citizen.
        AwaitingRedo,
        /// 已办结: over.
        Closed,
        /// 不予受理: not for this hotline. Over.
        Declined,
        /// 已撤诉: taken back by its citizen. Over.
        Withdrawn,
        /// 已转接: put through to an emergency line. Over.
        Transferred,
        /// 已并单: another ticket on the same matter goes on for both.
        Merged,
        /// 已终止: ended unsolved, with an explanation. Over.
        Terminated,
        /// 已归档: laid down for good. Over.
        Archived,
    }
    /// Where an assignment stands.
    AssignmentState of "docket_domain::ticket::AssignmentState" {
        /// 待签收.
        Assigned,
        /// 办理中.
        InProgress,
        /// 已交办.
        Delegated,
        /// 待汇总.
        AwaitingSummary,
        /// 已办理.
        Replied,
        /// 已退回.
        Returned,
        /// 已撤回: taken back by whoever gave it, before it was signed.
        Recalled,
        /// 已解除: ended by another's step.
        Released,
    }
    /// A department's part in a ticket.
    Part of "docket_domain::ticket::Part" {
        /// 主办.
        Lead,
        /// 协办.
        Assist,
    }
    /// How content the citizen is.
    Satisfaction of "docket_domain::ticket::Satisfaction" {
        /// 满意.
        Satisfied,
        /// 基本满意.
        Fairly,
        /// 不满意.
        Dissatisfied,
    }
    /// How a caller was reached, or tried.
    ContactMeans of "docket_domain::ticket::ContactMeans" {
        /// 电话.
        Phone,
        /// 上门.
        Visit,
        /// 短信或网络.
        Message,
        /// 书面.
        Letter,
    }
    /// What a ticket's status meant in the system it was carried over from.
    Standing of "docket_domain::ticket::Standing" {
        /// 未办结: to be handled, or being handled.
        Open,
        /// 已答复: answered, not closed.
        Answered,
        /// 已办结: over.
        Closed,
        /// 重复件: over; another ticket on the same matter goes on.
        Duplicate,
        /// 已转出: over; another body has it.
        Transferred,
        /// 不予受理: over; not taken on.
        Declined,
        /// 已撤诉: over; taken back by its citizen.
        Withdrawn,
    }
    /// How a ticket ended.
    EndingKind of "docket_domain::ticket::EndingKind" {
        /// 办结: closed by the centre.
        Closed,
        /// 不予受理: not for this hotline.
        Declined,
        /// 撤诉: taken back by its citizen.
        Withdrawn,
        /// 转接: put through to an emergency line.
        Transferred,
        /// 终止: ended unsolved.
        Terminated,
        /// 并单办结: with the outcome of the ticket it was merged into.
        Merged,
    }
    /// How strictly a ticket is supervised, the mildest first.
    SupervisionLevel of "docket_domain::ticket::SupervisionLevel" {
        /// 一般督办.
        Ordinary,
        /// 黄牌督办.
        Yellow,
        /// 红牌督办.
        Red,
        /// 挂牌督办: on the leaders' list.
        Listed,
        /// 约谈督办: with an interview of the office's leaders.
        Interview,
    }
    /// Why a ticket is disputed.
    DisputeCause of "docket_domain::ticket::DisputeCause" {
        /// 人工标记: somebody says so.
        Asked,
        /// 多次退回无主办: given back or handed on too often, with no lead.
        Returns,
        /// 多次重办未解决: done anew too often, and not solved.
        Redos,
    }
    /// Why a ticket's clocks stand still.
    PauseCause of "docket_domain::ticket::PauseCause" {
        /// 挂起: suspended on a lawful ground.
        Suspended,
        /// 并单: merged into another ticket.
        Merged,
    }
    /// What moved a deadline.
    MoveCause of "docket_domain::ticket::MoveCause" {
        /// 延期: an extension that was granted.
        Extension,
        /// 挂起恢复: the end of a time in which the clock stood still.
        Pause,
        /// 日历公布: the calendar of a year that was not published when it was reckoned.
        Calendar,
    }
    /// How a deadline stands (黄牌, 红牌).
    Light of "docket_domain::time::Light" {
        /// Time enough.
        Green,
        /// About to run out.
        Yellow,
        /// Over.
        Red,
    }
}

/// A deadline.
#[derive(SimpleObject, Clone, Copy)]
pub struct Due {
    /// The last moment that is in time.
    at: DateTime<Utc>,
    /// True where it was reckoned on plain weekdays, because a year's holidays were not published yet.
    provisional: bool,
}

impl From<docket_domain::Due> for Due {
    fn from(due: docket_domain::Due) -> Self {
        Self {
            at: due.at,
            provisional: due.provisional,
        }
    }
}
