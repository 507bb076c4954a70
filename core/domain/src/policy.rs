//! What Docket does by itself, and when: assigning what the pack routes, lights, urgings and supervision of what is overdue, disputes, call-backs
//! that are due, suspensions that end, outcomes of merged tickets, archiving.
//!
//! Pure functions from a ticket to its timers, and from a timer to a command. A worker runs them; the command
//! is decided like any other, so that a timer that comes late, twice or for nothing does no harm. It must *not*
//! know the time, nor who runs it.

use crate::ids::{AssignmentNo, DepartmentId};
use crate::rules::Rules;
use crate::ticket::actions::{
    HANDLED, OPEN, archive, assign, dispute, light, note_call_back_due, resume, settle_dues,
    supervise, urge,
};
use crate::ticket::{Assignment, SupervisionLevel, Ticket, TicketAction, TicketState};
use crate::time::{Light, Timestamp};
use chrono::TimeDelta;
use std::fmt;
use std::str::FromStr;

/// Why Docket acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The pack's routes name the department it goes to.
    AssignByItself(DepartmentId),
    /// A limit is about to run out, or over.
    Light(AssignmentNo, Light),
    /// A light was lit that the pack has Docket urge at.
    Urge,
    /// It stays overdue: the pack puts it under supervision.
    Escalate,
    /// Given back or done anew too often.
    Dispute,
    /// The citizen was not called back in time.
    CallBack,
    /// A suspension's expected end has come.
    Resume,
    /// It is over, and others were merged into it.
    Conclude,
    /// It has been over for as long as the pack says.
    Archive,
    /// A limit is provisional, of a task that may be over by now: to be settled when its year's calendar is published.
    Settle,
}

/// What a timer's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reckoning {
    /// The time at which to act.
    At,
    /// The end of the ticket: to act as many days later as the pack in force says.
    AfterTheEnd,
    /// A limit: to act when the pack in force has the calendar of its year.
    WithTheCalendar,
}

impl Reckoning {
    /// Every one, in order.
    pub const ALL: &'static [Self] = &[Self::At, Self::AfterTheEnd, Self::WithTheCalendar];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::AfterTheEnd => "after_the_end",
            Self::WithTheCalendar => "with_the_calendar",
        }
    }
}

/// Something Docket is to do with a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Why.
    pub cause: Cause,
    /// When, by its cause's reckoning.
    pub at: Timestamp,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AssignByItself(department) => write!(f, "assign:{department}"),
            Self::Light(assignment, light) => write!(f, "light:{assignment}:{}", light.name()),
            Self::Urge => f.write_str("urge"),
            Self::Escalate => f.write_str("escalate"),
            Self::Dispute => f.write_str("dispute"),
            Self::CallBack => f.write_str("call_back"),
            Self::Resume => f.write_str("resume"),
            Self::Conclude => f.write_str("conclude"),
            Self::Archive => f.write_str("archive"),
            Self::Settle => f.write_str("settle"),
        }
    }
}

impl FromStr for Cause {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNKNOWN: &str = "not the name of a timer's cause";
        let simple = [
            Self::Urge,
            Self::Escalate,
            Self::Dispute,
            Self::CallBack,
            Self::Resume,
            Self::Conclude,
            Self::Archive,
            Self::Settle,
        ];
        if let Some(cause) = simple.into_iter().find(|cause| cause.to_string() == text) {
            return Ok(cause);
        }
        if let Some(department) = text.strip_prefix("assign:") {
            let department = department.parse().map_err(|_| UNKNOWN)?;
            return Ok(Self::AssignByItself(department));
        }
        let mut parts = text.strip_prefix("light:").ok_or(UNKNOWN)?.splitn(2, ':');
        let number = parts.next().and_then(|number| number.parse().ok());
        let light = [Light::Yellow, Light::Red]
            .into_iter()
            .find(|light| Some(light.name()) == parts.clone().next());
        match (number, light) {
            (Some(number), Some(light)) => Ok(Self::Light(AssignmentNo(number), light)),
            _ => Err(UNKNOWN),
        }
    }
}

impl Cause {
    /// How the timer's time is meant.
    #[must_use]
    pub const fn reckoning(self) -> Reckoning {
        match self {
            Self::Archive => Reckoning::AfterTheEnd,
            Self::Settle => Reckoning::WithTheCalendar,
            Self::AssignByItself(_)
            | Self::Light(..)
            | Self::Urge
            | Self::Escalate
            | Self::Dispute
            | Self::CallBack
            | Self::Resume
            | Self::Conclude => Reckoning::At,
        }
    }

