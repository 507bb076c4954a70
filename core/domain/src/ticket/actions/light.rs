//! Light up (亮灯): Docket notes that a limit is about to run out (yellow) or over (red), once for each limit.
//! What follows is the pack's to say: an urging, supervision.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{HANDLED, refuse};
use crate::ids::AssignmentNo;
use crate::sealed::Field;
use crate::ticket::state::{Level, Part, SupervisionLevel};
use crate::time::{Due, Light, Timestamp};
use serde::{Deserialize, Serialize};

/// Lights a light.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LightUp {
    /// Whose limit.
    pub assignment: AssignmentNo,
    /// Which light.
    pub light: Light,
}

/// A light was lit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lit {
    /// Whose limit.
    pub assignment: AssignmentNo,
    /// Which light.
    pub light: Light,
    /// The limit.
    pub due: Due,
    /// Whether Docket urges it on for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urges: bool,
    /// What the ticket comes under by itself if it stays overdue, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates: Option<(Timestamp, SupervisionLevel)>,
}

impl LightUp {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// What an overdue ticket comes under next: the first level that the pack names, or the one whose time is after
/// that of the last.
pub(super) fn escalation(
    ticket: &Ticket,
    context: &Context,
    after: Option<Timestamp>,
) -> Option<(Timestamp, SupervisionLevel)> {
    let due = ticket.lead()?.due?;
    let calendar = &context.rules.calendar;
    let at = |days| match days {
        0 => due.at,
        days => calendar.after_working_days(due.at, days).at,
    };
    let steps = context.rules.escalations().iter();
    let mut times = steps.map(|step| (at(step.working_days), step.level));
    times.find(|(at, _)| after.is_none_or(|after| *at > after))
}

impl Action for LightUp {
    const SPEC: Spec = Spec {
        name: "light",
        zh: "亮灯",
        en: "Light up",
        event: Lit::TYPE,
        roles: Role::NOBODY,
        gate: Gate::Ticket(HANDLED),
    };
    type Event = Lit;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Lit>, Refusal> {
        let assignment = ticket
            .assignment(self.assignment)
            .filter(|a| a.state.is_open());
        let Some((assignment, due)) = assignment.and_then(|a| Some((a, a.due?))) else {
            return Ok(None);
        };
        // Not a command that did nothing: the same will come when it is time.
        if due.light(context.now) < self.light {
            return Err(refuse::<Self>(ticket, Reason::WrongState).at("light"));
        }
        if assignment.lit.contains(&self.light) {
            return Ok(None);
        }
        let leads = assignment.part == Part::Lead && assignment.level() == Level::Department;
        let red = leads && self.light == Light::Red;
        Ok(Some(Lit {
            assignment: assignment.no,
            light: self.light,
            due,
            urges: context.rules.urges_at(self.light),
            escalates: if red {
                escalation(ticket, context, None)
            } else {
                None
            },
        }))
    }
}

impl Fact for Lit {
    const TYPE: &'static str = "lit";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.lit.push(self.light);
        }
        if self.urges {
            ticket.to_urge = Some((self.light, stamp.at));
        }
        if self.escalates.is_some() {
            ticket.escalation = self.escalates;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LightUp;
    use crate::ids::AssignmentNo;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{SupervisionLevel, TicketAction};
    use crate::time::Light;

    const DAY: i64 = 24 * 60;
    const RULES: &[(&str, &str)] = &[
        ("urges_at_red = false", "urges_at_red = true"),
        (
            "escalate = []",
            "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 2, level = \"red\" }]",
        ),
    ];

    fn up(light: Light) -> TicketAction<crate::Sealed> {
        TicketAction::LightUp(LightUp {
            assignment: AssignmentNo(1),
            light,
        })
    }

    #[test]
    fn yellow_a_working_day_before_and_red_from_the_first_late_moment() {
        // Monday 10:00, due the Monday after at 17:30; yellow on the Friday before at 17:30.
        let yellow = 4 * DAY + 7 * 60 + 30;
        let red = 7 * DAY + 7 * 60 + 30;
        signed()
            .later(yellow - 1)
            .when(Actor::system(), up(Light::Yellow))
            .refused(Reason::WrongState, Some("light"));
        signed()
            .later(yellow)
            .when(Actor::system(), up(Light::Yellow))
            .then(|ticket| assert_eq!(ticket.assignments[0].lit, [Light::Yellow]));
        signed()
            .later(red)
            .when(Actor::system(), up(Light::Red))
            .refused(Reason::WrongState, Some("light"));
        signed()
            .later(red + 1)
            .when(Actor::system(), up(Light::Red))
            .then(|ticket| assert_eq!(ticket.assignments[0].lit, [Light::Red]));
    }

    #[test]
    fn once_for_each_limit_and_by_docket_alone() {
        let lit = || {
            signed()
                .later(20 * DAY)
                .and(Actor::system(), up(Light::Red))
        };
        lit().when(Actor::system(), up(Light::Red)).nothing();
        replied()
            .later(20 * DAY)
            .when(Actor::system(), up(Light::Red))
            .refused(Reason::WrongState, None);
        signed()
            .later(20 * DAY)
            .when(supervisor(), up(Light::Red))
            .refused(Reason::RoleNotAllowed, None);
    }

    fn supervised() -> TicketAction<crate::Sealed> {
        TicketAction::Supervise(crate::ticket::actions::supervise::Supervise {
            level: SupervisionLevel::Ordinary,
            text: None,
        })
    }

    fn red() -> Given {
        signed()
            .under(RULES)
            .later(20 * DAY)
            .and(Actor::system(), up(Light::Red))
    }

    #[test]
    fn what_the_pack_says_follows() {
        let system = Actor::system;
        let urge = || TicketAction::Urge(crate::ticket::actions::urge::Urge { text: None });
        red().when(system(), urge()).then(|ticket| {
            assert_eq!((ticket.urges, ticket.to_urge), (1, None));
        });
        let first = red().and(system(), supervised());
        let level = |ticket: &crate::ticket::Ticket| ticket.supervision.as_ref().unwrap().level;
        assert_eq!(level(&first.clone().fold()), SupervisionLevel::Yellow);
        first.when(system(), supervised()).then(|ticket| {
            assert_eq!(level(ticket), SupervisionLevel::Red);
            assert_eq!(ticket.escalation, None);
        });
    }

    #[test]
    fn nothing_follows_for_who_gets_it_next() {
        for handed_on in [
            red().and(dispatcher(), reassign()),
            red()
                .and(dispatcher(), dispute())
                .and(joint_meeting(), rule()),
        ] {
            let ticket = handed_on.clone().fold();
            assert_eq!((ticket.to_urge, ticket.escalation), (None, None));
            handed_on
                .later(30 * DAY)
                .when(Actor::system(), supervised())
                .refused(Reason::WrongState, None);
        }
    }

    #[test]
    fn what_follows_waits_while_the_clock_stands_still() {
        // Due on Monday the 14th at 17:30, supervised as red two working days later.
        let red = || {
            let late = 7 * DAY + 7 * 60 + 31;
            let red = signed().under(RULES).later(late);
            red.and(Actor::system(), up(Light::Red))
                .and(Actor::system(), supervised())
        };
        let next = |given: Given| given.fold().escalation.unwrap();
        let (at, level) = next(red());
        assert_eq!(level, SupervisionLevel::Red);
        let rested = [
            red()
                .and(office(), suspend())
                .later(7 * DAY)
                .and(office(), resume()),
            red()
                .and(supervisor(), lift_supervision())
                .and(dispatcher(), merge())
                .later(7 * DAY)
                .and(dispatcher(), unmerge()),
        ];
        for given in rested {
            assert_eq!(next(given), (at + chrono::TimeDelta::days(7), level));
        }
    }
}
