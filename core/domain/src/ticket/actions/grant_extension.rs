//! Grant an extension (同意延期): the centre moves the limit by the days asked for, or by fewer. A unit that has
//! the work gets the same days.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, refuse};
use crate::ids::AssignmentNo;
use crate::sealed::Field;
use crate::ticket::state::{Extension, MoveCause, Moved};
use serde::{Deserialize, Serialize};

/// Grants more time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GrantExtension {
    /// How many working days; as many as were asked for by default, and never more.
    pub days: Option<u16>,
}

/// More time was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionGranted {
    /// The lead's assignment.
    pub assignment: AssignmentNo,
    /// How many working days.
    pub days: u16,
    /// The deadlines as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
}

impl GrantExtension {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// The lead's extension that waits for the centre.
pub(super) fn pending(ticket: &Ticket) -> Result<(&Assignment, &Extension), Reason> {
    let mut open = ticket
        .assignments
        .iter()
        .rev()
        .filter(|a| a.state.is_open());
    let asked = |a| Some((a, Assignment::pending_extension(a)?));
    open.find_map(asked).ok_or(Reason::NothingAsked)
}

impl Action for GrantExtension {
    const SPEC: Spec = Spec {
        name: "grant_extension",
        zh: "同意延期",
        event: ExtensionGranted::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(HANDLED),
    };
    type Event = ExtensionGranted;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        pending(ticket).map(|_| ())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExtensionGranted>, Refusal> {
        let (lead, asked) = pending(ticket).map_err(|reason| refuse::<Self>(ticket, reason))?;
        let days = self.days.unwrap_or(asked.days);
        if !(1..=asked.days).contains(&days) {
            let detail = format!("1 to {} working days", asked.days);
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("days")
                .because(detail));
        }
        let calendar = &context.rules.calendar;
        let theirs =
            |a: &&Assignment| a.state.is_open() && (a.no == lead.no || a.parent == Some(lead.no));
        let moved = |a: &Assignment| Moved {
            due: a.due.map(|due| {
                let later = calendar.extended(due, days);
                context.rules.warned(later, context.now)
            }),
            ..Moved::unmoved(a)
        };
        Ok(Some(ExtensionGranted {
            assignment: lead.no,
            days,
            moves: ticket
                .assignments
                .iter()
                .filter(theirs)
                .map(moved)
                .collect(),
        }))
    }
}

impl Fact for ExtensionGranted {
    const TYPE: &'static str = "extension_granted";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment)
            && let Some(asked) = assignment.extensions.last_mut()
        {
            asked.decided_at = Some(stamp.at);
            asked.granted = Some(true);
        }
        ticket.move_dues(&self.moves, MoveCause::Extension, stamp);
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::GrantExtension;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{MoveCause, TicketAction};
    use chrono::TimeDelta;

    #[test]
    fn the_limits_move_by_working_days_of_the_unit_too() {
        // Monday, due the Monday after; three working days more end on Thursday.
        delegated()
            .and(clerk(), ask_extension())
            .when(dispatcher(), grant_extension())
            .then(|ticket| {
                for assignment in &ticket.assignments {
                    let moved = &assignment.moves[0];
                    assert_eq!(moved.cause, MoveCause::Extension);
                    assert_eq!(Some(moved.to), assignment.due);
                }
                let moved = &ticket.assignments[0].moves[0];
                let by = moved.to.at - moved.from.unwrap().at;
                assert_eq!(by, TimeDelta::days(3));
                assert!(ticket.assignments[1].due < ticket.assignments[0].due);
            });
    }

    #[test]
    fn fewer_days_than_asked_for_and_never_more() {
        let days = |days| TicketAction::GrantExtension(GrantExtension { days: Some(days) });
        let asked = || signed().and(clerk(), ask_extension());
        asked().when(dispatcher(), days(1)).then(|ticket| {
            let moved = &ticket.assignments[0].moves[0];
            assert_eq!(moved.to.at - moved.from.unwrap().at, TimeDelta::days(1));
        });
        for wrong in [0, 4] {
            asked()
                .when(dispatcher(), days(wrong))
                .refused(Reason::InvalidValue, Some("days"));
        }
    }

    #[test]
    fn only_what_was_asked_for_by_the_centre() {
        signed()
            .when(dispatcher(), grant_extension())
            .refused(Reason::NothingAsked, None);
        signed()
            .and(clerk(), ask_extension())
            .when(leader(), grant_extension())
            .refused(Reason::RoleNotAllowed, None);
    }
}
