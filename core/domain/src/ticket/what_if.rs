//! What if other rules had been in force: every limit that was set, as it was judged, and as it would be under a
//! candidate; and what ratings count. Reads history and changes nothing.

#[cfg(test)]
mod tests;

use super::clock::{clock, limit};
use super::state::{Assignment, AssignmentState, Level, Part, Satisfaction, Source, Ticket};
use crate::ids::{AssignmentNo, DepartmentId, UnitId};
use crate::rules::Rules;
use crate::time::{Due, Light, Timestamp};

/// What a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// To sign.
    Sign,
    /// To contact the caller for the first time.
    Contact,
    /// To reply.
    Handle,
    /// To give it back; only of what was given back.
    Return,
    /// To call the citizen back: the centre's.
    CallBack,
}

impl Limit {
    /// Every limit, in the order in which they run out.
    pub const ALL: &'static [Self] = &[
        Self::Sign,
        Self::Contact,
        Self::Handle,
        Self::Return,
        Self::CallBack,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Contact => "contact",
            Self::Handle => "handle",
            Self::Return => "return",
            Self::CallBack => "call_back",
        }
    }
}

/// One limit of a task, judged twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is for.
    pub limit: Limit,
    /// The assignment; `None`: handled by a system before, or the centre's.
    pub assignment: Option<AssignmentNo>,
    /// The department, where it is known and not the centre.
    pub department: Option<DepartmentId>,
    /// The unit, on level 2.
    pub unit: Option<UnitId>,
    /// Lead or assist.
    pub part: Part,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was done, or its task was replied or otherwise ended; `None`: it goes on.
    pub ended_at: Option<Timestamp>,
    /// Whether it was done; else its task was given up, or it goes on.
    pub done: bool,
    /// As it was judged.
    pub then: Judged,
    /// As the candidate judges.
    pub candidate: Judged,
}

/// A judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The limit; `None`: not known, or none.
    pub due: Option<Due>,
    /// How it stood at the end, or stands now.
    pub light: Option<Light>,
}

impl Judged {
    fn by(due: Option<Due>, at: Timestamp) -> Self {
        Self {
            due,
            light: due.map(|due| due.light(at)),
        }
    }

    /// Whether its limit waits for a year's calendar.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.due.is_some_and(|due| due.provisional)
    }

    /// Whether it is late.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.light == Some(Light::Red)
    }
}

impl Case {
    /// Whether the candidate makes a difference: another limit, or another light.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.moves() || self.then.light != self.candidate.light
    }

    /// Whether one of its limits waits for a year's calendar, so that it, and its light, may come out otherwise.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.then.is_provisional() || self.candidate.is_provisional()
    }

    /// Whether the candidate sets another limit.
    #[must_use]
    pub fn moves(&self) -> bool {
        let at = |judged: Judged| judged.due.map(|due| due.at);
        at(self.then) != at(self.candidate)
    }

    /// Whether a judgement counts in a rate of what was done in time: what was done, and what is late. What was given
    /// up in time was never due, and what goes on is not yet.
    #[must_use]
    pub fn counts(&self, judged: Judged) -> bool {
        judged.due.is_some() && (self.done || judged.is_overdue())
    }
}

/// How a ticket was rated, and what "fairly satisfied" counted then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rated {
    /// The department that led it; `None`: the centre.
    pub department: Option<DepartmentId>,
    /// The latest rating.
    pub satisfaction: Satisfaction,
    /// What the rating counts, by the rules at its time.
    pub then: f64,
    /// What it counts by the candidate.
    pub candidate: f64,
}

/// The version of rules that is not kept.
const UNKNOWN: u32 = 0;

/// The rating of a ticket, if it was rated and not over before it was carried over.
#[must_use]
pub fn rated<'r>(
    ticket: &Ticket,
    then: impl Fn(u32, Timestamp) -> &'r Rules,
    candidate: &Rules,
) -> Option<Rated> {
    let rating = ticket.last_rating.as_ref();
    let rating = rating.filter(|_| !ticket.was_over_before())?;
    let counts = |rules: &Rules| match rating.satisfaction {
        Satisfaction::Satisfied => 1.0,
        Satisfaction::Fairly => rules.fairly_weight(),
        Satisfaction::Dissatisfied => 0.0,
    };
    let led = ticket.lead();
    let led = led.filter(|lead| lead.state != AssignmentState::Recalled);
    Some(Rated {
        department: led.map(|lead| lead.department),
        satisfaction: rating.satisfaction,
        then: counts(then(UNKNOWN, rating.at)),
        candidate: counts(candidate),
    })
}

