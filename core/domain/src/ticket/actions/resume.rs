//! Resume (恢复): the clocks of a suspended ticket go on, and its limits move by the time they stood still.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{Actor, OPEN, required_of_people};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{MoveCause, Moved, SupervisionLevel};
use crate::time::{Due, Timestamp};
use serde::{Deserialize, Serialize};

/// Has a suspended ticket go on.
#[derive(Clone, Debug, Serialize)]
pub struct Resume<T> {
    /// Why; people have to say.
    pub text: Option<T>,
}

/// A suspended ticket goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
    /// The deadlines as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
    /// What an overdue ticket comes under next by itself, and when, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates: Option<(Timestamp, SupervisionLevel)>,
}

impl<T> Resume<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Resume<U>, E> {
        Ok(Resume {
            text: try_map_option(self.text, Field::of_ticket("text"), seal)?,
        })
    }
}

/// The limits of what is open, or is to be again, moved by the time the clock stood still.
pub(super) fn moved_by_the_pause(
    ticket: &Ticket,
    context: &Context,
    moves: impl Fn(&Assignment) -> bool,
) -> Vec<Moved> {
    let Some(from) = ticket.pauses.last().map(|pause| pause.from) else {
        return Vec::new();
    };
    let calendar = &context.rules.calendar;
    let after = |due| calendar.after_pause(due, from, context.now);
    let moved = |a: &Assignment| Moved {
        assignment: a.no,
        sign_due: a.sign_due.map(|due| {
            if a.signed_at.is_some() {
                due
            } else {
                after(due)
            }
        }),
        due: a
            .due
            .map(|due| context.rules.warned_again(due, after(due), context.now)),
        return_by: after(a.return_by),
        contact_due: a.contact_due.map(|due| {
            if a.reached_at.is_some_and(|at| at <= from) {
                due
            } else {
                after(due)
            }
        }),
    };
    ticket
        .assignments
        .iter()
        .filter(|a| moves(a))
        .map(moved)
        .collect()
}

/// The next supervision of an overdue ticket, put off by the time the clock stood still: nobody could work in it.
pub(super) fn escalation_after_the_pause(
    ticket: &Ticket,
    context: &Context,
) -> Option<(Timestamp, SupervisionLevel)> {
    let (at, level) = ticket.escalation?;
    let from = ticket.pauses.last()?.from;
    let due = Due {
        at,
        provisional: false,
        term: None,
        yellow_at: None,
    };
    let moved = context.rules.calendar.after_pause(due, from, context.now);
    Some((moved.at, level))
}

impl Action for Resume<Sealed> {
    const SPEC: Spec = Spec {
        name: "resume",
        zh: "恢复",
        en: "Resume",
        event: Resumed::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(OPEN),
    };
    type Event = Resumed;
    const BY_DOCKET: bool = true;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let Some(pause) = ticket.pauses.last().filter(|_| ticket.is_suspended()) else {
            return Err(Reason::NotSuspended);
        };
        let expected = pause.expected_at.is_some_and(|at| at <= context.now);
        if context.actor == Actor::system() && !(pause.resumes_by_itself && expected) {
            return Err(Reason::Suspended);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Resumed>, Refusal> {
        required_of_people::<Self>(ticket, context, self.text.as_ref())?;
        Ok(Some(Resumed {
            text: self.text,
            moves: moved_by_the_pause(ticket, context, |a| {
                a.state.is_open() || a.return_is_pending()
            }),
            escalates: escalation_after_the_pause(ticket, context),
        }))
    }
}

impl Fact for Resumed {
    const TYPE: &'static str = "resumed";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.end_pause(stamp);
        ticket.move_dues(&self.moves, MoveCause::Pause, stamp);
        ticket.escalation = self.escalates.or(ticket.escalation);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Resume;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{MoveCause, TicketAction};
    use chrono::TimeDelta;

    const DAY: i64 = 24 * 60;

    #[test]
    fn a_limit_to_contact_is_over_once_the_caller_was_reached() {
        let within = [(
            "[call_back]",
            "[contact]\nwithin = { working_days = 1 }\n\n[call_back]",
        )];
        let signed = || {
            received()
                .under(&within)
                .and(dispatcher(), assign())
                .and(clerk(), sign())
        };
        let before = signed().fold().assignments[0].contact_due.unwrap();
        let paused = |given: Given| {
            given
                .and(office(), suspend())
                .later(2 * DAY)
                .and(office(), resume())
                .fold()
        };
        let moved = paused(signed()).assignments[0].contact_due.unwrap();
        assert!(moved.at > before.at);
        let TicketAction::Contact(mut called) = contact() else {
            unreachable!()
        };
        called.at = Some(now() + TimeDelta::minutes(3 * DAY));
        let reached = signed()
            .later(3 * DAY)
            .and(clerk(), TicketAction::Contact(called));
        let late = paused(reached).assignments[0].clone();
        assert_eq!(late.contact_due, Some(before));
        assert!(!before.met_at(late.reached_at.unwrap()), "and stays late");
    }

    #[test]
    fn limits_move_by_the_working_days_that_passed() {
        // From Monday to Wednesday: two working days.
        signed()
            .and(office(), suspend())
            .later(2 * DAY)
            .when(office(), resume())
            .then(|ticket| {
                assert!(!ticket.is_suspended());
                let moved = &ticket.assignments[0].moves[0];
                assert_eq!(moved.cause, MoveCause::Pause);
                assert_eq!(moved.to.at - moved.from.unwrap().at, TimeDelta::days(2));
                assert!(moved.to.yellow_at > moved.from.unwrap().yellow_at);
            });
    }

    #[test]
    fn an_office_whose_return_is_refused_has_the_time_too() {
        returned()
            .and(office(), suspend())
            .later(2 * DAY)
            .and(office(), resume())
            .when(dispatcher(), refuse_return())
            .then(|ticket| assert_eq!(ticket.assignments[0].moves.len(), 1));
    }

    #[test]
    fn what_was_late_stays_late() {
        signed()
            .later(20 * DAY)
            .and(office(), suspend())
            .later(2 * DAY)
            .when(office(), resume())
            .then(|ticket| assert!(ticket.assignments[0].moves.is_empty()));
    }

    #[test]
    fn docket_resumes_it_when_the_time_has_come() {
        let by_itself = || TicketAction::Resume(Resume { text: None });
        let suspended = || signed().and(office(), suspend());
        suspended()
            .when(Actor::system(), by_itself())
            .refused(Reason::Suspended, None);
        suspended()
            .later(61 * DAY)
            .when(Actor::system(), by_itself())
            .then(|ticket| assert!(!ticket.is_suspended()));
        suspended()
            .when(office(), by_itself())
            .refused(Reason::Required, Some("text"));
        signed()
            .when(office(), resume())
            .refused(Reason::NotSuspended, None);
    }
}
