//! What a ticket adds to the statistics: by department and day, and apart what an exclusion leaves out.

use super::{CENTRE, Measures};
use crate::projection::id;
use chrono::NaiveDate;
use chrono_tz::Tz;
use docket_core::db::Value;
use docket_domain::ids::DepartmentId;
use docket_domain::ticket::{
    Assignment, AssignmentState, EndingKind, Level, Part, Satisfaction, Ticket,
};
use docket_domain::{Due, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    department: Uuid,
    day: NaiveDate,
    /// Whether the department's appraisal leaves it out.
    excluded: bool,
}

impl Key {
    /// As the tables have it.
    pub(super) fn values(self) -> [Value; 3] {
        [
            id(self.department),
            self.day.to_string().into(),
            self.excluded.into(),
        ]
    }
}

pub(super) type Facts = BTreeMap<Key, Measures>;

/// The facts of a ticket while they are counted.
struct Count<'t> {
    ticket: &'t Ticket,
    zone: Tz,
    facts: Facts,
}

impl Count<'_> {
    /// What is counted for a department, or the centre, at a time.
    fn at(&mut self, department: Uuid, at: Timestamp) -> &mut Measures {
        let excluded = self.ticket.is_excluded_for(DepartmentId(department));
        let key = Key {
            department,
            day: at.with_timezone(&self.zone).date_naive(),
            excluded,
        };
        self.facts.entry(key).or_default()
    }
}

/// What a ticket adds to the statistics.
pub(super) fn facts(ticket: &Ticket, zone: Tz) -> Facts {
    let mut count = Count {
        ticket,
        zone,
        facts: Facts::new(),
    };
    let Some(intake) = &ticket.intake else {
        return count.facts;
    };
    let came_in = count.at(CENTRE, intake.at);
    match &ticket.source {
        Some(_) => came_in.imported += 1,
        None => came_in.received += 1,
    }
    for assignment in ticket
        .assignments
        .iter()
        .filter(|a| a.level() == Level::Department)
    {
        let department = assignment.department.0;
        count_assignment(ticket, assignment, |at, change| {
            change(count.at(department, at));
        });
    }
    for exclusion in &ticket.exclusions {
        if let (Some(at), Some(true)) = (exclusion.decided_at, exclusion.granted) {
            count.at(exclusion.department.0, at).excluded += 1;
        }
    }
    // How it was handled and ended elsewhere is not for these figures.
    if ticket.was_over_before() {
        return count.facts;
    }
    // What no office led is the centre's own.
    let led = ticket
        .lead()
        .filter(|lead| lead.state != AssignmentState::Recalled);
    let led_by = led.map_or_else(|| CENTRE, |lead| lead.department.0);
    count_ending(&mut count, led_by);
    count_rating(&mut count, led_by);
    count_said(&mut count, led_by);
    count.facts
}

fn count_ending(count: &mut Count<'_>, led_by: Uuid) {
    let ticket = count.ticket;
    let Some(ending) = &ticket.ending else {
        return;
    };
    let Some(at) = ending.at else {
        return;
    };
    let department = match ending.kind {
        EndingKind::Closed | EndingKind::Terminated => led_by,
        EndingKind::Declined
        | EndingKind::Withdrawn
        | EndingKind::Transferred
        | EndingKind::Merged => CENTRE,
    };
    let measures = count.at(department, at);
    match ending.kind {
        EndingKind::Closed => measures.closed += 1,
        EndingKind::Declined => measures.declined += 1,
        EndingKind::Withdrawn => measures.withdrawn += 1,
        EndingKind::Transferred => measures.transferred += 1,
        EndingKind::Terminated => measures.terminated += 1,
        EndingKind::Merged => measures.merged += 1,
    }
}

fn count_rating(count: &mut Count<'_>, led_by: Uuid) {
    let ticket = count.ticket;
    let Some(rating) = &ticket.last_rating else {
        return;
    };
    let measures = count.at(led_by, rating.at);
    measures.rated += 1;
    match rating.satisfaction {
        Satisfaction::Satisfied => measures.satisfied += 1,
        Satisfaction::Fairly => measures.fairly += 1,
        Satisfaction::Dissatisfied => measures.dissatisfied += 1,
    }
}