/// Every limit of a ticket, in the order of its tasks. `then` are the rules of a version, or at
/// a time where the version is not known.
#[must_use]
pub fn cases<'r>(
    ticket: &Ticket,
    then: impl Fn(u32, Timestamp) -> &'r Rules,
    candidate: &Rules,
    now: Timestamp,
) -> Vec<Case> {
    let source = ticket.source.as_ref();
    let mut cases: Vec<Case> = source
        .and_then(|source| carried_over(ticket, source, &then, candidate, now))
        .into_iter()
        .collect();
    // What was in hand when it was carried over is that case.
    for assignment in ticket.assignments.iter().filter(|a| !a.imported) {
        let task = Task {
            ticket,
            assignment,
            then: then(assignment.rules, assignment.assigned_at),
            candidate,
            now,
        };
        cases.extend(task.signing());
        cases.extend(task.contacting());
        cases.push(task.handling());
        cases.extend(task.giving_back());
    }
    cases.extend(calling_back(ticket, candidate, now));
    cases
}

/// A task and the rules it is judged by.
struct Task<'t> {
    ticket: &'t Ticket,
    assignment: &'t Assignment,
    then: &'t Rules,
    candidate: &'t Rules,
    now: Timestamp,
}

impl Task<'_> {
    fn case(
        &self,
        limit: Limit,
        done_at: Option<Timestamp>,
        (then, candidate): (Option<Due>, Option<Due>),
    ) -> Option<Case> {
        let a = self.assignment;
        // A limit that neither had is none.
        then.or(candidate)?;
        let ended_at = done_at.or(a.ended_at);
        let end = ended_at.unwrap_or(self.now);
        let at = self.ticket.judged_at(a, end);
        // Whoever has signed has no limit to sign that a pause could move; the others move while the task goes on, that
        // to contact by what began before the caller was reached.
        let moved_until = match limit {
            Limit::Sign => end,
            Limit::Contact | Limit::Handle | Limit::Return | Limit::CallBack => {
                a.ended_at.unwrap_or(self.now)
            }
        };
        let reached = done_at.filter(|_| limit == Limit::Contact);
        let moves = |from| reached.is_none_or(|at| from < at);
        let moved = |due| {
            let rules = self.candidate;
            limit::after_pauses(rules, self.ticket, a, due, moved_until, moves)
        };
        let candidate = candidate.map(moved);
        Some(Case {
            limit,
            assignment: Some(a.no),
            department: Some(a.department),
            unit: a.unit,
            part: a.part,
            began_at: a.assigned_at,
            ended_at,
            done: done_at.is_some(),
            then: Judged::by(then, at),
            candidate: Judged::by(candidate, at),
        })
    }

    fn signing(&self) -> Option<Case> {
        let (a, intake) = (self.assignment, self.ticket.intake.as_ref()?);
        // What begins in progress is not to be signed under any rules.
        a.sign_due?;
        let (rules, due) = (self.candidate, self.handled_by()?);
        let due = rules.sign_due(&intake.matter(), a.assigned_at, due);
        self.case(Limit::Sign, a.signed_at, (a.sign_due, Some(due)))
    }

    /// The caller is contacted by whom the centre gave it to, and once.
    fn contacting(&self) -> Option<Case> {
        let (a, intake) = (self.assignment, self.ticket.intake.as_ref()?);
        let first = a.level() == Level::Department && a.sign_due.is_some();
        let (rules, due) = (self.candidate, self.handled_by()?);
        let due = rules.contact_due(&intake.matter(), a.assigned_at, due);
        let due = due.filter(|_| first);
        self.case(Limit::Contact, a.reached_at, (a.contact_due, due))
    }

    fn giving_back(&self) -> Option<Case> {
        let (a, intake) = (self.assignment, self.ticket.intake.as_ref()?);
        let given_back = a.returns.last()?;
        let due = self.candidate.return_by(&intake.matter(), a.assigned_at);
        let dues = (Some(a.return_by), Some(due));
        self.case(Limit::Return, Some(given_back.at), dues)
    }

    /// The candidate's limit to reply, as it would have been set.
    fn handled_by(&self) -> Option<Due> {
        limit::set(self.candidate, self.then, self.ticket, self.assignment)
    }

    fn handling(&self) -> Case {
        let a = self.assignment;
        let clock = clock(self.ticket, a, self.then, self.candidate, self.now);
        let judged = |reading: super::clock::Reading| Judged {
            due: reading.due,
            light: reading.light,
        };
        Case {
            limit: Limit::Handle,
            assignment: Some(a.no),
            department: Some(a.department),
            unit: a.unit,
            part: a.part,
            began_at: a.assigned_at,
            ended_at: a.ended_at,
            done: a.state == AssignmentState::Replied,
            then: judged(clock.judged_then),
            candidate: judged(clock.judged_now),
        }
    }
}

