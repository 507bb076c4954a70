//! The folded ticket (DOMAIN §3). `assignment` is one office's task in it, `answer` what became of it at the
//! end; `words` names the states.

mod answer;
mod assignment;
mod attachment;
mod file_words;
mod flags;
mod words;

pub use answer::{Answer, CallBack, Draft, Ending, PastCallBack, Rating, Review};
pub use assignment::{Assignment, Extension, Move, Moved, Return, Terms};
pub use attachment::{Attachment, FileHash};
pub use file_words::{FilePart, FileType};
pub use flags::{
    Archived, Dispute, Exclusion, Merged, Pause, Ruling, Supervision, Termination, Urging,
};
pub use words::{
    AssignmentState, Awaiting, ContactMeans, DisputeCause, EndingKind, Ground, Kind, Level,
    MoveCause, Part, PauseCause, PrintForm, Satisfaction, Secrecy, Standing, SupervisionLevel,
    TicketState, Urgency,
};

use super::number::TicketNumber;
use crate::aggregate::Stamp;
use crate::ids::{AccountId, AssignmentNo, DepartmentId, TicketId};
use crate::people::{Actor, Role};
use crate::refusal::Reason;
use crate::rules::Matter;
use crate::sealed::Sealed;
use crate::time::{Due, Light, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A ticket as folded from its events. Written without what it has not, which is most of what it could have.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ticket {
    /// Where it stands.
    pub state: TicketState,
    /// Moves with every event that changes the work, not with views.
    pub revision: u32,
    /// What was received; there from the first event on.
    pub intake: Option<Intake>,
    /// Where it was carried over from, if it was.
    pub source: Option<Source>,
    /// The round of handling, from 1; a redo begins the next.
    pub round: u16,
    /// Every assignment ever made, in order; the number is the index plus one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// The answer that went to the citizen, of this round.
    pub answer: Option<Answer>,
    /// What the centre has to do with the answer before it may rest.
    pub awaiting: Awaiting,
    /// The review of the answer, of this round.
    pub review: Option<Review>,
    /// Every call-back of this round, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub call_backs: Vec<CallBack>,
    /// The call-backs of the rounds before this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_call_backs: Vec<PastCallBack>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The first rating.
    pub first_rating: Option<Rating>,
    /// The latest rating.
    pub last_rating: Option<Rating>,
    /// How often it was rated.
    pub ratings: u16,
    /// How often it was urged.
    pub urges: u16,
    /// The latest urging.
    pub urging: Option<Urging>,
    /// When it last changed, views apart.
    pub changed_at: Option<Timestamp>,
    /// When its caller was erased, and all its texts with them.
    pub erased_at: Option<Timestamp>,
    /// The supervision it is under.
    pub supervision: Option<Supervision>,
    /// How often it came back to the centre, given back or handed on, since a lead answered or was ruled.
    pub handed_on: u16,
    /// Why it is to be marked disputed, as the rules say.
    pub to_dispute: Option<DisputeCause>,
    /// The dispute that is not ruled on yet.
    pub dispute: Option<Dispute>,
    /// The latest ruling.
    pub ruling: Option<Ruling>,
    /// Every time its clocks stood still, in order; at most the last goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// The ticket it was merged into, while it is.
    pub merged: Option<Merged>,
    /// The tickets merged into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<TicketId>,
    /// Of those that were, the ones that got its outcome when it was over: they get its corrections, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub concluded: Vec<TicketId>,
    /// Every exclusion asked for, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// The termination asked for and not decided on.
    pub termination: Option<Termination>,
    /// The light at which Docket is to urge it on, and since when.
    pub to_urge: Option<(Light, Timestamp)>,
    /// How often the answer was corrected.
    pub corrections: u16,
    /// When the citizen is to have been called back.
    pub call_back_due: Option<Due>,
    /// Whether the call-back's falling due was noted.
    pub call_back_lit: bool,
    /// The next supervision that the rules put it under if it stays overdue, and when.
    pub escalation: Option<(Timestamp, SupervisionLevel)>,
    /// Laid down for good.
    pub archived: Option<Archived>,
    /// Every file attached, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            state: TicketState::Absent,
            revision: 0,
            intake: None,
            source: None,
            round: 1,
            assignments: Vec::new(),
            answer: None,
            awaiting: Awaiting::Nothing,
            review: None,
            call_backs: Vec::new(),
            past_call_backs: Vec::new(),
            ending: None,
            first_rating: None,
            last_rating: None,
            ratings: 0,
            urges: 0,
            urging: None,
            changed_at: None,
            erased_at: None,
            supervision: None,
            handed_on: 0,
            to_dispute: None,
            dispute: None,
            ruling: None,
            pauses: Vec::new(),
            merged: None,
            followers: Vec::new(),
            concluded: Vec::new(),
            exclusions: Vec::new(),
            termination: None,
            to_urge: None,
            corrections: 0,
            call_back_due: None,
            call_back_lit: false,
            escalation: None,
            archived: None,
            attachments: Vec::new(),
        }
    }
}

