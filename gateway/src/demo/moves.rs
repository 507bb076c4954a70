//! What becomes of each ticket of the city: the steps, who takes them and when.

mod beside;

use super::city::Letter;
use super::stage::Stage;
use super::{DAYS, id};
use chrono::{DateTime, TimeDelta, Utc};
use docket_core::desk::{Caller, NewTicket};
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::ticket::actions::{
    accept_return, answer, assign, call_back, close, contact, decline, delegate, hand_over, rate,
    recall, redo, refuse_return, reply, review, rework, save_draft, send_back, sign, urge, view,
    withdraw,
};
use docket_domain::ticket::{ContactMeans, Satisfaction, Secrecy, TicketAction};

/// Tickets played.
pub(super) const TICKETS: usize = 185;

/// One thing that happens to a ticket.
pub(super) enum Move {
    Receive(NewTicket),
    Act(TicketAction<String>),
    /// Merges it into an earlier ticket that is open.
    Merge,
}

/// Where a ticket's story ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Received,
    Answered,
    AnsweredAndReviewed,
    Declined,
    Withdrawn,
    Assigned,
    Recalled,
    Viewed,
    Signed,
    HandedOver,
    Delegated,
    UnitSigned,
    UnitReplied,
    Reworked,
    Returned,
    ReturnRefused,
    ReturnAccepted,
    Replied,
    Rated,
    Reviewed,
    CalledBack,
    RedoneOnce,
    ClosedAtOnce,
    ClosedAfterRedo,
    Transferred,
    Merged,
    Terminated,
    Archived,
    Suspended,
    Supervised,
    Disputed,
    Ruled,
    Reassigned,
    ExtensionAsked,
    ExtensionGranted,
    TerminationAsked,
    ExclusionAsked,
}

/// Every fate, in turn, so that every state has some tickets.
const FATES: [Fate; 37] = [
    Fate::Received,
    Fate::Assigned,
    Fate::Viewed,
    Fate::Signed,
    Fate::Delegated,
    Fate::UnitSigned,
    Fate::UnitReplied,
    Fate::Returned,
    Fate::Replied,
    Fate::Rated,
    Fate::Reviewed,
    Fate::CalledBack,
    Fate::ClosedAtOnce,
    Fate::Answered,
    Fate::Declined,
    Fate::Withdrawn,
    Fate::RedoneOnce,
    Fate::ClosedAfterRedo,
    Fate::ReturnRefused,
    Fate::ReturnAccepted,
    Fate::Recalled,
    Fate::Reworked,
    Fate::HandedOver,
    Fate::AnsweredAndReviewed,
    Fate::Transferred,
    Fate::Suspended,
    Fate::Merged,
    Fate::Supervised,
    Fate::Terminated,
    Fate::Disputed,
    Fate::Archived,
    Fate::Ruled,
    Fate::ExtensionAsked,
    Fate::Reassigned,
    Fate::TerminationAsked,
    Fate::ExtensionGranted,
    Fate::ExclusionAsked,
];

impl Fate {
    /// Hours since it was received: what is still at the start came lately, what is over came earlier.
    fn age_hours(self, number: usize) -> i64 {
        let spread = i64::try_from(number * 7919 % TICKETS).unwrap_or(0);
        match self {
            Self::Received => 2 + spread % 10,
            // Before the limit, whatever the weekend.
            Self::ExtensionAsked | Self::ExtensionGranted => 10 + spread % 40,
            _ if self.is_early() && number % 5 == 3 => 24 * 12 + spread,
            _ if self.is_early() => 20 + spread % 60,
            _ => 24 * 4 + spread * (DAYS - 5) * 24 / i64::try_from(TICKETS).unwrap_or(1),
        }
    }

    /// Whether no answer was given yet.
    const fn is_early(self) -> bool {
        matches!(
            self,
            Self::Assigned
                | Self::Recalled
                | Self::Viewed
                | Self::Signed
                | Self::HandedOver
                | Self::Delegated
                | Self::UnitSigned
                | Self::UnitReplied
                | Self::Reworked
                | Self::Suspended
                | Self::Supervised
                | Self::Disputed
                | Self::Ruled
                | Self::Reassigned
                | Self::ExtensionAsked
                | Self::ExtensionGranted
                | Self::TerminationAsked
        )
    }
}

