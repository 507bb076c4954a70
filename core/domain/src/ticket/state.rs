//! The folded ticket, and the words for the states it and its assignments go through (DOMAIN §3).

use super::number::TicketNumber;
use crate::ids::{AccountId, AssignmentNo, DepartmentId, UnitId};
use crate::people::{Actor, Role};
use crate::sealed::Sealed;
use crate::time::{Due, Timestamp};
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
        /// Answered.
        Replied = "replied", "已答复";
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
        /// Ended by another's step: the lead replied or returned the whole. Over.
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

impl AssignmentState {
    /// Whether somebody still has to act on it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Assigned | Self::InProgress | Self::Delegated | Self::AwaitingSummary => true,
            Self::Replied | Self::Returned | Self::Released => false,
        }
    }
}

/// A ticket as folded from its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Where it stands.
    pub state: TicketState,
    /// Moves with every event that changes the work, not with views.
    pub revision: u32,
    /// What was received; there from the first event on.
    pub intake: Option<Intake>,
    /// The round of handling, from 1; a redo begins the next.
    pub round: u16,
    /// Every assignment ever made, in order; the number is the index plus one.
    pub assignments: Vec<Assignment>,
    /// The answer that went to the citizen.
    pub answer: Option<Answer>,
    /// The first rating.
    pub first_rating: Option<Rating>,
    /// The latest rating.
    pub last_rating: Option<Rating>,
    /// When it last changed, views apart.
    pub changed_at: Option<Timestamp>,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            state: TicketState::Absent,
            revision: 0,
            intake: None,
            round: 1,
            assignments: Vec::new(),
            answer: None,
            first_rating: None,
            last_rating: None,
            changed_at: None,
        }
    }
}

/// What was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
    /// Its number.
    pub number: TicketNumber,
    /// What the caller needs to ask after it without an account; sealed under the ticket's key.
    pub query_code: Sealed,
    /// What the caller wants.
    pub kind: Kind,
    /// The code of the channel it came by.
    pub channel: String,
    /// The topic's path, one of the pack's.
    pub topic: Option<String>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Who may know.
    pub secrecy: Secrecy,
    /// Whether the caller wants a reply.
    pub wants_reply: bool,
    /// Whether the caller did not say who they are.
    pub anonymous: bool,
    /// Who called (name, sex, phones, e-mail, company), sealed under the caller's key.
    pub caller: Option<Sealed>,
    /// The caller's account, if they sent it themselves.
    pub caller_account: Option<AccountId>,
    /// Title.
    pub title: Sealed,
    /// Body.
    pub body: Sealed,
    /// Where it happened, in words.
    pub place: Option<Sealed>,
    /// The region it happened in, one of the pack's.
    pub region: Option<String>,
    /// When it happened.
    pub incident_at: Option<Timestamp>,
    /// The party complained of, sealed under its own key.
    pub respondent: Option<Sealed>,
    /// A department accused in it: a confidential report never reaches it.
    pub accused_department: Option<DepartmentId>,
    /// An earlier ticket on the same matter.
    pub earlier: Option<TicketNumber>,
}

/// One office's task in a ticket, with its own state and clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Its number within the ticket, from 1.
    pub no: AssignmentNo,
    /// Lead or assist.
    pub part: Part,
    /// The department that holds it, or that the holding unit belongs to.
    pub department: DepartmentId,
    /// The unit that holds it, on level 2.
    pub unit: Option<UnitId>,
    /// The level-1 assignment it was delegated from, on level 2.
    pub parent: Option<AssignmentNo>,
    /// The round it belongs to.
    pub round: u16,
    /// Where it stands.
    pub state: AssignmentState,
    /// When it was made; every clock runs from here, not from the signing.
    pub assigned_at: Timestamp,
    /// The instruction (交办意见) it came with.
    pub instruction: Option<Sealed>,
    /// To be signed by.
    pub sign_due: Due,
    /// To be replied by.
    pub due: Due,
    /// May be returned until.
    pub return_by: Due,
    /// When its holder first looked at it.
    pub viewed_at: Option<Timestamp>,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
    /// When it was replied, returned or released.
    pub ended_at: Option<Timestamp>,
    /// The answer its holder gave.
    pub answer: Option<Answer>,
}

impl Assignment {
    /// The level of its holder.
    #[must_use]
    pub const fn level(&self) -> Level {
        if self.unit.is_some() {
            Level::Unit
        } else {
            Level::Department
        }
    }

    /// Whether the account's office holds it.
    #[must_use]
    pub fn is_held_by(&self, actor: &Actor) -> bool {
        actor.department == Some(self.department) && actor.unit == self.unit
    }
}