/// What the caller said of it: when called back, and with a rating.
fn count_said(count: &mut Count<'_>, led_by: Uuid) {
    let ticket = count.ticket;
    let reached = || ticket.call_backs.iter().filter(|call| call.reached);
    let limited = ticket.assignments.iter().any(|a| a.contact_due.is_some());
    // A limit tells it better than a memory.
    let mut told = reached().filter_map(|call| Some((call.at, call.contacted?)));
    if let Some((at, contacted)) = told.next_back().filter(|_| !limited) {
        let measures = count.at(led_by, at);
        measures.assessed += 1;
        measures.contacted_in_time += i64::from(contacted);
    }
    let ratings = [&ticket.first_rating, &ticket.last_rating];
    let rated = ratings.into_iter().flatten().map(|r| (r.at, r.solved));
    let mut asked: Vec<_> = reached().map(|call| (call.at, call.solved)).collect();
    asked.extend(rated);
    asked.sort();
    let said = asked.iter().rev().find(|(_, solved)| solved.is_some());
    let Some((at, solved)) = said.or(asked.last()) else {
        return;
    };
    let measures = count.at(led_by, *at);
    match solved {
        Some(true) => measures.solved += 1,
        Some(false) => measures.unsolved += 1,
        None => measures.not_said += 1,
    }
}

fn count_assignment(
    ticket: &Ticket,
    assignment: &Assignment,
    mut on: impl FnMut(Timestamp, &dyn Fn(&mut Measures)),
) {
    if !assignment.imported {
        on(assignment.assigned_at, &|m| m.assigned += 1);
    }
    if let Some(signed_at) = assignment.signed_at {
        on(signed_at, &|m| m.signed += 1);
    }
    let given_up = match assignment.state {
        AssignmentState::Returned | AssignmentState::Recalled | AssignmentState::Released => true,
        AssignmentState::Assigned
        | AssignmentState::InProgress
        | AssignmentState::Delegated
        | AssignmentState::AwaitingSummary
        | AssignmentState::Replied => false,
    };
    // Given up in time, it was never due; given up late, not having signed (replied) stays a failure. While the clock
    // stands still nothing falls due: when it goes on, the limit is another.
    let open = assignment.ended_at.is_none();
    let stopped_at = ticket.stopped_at(assignment).filter(|_| given_up || open);
    let not_due = |due: &Due| stopped_at.is_some_and(|at| due.met_at(at));
    let due_to_sign = assignment
        .sign_due
        .filter(|due| assignment.signed_at.is_some() || !not_due(due));
    if let Some(due) = due_to_sign {
        let in_time = assignment.signed_at.is_some_and(|at| due.met_at(at));
        on(due.at, &|m| {
            m.due_to_sign += 1;
            m.signed_in_time += i64::from(in_time);
        });
    }
    let due_to_contact = assignment
        .contact_due
        .filter(|due| assignment.reached_at.is_some() || !not_due(due));
    if let Some(due) = due_to_contact {
        // Reached while the clock stood still is as good as when it stopped.
        let reached_at = assignment.reached_at;
        let in_time = reached_at.is_some_and(|at| due.met_at(ticket.judged_at(assignment, at)));
        on(due.at, &|m| {
            m.assessed += 1;
            m.contacted_in_time += i64::from(in_time);
        });
    }
    let replied_at = assignment
        .ended_at
        .filter(|_| assignment.state == AssignmentState::Replied);
    if let Some(at) = replied_at {
        on(at, &|m| m.replied += 1);
    }
    // Who else kept to a limit that had passed before it was carried over is not known.
    let judged = |due: &Due| !assignment.imported || due.at > assignment.assigned_at;
    let due_to_reply = assignment.due.filter(|due| judged(due) && !not_due(due));
    if let Some(due) = due_to_reply {
        let in_time = replied_at.is_some_and(|at| due.met_at(at));
        on(due.at, &|m| {
            m.due_to_reply += 1;
            m.replied_in_time += i64::from(in_time);
        });
    }
    for extension in &assignment.extensions {
        if let (Some(at), Some(true)) = (extension.decided_at, extension.granted) {
            on(at, &|m| m.extended += 1);
        }
    }
    // Returns are set against assignments: those made here.
    if assignment.imported {
        return;
    }
    for returned in &assignment.returns {
        on(returned.at, &|m| m.returned += 1);
        if let (Some(at), Some(false)) = (returned.decided_at, returned.accepted) {
            on(at, &|m| m.returns_refused += 1);
        }
    }
    if assignment.part == Part::Lead && assignment.sign_due.is_none() {
        on(assignment.assigned_at, &|m| m.redone += 1);
    }
}