/// A ticket while it is played.
struct Play<'s> {
    number: usize,
    letter: &'s Letter,
    fate: Fate,
    start: DateTime<Utc>,
    moves: Vec<(DateTime<Utc>, String, Move)>,
}

impl Play<'_> {
    fn receive(&mut self, who: &str, new: NewTicket) {
        self.moves
            .push((self.start, who.to_owned(), Move::Receive(new)));
    }

    fn act(&mut self, minutes: i64, who: &str, action: TicketAction<String>) {
        let at = self.start + TimeDelta::minutes(minutes);
        self.moves.push((at, who.to_owned(), Move::Act(action)));
    }

    fn clerk(&self) -> String {
        format!("{}-clerk", self.letter.department)
    }

    fn leader(&self) -> String {
        format!("{}-leader", self.letter.department)
    }

    /// Nobody calls an anonymous caller back.
    const fn is_anonymous(&self) -> bool {
        self.number % 13 == 5
    }

    /// Whose it is: a citizen's own, or told to an operator.
    const fn by(&self) -> &'static str {
        if self.number % 9 == 4 {
            "citizen"
        } else {
            "operator"
        }
    }
}

impl Stage<'_> {
    /// What happens to a ticket, in order.
    pub(super) fn moves(
        &self,
        number: usize,
        letter: &Letter,
        end: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, String, Move)> {
        let fate = FATES[number % FATES.len()];
        let mut play = Play {
            number,
            letter,
            fate,
            start: end - TimeDelta::hours(fate.age_hours(number)),
            moves: Vec::new(),
        };
        let new = self.request(&play);
        play.receive(play.by(), new);
        match fate {
            Fate::Received => {}
            Fate::Answered | Fate::AnsweredAndReviewed => answered(&mut play),
            Fate::Declined => {
                let decline = decline::Decline {
                    reason: "LITIGATION".into(),
                    lawful_channel: "该事项已进入诉讼程序，请通过人民法院解决。".into(),
                };
                play.act(12, "dispatcher", TicketAction::Decline(decline));
            }
            Fate::Transferred => beside::transferred(&mut play),
            Fate::Merged => {
                let at = play.start + TimeDelta::minutes(30);
                play.moves.push((at, "dispatcher".into(), Move::Merge));
            }
            _ => self.in_an_office(&mut play),
        }
        play.moves
    }

    /// With a department, as far as its fate.
    fn in_an_office(&self, play: &mut Play<'_>) {
        let (fate, clerk, leader) = (play.fate, play.clerk(), play.leader());
        play.act(25, "dispatcher", self.assign(play));
        match fate {
            Fate::Assigned => return,
            Fate::Recalled => {
                let text = Some("派错单位，重新派单。".into());
                let recall = TicketAction::Recall(recall::Recall { text });
                play.act(40, "dispatcher", recall);
                play.act(50, "dispatcher", self.assign(play));
                return;
            }
            _ => play.act(60, &clerk, TicketAction::View(view::View)),
        }
        match fate {
            Fate::Viewed => return,
            Fate::Returned | Fate::ReturnAccepted | Fate::ReturnRefused => {
                play.act(150, &clerk, self.send_back(play.number));
                decided_return(play);
                return;
            }
            _ => play.act(180, &clerk, TicketAction::Sign(sign::Sign)),
        }
        match fate {
            Fate::Signed => return signed(play),
            _ if self.beside(play) => return,
            Fate::Withdrawn => {
                let text = Some("来电人核对工单号和电话后表示问题已自行解决。".into());
                let withdraw = TicketAction::Withdraw(withdraw::Withdraw { text });
                return play.act(400, play.by(), withdraw);
            }
            Fate::HandedOver => {
                if let Some(leader) = self.people.get(&leader) {
                    let to = leader.account;
                    let take = hand_over::HandOver { to, office: None };
                    play.act(220, &play.leader(), TicketAction::HandOver(take));
                }
                return;
            }
            _ => {}
        }
        if self.in_a_unit(play) {
            answered_by_the_lead(play);
        }
    }

    /// With a unit, where the letter has one; whether it goes on to the answer.
    fn in_a_unit(&self, play: &mut Play<'_>) -> bool {
        let (fate, clerk) = (play.fate, play.clerk());
        if let Some(unit) = &play.letter.unit {
            let unit_clerk = format!("{unit}-clerk");
            play.act(200, &clerk, self.delegate(play.number, unit));
            if fate == Fate::Delegated {
                let text = Some("来电人再次来电，请尽快到现场。".into());
                let urge = TicketAction::Urge(urge::Urge { text });
                play.act(260, "supervisor", urge);
                return false;
            }
            play.act(300, &unit_clerk, TicketAction::Sign(sign::Sign));
            if fate == Fate::UnitSigned {
                return false;
            }
            play.act(600, &unit_clerk, reply(play.letter, false));
            if fate == Fate::Reworked {
                let instruction = "请补充现场照片和整改期限。".into();
                let rework = TicketAction::Rework(rework::Rework { instruction });
                play.act(660, &clerk, rework);
            }
        }
        !play.fate.is_early()
    }

    fn request(&self, play: &Play<'_>) -> NewTicket {
        let (number, letter) = (play.number, play.letter);
        let caller = &self.city.callers[number % self.city.callers.len()];
        let anonymous = play.is_anonymous();
        NewTicket {
            kind: letter.kind,
            channel: letter.channel.clone(),
            topic: Some(letter.topic.clone()),
            urgency: letter.urgency,
            secrecy: if number % 17 == 3 {
                Secrecy::Confidential
            } else {
                Secrecy::Open
            },
            // Who was answered at once wants no call.
            wants_reply: !anonymous && play.fate != Fate::AnsweredAndReviewed,
            caller: (!anonymous).then(|| Caller {
                name: Some(caller.name.clone()),
                sex: Some(caller.sex.clone()),
                phone: Some(caller.phone.clone()),
                ..Caller::default()
            }),
            title: letter.title.clone(),
            body: letter.body.clone(),
            place: Some(format!("{}{}", letter.street, letter.place)),
            region: Some(letter.district.clone()),
            incident_at: None,
            respondent: letter.respondent.clone(),
            accused_department: None,
            earlier: None,
        }
    }

    fn assign(&self, play: &Play<'_>) -> TicketAction<String> {
        let phrases = &self.city.phrases.instructions;
        let assists = play.letter.assists.iter();
        TicketAction::Assign(assign::Assign {
            lead: DepartmentId(id(&play.letter.department)),
            assists: assists.map(|code| DepartmentId(id(code))).collect(),
            instruction: Some(phrases[play.number % phrases.len()].text.clone()),
        })
    }

    fn delegate(&self, number: usize, unit: &str) -> TicketAction<String> {
        let phrases = &self.city.phrases.instructions;
        let instruction = Some(phrases[(number + 5) % phrases.len()].text.clone());
        TicketAction::Delegate(delegate::Delegate {
            unit: UnitId(id(unit)),
            instruction,
        })
    }

    fn send_back(&self, number: usize) -> TicketAction<String> {
        let reasons = &self.city.phrases.return_reasons;
        let reason = &reasons[number % reasons.len()];
        TicketAction::SendBack(send_back::SendBack {
            reason: reason.code.clone(),
            text: reason.text.clone(),
            suggested_department: None,
        })
    }
}

