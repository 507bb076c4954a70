//! Given / when / then: a small city and its people, and the fixtures the actions' tests share.
//!
//! Public, so that other crates' tests can build histories with it; it holds no behaviour of the product.

use super::actions::{
    accept_return, add_assist, answer, archive, ask_exclusion, ask_extension, ask_termination,
    assign, attach_file, call_back, close, conclude, contact, correct, decide_exclusion, decline,
    delegate, dispute, erase, grant_extension, hand_over, import, join, leave, lift_supervision,
    light, merge, note_call_back_due, open_file, print, rate, reassign, recall, receive, redo,
    refuse_extension, refuse_return, refuse_termination, reply, resume, review, rework, rule,
    save_draft, send_back, set_secrecy, settle_dues, sign, sign_off, supervise, suspend, terminate,
    transfer, unmerge, urge, view, withdraw,
};
use super::state::{
    ContactMeans, FileHash, FilePart, FileType, Ground, Kind, PrintForm, Satisfaction, Secrecy,
    Standing, SupervisionLevel, Ticket, Urgency,
};
use super::{Context, TicketAction, TicketCommand, TicketEvent};
use crate::aggregate::{Aggregate, Stamp};
use crate::ids::{AccountId, AssignmentNo, DepartmentId, EventId, KeyId, UnitId};
use crate::organisation::{Organisation, OrganisationAction, OrganisationCommand};
use crate::people::{Actor, Role};
use crate::refusal::{Reason, Refusal};
use crate::rules::{CALENDAR_CN, DEFAULT_PACK, Rules, default_holidays};
use crate::sealed::Sealed;
use crate::time::{Light, Timestamp};
use chrono::{DateTime, Datelike as _, TimeDelta};
use std::sync::Arc;
use uuid::Uuid;

/// A level-1 department.
pub const DEPARTMENT: DepartmentId = DepartmentId(Uuid::from_u128(0xD1));
/// Another.
pub const OTHER_DEPARTMENT: DepartmentId = DepartmentId(Uuid::from_u128(0xD2));
/// A unit of [`DEPARTMENT`].
pub const UNIT: UnitId = UnitId(Uuid::from_u128(0xE1));
/// A unit of [`OTHER_DEPARTMENT`].
pub const OTHER_UNIT: UnitId = UnitId(Uuid::from_u128(0xE2));

/// Any id, by a small number.
#[must_use]
pub fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(n))
}

/// Monday, 23 November 2026, 10:00 in Shanghai.
#[must_use]
pub fn now() -> Timestamp {
    DateTime::from_timestamp(1_795_399_200, 0).expect("a fixed time")
}

/// A stamp at [`now`].
#[must_use]
pub fn stamp() -> Stamp {
    Stamp {
        event: EventId(Uuid::nil()),
        at: now(),
        by: AccountId::SYSTEM,
        rules: 1,
    }
}

/// The Chinese list of holidays with years more, of which the days off by law are off, and `more` beside them.
#[must_use]
pub fn holidays_until(year: i32, more: &[&str]) -> String {
    let lawful = default_holidays().lawful.into_iter();
    let lawful = lawful.filter(|date| date.year() <= year);
    let more = more.iter().map(|date| format!("\"{date}\", "));
    let off: String = lawful
        .map(|date| format!("\"{date}\", "))
        .chain(more)
        .collect();
    let years: String = (2027..=year).map(|year| format!(", {year}")).collect();
    let list = CALENDAR_CN.replace(", 2026]", &format!(", 2026{years}]"));
    list.replace("off = [", &format!("off = [ {off}"))
}

/// A text as if sealed; keeps its length.
#[must_use]
pub fn sealed(text: &str) -> Sealed {
    Sealed {
        key: KeyId(Uuid::nil()),
        event: EventId(Uuid::nil()),
        chars: u32::try_from(text.chars().count()).expect("short texts"),
        sealed_box: "AAAA".into(),
    }
}

