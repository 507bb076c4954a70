//! Unmerge (撤销并单): a merge is taken back. Whoever had the ticket has it again, and its limits move by the time
//! it rested.

use super::required_of_people;
use super::resume::{escalation_after_the_pause, moved_by_the_pause};
use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{MoveCause, Moved, SupervisionLevel, TicketState};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Takes a merge back.
#[derive(Clone, Debug, Serialize)]
pub struct Unmerge<T> {
    /// Why; people have to say.
    pub text: Option<T>,
}

/// A merge was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmerged {
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

impl<T> Unmerge<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Unmerge<U>, E> {
        Ok(Unmerge {
            text: try_map_option(self.text, Field::of_ticket("text"), seal)?,
        })
    }
}

impl Action for Unmerge<Sealed> {
    const SPEC: Spec = Spec {
        name: "unmerge",
        zh: "撤销并单",
        en: "Undo merge",
        event: Unmerged::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(&[TicketState::Merged]),
    };
    type Event = Unmerged;
    const BY_DOCKET: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Unmerged>, Refusal> {
        required_of_people::<Self>(ticket, context, self.text.as_ref())?;
        let open = ticket
            .merged
            .as_ref()
            .map_or(&[][..], |merged| &merged.open);
        let again = |a: &Assignment| open.iter().any(|(no, _)| *no == a.no);
        Ok(Some(Unmerged {
            text: self.text,
            moves: moved_by_the_pause(ticket, context, again),
            escalates: escalation_after_the_pause(ticket, context),
        }))
    }
}

impl Fact for Unmerged {
    const TYPE: &'static str = "unmerged";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.end_pause(stamp);
        let open = ticket
            .merged
            .take()
            .map_or_else(Vec::new, |merged| merged.open);
        for (no, state) in open {
            if let Some(assignment) = ticket.assignment_mut(no) {
                assignment.state = state;
                assignment.ended_at = None;
            }
        }
        ticket.move_dues(&self.moves, MoveCause::Pause, stamp);
        ticket.escalation = self.escalates.or(ticket.escalation);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::TicketState;
    use crate::ticket::scenario::*;

    #[test]
    fn clocks_and_holders_are_as_before_but_for_the_time_it_rested() {
        let (before, calendar) = (delegated().fold(), context(dispatcher()).rules);
        let calendar = &calendar.calendar;
        delegated()
            .and(dispatcher(), merge())
            .later(2 * 24 * 60)
            .when(dispatcher(), unmerge())
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Delegated);
                for (old, new) in before.assignments.iter().zip(&ticket.assignments) {
                    assert_eq!((old.state, old.ended_at), (new.state, new.ended_at));
                    let date = |due: Option<crate::Due>| calendar.date_of(due.unwrap().at);
                    assert_eq!(calendar.worked_between(date(old.due), date(new.due)).0, 2);
                }
            });
    }

    #[test]
    fn a_dispatcher_says_why_and_only_of_what_is_merged() {
        let silent = super::Unmerge { text: None };
        signed()
            .and(dispatcher(), merge())
            .when(dispatcher(), crate::ticket::TicketAction::Unmerge(silent))
            .refused(Reason::Required, Some("text"));
        signed()
            .when(dispatcher(), unmerge())
            .refused(Reason::WrongState, None);
        signed()
            .and(dispatcher(), merge())
            .when(clerk(), unmerge())
            .refused(Reason::RoleNotAllowed, None);
    }
}