/// An answer, as given by one level to the next or to the citizen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// By which account.
    pub by: AccountId,
    /// The internal account (办理意见).
    pub opinion: Option<Sealed>,
    /// The answer.
    pub text: Sealed,
    /// Whether the caller was contacted.
    pub contacted: Option<bool>,
    /// Whether it is solved.
    pub solved: Option<bool>,
    /// Why not.
    pub unsolved_reason: Option<Sealed>,
    /// Who handled it.
    pub handler: Sealed,
    /// The handler's phone.
    pub phone: Sealed,
}

/// A rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// When.
    pub at: Timestamp,
    /// How content.
    pub satisfaction: Satisfaction,
    /// Whether it is solved, if said.
    pub solved: Option<bool>,
    /// What was said with it.
    pub comment: Option<Sealed>,
    /// True when staff wrote down what the citizen said.
    pub relayed: bool,
}

impl Ticket {
    /// The lead's level-1 assignment of the current handling: the latest one made.
    #[must_use]
    pub fn lead(&self) -> Option<&Assignment> {
        self.assignments
            .iter()
            .rev()
            .find(|a| a.part == Part::Lead && a.level() == Level::Department)
    }

    /// An assignment by number.
    #[must_use]
    pub fn assignment(&self, no: AssignmentNo) -> Option<&Assignment> {
        self.assignments.get(usize::from(no.0).checked_sub(1)?)
    }

    /// An assignment by number, to be changed by `evolve`.
    pub(super) fn assignment_mut(&mut self, no: AssignmentNo) -> Option<&mut Assignment> {
        self.assignments.get_mut(usize::from(no.0).checked_sub(1)?)
    }

    /// The latest open assignment the account's office holds.
    #[must_use]
    pub fn held_by(&self, actor: &Actor) -> Option<&Assignment> {
        self.assignments
            .iter()
            .rev()
            .find(|a| a.state.is_open() && a.is_held_by(actor))
    }

    /// Whether the account may know of the ticket at all (DOMAIN §6).
    #[must_use]
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let Some(intake) = &self.intake else {
            return false;
        };
        if actor
            .department
            .is_some_and(|department| intake.hides_from(department))
        {
            return false;
        }
        if actor.has_any(&[Role::Auditor, Role::Operator, Role::Dispatcher]) {
            return true;
        }
        if intake.is_from(actor) {
            return true;
        }
        actor.has_any(&[Role::Clerk, Role::Leader]) && self.given_to(actor).next().is_some()
    }

    /// Whether the account's office has the ticket in hand or has answered it: not one that returned it or
    /// was released, which may know that it was, and no more than the matter.
    #[must_use]
    pub fn is_business_of(&self, actor: &Actor) -> bool {
        self.given_to(actor)
            .any(|a| a.state.is_open() || a.state == AssignmentState::Replied)
    }

    /// The assignments the account's office was ever given; a department's are its units' too.
    fn given_to(&self, actor: &Actor) -> impl Iterator<Item = &Assignment> {
        let (department, unit) = (actor.department, actor.unit);
        self.assignments
            .iter()
            .filter(move |a| Some(a.department) == department && (unit.is_none() || a.unit == unit))
    }

    /// Derives what follows from the assignments: the ticket's own state.
    pub(super) fn settle(&mut self) {
        if self.intake.is_none() {
            return;
        }
        self.state = match self.lead().map(|lead| lead.state) {
            None => TicketState::Received,
            Some(AssignmentState::Assigned) => TicketState::Assigned,
            Some(AssignmentState::InProgress) => TicketState::InProgress,
            Some(AssignmentState::Delegated) => TicketState::Delegated,
            Some(AssignmentState::AwaitingSummary) => TicketState::AwaitingSummary,
            Some(AssignmentState::Returned | AssignmentState::Released) => TicketState::Returned,
            Some(AssignmentState::Replied) => TicketState::Replied,
        };
    }

    /// Ends every open assignment that satisfies `which`.
    pub(super) fn release(&mut self, at: Timestamp, which: impl Fn(&Assignment) -> bool) {
        for assignment in &mut self.assignments {
            if assignment.state.is_open() && which(assignment) {
                assignment.state = AssignmentState::Released;
                assignment.ended_at = Some(at);
            }
        }
    }
}

impl Intake {
    /// Whether the request is the account's own: it sent it in, or shows its query code.
    #[must_use]
    pub fn is_from(&self, actor: &Actor) -> bool {
        let own = self.caller_account == Some(actor.account) || actor.account == AccountId::BEARER;
        actor.has(Role::Citizen) && own
    }

    /// Whether the request must stay hidden from a department: it is confidential and accuses it.
    #[must_use]
    pub fn hides_from(&self, department: DepartmentId) -> bool {
        self.secrecy == Secrecy::Confidential && self.accused_department == Some(department)
    }
}