/// Two departments with a unit each.
#[must_use]
pub fn city() -> Arc<Organisation> {
    let mut city = Organisation::default();
    reorganise(
        &mut city,
        OrganisationAction::Found {
            name: "云州市".into(),
            time_zone: chrono_tz::Asia::Shanghai,
        },
    );
    for (id, name, unit, unit_name) in [
        (DEPARTMENT, "城市管理局", UNIT, "执法大队"),
        (OTHER_DEPARTMENT, "公安局", OTHER_UNIT, "治安大队"),
    ] {
        reorganise(
            &mut city,
            OrganisationAction::AddDepartment {
                id,
                name: name.into(),
                region: None,
            },
        );
        reorganise(
            &mut city,
            OrganisationAction::AddUnit {
                id: unit,
                department: id,
                name: unit_name.into(),
            },
        );
    }
    Arc::new(city)
}

/// Changes an organisation at [`now`], as Docket itself.
///
/// # Panics
///
/// When it is refused.
pub fn reorganise(organisation: &mut Organisation, action: OrganisationAction) {
    let command = OrganisationCommand {
        actor: Actor::system(),
        action,
        expected_revision: None,
    };
    for event in Organisation::decide(organisation, command).expect("a change that may be made") {
        Organisation::evolve(organisation, &stamp(), &event);
    }
}

/// The city after [`UNIT`] was moved to [`OTHER_DEPARTMENT`].
#[must_use]
pub fn city_after_the_move() -> Arc<Organisation> {
    let mut city = city();
    let action = OrganisationAction::MoveUnit {
        id: UNIT,
        department: OTHER_DEPARTMENT,
    };
    reorganise(Arc::make_mut(&mut city), action);
    city
}

fn person(n: u128, role: Role, department: Option<DepartmentId>, unit: Option<UnitId>) -> Actor {
    Actor {
        account: id(n),
        roles: vec![role],
        department,
        unit,
    }
}

/// Someone at the phones.
#[must_use]
pub fn operator() -> Actor {
    person(0xA1, Role::Operator, None, None)
}
/// Someone who hands out tickets.
#[must_use]
pub fn dispatcher() -> Actor {
    person(0xA2, Role::Dispatcher, None, None)
}
/// A clerk of [`DEPARTMENT`].
#[must_use]
pub fn clerk() -> Actor {
    person(0xA3, Role::Clerk, Some(DEPARTMENT), None)
}
/// The leader of [`DEPARTMENT`].
#[must_use]
pub fn leader() -> Actor {
    person(0xA4, Role::Leader, Some(DEPARTMENT), None)
}
/// A clerk of [`UNIT`].
#[must_use]
pub fn unit_clerk() -> Actor {
    person(0xA5, Role::Clerk, Some(DEPARTMENT), Some(UNIT))
}
/// The same clerk after [`UNIT`] was moved to [`OTHER_DEPARTMENT`].
#[must_use]
pub fn moved_unit_clerk() -> Actor {
    Actor {
        department: Some(OTHER_DEPARTMENT),
        ..unit_clerk()
    }
}
/// A clerk of [`OTHER_DEPARTMENT`].
#[must_use]
pub fn other_clerk() -> Actor {
    person(0xA6, Role::Clerk, Some(OTHER_DEPARTMENT), None)
}
/// A citizen with an account.
#[must_use]
pub fn citizen() -> Actor {
    person(0xA7, Role::Citizen, None, None)
}
/// An auditor.
#[must_use]
pub fn auditor() -> Actor {
    person(0xA8, Role::Auditor, None, None)
}
/// An administrator.
#[must_use]
pub fn administrator() -> Actor {
    person(0xA9, Role::Administrator, None, None)
}
/// Someone who calls citizens back.
#[must_use]
pub fn caller_back() -> Actor {
    person(0xAA, Role::CallBack, None, None)
}
/// Someone who urges and supervises.
#[must_use]
pub fn supervisor() -> Actor {
    person(0xAB, Role::Supervisor, None, None)
}
/// The hotline office.
#[must_use]
pub fn office() -> Actor {
    person(0xAC, Role::Office, None, None)
}
/// A member of the joint meeting.
#[must_use]
pub fn joint_meeting() -> Actor {
    person(0xAD, Role::JointMeeting, None, None)
}
/// An analyst.
#[must_use]
pub fn analyst() -> Actor {
    person(0xAE, Role::Analyst, None, None)
}