/// The call-backs of every round, each from its review on. Called once is called, reached or not.
fn calling_back(ticket: &Ticket, candidate: &Rules, now: Timestamp) -> impl Iterator<Item = Case> {
    let this = ticket.call_back_until(now);
    let rounds = ticket.past_call_backs.iter().copied().chain(this);
    let over = ticket.past_call_backs.len();
    let is_over =
        move |round| round < over || ticket.ending.as_ref().is_some_and(|e| e.at.is_some());
    let intake = ticket.intake.as_ref();
    let called = intake.is_some_and(|i| candidate.calls_back(i.wants_reply, i.anonymous));
    rounds.enumerate().filter_map(move |(round, call)| {
        let due = called.then(|| candidate.call_back_due(call.reviewed_at));
        call.due.or(due)?;
        let at = call.called_at.unwrap_or(call.ended_at);
        Some(Case {
            limit: Limit::CallBack,
            assignment: None,
            department: None,
            unit: None,
            part: Part::Lead,
            began_at: call.reviewed_at,
            ended_at: call.called_at.or(is_over(round).then_some(call.ended_at)),
            done: call.called_at.is_some(),
            then: Judged::by(call.due, at),
            candidate: Judged::by(due, at),
        })
    })
}

/// What was handled, or begun, in a system before: by the limit known there, and by the candidate from when the
/// department got it; what it still had in hand by what moved that limit here, too. What never was with a department
/// there is no task.
fn carried_over<'r>(
    ticket: &Ticket,
    source: &Source,
    then: impl Fn(u32, Timestamp) -> &'r Rules,
    candidate: &Rules,
    now: Timestamp,
) -> Option<Case> {
    let intake = ticket.intake.as_ref()?;
    let in_hand = ticket.assignments.iter().find(|a| a.imported);
    let ended_at = source.answered_at.or(source.closed_at);
    let handled = source.department.is_some() || ended_at.is_some();
    if !handled {
        return None;
    }
    let began_at = source.assigned_at.unwrap_or(intake.at);
    let replied_here = in_hand.is_some_and(|a| a.state == AssignmentState::Replied);
    let replied = ended_at.is_some() || replied_here;
    let over_there = ended_at.is_some();
    let ended_at = ended_at.or(in_hand.and_then(|a| a.ended_at));
    let end = ended_at.unwrap_or(now);
    let due = candidate.handle_due(&intake.matter(), began_at);
    let (at, known, due) = match in_hand.filter(|_| !over_there) {
        None => (end, source.due_at.map(Due::known), due),
        Some(a) => {
            let then = then(a.rules, a.assigned_at);
            let due = limit::moved(candidate, then, ticket, a, due, end);
            (ticket.judged_at(a, end), a.due, due)
        }
    };
    Some(Case {
        limit: Limit::Handle,
        assignment: in_hand.map(|a| a.no),
        department: source.department,
        unit: None,
        part: Part::Lead,
        began_at,
        ended_at,
        done: replied,
        then: Judged::by(known, at),
        candidate: Judged::by(Some(due), at),
    })
}
