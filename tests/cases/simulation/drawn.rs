//! Commands drawn by chance: their input fits the rules and the ticket most of the time, and is wrong now
//! and then.

use super::chance::Chance;
use super::people::DEPARTMENTS;
use chrono::TimeDelta;
use docket_domain::ids::{AccountId, AssignmentNo, AttachmentId, DepartmentId, TicketId};
use docket_domain::people::Actor;
use docket_domain::rules::{Labelled, Rules};
use docket_domain::ticket::actions::{
    accept_return, add_assist, answer, archive, ask_exclusion, ask_extension, ask_termination,
    assign, attach_file, call_back, close, conclude, contact, correct, decide_exclusion, decline,
    delegate, dispute, erase, grant_extension, hand_over, join, leave, lift_supervision, light,
    merge, note_call_back_due, open_file, print, rate, reassign, recall, redo, refuse_extension,
    refuse_return, refuse_termination, reply, resume, review, rework, rule, save_draft, send_back,
    set_secrecy, settle_dues, sign, sign_off, supervise, suspend, terminate, transfer, unmerge,
    urge, view, withdraw,
};
use docket_domain::ticket::scenario::{OTHER_UNIT, UNIT};
use docket_domain::ticket::{
    ContactMeans, FileHash, FilePart, FileType, Ground, PrintForm, Satisfaction, Secrecy,
    SupervisionLevel, TicketAction,
};
use docket_domain::time::{Light, Timestamp};

/// What a command is drawn for.
pub struct Draw<'a> {
    /// The chance.
    pub chance: &'a mut Chance,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Business time.
    pub now: Timestamp,
    /// Who gives it.
    pub actor: &'a Actor,
    /// Who else is there.
    pub people: &'a [Actor],
    /// Another ticket.
    pub other: TicketId,
}

/// The action of a ticket that is there by its name.
pub fn action(draw: &mut Draw<'_>, name: &str) -> TicketAction<String> {
    type A = TicketAction<String>;
    match name {
        "answer" => A::AnswerDirectly(answer::AnswerDirectly {
            answer: draw.text(),
            article: draw.maybe(),
        }),
        "decline" => A::Decline(decline::Decline {
            reason: draw.decline_reason(),
            lawful_channel: draw.text(),
        }),
        "transfer" => A::Transfer(transfer::Transfer {
            line: draw.code(draw.rules.emergency_lines()),
            text: draw.maybe(),
        }),
        "rate" => A::Rate(rate::Rate {
            satisfaction: draw.satisfaction(),
            solved: draw.said(),
            comment: draw.maybe(),
        }),
        "urge" => A::Urge(urge::Urge { text: draw.given() }),
        "withdraw" => A::Withdraw(withdraw::Withdraw { text: draw.given() }),
        "set_secrecy" => A::SetSecrecy(set_secrecy::SetSecrecy {
            secrecy: *draw.chance.one(Secrecy::ALL),
            accused_department: draw.chance.once_in(3).then(|| draw.department()),
            text: draw.text(),
        }),
        "archive" => A::Archive(archive::Archive {
            class: draw.class(),
        }),
        "review" => A::ReviewAnswer(review::ReviewAnswer {
            opinion: draw.maybe(),
        }),
        "call_back" => called_back(draw),
        "redo" => A::Redo(redo::Redo {
            instruction: draw.text(),
        }),
        "close" => A::Close(close::Close { text: draw.given() }),
        "correct" => A::Correct(correct::Correct {
            answer: draw.text(),
            text: draw.text(),
        }),
        other => handing_out(draw, other),
    }
}