/// Somebody of every kind there is: every role, level and place.
#[must_use]
pub fn everybody() -> Vec<(&'static str, Actor)> {
    vec![
        ("operator", operator()),
        ("dispatcher", dispatcher()),
        ("call-back operator", caller_back()),
        ("supervisor", supervisor()),
        ("hotline office", office()),
        ("joint meeting", joint_meeting()),
        ("level-1 clerk", clerk()),
        ("level-1 leader", leader()),
        ("level-2 clerk", unit_clerk()),
        ("other department's clerk", other_clerk()),
        ("the citizen", citizen()),
        ("auditor", auditor()),
        ("analyst", analyst()),
        ("administrator", administrator()),
    ]
}

/// What an account decides in, at [`now`] under the default pack.
#[must_use]
pub fn context(actor: Actor) -> Context {
    Context {
        now: now(),
        actor,
        rules: Arc::new(Rules::default_pack()),
        organisation: city(),
        expected_revision: None,
    }
}

/// A plain request.
#[must_use]
pub fn receive() -> TicketAction<Sealed> {
    TicketAction::Receive(receive::Receive {
        number: "261123100000000001".parse().expect("eighteen digits"),
        query_code: sealed("ABCD2345"),
        kind: Kind::Complain,
        channel: "phone".into(),
        topic: None,
        urgency: Urgency::Normal,
        secrecy: Secrecy::Open,
        wants_reply: true,
        caller: Some(sealed("{}")),
        has_contact: true,
        title: sealed("夜间施工扰民"),
        body: sealed("连续三天夜里施工。"),
        place: None,
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        earlier: None,
    })
}
/// A confidential report that accuses a department.
#[must_use]
pub fn confidential_on(accused: DepartmentId) -> TicketAction<Sealed> {
    let TicketAction::Receive(plain) = receive() else {
        unreachable!("a plain request is received")
    };
    TicketAction::Receive(receive::Receive {
        kind: Kind::Report,
        secrecy: Secrecy::Confidential,
        accused_department: Some(accused),
        ..plain
    })
}
/// An open ticket of the system before, in hand with [`DEPARTMENT`]; received 400 days ago, due in two.
#[must_use]
pub fn import() -> TicketAction<Sealed> {
    TicketAction::Import(import::Import {
        number: "251019100000000001".parse().expect("eighteen digits"),
        query_code: sealed("ABCD2345"),
        source: "old".into(),
        source_number: sealed("2019-0042"),
        standing: Standing::Open,
        source_words: None,
        kind: Some(Kind::Complain),
        channel: Some("phone".into()),
        topic: None,
        urgency: None,
        secrecy: None,
        wants_reply: None,
        caller: Some(sealed("{}")),
        title: sealed("路灯不亮"),
        body: Some(sealed("长江路路灯不亮。")),
        place: None,
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        department: Some(DEPARTMENT),
        answer: None,
        received_at: now() - TimeDelta::days(400),
        assigned_at: None,
        answered_at: None,
        closed_at: None,
        due_at: Some(now() + TimeDelta::days(2)),
    })
}
/// An assignment to [`DEPARTMENT`].
#[must_use]
pub fn assign() -> TicketAction<Sealed> {
    TicketAction::Assign(assign::Assign {
        lead: DEPARTMENT,
        assists: vec![],
        instruction: None,
    })
}
/// A look.
#[must_use]
pub fn view() -> TicketAction<Sealed> {
    TicketAction::View(view::View)
}
/// A signature.
#[must_use]
pub fn sign() -> TicketAction<Sealed> {
    TicketAction::Sign(sign::Sign)
}
/// A delegation to [`UNIT`].
#[must_use]
pub fn delegate() -> TicketAction<Sealed> {
    TicketAction::Delegate(delegate::Delegate {
        unit: UNIT,
        instruction: Some(sealed("请核实")),
    })
}
/// A return.
#[must_use]
pub fn send_back() -> TicketAction<Sealed> {
    TicketAction::SendBack(send_back::SendBack {
        reason: "NOT_COMPETENT".into(),
        text: sealed("不属于本单位职责"),
        suggested_department: None,
    })
}
/// A full answer.
#[must_use]
pub fn reply() -> TicketAction<Sealed> {
    TicketAction::Reply(reply::Reply {
        opinion: Some(sealed("已到现场核实")),
        answer: sealed("已责令停工"),
        contacted: Some(true),
        solved: Some(true),
        unsolved_reason: None,
        handler: sealed("李工"),
        phone: sealed("13800000000"),
    })
}
/// A rating.
#[must_use]
pub fn rate() -> TicketAction<Sealed> {
    TicketAction::Rate(rate::Rate {
        satisfaction: Satisfaction::Satisfied,
        solved: Some(true),
        comment: None,
    })
}

