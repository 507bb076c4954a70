//! Refusals: what the domain will not do, and why, in words for people and a code for programs.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal { zh: $zh:literal, en: $en:literal, remedy: $remedy:literal })+) => {
        /// Why a command was refused. Codes are stable; each has an entry in `docs/errors.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it says in Chinese.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// What it says in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

reasons! {
    /// The account's roles do not include one that may do this.
    RoleNotAllowed = "ROLE_NOT_ALLOWED" {
        zh: "您的角色无权进行此操作", en: "your role may not do this",
        remedy: "Ask a colleague with one of the action's roles (`availableActions` tells what you may do)." }
    /// No open assignment of the ticket is held by the account's office.
    NotHolder = "NOT_HOLDER" {
        zh: "此工单当前不由您的单位办理", en: "your office does not hold this ticket",
        remedy: "Only the office that holds an assignment acts on it; ask the hotline centre to assign it." }
    /// The account's office assists: what concerns the whole ticket is its lead's.
    NotLead = "NOT_LEAD" {
        zh: "协办单位不能进行此操作，须由主办单位提出", en: "only the lead office may do this, yours assists",
        remedy: "Ask the lead department (`assignments { part department { name } }` says which it is)." }
    /// The ticket or assignment is in another state than the action starts from.
    WrongState = "WRONG_STATE" {
        zh: "工单当前状态不允许此操作", en: "the ticket is not in a state for this",
        remedy: "Read the ticket again; a colleague may have moved it on." }
    /// The notice was taken back.
    NoticeWithdrawn = "NOTICE_WITHDRAWN" {
        zh: "公告已撤回", en: "the notice was withdrawn",
        remedy: "Nothing more can be done to it; publish another." }
    /// The action belongs to the other level of the organisation.
    WrongLevel = "WRONG_LEVEL" {
        zh: "您所在层级不能进行此操作", en: "this action belongs to another level",
        remedy: "A level-2 unit is last: it replies or returns, and never delegates." }
    /// The revision is not the one the client saw.
    StaleRevision = "STALE_REVISION" {
        zh: "内容已被他人更新，请刷新后重试", en: "it has changed since you read it",
        remedy: "Read it again, look at what changed, and send the command with the new revision." }
    /// A required text is empty.
    Required = "REQUIRED" {
        zh: "必填项为空", en: "a required field is empty",
        remedy: "Fill in the field that `path` names." }
    /// A text is longer than the rules allow.
    TooLong = "TOO_LONG" {
        zh: "内容超过长度限制", en: "a text is too long",
        remedy: "Shorten the field that `path` names; the message tells the limit in characters." }
    /// A text holds a control character.
    ControlCharacter = "CONTROL_CHARACTER" {
        zh: "内容含有不可显示的控制字符", en: "a text holds a control character, which nothing can show",
        remedy: "Take it out of the field that `path` names; the message tells which it is. Line breaks and tabs may stay." }
    /// A value is outside the allowed ones.
    InvalidValue = "INVALID_VALUE" {
        zh: "取值无效", en: "a value is not one of those allowed",
        remedy: "Correct the field that `path` names; the message tells what is allowed." }
    /// A named department or unit does not exist, or the unit belongs to another department.
    UnknownOffice = "UNKNOWN_OFFICE" {
        zh: "单位不存在或不隶属于该部门", en: "no such department, or the unit is not under it",
        remedy: "Choose from `departments`." }
    /// One department twice in one assignment.
    OfficeTwice = "OFFICE_TWICE" {
        zh: "同一部门不能同时为主办和协办", en: "one department is named twice",
        remedy: "Name each department once: the lead, or one of the assists." }
    /// A confidential report would reach the department it accuses.
    AccusedOffice = "ACCUSED_OFFICE" {
        zh: "不得将举报件转交被举报单位", en: "a report must not go to the office it accuses",
        remedy: "Assign it to another department, as the rules on confidential reports ask." }
    /// The window for returning is over.
    ReturnWindowOver = "RETURN_WINDOW_OVER" {
        zh: "已超过退回时限", en: "the time for returning this ticket is over",
        remedy: "Handle it, or ask the hotline centre." }
    /// It is signed already: too late to take back.
    AlreadySigned = "ALREADY_SIGNED" {
        zh: "对方已签收，不能撤回", en: "it is signed already and cannot be recalled",
        remedy: "Ask the office to return it." }
    /// An exclusion from appraisal is asked for and not decided on.
    ExclusionPending = "EXCLUSION_PENDING" {
        zh: "尚有考核剔除申请未裁定，暂不能归档", en: "an exclusion asked for is not decided on yet",
        remedy: "Decide on it first (`decideExclusion`; tab `TO_DECIDE` of the centre's inbox)." }
    /// No return is waiting for the centre.
    NoReturnPending = "NO_RETURN_PENDING" {
        zh: "没有待审核的退回申请", en: "no return is waiting to be decided on",
        remedy: "Read the ticket again; a colleague may have decided on it." }
    /// The account named is of another office, or there is none.
    NotColleague = "NOT_COLLEAGUE" {
        zh: "只能转交给本单位人员", en: "this is no colleague of your office",
        remedy: "Choose from `colleagues`." }
    /// The answer has not been reviewed yet.
    NotReviewed = "NOT_REVIEWED" {
        zh: "答复尚未审核", en: "the answer has not been reviewed yet",
        remedy: "Review it first." }
    /// It was done again too soon.
    TooOften = "TOO_OFTEN" {
        zh: "操作过于频繁，请稍后再试", en: "this was done again too soon",
        remedy: "Wait; the rule pack says how often it may be done." }
    /// It was done as often as it may ever be.
    NoMoreTimes = "NO_MORE_TIMES" {
        zh: "次数已用尽，不能再次进行此操作", en: "this was done as often as the rules allow",
        remedy: "Waiting does not help: go on without it. The rule pack says how often it may be done, and where a leader may more often." }
    /// Assists have not replied yet, and the rules make the lead wait.
    AssistsOpen = "ASSISTS_OPEN" {
        zh: "协办单位尚未办理完毕", en: "assisting departments have not replied yet",
        remedy: "Wait for the assists, or ask the hotline centre to urge them." }
    /// The clock stands still on a lawful ground.
    Suspended = "SUSPENDED" {
        zh: "工单已挂起", en: "the ticket is suspended",
        remedy: "Ask the hotline office to resume it first." }
    /// It is not suspended, so there is nothing to resume.
    NotSuspended = "NOT_SUSPENDED" {
        zh: "工单未挂起", en: "the ticket is not suspended",
        remedy: "Read the ticket again; a colleague may have resumed it." }
    /// The joint meeting ruled who handles it.
    RuledOn = "RULED_ON" {
        zh: "已裁定主办单位，不得退回、撤回、转派，也不得并入未裁定由同一单位主办的工单", en: "the joint meeting has ruled who handles it: it cannot be returned, recalled or handed on, nor merged into a ticket without the same ruling",
        remedy: "Handle it as ruled; only another ruling moves it (mark it disputed again). Where two are one matter, merge the other one into it." }
    /// It is disputed already.
    AlreadyDisputed = "ALREADY_DISPUTED" {
        zh: "已标记为疑难工单", en: "it is marked disputed already",
        remedy: "Wait for the joint meeting's ruling." }
    /// It is not disputed.
    NotDisputed = "NOT_DISPUTED" {
        zh: "未标记为疑难工单", en: "it is not marked disputed",
        remedy: "Mark it disputed first." }
    /// What was asked for is not decided on yet.
    AlreadyAsked = "ALREADY_ASKED" {
        zh: "已有待审批的申请", en: "the same was asked for and is not decided on yet",
        remedy: "Wait for the decision." }
    /// Nothing was asked for that could be decided on.
    NothingAsked = "NOTHING_ASKED" {
        zh: "没有待审批的申请", en: "nothing is waiting to be decided on",
        remedy: "Read the ticket again; a colleague may have decided on it." }
    /// The deadline is over, or there is none.
    DeadlineOver = "DEADLINE_OVER" {
        zh: "已超过办理时限", en: "the deadline is over, or there is none",
        remedy: "More time is asked for before the deadline." }
    /// It is under no supervision.
    NotSupervised = "NOT_SUPERVISED" {
        zh: "工单未被督办", en: "the ticket is under no supervision",
        remedy: "Read the ticket again; a colleague may have lifted it." }
    /// It is under supervision.
    Supervised = "SUPERVISED" {
        zh: "工单正在督办，不得并入其他工单", en: "the ticket is under supervision and cannot be merged into another",
        remedy: "Merge the other ticket into it, or have a supervisor lift the supervision first." }
    /// A leader signs a department's answer off.
    SignOffNeeded = "SIGN_OFF_NEEDED" {
        zh: "答复须由领导签发", en: "a leader has to sign the answer off",
        remedy: "Save a draft; your department's leader signs it off." }
    /// The draft lacks something that an answer must have.
    DraftIncomplete = "DRAFT_INCOMPLETE" {
        zh: "草稿不完整", en: "there is no draft, or it lacks what an answer must have",
        remedy: "Complete the draft: opinion, answer, contacted, solved (and why not), handler, phone." }
    /// A ticket cannot be merged into this one.
    NoMaster = "NO_MASTER" {
        zh: "不能并入该工单", en: "the ticket cannot be merged into that one",
        remedy: "Choose another ticket that is open, not merged itself, and not this one." }
    /// Other tickets were merged into this one.
    HasFollowers = "HAS_FOLLOWERS" {
        zh: "已有工单并入此工单", en: "other tickets were merged into this one",
        remedy: "Merge into it, or unmerge them first." }
    /// Who is scored does not decide.
    OwnScore = "OWN_SCORE" {
        zh: "不得审批涉及本单位的考核申请", en: "who is scored does not decide on it",
        remedy: "The hotline office decides, and the joint meeting on an appeal." }
    /// Nobody decides on the appeal of their own decision.
    OwnDecision = "OWN_DECISION" {
        zh: "不得审批对本人所作决定的申诉", en: "nobody decides on the appeal of their own decision",
        remedy: "Another member of the joint meeting, or of the hotline office, decides on it." }
    /// Somebody else's ticket.
    NotOwnTicket = "NOT_OWN_TICKET" {
        zh: "只能操作本人的工单", en: "this is not your ticket",
        remedy: "Log in with the account that sent the request." }
    /// Nothing exists under this id.
    NotFound = "NOT_FOUND" {
        zh: "未找到，或您无权查看", en: "there is no such thing, or you may not see it",
        remedy: "Check the number or id." }
    /// It exists already.
    AlreadyExists = "ALREADY_EXISTS" {
        zh: "已存在", en: "it exists already",
        remedy: "Choose another name, or use the one that exists." }
    /// What is asked is so already.
    NoChange = "NO_CHANGE" {
        zh: "内容没有变化", en: "nothing would change",
        remedy: "Read it again: it is so already. Send what is to be different." }
    /// Not on one's own account.
    OwnAccount = "OWN_ACCOUNT" {
        zh: "不能对本人账号进行此操作", en: "this cannot be done to one's own account",
        remedy: "Ask another administrator; change your own password with `changePassword`." }
    /// Not of the staff that a leader keeps.
    NotOwnStaff = "NOT_OWN_STAFF" {
        zh: "部门领导只能管理本部门的经办和领导账号", en: "a leader keeps accounts of the own department's clerks and leaders only",
        remedy: "Choose `CLERK` or `LEADER` and your own department or one of its units; ask an administrator for others." }
    /// The login does not begin as those of its department's region do.
    LoginPrefix = "LOGIN_PREFIX" {
        zh: "登录名须以所属区域的前缀开头", en: "the login does not begin as the region's logins do",
        remedy: "Begin the login with the prefix that the message names (the rule pack's `accounts.prefixes`)." }
    /// The account is active, and would have to be deactivated first.
    AccountActive = "ACCOUNT_ACTIVE" {
        zh: "账号仍在使用，请先停用", en: "the account is still active",
        remedy: "Deactivate it first." }
    /// A file is larger than the setting allows.
    FileTooLarge = "FILE_TOO_LARGE" {
        zh: "文件过大", en: "the file is too large",
        remedy: "Send a smaller one; the message tells the limit in bytes (the setting `limits.file_bytes`)." }
    /// A file is of a kind that is not taken, or is not what it was said to be.
    FileType = "FILE_TYPE" {
        zh: "文件类型不允许，或与内容不符", en: "files of this type are not taken, or its content is of another",
        remedy: "Send it as one of the types that docs/api.md lists, with the `mediaType` that it is." }
    /// As many files are attached as there may be.
    TooManyFiles = "TOO_MANY_FILES" {
        zh: "附件数量已达上限", en: "no more files can be attached to this ticket",
        remedy: "Put several pictures into one document; the setting is `limits.files`, half of which the caller may use." }
    /// The rule pack in force lists nothing to choose from.
    NotInRules = "NOT_IN_RULES" {
        zh: "现行规则未列出可选事由", en: "the rules in force list no grounds for this",
        remedy: "Have the hotline office publish a rule pack that lists them." }
    /// A pack of another zone than the hotline's.
    OtherTimeZone = "OTHER_TIME_ZONE" {
        zh: "规则包的时区与热线不同", en: "the rule pack is of another time zone than the hotline",
        remedy: "Set `pack.time_zone` to the zone that the message names: it was fixed when the hotline was founded." }
    /// A rule pack does not check.
    InvalidRules = "INVALID_RULES" {
        zh: "规则包有误", en: "the rule pack has a mistake",
        remedy: "Correct what the message names." }
}