/// Once in how many times an action is tried where it may be done: what ends a ticket, or changes little,
/// seldom, so that tickets come far.
pub fn rarity(name: &str) -> u64 {
    match name {
        "answer" | "decline" | "transfer" | "withdraw" | "merge" | "archive" | "erase"
        | "terminate" | "suspend" | "close" | "conclude" | "join" | "leave" | "dispute" => 60,
        "set_secrecy" | "rate" | "urge" | "supervise" | "lift_supervision" | "view"
        | "hand_over" | "correct" | "contact" | "save_draft" | "import" | "print"
        | "attach_file" | "open_file" => 5,
        _ => 1,
    }
}

/// What the centre does with a ticket that is open.
fn handing_out(draw: &mut Draw<'_>, name: &str) -> TicketAction<String> {
    type A = TicketAction<String>;
    match name {
        "assign" => A::Assign(assign::Assign {
            lead: draw.department(),
            assists: draw.assists(),
            instruction: draw.maybe(),
        }),
        "reassign" => A::Reassign(reassign::Reassign {
            lead: draw.department(),
            assists: draw.assists(),
            instruction: draw.maybe(),
            text: draw.text(),
        }),
        "rule" => A::RuleOn(rule::RuleOn {
            lead: draw.department(),
            assists: draw.assists(),
            text: draw.text(),
        }),
        "add_assist" => A::AddAssist(add_assist::AddAssist {
            department: draw.department(),
            instruction: draw.maybe(),
        }),
        "recall" => A::Recall(recall::Recall { text: draw.maybe() }),
        "accept_return" => A::AcceptReturn(accept_return::AcceptReturn {
            assignment: draw.assignment(),
        }),
        "refuse_return" => A::RefuseReturn(refuse_return::RefuseReturn {
            assignment: draw.assignment(),
            text: draw.text(),
        }),
        "grant_extension" => {
            A::GrantExtension(grant_extension::GrantExtension { days: draw.days() })
        }
        "refuse_extension" => {
            A::RefuseExtension(refuse_extension::RefuseExtension { text: draw.text() })
        }
        "suspend" => A::Suspend(suspend::Suspend {
            ground: draw.code(draw.rules.suspension_grounds()),
            expected_at: draw.expected(),
            text: draw.text(),
        }),
        "resume" => A::Resume(resume::Resume { text: draw.given() }),
        "supervise" => A::Supervise(supervise::Supervise {
            level: *draw.chance.one(SupervisionLevel::ALL),
            text: draw.given(),
        }),
        "lift_supervision" => {
            A::LiftSupervision(lift_supervision::LiftSupervision { text: draw.text() })
        }
        "dispute" => A::MarkDisputed(dispute::MarkDisputed { text: draw.given() }),
        "merge" => A::Merge(merge::Merge::with(draw.other)),
        "unmerge" => A::Unmerge(unmerge::Unmerge { text: draw.given() }),
        "terminate" => A::Terminate(terminate::Terminate { text: draw.text() }),
        "refuse_termination" => {
            A::RefuseTermination(refuse_termination::RefuseTermination { text: draw.text() })
        }
        "decide_exclusion" => A::DecideExclusion(decide_exclusion::DecideExclusion {
            asking: draw.assignment().map(|no| no.0),
            granted: draw.chance.once_in(2),
            text: draw.text(),
        }),
        other => handling(draw, other),
    }
}