/// A direct answer.
#[must_use]
pub fn answer_saying(text: &str) -> TicketAction<Sealed> {
    TicketAction::AnswerDirectly(answer::AnswerDirectly {
        answer: sealed(text),
        article: None,
    })
}
/// A direct answer.
#[must_use]
pub fn answer() -> TicketAction<Sealed> {
    answer_saying("办理时间为工作日上午")
}
/// A refusal to take the request on.
#[must_use]
pub fn decline() -> TicketAction<Sealed> {
    TicketAction::Decline(decline::Decline {
        reason: "LITIGATION".into(),
        lawful_channel: sealed("请通过诉讼途径解决"),
    })
}
/// A recall.
#[must_use]
pub fn recall() -> TicketAction<Sealed> {
    TicketAction::Recall(recall::Recall {
        text: Some(sealed("派错")),
    })
}
/// Taking it oneself.
#[must_use]
pub fn take(who: &Actor) -> TicketAction<Sealed> {
    TicketAction::HandOver(hand_over::HandOver {
        to: who.account,
        office: None,
    })
}
/// A contact noted as it is made, at [`now`].
#[must_use]
pub fn contact() -> TicketAction<Sealed> {
    TicketAction::Contact(contact::Contact {
        reached: true,
        at: Some(now()),
        means: ContactMeans::Phone,
        evidence: Some(sealed("录音")),
    })
}
/// Acceptance of a return.
#[must_use]
pub fn accept_return() -> TicketAction<Sealed> {
    TicketAction::AcceptReturn(accept_return::AcceptReturn { assignment: None })
}
/// Refusal of a return.
#[must_use]
pub fn refuse_return() -> TicketAction<Sealed> {
    TicketAction::RefuseReturn(refuse_return::RefuseReturn {
        assignment: None,
        text: sealed("属于贵单位职责"),
    })
}
/// A draft.
#[must_use]
pub fn save_draft(text: &str) -> TicketAction<Sealed> {
    TicketAction::SaveDraft(save_draft::SaveDraft {
        opinion: None,
        answer: Some(sealed(text)),
        contacted: None,
        solved: None,
        unsolved_reason: None,
        handler: None,
        phone: None,
    })
}
/// A reply sent back to its unit.
#[must_use]
pub fn rework() -> TicketAction<Sealed> {
    TicketAction::Rework(rework::Rework {
        instruction: sealed("请补充现场照片"),
    })
}
/// A review that takes the answer.
#[must_use]
pub fn review() -> TicketAction<Sealed> {
    TicketAction::ReviewAnswer(review::ReviewAnswer { opinion: None })
}
/// A call that finds it solved.
#[must_use]
pub fn call_back() -> TicketAction<Sealed> {
    TicketAction::CallBack(call_back::CallBack {
        reached: true,
        contacted: Some(true),
        solved: Some(true),
        satisfaction: Some(Satisfaction::Satisfied),
        comment: None,
        recording: None,
    })
}
/// A new round.
#[must_use]
pub fn redo() -> TicketAction<Sealed> {
    TicketAction::Redo(redo::Redo {
        instruction: sealed("群众反映仍在施工"),
    })
}
/// An urging.
#[must_use]
pub fn urge() -> TicketAction<Sealed> {
    TicketAction::Urge(urge::Urge {
        text: Some(sealed("请尽快")),
    })
}
/// A withdrawal.
#[must_use]
pub fn withdraw() -> TicketAction<Sealed> {
    TicketAction::Withdraw(withdraw::Withdraw {
        text: Some(sealed("已自行解决")),
    })
}
/// A closing.
#[must_use]
pub fn close() -> TicketAction<Sealed> {
    TicketAction::Close(close::Close {
        text: Some(sealed("已充分解释")),
    })
}