    /// What Docket does about it. `None`: a process of several steps, on more than this ticket.
    #[must_use]
    pub fn action<T>(self) -> Option<TicketAction<T>> {
        Some(match self {
            Self::AssignByItself(lead) => TicketAction::Assign(assign::Assign {
                lead,
                assists: Vec::new(),
                instruction: None,
            }),
            Self::Light(assignment, light) => {
                TicketAction::LightUp(light::LightUp { assignment, light })
            }
            Self::Urge => TicketAction::Urge(urge::Urge { text: None }),
            // Which level, the ticket knows.
            Self::Escalate => TicketAction::Supervise(supervise::Supervise {
                level: SupervisionLevel::Ordinary,
                text: None,
            }),
            Self::Dispute => TicketAction::MarkDisputed(dispute::MarkDisputed { text: None }),
            Self::CallBack => TicketAction::NoteCallBackDue(note_call_back_due::NoteCallBackDue),
            Self::Resume => TicketAction::Resume(resume::Resume { text: None }),
            Self::Archive => TicketAction::Archive(archive::Archive { class: None }),
            Self::Settle => TicketAction::SettleDues(settle_dues::SettleDues),
            Self::Conclude => return None,
        })
    }
}

/// The states in which a ticket has limits that a corrected list of holidays may move.
pub const SETTLED_IN: &[TicketState] = settle_dues::LIMITED;

/// Everything Docket is to do with a ticket as it stands, each cause once.
#[must_use]
pub fn timers(ticket: &Ticket) -> Vec<Timer> {
    if ticket.intake.is_none() || ticket.erased_at.is_some() {
        return Vec::new();
    }
    let mut timers = with_time(ticket);
    // In every state: what is over was judged by its limits.
    let settles = settle_dues::first_to_settle(ticket);
    timers.extend(settles.map(|at| Timer {
        cause: Cause::Settle,
        at,
    }));
    timers
}

/// What is to be done when its time comes, without the settling of limits.
fn with_time(ticket: &Ticket) -> Vec<Timer> {
    let mut timers = Vec::new();
    let mut add = |cause, at: Option<Timestamp>| timers.extend(at.map(|at| Timer { cause, at }));
    if let Some(ending) = &ticket.ending {
        let asked = ticket.pending_exclusions().next().is_some();
        let open_end = ticket.archived.is_none() && !asked;
        add(Cause::Archive, ending.at.filter(|_| open_end));
        let waits = !ticket.followers.is_empty();
        add(Cause::Conclude, ticket.changed_at.filter(|_| waits));
        return timers;
    }
    if let Some(department) = ticket.to_assign_by_itself() {
        let received_at = ticket.intake.as_ref().map(|intake| intake.at);
        add(Cause::AssignByItself(department), received_at);
    }
    let handled = HANDLED.contains(&ticket.state);
    let open = || ticket.assignments.iter().filter(|a| a.state.is_open());
    if ticket.is_suspended() {
        let pause = ticket.pauses.last().filter(|pause| pause.resumes_by_itself);
        add(Cause::Resume, pause.and_then(|pause| pause.expected_at));
        return timers;
    }
    if handled {
        for assignment in open().filter(|a| !was_late_before(a)) {
            let lit = |light| assignment.lit.contains(&light);
            let yellow = assignment.due.and_then(|due| due.yellow_at);
            let yellow = yellow.filter(|_| assignment.lit.is_empty());
            add(Cause::Light(assignment.no, Light::Yellow), yellow);
            let red = assignment.due.filter(|_| !lit(Light::Red));
            let red = red.map(|due| due.at + TimeDelta::microseconds(1));
            add(Cause::Light(assignment.no, Light::Red), red);
        }
    }
    if OPEN.contains(&ticket.state) {
        add(Cause::Urge, ticket.to_urge.map(|(_, since)| since));
        add(Cause::Escalate, ticket.escalation.map(|(at, _)| at));
    }
    let disputable = dispute::DISPUTABLE.contains(&ticket.state);
    let to_dispute = ticket.to_dispute.is_some() && ticket.dispute.is_none() && disputable;
    add(Cause::Dispute, ticket.changed_at.filter(|_| to_dispute));
    let uncalled = ticket.state == TicketState::AwaitingCallBack
        && !ticket.call_back_lit
        && ticket.call_backs.is_empty();
    let call = ticket.call_back_due.filter(|_| uncalled);
    add(
        Cause::CallBack,
        call.map(|due| due.at + TimeDelta::microseconds(1)),
    );
    timers
}

/// The settling of a ticket whose limits come out otherwise by the calendar in force: no time of its own brings that,
/// but a list of holidays that corrects an earlier one.
#[must_use]
pub fn corrected(ticket: &Ticket, rules: &Rules) -> Option<Timer> {
    let at = ticket.changed_at?;
    let touched = settle_dues::is_touched(ticket, rules);
    touched.then_some(Timer {
        cause: Cause::Settle,
        at,
    })
}

/// Whether it was late before it was carried over: that tells nothing new.
fn was_late_before(assignment: &Assignment) -> bool {
    let late = |due: crate::Due| !due.met_at(assignment.assigned_at);
    assignment.imported && assignment.due.is_some_and(late)
}

#[cfg(test)]
mod tests;