/// What an office does.
fn handling(draw: &mut Draw<'_>, name: &str) -> TicketAction<String> {
    type A = TicketAction<String>;
    match name {
        "view" => A::View(view::View),
        "sign" => A::Sign(sign::Sign),
        "hand_over" => A::HandOver(hand_over::HandOver {
            to: draw.colleague(),
            office: None,
        }),
        "contact" => A::Contact(contact::Contact {
            reached: draw.chance.once_in(2),
            at: draw.once(),
            means: *draw.chance.one(ContactMeans::ALL),
            evidence: draw.maybe(),
        }),
        "delegate" => A::Delegate(delegate::Delegate {
            unit: *draw.chance.one(&[UNIT, OTHER_UNIT]),
            instruction: draw.maybe(),
        }),
        "return" => A::SendBack(send_back::SendBack {
            reason: draw.code(draw.rules.return_reasons()),
            text: draw.text(),
            suggested_department: draw.chance.once_in(3).then(|| draw.department()),
        }),
        "save_draft" => drafted(draw),
        "sign_off" => A::SignOff(sign_off::SignOff { draft: None }),
        "reply" => replied(draw),
        "rework" => A::Rework(rework::Rework {
            instruction: draw.text(),
        }),
        "ask_extension" => A::AskExtension(ask_extension::AskExtension {
            days: draw.days().unwrap_or(3),
            text: draw.text(),
            caller_told: true,
        }),
        "ask_termination" => A::AskTermination(ask_termination::AskTermination {
            reason: draw.code(draw.rules.termination_reasons()),
            text: draw.text(),
        }),
        "ask_exclusion" => A::AskExclusion(ask_exclusion::AskExclusion {
            ground: draw.code(draw.rules.exclusion_grounds()),
            text: draw.text(),
        }),
        other => by_itself(draw, other),
    }
}

/// What Docket does by itself, tried by anybody.
fn by_itself(draw: &mut Draw<'_>, name: &str) -> TicketAction<String> {
    type A = TicketAction<String>;
    match name {
        "join" => A::Join(join::Join {
            follower: draw.other,
        }),
        "leave" => A::Leave(leave::Leave {
            follower: draw.chance.once_in(2).then_some(draw.other),
        }),
        "conclude" => A::Conclude(conclude::Conclude {
            answer: draw.maybe(),
        }),
        "light" => A::LightUp(light::LightUp {
            assignment: draw.assignment().unwrap_or(AssignmentNo(1)),
            light: *draw.chance.one(&[Light::Yellow, Light::Red]),
        }),
        "note_call_back_due" => A::NoteCallBackDue(note_call_back_due::NoteCallBackDue),
        "settle_dues" => A::SettleDues(settle_dues::SettleDues),
        "print" => A::Print(print::Print {
            form: *draw.chance.one(PrintForm::ALL),
            assignment: draw.assignment(),
            masked: draw.chance.once_in(2),
            purpose: Some(draw.text()),
        }),
        "attach_file" => A::AttachFile(attach_file::AttachFile {
            attachment: draw.attachment(),
            object: draw.chance.id(),
            part: *draw.chance.one(FilePart::ALL),
            name: draw.text(),
            file_type: *draw.chance.one(FileType::ALL),
            bytes: 1,
            hash: FileHash([1; 32]),
            limits: attach_file::FileLimits {
                bytes_max: 1,
                files_max: 20,
            },
        }),
        "open_file" => A::OpenFile(open_file::OpenFile {
            attachment: draw.attachment(),
            purpose: Some(draw.text()),
        }),
        "erase" => A::Erase(erase::Erase {
            erasure: draw.chance.id(),
            ground: Ground::Request,
            replayed: false,
        }),
        other => panic!("draw the new action {other:?} here"),
    }
}

fn called_back(draw: &mut Draw<'_>) -> TicketAction<String> {
    let reached = !draw.chance.once_in(3);
    // Who was not reached says something only by mistake.
    let says = reached || draw.chance.once_in(8);
    TicketAction::CallBack(call_back::CallBack {
        reached,
        contacted: draw.said().filter(|_| says),
        solved: draw.said().filter(|_| says),
        satisfaction: says.then(|| draw.satisfaction()),
        comment: draw.maybe(),
        recording: draw.maybe(),
    })
}

fn drafted(draw: &mut Draw<'_>) -> TicketAction<String> {
    let full = draw.chance.once_in(2);
    let some = |draw: &mut Draw<'_>| {
        if full {
            Some(draw.text())
        } else {
            draw.maybe()
        }
    };
    TicketAction::SaveDraft(save_draft::SaveDraft {
        opinion: some(draw),
        answer: some(draw),
        contacted: full.then_some(true),
        solved: full.then_some(true),
        unsolved_reason: draw.maybe(),
        handler: some(draw),
        phone: some(draw),
    })
}