/// An erasing.
#[must_use]
pub fn erase() -> TicketAction<Sealed> {
    TicketAction::Erase(erase::Erase {
        erasure: id(0x0E5),
        ground: Ground::Request,
        replayed: false,
    })
}

/// A transfer to the fire brigade.
#[must_use]
pub fn transfer() -> TicketAction<Sealed> {
    TicketAction::Transfer(transfer::Transfer {
        line: "119".into(),
        text: Some(sealed("楼道起火")),
    })
}
/// A reassignment to another department.
#[must_use]
pub fn reassign_to(lead: DepartmentId) -> TicketAction<Sealed> {
    TicketAction::Reassign(reassign::Reassign {
        lead,
        assists: vec![],
        instruction: Some(sealed("请尽快办理")),
        text: sealed("职责调整"),
    })
}
/// A reassignment to [`OTHER_DEPARTMENT`].
#[must_use]
pub fn reassign() -> TicketAction<Sealed> {
    reassign_to(OTHER_DEPARTMENT)
}
/// One more assist: [`OTHER_DEPARTMENT`].
#[must_use]
pub fn add_assist() -> TicketAction<Sealed> {
    TicketAction::AddAssist(add_assist::AddAssist {
        department: OTHER_DEPARTMENT,
        instruction: Some(sealed("请协助取证")),
    })
}
/// Three working days more, asked for.
#[must_use]
pub fn ask_extension() -> TicketAction<Sealed> {
    TicketAction::AskExtension(ask_extension::AskExtension {
        days: 3,
        text: sealed("需要鉴定"),
        caller_told: true,
    })
}
/// An extension granted as asked for.
#[must_use]
pub fn grant_extension() -> TicketAction<Sealed> {
    TicketAction::GrantExtension(grant_extension::GrantExtension { days: None })
}
/// An extension refused.
#[must_use]
pub fn refuse_extension() -> TicketAction<Sealed> {
    TicketAction::RefuseExtension(refuse_extension::RefuseExtension {
        text: sealed("理由不充分"),
    })
}
/// A draft with all that an answer must have.
#[must_use]
pub fn save_full_draft() -> TicketAction<Sealed> {
    TicketAction::SaveDraft(save_draft::SaveDraft {
        opinion: Some(sealed("已到现场核实")),
        answer: Some(sealed("已责令停工")),
        contacted: Some(true),
        solved: Some(true),
        unsolved_reason: None,
        handler: Some(sealed("李工")),
        phone: Some(sealed("13800000000")),
    })
}
/// A leader's sign-off.
#[must_use]
pub fn sign_off() -> TicketAction<Sealed> {
    TicketAction::SignOff(sign_off::SignOff { draft: None })
}
/// A correction of the answer.
#[must_use]
pub fn correct() -> TicketAction<Sealed> {
    TicketAction::Correct(correct::Correct {
        answer: sealed("已责令停工并罚款"),
        text: sealed("原答复漏写罚款"),
    })
}
/// A suspension for a week.
#[must_use]
pub fn suspend() -> TicketAction<Sealed> {
    TicketAction::Suspend(suspend::Suspend {
        ground: "APPRAISAL".into(),
        expected_at: now() + TimeDelta::days(60),
        text: sealed("等待鉴定结论"),
    })
}
/// A resumption.
#[must_use]
pub fn resume() -> TicketAction<Sealed> {
    TicketAction::Resume(resume::Resume {
        text: Some(sealed("鉴定已出")),
    })
}
/// Ordinary supervision.
#[must_use]
pub fn supervise() -> TicketAction<Sealed> {
    TicketAction::Supervise(supervise::Supervise {
        level: SupervisionLevel::Ordinary,
        text: Some(sealed("群众多次来电")),
    })
}
/// The end of supervision.
#[must_use]
pub fn lift_supervision() -> TicketAction<Sealed> {
    TicketAction::LiftSupervision(lift_supervision::LiftSupervision {
        text: sealed("已整改"),
    })
}
/// A mark as disputed.
#[must_use]
pub fn dispute() -> TicketAction<Sealed> {
    TicketAction::MarkDisputed(dispute::MarkDisputed {
        text: Some(sealed("职责不清")),
    })
}
/// A ruling for [`DEPARTMENT`].
#[must_use]
pub fn rule() -> TicketAction<Sealed> {
    TicketAction::RuleOn(rule::RuleOn {
        lead: DEPARTMENT,
        assists: vec![],
        text: sealed("由城管局主办"),
    })
}
/// A merge into another ticket.
#[must_use]
pub fn merge() -> TicketAction<Sealed> {
    TicketAction::Merge(merge::Merge {
        fit: true,
        ..merge::Merge::with(id(0x0F1))
    })
}
/// A merge taken back.
#[must_use]
pub fn unmerge() -> TicketAction<Sealed> {
    TicketAction::Unmerge(unmerge::Unmerge {
        text: Some(sealed("并非同一事项")),
    })
}
/// A follower that joins.
#[must_use]
pub fn join() -> TicketAction<Sealed> {
    TicketAction::Join(join::Join {
        follower: id(0x0F2),
    })
}
/// All followers gone.
#[must_use]
pub fn leave() -> TicketAction<Sealed> {
    TicketAction::Leave(leave::Leave { follower: None })
}
/// The outcome of the master.
#[must_use]
pub fn conclude() -> TicketAction<Sealed> {
    TicketAction::Conclude(conclude::Conclude {
        answer: Some(sealed("已责令停工")),
    })
}
/// A termination asked for.
#[must_use]
pub fn ask_termination() -> TicketAction<Sealed> {
    TicketAction::AskTermination(ask_termination::AskTermination {
        reason: "NO_BASIS".into(),
        text: sealed("无政策依据"),
    })
}
/// A termination.
#[must_use]
pub fn terminate() -> TicketAction<Sealed> {
    TicketAction::Terminate(terminate::Terminate {
        text: sealed("已向市民解释"),
    })
}
/// A termination refused.
#[must_use]
pub fn refuse_termination() -> TicketAction<Sealed> {
    TicketAction::RefuseTermination(refuse_termination::RefuseTermination {
        text: sealed("仍应办理"),
    })
}
/// An exclusion asked for.
#[must_use]
pub fn ask_exclusion() -> TicketAction<Sealed> {
    TicketAction::AskExclusion(ask_exclusion::AskExclusion {
        ground: "FORCE_MAJEURE".into(),
        text: sealed("暴雨期间无法施工"),
    })
}
/// A decision on an exclusion.
#[must_use]
pub fn decide_exclusion(granted: bool) -> TicketAction<Sealed> {
    TicketAction::DecideExclusion(decide_exclusion::DecideExclusion {
        asking: None,
        granted,
        text: sealed("核查属实"),
    })
}
/// Confidential from now on.
#[must_use]
pub fn set_secrecy() -> TicketAction<Sealed> {
    TicketAction::SetSecrecy(set_secrecy::SetSecrecy {
        secrecy: Secrecy::Confidential,
        accused_department: None,
        text: sealed("来电人要求保密"),
    })
}
/// Laid down in the first class of the pack.
#[must_use]
pub fn archive() -> TicketAction<Sealed> {
    TicketAction::Archive(archive::Archive { class: None })
}
/// The yellow light of the first assignment.
#[must_use]
pub fn light() -> TicketAction<Sealed> {
    TicketAction::LightUp(light::LightUp {
        assignment: AssignmentNo(1),
        light: Light::Yellow,
    })
}
/// A call-back that is due, noted.
#[must_use]
pub fn note_call_back_due() -> TicketAction<Sealed> {
    TicketAction::NoteCallBackDue(note_call_back_due::NoteCallBackDue)
}
/// Limits settled.
#[must_use]
pub fn settle_dues() -> TicketAction<Sealed> {
    TicketAction::SettleDues(settle_dues::SettleDues)
}
/// An acceptance form, the caller masked.
#[must_use]
pub fn print() -> TicketAction<Sealed> {
    TicketAction::Print(print::Print {
        form: PrintForm::Acceptance,
        assignment: None,
        masked: true,
        purpose: None,
    })
}
/// What is allowed of files in these scenarios.
pub const ATTACHED_AT_MOST: attach_file::FileLimits = attach_file::FileLimits {
    bytes_max: 1 << 20,
    files_max: 3,
};
/// A photograph as evidence.
#[must_use]
pub fn attach_file() -> TicketAction<Sealed> {
    TicketAction::AttachFile(attach_file::AttachFile {
        attachment: id(0xA77),
        object: id(0x0B7),
        part: FilePart::Evidence,
        name: sealed("现场照片.jpg"),
        file_type: FileType::Jpeg,
        bytes: 1_024,
        hash: FileHash([7; 32]),
        limits: ATTACHED_AT_MOST,
    })
}
/// That file opened.
#[must_use]
pub fn open_file() -> TicketAction<Sealed> {
    TicketAction::OpenFile(open_file::OpenFile {
        attachment: id(0xA77),
        purpose: Some(sealed("核实现场")),
    })
}
/// A call that finds it not solved.
#[must_use]
pub fn not_solved() -> TicketAction<Sealed> {
    TicketAction::CallBack(call_back::CallBack {
        reached: true,
        contacted: Some(true),
        solved: Some(false),
        satisfaction: None,
        comment: None,
        recording: None,
    })
}