/// What was received.
#[skip_serializing_none]
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
    /// What the caller wants; not known of some imported ones.
    pub kind: Option<Kind>,
    /// The code of the channel it came by; not known of some imported ones.
    pub channel: Option<String>,
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
    /// Body; the sources of imported ones may have none.
    pub body: Option<Sealed>,
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
    /// The department that the pack's routes assign it to by themselves.
    pub routed_to: Option<DepartmentId>,
}

/// What the system a ticket was carried over from knew of it, beside the intake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The system's name.
    pub system: String,
    /// The ticket's number there.
    pub number: Sealed,
    /// What its status meant.
    pub standing: Standing,
    /// The source's own words, a JSON object of texts.
    pub words: Option<Sealed>,
    /// When it was carried over.
    pub imported_at: Timestamp,
    /// The department that had it last.
    pub department: Option<DepartmentId>,
    /// When the department got it.
    pub assigned_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// To be replied by.
    pub due_at: Option<Timestamp>,
    /// The answer, where it is not the ticket's own: when it was given is not known, or it does not stand.
    pub answer: Option<Sealed>,
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

    /// The assignment that the answer to the citizen was given in; `None` where the centre gave it directly.
    #[must_use]
    pub fn answered_in(&self) -> Option<&Assignment> {
        let answer = self.answer.as_ref()?;
        let mut latest_first = self.assignments.iter().rev();
        latest_first.find(|a| a.answer.as_ref() == Some(answer))
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

    /// Whether the request is the account's own.
    #[must_use]
    pub fn is_own_of(&self, actor: &Actor) -> bool {
        self.intake.as_ref().is_some_and(|i| i.is_from(actor))
    }

    /// Whether the account may know of the ticket at all (DOMAIN §6).
    #[must_use]
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let Some(intake) = self.intake.as_ref().filter(|_| self.erased_at.is_none()) else {
            return false;
        };
        if actor
            .department
            .is_some_and(|department| intake.hides_from(department))
        {
            return false;
        }
        if actor.in_centre() || actor.has(Role::Auditor) || intake.is_from(actor) {
            return true;
        }
        actor.in_office() && (self.given_to(actor).next().is_some() || self.came_from(actor))
    }

    /// Whether it was over before it was carried over, and has not been handled anew since.
    #[must_use]
    pub fn was_over_before(&self) -> bool {
        let over = |source: &Source| source.standing.ending().is_some();
        self.round == 1 && self.source.as_ref().is_some_and(over)
    }

    /// Whether the account's department had it before it was carried over.
    fn came_from(&self, actor: &Actor) -> bool {
        let had = self.source.as_ref().and_then(|source| source.department);
        had.is_some() && had == actor.department && actor.unit.is_none()
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
        self.assignments.iter().filter(move |a| match unit {
            Some(unit) => a.unit == Some(unit),
            None => Some(a.department) == department,
        })
    }

    /// Whether the joint meeting ruled that this department handles it, in this round or one before: until another
    /// ruling it is neither given back nor taken away. Not where the report turned out to accuse that department.
    #[must_use]
    pub fn is_ruled_on(&self, assignment: &Assignment) -> bool {
        let intake = self.intake.as_ref();
        if intake.is_some_and(|intake| intake.hides_from(assignment.department)) {
            return false;
        }
        let ruled = self.ruling.as_ref();
        let ruled = ruled.and_then(|ruling| self.assignment(ruling.assignment));
        let leads = assignment.part == Part::Lead && assignment.level() == Level::Department;
        let again = |ruled: &Assignment| {
            ruled.no <= assignment.no && ruled.department == assignment.department
        };
        assignment.locked || leads && ruled.is_some_and(again)
    }

    /// The department that a ruling has handle it, if one does: its lead.
    #[must_use]
    pub fn ruled_to(&self) -> Option<DepartmentId> {
        let lead = self.lead().filter(|lead| self.is_ruled_on(lead));
        lead.map(|lead| lead.department)
    }

    /// The number the next assignment gets; `None` when there are too many.
    #[must_use]
    pub fn next_no(&self) -> Option<AssignmentNo> {
        u16::try_from(self.assignments.len() + 1)
            .ok()
            .map(AssignmentNo)
    }

    /// The level-1 returns the centre has to decide on; the lead's first. Of a ticket that is answered or
    /// over, or whose lead's return was accepted, there are none: whatever was returned before is settled by
    /// that.
    pub fn pending_returns(&self) -> impl Iterator<Item = &Assignment> {
        let gone = |lead: &Assignment| lead.round == self.round && lead.return_was_accepted();
        let leadless = self.lead().is_some_and(gone);
        let settled = self.answer.is_some() || self.ending.is_some() || leadless;
        let of = move |part| {
            self.assignments.iter().filter(move |a| {
                !settled && a.round == self.round && a.part == part && a.return_is_pending()
            })
        };
        of(Part::Lead).chain(of(Part::Assist))
    }

    /// The department that Docket is to assign it to by itself: as long as nobody has had it, and unless it has
    /// become one that must not know of it.
    #[must_use]
    pub fn to_assign_by_itself(&self) -> Option<DepartmentId> {
        let untouched = self.state == TicketState::Received && self.assignments.is_empty();
        let intake = self.intake.as_ref().filter(|_| untouched)?;
        let department = intake.routed_to?;
        (!intake.hides_from(department)).then_some(department)
    }

    /// Since when nobody has had it to handle: it waits to be assigned.
    #[must_use]
    pub fn unassigned_since(&self) -> Option<Timestamp> {
        match self.state {
            TicketState::Received => self.changed_at,
            TicketState::Returned => self.lead().and_then(|lead| lead.ended_at),
            TicketState::Absent
            | TicketState::Assigned
            | TicketState::InProgress
            | TicketState::Delegated
            | TicketState::AwaitingSummary
            | TicketState::Replied
            | TicketState::AwaitingCallBack
            | TicketState::AwaitingRedo
            | TicketState::Closed
            | TicketState::Declined
            | TicketState::Withdrawn
            | TicketState::Transferred
            | TicketState::Merged
            | TicketState::Terminated
            | TicketState::Archived => None,
        }
    }

    /// Whether whoever sits in the joint meeting and is no supervisor may supervise it: where it is or was disputed.
    pub fn supervisable_by(&self, actor: &Actor) -> Result<(), Reason> {
        let meets = actor.has(Role::JointMeeting) && !actor.has(Role::Supervisor);
        if meets && self.dispute.is_none() && self.ruling.is_none() {
            return Err(Reason::NotDisputed);
        }
        Ok(())
    }

    /// Whether its clocks stand still on a lawful ground.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended_since().is_some()
    }

    /// Since when they do.
    #[must_use]
    pub fn suspended_since(&self) -> Option<Timestamp> {
        let last = self.pauses.last();
        let last = last.filter(|pause| pause.to.is_none() && pause.cause == PauseCause::Suspended);
        last.map(|pause| pause.from)
    }

    /// The exclusions that are not decided on yet, in order; at most one of each department.
    pub fn pending_exclusions(&self) -> impl Iterator<Item = &Exclusion> {
        self.exclusions.iter().filter(|e| e.granted.is_none())
    }

    /// The termination that was asked for and is not decided on: whatever ended the lead's task has voided it.
    #[must_use]
    pub fn pending_termination(&self) -> Option<&Termination> {
        let open = |no| self.assignment(no).is_some_and(|a| a.state.is_open());
        self.termination
            .as_ref()
            .filter(|asked| open(asked.assignment))
    }

    /// Whether a department's figures leave it out: its exclusion was granted.
    #[must_use]
    pub fn is_excluded_for(&self, department: DepartmentId) -> bool {
        let of = |e: &Exclusion| e.department == department && e.granted == Some(true);
        self.exclusions.iter().any(of)
    }

    /// The call-back of this round, which ends at a time; `None`: its answer was not reviewed.
    #[must_use]
    pub fn call_back_until(&self, end: Timestamp) -> Option<PastCallBack> {
        let review = self.review.as_ref()?;
        let ended_at = self.ending.as_ref().and_then(|ending| ending.at);
        Some(PastCallBack {
            reviewed_at: review.at,
            due: self.call_back_due,
            called_at: self.call_backs.first().map(|call| call.at),
            ended_at: ended_at.unwrap_or(end),
        })
    }

    /// Begins the next round: what was answered in the last is history.
    pub(super) fn begin_round(&mut self, round: u16, at: Timestamp) {
        self.past_call_backs.extend(self.call_back_until(at));
        self.round = round;
        self.answer = None;
        self.awaiting = Awaiting::Nothing;
        self.review = None;
        self.call_backs.clear();
        self.call_back_due = None;
        self.call_back_lit = false;
        self.ending = None;
        // What had the outcome of another goes on by itself, and so does what had this one's.
        self.merged = None;
        self.concluded.clear();
    }

    /// It came back to the centre, or was handed on: without a lead, too often makes a dispute.
    pub(super) fn hand_on(&mut self, too_often: bool) {
        self.handed_on = self.handed_on.saturating_add(1);
        if too_often && self.dispute.is_none() {
            self.to_dispute = Some(DisputeCause::Returns);
        }
    }

    /// Ends the pause that goes on, if one does.
    pub(super) fn end_pause(&mut self, stamp: &Stamp) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.to.is_none()) {
            pause.to = Some(stamp.at);
            pause.to_event = Some(stamp.event);
        }
    }

    /// Sets deadlines that were moved together.
    pub(super) fn move_dues(&mut self, moves: &[Moved], cause: MoveCause, stamp: &Stamp) {
        for moved in moves {
            let Some(assignment) = self.assignment_mut(moved.assignment) else {
                continue;
            };
            if let Some(due) = moved.due.filter(|due| assignment.due != Some(*due)) {
                assignment.move_due(due, cause, stamp);
            }
            assignment.sign_due = moved.sign_due;
            assignment.return_by = moved.return_by;
            assignment.contact_due = moved.contact_due;
        }
    }

    /// Derives what follows from the assignments and the centre's steps: the ticket's own state.
    pub(super) fn settle(&mut self) {
        if !self.lead_is_overdue() {
            self.escalation = None;
        }
        if self.intake.is_some() {
            self.state = match &self.ending {
                Some(_) if self.archived.is_some() => TicketState::Archived,
                Some(ending) => match ending.kind {
                    EndingKind::Closed | EndingKind::Merged => TicketState::Closed,
                    EndingKind::Declined => TicketState::Declined,
                    EndingKind::Withdrawn => TicketState::Withdrawn,
                    EndingKind::Transferred => TicketState::Transferred,
                    EndingKind::Terminated => TicketState::Terminated,
                },
                None if self.merged.is_some() => TicketState::Merged,
                None => self.state_of_work(),
            };
        }
    }

    /// Whether the red light is on for the lead that has the ticket now, or had it when it was merged: a delay is put
    /// down to nobody but whose it was.
    fn lead_is_overdue(&self) -> bool {
        let has_it = |lead: &Assignment| {
            lead.state.is_open() || lead.return_is_pending() || self.merged.is_some()
        };
        self.lead()
            .is_some_and(|lead| lead.lit.contains(&Light::Red) && has_it(lead))
    }

    fn state_of_work(&self) -> TicketState {
        match self.lead().map(|lead| lead.state) {
            None | Some(AssignmentState::Recalled | AssignmentState::Replied)
                if self.answer.is_some() =>
            {
                match self.awaiting {
                    Awaiting::Nothing => TicketState::Replied,
                    Awaiting::CallBack => TicketState::AwaitingCallBack,
                    Awaiting::Redo => TicketState::AwaitingRedo,
                }
            }
            // Replied without an answer: to be handled anew by whoever is assigned next.
            None | Some(AssignmentState::Recalled | AssignmentState::Replied) => {
                TicketState::Received
            }
            Some(AssignmentState::Assigned) => TicketState::Assigned,
            Some(AssignmentState::InProgress) => TicketState::InProgress,
            Some(AssignmentState::Delegated) => TicketState::Delegated,
            Some(AssignmentState::AwaitingSummary) => TicketState::AwaitingSummary,
            Some(AssignmentState::Returned | AssignmentState::Released) => TicketState::Returned,
        }
    }

    /// Keeps a rating: the first, and the latest.
    pub(super) fn keep_rating(&mut self, rating: Rating) {
        self.first_rating.get_or_insert_with(|| rating.clone());
        self.last_rating = Some(rating);
        self.ratings = self.ratings.saturating_add(1);
    }

    /// Takes every pending level-1 return of this round that satisfies `which` as accepted.
    pub(super) fn accept_returns(&mut self, at: Timestamp, which: impl Fn(&Assignment) -> bool) {
        let round = self.round;
        for assignment in &mut self.assignments {
            if assignment.round == round
                && assignment.return_is_pending()
                && which(assignment)
                && let Some(last) = assignment.returns.last_mut()
            {
                last.decided_at = Some(at);
                last.accepted = Some(true);
            }
        }
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
    /// What deadlines depend on.
    #[must_use]
    pub fn matter(&self) -> Matter<'_> {
        Matter {
            kind: self.kind,
            topic: self.topic.as_deref(),
            urgency: self.urgency,
            channel: self.channel.as_deref(),
        }
    }

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
