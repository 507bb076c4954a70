//! Grant an extension (同意延期): the centre moves the limit by the days asked for, or by fewer. A unit that has
//! the work gets the same days, or, of a limit in minutes, one that lies before its department's as ever.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, refuse};
use crate::ids::AssignmentNo;
use crate::refusal::Detail;
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
        en: "Grant extension",
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
            let detail = Detail::working_days_up_to(asked.days);
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("days")
                .because(detail));
        }
        let (rules, now) = (&context.rules, context.now);
        let outer = lead.due.map(|due| rules.extended(due, days, now));
        let theirs =
            |a: &&Assignment| a.state.is_open() && (a.no == lead.no || a.parent == Some(lead.no));
        let later = |a: &Assignment, due| match ticket.intake.as_ref() {
            Some(intake) if a.no != lead.no => {
                rules.inner_extended((due, outer), days, &intake.matter(), now)
            }
            _ => rules.extended(due, days, now),
        };
        let moved = |a: &Assignment| Moved {
            due: a.due.map(|due| later(a, due)),
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
            asked.days_granted = Some(self.days);
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

    /// A limit in minutes then ends with office hours: the unit's still lies before it, and both warn in time.
    #[test]
    fn the_margin_stays_where_limits_are_in_minutes() {
        let short = &[(
            "complain = { working_days = 5 }",
            "complain = { minutes = 90 }",
        )];
        // On Monday at 10:00, due at 11:30; the unit from 10:20 on, until 10:55.
        let delegated = received()
            .under(short)
            .and(dispatcher(), assign())
            .and(clerk(), sign())
            .later(20)
            .and(clerk(), delegate());
        let before = delegated.clone().fold().assignments[1].due.unwrap();
        assert_eq!(before.at.to_string(), "2026-11-23 02:55:00 UTC");
        let granted = delegated
            .and(clerk(), ask_extension())
            .and(dispatcher(), grant_extension());
        let dues = |given: &Given| {
            let ticket = given.clone().fold();
            [0, 1].map(|index| ticket.assignments[index].due.unwrap())
        };
        let [outer, inner] = dues(&granted);
        // Three working days more end on Thursday; a working day before that is Wednesday.
        assert_eq!(outer.at.to_string(), "2026-11-26 09:30:00 UTC");
        assert_eq!(inner.at.to_string(), "2026-11-25 09:30:00 UTC");
        // Yellow at three quarters of 79 and a half hours, and not a quarter of 90 minutes before the end.
        let minutes = 79 * 60 + 30;
        assert_eq!(outer.term, Some(crate::time::Term::Minutes(minutes)));
        let yellow = outer.at - TimeDelta::seconds(i64::from(minutes) * 15);
        assert_eq!(outer.yellow_at, Some(yellow));
        assert!(inner.yellow_at.unwrap() < inner.at - TimeDelta::hours(12));
        // A pause moves both alike.
        let resumed = granted
            .and(office(), suspend())
            .later(60)
            .and(office(), resume());
        let [outer, inner] = dues(&resumed);
        assert_eq!(outer.at - inner.at, TimeDelta::days(1));
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