/// A history so far, and the clock.
#[derive(Clone)]
pub struct Given {
    ticket: Ticket,
    now: Timestamp,
    rules: Arc<Rules>,
    organisation: Arc<Organisation>,
}

/// The outcome of one command.
pub struct Outcome {
    ticket: Ticket,
    stamp: Stamp,
    result: Result<Vec<TicketEvent>, Refusal>,
}

/// Starts from these actions, each of which must be accepted.
#[must_use]
pub fn given<const N: usize>(actions: [(Actor, TicketAction<Sealed>); N]) -> Given {
    let start = Given {
        ticket: Ticket::default(),
        now: now(),
        rules: Arc::new(Rules::default_pack()),
        organisation: city(),
    };
    actions
        .into_iter()
        .fold(start, |given, (actor, action)| given.and(actor, action))
}

impl Given {
    /// Goes on with one more action, which must be accepted.
    #[must_use]
    pub fn and(self, actor: Actor, action: TicketAction<Sealed>) -> Self {
        let before = self.clone();
        let ticket = self.when(actor, action).folded();
        Self { ticket, ..before }
    }

    /// Lets minutes pass.
    #[must_use]
    pub fn later(mut self, minutes: i64) -> Self {
        self.now += TimeDelta::minutes(minutes);
        self
    }