/// The operator answers at once.
fn answered(play: &mut Play<'_>) {
    let action = answer::AnswerDirectly {
        answer: "该事项的办理条件、地点和电话已当场告知，如有疑问可再拨12345。".into(),
        article: Some("政务服务办事指南".into()),
    };
    play.act(8, "operator", TicketAction::AnswerDirectly(action));
    if play.fate == Fate::AnsweredAndReviewed {
        play.act(300, "office", review());
    }
}

/// What the centre says to a return.
fn decided_return(play: &mut Play<'_>) {
    match play.fate {
        Fate::ReturnAccepted => {
            let accept = accept_return::AcceptReturn { assignment: None };
            play.act(240, "dispatcher", TicketAction::AcceptReturn(accept));
        }
        Fate::ReturnRefused => {
            let refuse = refuse_return::RefuseReturn {
                assignment: None,
                text: "经核对职责清单，该事项由贵单位主管，请继续办理。".into(),
            };
            play.act(240, "dispatcher", TicketAction::RefuseReturn(refuse));
        }
        _ => {}
    }
}

/// In progress: the caller is called, and an answer begun.
fn signed(play: &mut Play<'_>) {
    let clerk = play.clerk();
    for (minutes, reached) in [(190, false), (230, true)] {
        let contact = contact::Contact {
            reached,
            at: None,
            means: ContactMeans::Phone,
            evidence: reached.then(|| "通话录音已存".into()),
        };
        play.act(minutes, &clerk, TicketAction::Contact(contact));
    }
    let draft = save_draft::SaveDraft {
        opinion: Some("已与来电人联系，正在核实。".into()),
        answer: Some(play.letter.answer.clone()),
        contacted: Some(true),
        solved: None,
        unsolved_reason: None,
        handler: Some("李工".into()),
        phone: None,
    };
    play.act(260, &clerk, TicketAction::SaveDraft(draft));
}

