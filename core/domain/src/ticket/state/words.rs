//! The words for kinds, states and parts (DOMAIN §2): each with its stable name and its Chinese term.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal, $zh:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, as stored.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The Chinese term.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)+ }
            }
        }
    };
}
pub(super) use words;

words! {
    /// What the caller wants (诉求类型).
    Kind {
        /// Asks for information.
        Consult = "consult", "咨询";
        /// Asks for help.
        Help = "help", "求助";
        /// Complains of a service or a nuisance.
        Complain = "complain", "投诉";
        /// Reports a breach of law.
        Report = "report", "举报";
        /// Suggests something.
        Suggest = "suggest", "建议";
        /// Praises.
        Praise = "praise", "表扬";
    }
}

words! {
    /// How pressing it is.
    Urgency {
        /// As usual.
        Normal = "normal", "一般";
        /// Water, power, gas, heat.
        Urgent = "urgent", "紧急";
        /// Danger to life.
        Critical = "critical", "特急";
    }
}

words! {
    /// Who may know of it.
    Secrecy {
        /// As usual.
        Open = "open", "公开";
        /// The caller asks not to be known; a department accused never sees it.
        Confidential = "confidential", "保密";
    }
}

words! {
    /// Where a ticket stands. Follows from its lead assignment.
    TicketState {
        /// Not received yet.
        Absent = "absent", "无";
        /// Received, with nobody to handle it.
        Received = "received", "已受理";
        /// Assigned to a lead department, not signed.
        Assigned = "assigned", "待签收";
        /// Signed by the lead.
        InProgress = "in_progress", "办理中";
        /// With a level-2 unit of the lead.
        Delegated = "delegated", "已交办";
        /// The unit has replied; the lead sums up (一级部门汇总).
        AwaitingSummary = "awaiting_summary", "待汇总";
        /// The lead gave it back to the centre.
        Returned = "returned", "已退回";
        /// Answered: by the lead, or directly by the centre.
        Replied = "replied", "已答复";
        /// Reviewed; the citizen is to be called back.
        AwaitingCallBack = "awaiting_call_back", "待回访";
        /// The citizen says it is not solved: the centre has it handled anew, or closes it.
        AwaitingRedo = "awaiting_redo", "待重办";
        /// Over.
        Closed = "closed", "已办结";
        /// Not for this hotline. Over.
        Declined = "declined", "不予受理";
        /// Taken back by its citizen. Over.
        Withdrawn = "withdrawn", "已撤诉";
        /// Put through to an emergency line at once. Over.
        Transferred = "transferred", "已转接";
        /// Another ticket on the same matter goes on for both.
        Merged = "merged", "已并单";
        /// Ended unsolved, as the department asked and the centre approved. Over.
        Terminated = "terminated", "已终止";
        /// Laid down for good. Over.
        Archived = "archived", "已归档";
    }
}

words! {
    /// What a ticket's status meant in the system it was carried over from.
    Standing {
        /// To be handled, or being handled.
        Open = "open", "未办结";
        /// Answered; not closed.
        Answered = "answered", "已答复";
        /// Over.
        Closed = "closed", "已办结";
        /// Over: another ticket on the same matter goes on.
        Duplicate = "duplicate", "重复件";
        /// Over: another body has it.
        Transferred = "transferred", "已转出";
        /// Over: not taken on.
        Declined = "declined", "不予受理";
        /// Over: taken back by its citizen.
        Withdrawn = "withdrawn", "已撤诉";
    }
}

words! {
    /// Where an assignment stands.
    AssignmentState {
        /// To sign.
        Assigned = "assigned", "待签收";
        /// Signed.
        InProgress = "in_progress", "办理中";
        /// Handed to a unit (level 1 only).
        Delegated = "delegated", "已交办";
        /// The unit has replied (level 1 only).
        AwaitingSummary = "awaiting_summary", "待汇总";
        /// Replied. Over.
        Replied = "replied", "已办理";
        /// Given back. Over.
        Returned = "returned", "已退回";
        /// Taken back by whoever gave it, before it was signed. Over.
        Recalled = "recalled", "已撤回";
        /// Ended by another's step: the lead replied, the ticket was withdrawn. Over.
        Released = "released", "已解除";
    }
}

words! {
    /// The level of the organisation that holds an assignment.
    Level {
        /// Level 1 (一级部门).
        Department = "department", "一级部门";
        /// Level 2 (二级部门).
        Unit = "unit", "二级部门";
    }
}

words! {
    /// A department's part in a ticket.
    Part {
        /// Answers for the whole (主办).
        Lead = "lead", "主办";
        /// Helps (协办).
        Assist = "assist", "协办";
    }
}