    /// Goes on under the default pack with replacements.
    #[must_use]
    pub fn under(mut self, changes: &[(&str, &str)]) -> Self {
        let pack = changes
            .iter()
            .fold(DEFAULT_PACK.to_owned(), |p, (from, to)| {
                assert!(p.contains(from), "the default pack has no {from:?}");
                p.replace(from, to)
            });
        self.rules = Arc::new(Rules::parse(&pack, CALENDAR_CN, 2).expect("a sound pack"));
        self
    }

    /// Goes on under other rules.
    #[must_use]
    pub fn ruled_by(mut self, rules: Rules) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// Goes on after [`UNIT`] was moved to [`OTHER_DEPARTMENT`].
    #[must_use]
    pub fn after_the_move(mut self) -> Self {
        self.organisation = city_after_the_move();
        self
    }

    /// The ticket so far.
    #[must_use]
    pub fn fold(self) -> Ticket {
        self.ticket
    }

    /// Tries an action.
    #[must_use]
    pub fn when(self, actor: Actor, action: TicketAction<Sealed>) -> Outcome {
        self.when_expecting(None, actor, action)
    }

    /// Tries an action with the revision the client saw.
    #[must_use]
    pub fn when_expecting(
        self,
        expected_revision: Option<u32>,
        actor: Actor,
        action: TicketAction<Sealed>,
    ) -> Outcome {
        let stamp = Stamp {
            event: EventId(Uuid::nil()),
            at: self.now,
            by: actor.account,
            rules: self.rules.version,
        };
        let context = Context {
            now: self.now,
            actor,
            rules: self.rules,
            organisation: self.organisation,
            expected_revision,
        };
        let result = Ticket::decide(&self.ticket, TicketCommand { context, action });
        Outcome {
            ticket: self.ticket,
            stamp,
            result,
        }
    }
}