fn replied(draw: &mut Draw<'_>) -> TicketAction<String> {
    let solved = draw
        .said()
        .or(Some(true))
        .filter(|_| !draw.chance.once_in(20));
    let why_not = draw.given();
    TicketAction::Reply(reply::Reply {
        opinion: draw.given(),
        answer: draw.text(),
        contacted: Some(true).filter(|_| !draw.chance.once_in(20)),
        solved,
        unsolved_reason: why_not.filter(|_| solved == Some(false)),
        handler: draw.text(),
        phone: draw.text(),
    })
}

impl Draw<'_> {
    /// A text that has to be there; empty or too long now and then.
    fn text(&mut self) -> String {
        match self.chance.below(60) {
            0 => String::new(),
            1 => "长".repeat(5_001),
            short => format!("第{short}次核实"),
        }
    }

    /// A text that may be there.
    fn maybe(&mut self) -> Option<String> {
        self.chance.once_in(2).then(|| self.text())
    }

    /// A text that has to be there, of a type that need not be.
    fn given(&mut self) -> Option<String> {
        (!self.chance.once_in(20)).then(|| self.text())
    }

    fn said(&mut self) -> Option<bool> {
        *self
            .chance
            .one(&[Some(true), Some(true), Some(false), None])
    }

    fn code(&mut self, list: &[Labelled]) -> String {
        if list.is_empty() || self.chance.once_in(20) {
            return "NONE_SUCH".into();
        }
        self.chance.one(list).code.clone()
    }

    fn decline_reason(&mut self) -> String {
        let list = self.rules.decline_reasons();
        if list.is_empty() || self.chance.once_in(20) {
            return "NONE_SUCH".into();
        }
        self.chance.one(list).code.clone()
    }

    fn class(&mut self) -> Option<String> {
        let classes = self.rules.retention_classes();
        self.chance.once_in(2).then(|| self.code(classes))
    }

    /// A department of the city, or none of it now and then.
    pub fn department(&mut self) -> DepartmentId {
        if self.chance.once_in(50) {
            return DepartmentId(uuid::Uuid::nil());
        }
        *self.chance.one(&DEPARTMENTS)
    }

    fn assists(&mut self) -> Vec<DepartmentId> {
        let count = self.chance.below(3).min(self.chance.below(3));
        (0..count).map(|_| self.department()).collect()
    }

    /// An assignment's number, mostly left open.
    fn assignment(&mut self) -> Option<AssignmentNo> {
        let number = AssignmentNo(u16::try_from(self.chance.below(8)).expect("it is small"));
        self.chance.once_in(3).then_some(number)
    }

    /// One of few files, so that the same is named again.
    fn attachment(&mut self) -> AttachmentId {
        AttachmentId(uuid::Uuid::from_u128(self.chance.below(3).into()))
    }

    fn days(&mut self) -> Option<u16> {
        let days = u16::try_from(self.chance.below(13)).expect("it is small");
        self.chance.once_in(2).then_some(days)
    }

    /// When something was: by default now.
    fn once(&mut self) -> Option<Timestamp> {
        let ago = TimeDelta::minutes(self.chance.up_to(600) - 10);
        self.chance.once_in(3).then(|| self.now - ago)
    }

    /// When a suspension is expected to end; in the past now and then.
    fn expected(&mut self) -> Timestamp {
        self.now + TimeDelta::hours(self.chance.up_to(400) - 10)
    }

    fn satisfaction(&mut self) -> Satisfaction {
        *self.chance.one(Satisfaction::ALL)
    }

    /// Oneself, a colleague, or somebody who is none.
    fn colleague(&mut self) -> AccountId {
        if self.chance.once_in(2) {
            return self.actor.account;
        }
        self.chance.one(self.people).account
    }
}
