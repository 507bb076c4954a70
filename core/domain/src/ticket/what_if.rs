//! What if other rules had been in force: every task that a limit was set for, as it was judged, and as it would be
//! under a candidate. Reads history and changes nothing.

use super::clock::clock;
use super::state::{Assignment, Part, Source, Ticket};
use crate::ids::{AssignmentNo, DepartmentId, UnitId};
use crate::rules::Rules;
use crate::time::{Due, Light, Timestamp};

/// A task with a limit, judged twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The assignment; `None`: handled by a system before.
    pub assignment: Option<AssignmentNo>,
    /// The department, where it is known.
    pub department: Option<DepartmentId>,
    /// The unit, on level 2.
    pub unit: Option<UnitId>,
    /// Lead or assist.
    pub part: Part,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was replied, or otherwise ended; `None`: it goes on.
    pub ended_at: Option<Timestamp>,
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
        let at = |judged: Judged| judged.due.map(|due| due.at);
        at(self.then) != at(self.candidate) || self.then.light != self.candidate.light
    }
}

/// Every task of a ticket that a limit is for, in order. `then` are the rules at the time of each task.
#[must_use]
pub fn cases<'r>(
    ticket: &Ticket,
    then: impl Fn(Timestamp) -> &'r Rules,
    candidate: &Rules,
    now: Timestamp,
) -> Vec<Case> {
    let source = ticket.source.as_ref();
    let mut cases: Vec<Case> = source
        .and_then(|source| carried_over(ticket, source, candidate, now))
        .into_iter()
        .collect();
    // What was in hand when it was carried over is that case.
    let here = ticket.assignments.iter().filter(|a| !a.imported);
    cases.extend(here.map(|a| judged(ticket, a, then(a.assigned_at), candidate, now)));
    cases
}

fn judged(
    ticket: &Ticket,
    a: &Assignment,
    then: &Rules,
    candidate: &Rules,
    now: Timestamp,
) -> Case {
    let clock = clock(ticket, a, then, candidate, now);
    let judged = |reading: super::clock::Reading| Judged {
        due: reading.due,
        light: reading.light,
    };
    Case {
        assignment: Some(a.no),
        department: Some(a.department),
        unit: a.unit,
        part: a.part,
        began_at: a.assigned_at,
        ended_at: a.ended_at,
        then: judged(clock.judged_then),
        candidate: judged(clock.judged_now),
    }
}

/// What was handled, or begun, in a system before: by the limit known there, and by the candidate from when the
/// department got it. What never was with a department there is no task.
fn carried_over(
    ticket: &Ticket,
    source: &Source,
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
    let ended_at = ended_at.or(in_hand.and_then(|a| a.ended_at));
    let at = ended_at.unwrap_or(now);
    Some(Case {
        assignment: in_hand.map(|a| a.no),
        department: source.department,
        unit: None,
        part: Part::Lead,
        began_at,
        ended_at,
        then: Judged::by(source.due_at.map(Due::known), at),
        candidate: Judged::by(Some(candidate.handle_due(&intake.matter(), began_at)), at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Actor;
    use crate::rules::{CALENDAR_CN, DEFAULT_PACK};
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;
    use chrono::TimeDelta;

    fn strict() -> Rules {
        let pack = DEFAULT_PACK.replace(
            "complain = { working_days = 5 }",
            "complain = { working_days = 1 }",
        );
        Rules::parse(&pack, CALENDAR_CN, 2).unwrap()
    }

    #[test]
    fn a_shorter_term_makes_what_was_in_time_late() {
        // Signed on Monday, replied on Thursday.
        let ticket = signed().later(3 * 24 * 60).and(clerk(), reply()).fold();
        let (then, candidate) = (Rules::default_pack(), strict());
        let cases = cases(&ticket, |_| &then, &candidate, now() + TimeDelta::days(9));
        let [case] = cases[..] else {
            panic!("{cases:?}")
        };
        assert!(case.differs() && !case.then.is_overdue() && case.candidate.is_overdue());
        let same = super::cases(&ticket, |_| &then, &then, now() + TimeDelta::days(9));
        assert!(!same[0].differs());
    }

    #[test]
    fn what_was_handled_elsewhere_is_judged_from_when_it_was_given_out() {
        let TicketAction::Import(mut old) = import() else {
            unreachable!()
        };
        old.standing = crate::ticket::Standing::Closed;
        old.assigned_at = Some(old.received_at + TimeDelta::days(1));
        old.answered_at = Some(old.received_at + TimeDelta::days(30));
        old.due_at = Some(old.received_at + TimeDelta::days(40));
        let ticket = given([(Actor::system(), TicketAction::Import(old.clone()))]).fold();
        let then = Rules::default_pack();
        let cases = cases(&ticket, |_| &then, &then, now());
        let [case] = cases[..] else {
            panic!("{cases:?}")
        };
        assert_eq!(case.began_at, old.assigned_at.unwrap());
        assert_eq!(case.then.due, old.due_at.map(Due::known));
        assert!(!case.then.is_overdue() && case.candidate.is_overdue());
    }
}