impl Outcome {
    fn folded(self) -> Ticket {
        let mut ticket = self.ticket;
        for event in self.result.expect("the action is accepted") {
            Ticket::evolve(&mut ticket, &self.stamp, &event);
        }
        ticket
    }

    /// The action was accepted and did something; looks at the ticket after it.
    pub fn then(self, check: impl FnOnce(&Ticket)) {
        assert!(
            self.result.as_ref().is_ok_and(|e| !e.is_empty()),
            "{:?}",
            self.result
        );
        check(&self.folded());
    }

    /// The action was accepted and there was nothing to do.
    pub fn nothing(self) {
        assert_eq!(self.result, Ok(vec![]));
    }

    /// What the action was refused for.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        self.result.expect_err("the action is refused")
    }

    /// The action was refused, for this reason, at this field.
    pub fn refused(self, reason: Reason, field: Option<&str>) {
        let refusal = self.refusal();
        assert_eq!(
            (refusal.reason, refusal.field),
            (reason, field),
            "{refusal}"
        );
    }
}

/// Received by an operator.
#[must_use]
pub fn received() -> Given {
    given([(operator(), receive())])
}
/// Assigned to [`DEPARTMENT`].
#[must_use]
pub fn assigned() -> Given {
    received().and(dispatcher(), assign())
}
/// Assigned to [`DEPARTMENT`], with [`OTHER_DEPARTMENT`] to assist.
#[must_use]
pub fn assigned_with_assist() -> Given {
    let assists = vec![OTHER_DEPARTMENT];
    let action = assign::Assign {
        lead: DEPARTMENT,
        assists,
        instruction: None,
    };
    received().and(dispatcher(), TicketAction::Assign(action))
}
/// Signed by [`DEPARTMENT`].
#[must_use]
pub fn signed() -> Given {
    assigned().and(clerk(), sign())
}
/// Delegated to [`UNIT`].
#[must_use]
pub fn delegated() -> Given {
    signed().and(clerk(), delegate())
}
/// Returned to the centre.
#[must_use]
pub fn returned() -> Given {
    assigned().and(clerk(), send_back())
}
/// Replied by [`DEPARTMENT`].
#[must_use]
pub fn replied() -> Given {
    signed().and(clerk(), reply())
}
/// Replied and reviewed: the citizen is to be called back.
#[must_use]
pub fn reviewed() -> Given {
    replied().and(office(), review())
}
/// Called back, and not solved.
#[must_use]
pub fn unsolved() -> Given {
    reviewed().and(caller_back(), not_solved())
}
/// Returned, and marked as disputed.
#[must_use]
pub fn disputed() -> Given {
    returned().and(dispatcher(), dispute())
}
/// A citizen's own request, replied.
#[must_use]
pub fn own_replied() -> Given {
    given([
        (citizen(), receive()),
        (dispatcher(), assign()),
        (clerk(), sign()),
        (clerk(), reply()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_revision_is_refused_and_a_view_does_not_make_one_stale() {
        let viewed = || assigned().and(clerk(), view());
        viewed()
            .when_expecting(Some(2), clerk(), sign())
            .then(|t| assert_eq!(t.revision, 3));
        viewed()
            .when_expecting(Some(1), clerk(), sign())
            .refused(Reason::StaleRevision, Some("expectedRevision"));
    }
}