/// The lead answers, and what the centre then does with it.
fn answered_by_the_lead(play: &mut Play<'_>) {
    let (fate, leader, by) = (play.fate, play.leader(), play.by());
    let days = i64::try_from(play.number % 2).unwrap_or(0);
    let replied = 1_440 + days * 720;
    play.act(replied, &leader, reply(play.letter, true));
    let satisfaction = match play.number % 7 {
        0 => Satisfaction::Dissatisfied,
        1 | 2 => Satisfaction::Fairly,
        _ => Satisfaction::Satisfied,
    };
    if fate == Fate::Rated {
        let rating = rate::Rate {
            satisfaction,
            solved: Some(satisfaction != Satisfaction::Dissatisfied),
            comment: None,
        };
        play.act(replied + 90, by, TicketAction::Rate(rating));
    }
    if matches!(fate, Fate::Replied | Fate::Rated) {
        return;
    }
    play.act(replied + 120, "office", review());
    if fate == Fate::Reviewed {
        return;
    }
    if play.is_anonymous() {
        let close = TicketAction::Close(close::Close { text: None });
        play.act(replied + 180, "office", close);
        return beside::after_the_end(play, replied + 900);
    }
    if matches!(
        fate,
        Fate::ClosedAtOnce | Fate::Archived | Fate::ExclusionAsked
    ) {
        play.act(replied + 600, "call-back", call(true, satisfaction));
        return beside::after_the_end(play, replied + 900);
    }
    let unsolved = call(false, Satisfaction::Dissatisfied);
    play.act(replied + 600, "call-back", unsolved);
    if fate == Fate::CalledBack {
        return;
    }
    let instruction = "市民反映问题仍未解决，请再次到现场核查。".into();
    let redo = TicketAction::Redo(redo::Redo { instruction });
    play.act(replied + 700, "office", redo);
    if fate == Fate::RedoneOnce {
        return;
    }
    play.act(replied + 1_500, &leader, reply(play.letter, true));
    play.act(replied + 1_600, "office", review());
    play.act(replied + 1_700, "call-back", call(true, satisfaction));
}

fn review() -> TicketAction<String> {
    let opinion = Some("答复清楚，依据充分。".into());
    TicketAction::ReviewAnswer(review::ReviewAnswer { opinion })
}

fn call(solved: bool, satisfaction: Satisfaction) -> TicketAction<String> {
    TicketAction::CallBack(call_back::CallBack {
        reached: true,
        contacted: Some(true),
        solved: Some(solved),
        satisfaction: Some(satisfaction),
        comment: None,
        recording: None,
    })
}

fn reply(letter: &Letter, lead: bool) -> TicketAction<String> {
    TicketAction::Reply(reply::Reply {
        opinion: lead.then(|| letter.opinion.clone()),
        answer: letter.answer.clone(),
        contacted: Some(true),
        solved: Some(true),
        unsolved_reason: None,
        handler: "李工".into(),
        phone: "13800000099".into(),
    })
}