/// A command refused: which action, in which state, for which reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The action asked for, by its stable name.
    pub action: &'static str,
    /// The state it was refused in, by its stable name.
    pub state: &'static str,
    /// Why.
    pub reason: Reason,
    /// The input field at fault, if one is.
    pub field: Option<&'static str>,
    /// Further input fields that are at fault in the same way.
    pub also: Vec<&'static str>,
    /// What exactly is wrong or allowed; never quotes what was sent.
    pub detail: Option<Box<Detail>>,
}

impl Refusal {
    /// A refusal of an action in a state.
    #[must_use]
    pub const fn new(action: &'static str, state: &'static str, reason: Reason) -> Self {
        Self {
            action,
            state,
            reason,
            field: None,
            also: Vec::new(),
            detail: None,
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Names further fields that are at fault in the same way.
    #[must_use]
    pub fn and_at(mut self, fields: &[&'static str]) -> Self {
        self.also = fields.to_vec();
        self
    }

    /// Adds what exactly is wrong.
    #[must_use]
    pub fn because(mut self, detail: impl Into<Detail>) -> Self {
        self.detail = Some(Box::new(detail.into()));
        self
    }
}

/// What exactly is wrong or allowed, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl<Z: Into<String>, E: Into<String>> From<(Z, E)> for Detail {
    fn from((zh, en): (Z, E)) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// A value, a code, or what is told in one language only.
impl From<&str> for Detail {
    fn from(same: &str) -> Self {
        same.to_owned().into()
    }
}

impl From<String> for Detail {
    fn from(same: String) -> Self {
        Self {
            zh: same.clone(),
            en: same,
        }
    }
}

impl Detail {
    /// How long a text may be.
    #[must_use]
    pub fn at_most_characters(most: impl fmt::Display) -> Self {
        (
            format!("至多{most}个字"),
            format!("at most {most} characters"),
        )
            .into()
    }

    /// Which days may be asked for or granted.
    pub(crate) fn working_days_up_to(most: u16) -> Self {
        (
            format!("1至{most}个工作日"),
            format!("1 to {most} working days"),
        )
            .into()
    }

    /// A ticket can have no further assignment.
    pub(crate) fn too_many_assignments() -> Self {
        ("办理任务过多", "too many assignments").into()
    }

    /// What has to be listed in the rule pack.
    pub(crate) fn of_the_rule_pack(zh: &str, en: &str) -> Self {
        (
            format!("须为规则包中的{zh}"),
            format!("{en} of the rule pack"),
        )
            .into()
    }
}

/// A refusal that does not know yet which action it is of.
pub(crate) struct No {
    reason: Reason,
    field: Option<&'static str>,
    detail: Option<Box<Detail>>,
}

impl No {
    /// For a reason that no field is at fault for.
    pub(crate) const fn because(reason: Reason) -> Self {
        Self {
            reason,
            field: None,
            detail: None,
        }
    }

    /// With the field at fault.
    pub(crate) const fn at(reason: Reason, field: &'static str) -> Self {
        Self {
            reason,
            field: Some(field),
            detail: None,
        }
    }

    /// With what exactly is wrong or allowed.
    pub(crate) fn detailed(self, detail: impl Into<Detail>) -> Self {
        Self {
            detail: Some(Box::new(detail.into())),
            ..self
        }
    }

    /// The refusal of an action in a state.
    pub(crate) fn to(self, action: &'static str, state: &'static str) -> Refusal {
        Refusal {
            field: self.field,
            detail: self.detail,
            ..Refusal::new(action, state, self.reason)
        }
    }
}

/// Refuses what was decided on another revision than there is.
pub(crate) fn ensure_revision(expected: Option<u32>, revision: u32) -> Result<(), No> {
    let moved = || {
        No::at(Reason::StaleRevision, "expectedRevision").detailed((
            format!("当前版本为{revision}"),
            format!("it is at revision {revision}"),
        ))
    };
    if expected.is_none_or(|expected| expected == revision) {
        Ok(())
    } else {
        Err(moved())
    }
}

/// Refuses unless something holds.
pub(crate) fn ensure(holds: bool, no: No) -> Result<(), No> {
    if holds { Ok(()) } else { Err(no) }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot {} ({}): {}",
            self.action,
            self.state,
            self.reason.en()
        )?;
        if let Some(detail) = &self.detail {
            write!(f, ": {}", detail.en)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