words! {
    /// How content the citizen is.
    Satisfaction {
        /// 满意.
        Satisfied = "satisfied", "满意";
        /// 基本满意.
        Fairly = "fairly", "基本满意";
        /// 不满意.
        Dissatisfied = "dissatisfied", "不满意";
    }
}

words! {
    /// How a caller was reached, or tried.
    ContactMeans {
        /// By phone.
        Phone = "phone", "电话";
        /// In person, on the spot.
        Visit = "visit", "上门";
        /// By a message.
        Message = "message", "短信或网络";
        /// By letter.
        Letter = "letter", "书面";
    }
}

words! {
    /// What the centre still has to do with an answered ticket.
    Awaiting {
        /// Nothing yet asked for.
        Nothing = "nothing", "无";
        /// The citizen is to be called back.
        CallBack = "call_back", "回访";
        /// To be handled anew, or closed as it is.
        Redo = "redo", "重办";
    }
}

words! {
    /// How a ticket ended.
    EndingKind {
        /// Closed by the centre.
        Closed = "closed", "办结";
        /// Not for this hotline.
        Declined = "declined", "不予受理";
        /// Taken back by its citizen.
        Withdrawn = "withdrawn", "撤诉";
        /// Put through to an emergency line.
        Transferred = "transferred", "转接";
        /// Ended unsolved.
        Terminated = "terminated", "终止";
        /// With the outcome of the ticket it was merged into.
        Merged = "merged", "并单办结";
    }
}

words! {
    /// How strictly a ticket is supervised (督办等级), the mildest first.
    SupervisionLevel {
        /// As usual.
        Ordinary = "ordinary", "一般督办";
        /// With a yellow card.
        Yellow = "yellow", "黄牌督办";
        /// With a red card.
        Red = "red", "红牌督办";
        /// On the leaders' list.
        Listed = "listed", "挂牌督办";
        /// With an interview of the office's leaders.
        Interview = "interview", "约谈督办";
    }
}

words! {
    /// Why a ticket is disputed.
    DisputeCause {
        /// Somebody says so.
        Asked = "asked", "人工标记";
        /// It was given back or handed on too often, with no lead.
        Returns = "returns", "多次退回无主办";
        /// It was done anew too often, and is not solved.
        Redos = "redos", "多次重办未解决";
    }
}

words! {
    /// Why a ticket's clocks stand still.
    PauseCause {
        /// Suspended on a lawful ground.
        Suspended = "suspended", "挂起";
        /// Merged into another ticket.
        Merged = "merged", "并单";
    }
}

words! {
    /// A form that is printed (DOMAIN §8).
    PrintForm {
        /// Of the request, for its caller and the file.
        Acceptance = "acceptance", "受理单";
        /// Of an office's task.
        Assignment = "assignment", "下派单";
        /// Of the supervision it is under.
        Supervision = "supervision", "督办单";
        /// Of the latest urging.
        Urging = "urging", "催办通知书";
    }
}

words! {
    /// What moved a deadline.
    MoveCause {
        /// An extension that was granted.
        Extension = "extension", "延期";
        /// The end of a time in which the clock stood still.
        Pause = "pause", "挂起恢复";
        /// The calendar of a year that was not published when it was reckoned.
        Calendar = "calendar", "日历公布";
    }
}

words! {
    /// By what right a person is erased (个人信息保护法 47).
    Ground {
        /// They asked for it, or took their consent back.
        Request = "request", "本人请求";
        /// What the data was for is done with, or the time it is kept for is over.
        Retention = "retention", "保存期限届满";
        /// It was not lawful to have it.
        Unlawful = "unlawful", "违法处理";
    }
}

impl TicketState {
    /// Whether nothing more is to be done.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Closed
            | Self::Declined
            | Self::Withdrawn
            | Self::Transferred
            | Self::Terminated
            | Self::Archived => true,
            Self::Absent
            | Self::Merged
            | Self::Received
            | Self::Assigned
            | Self::InProgress
            | Self::Delegated
            | Self::AwaitingSummary
            | Self::Returned
            | Self::Replied
            | Self::AwaitingCallBack
            | Self::AwaitingRedo => false,
        }
    }

    /// Whether the citizen has an answer that may still be reviewed, rated, redone.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        matches!(
            self,
            Self::Replied | Self::AwaitingCallBack | Self::AwaitingRedo | Self::Closed
        )
    }
}

impl AssignmentState {
    /// Whether somebody still has to act on it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Assigned | Self::InProgress | Self::Delegated | Self::AwaitingSummary => true,
            Self::Replied | Self::Returned | Self::Recalled | Self::Released => false,
        }
    }
}
