//! Supervise (督办): a ticket is put on a level of supervision, by a supervisor, by the joint meeting where it is or
//! was disputed (S10 第四条), or, when it stays overdue, by Docket as the pack says.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{Actor, OPEN, light, refuse, required_of_people};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Supervision, SupervisionLevel};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Puts a ticket under supervision.
#[derive(Clone, Debug, Serialize)]
pub struct Supervise<T> {
    /// How strict.
    pub level: SupervisionLevel,
    /// What set it off; people have to say.
    pub text: Option<T>,
}

/// A ticket is under supervision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervised {
    /// How strict.
    pub level: SupervisionLevel,
    /// What set it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
    /// Whether Docket did it by the rules.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_docket: bool,
    /// What it comes under next by itself, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<(Timestamp, SupervisionLevel)>,
}

impl<T> Supervise<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Supervise<U>, E> {
        Ok(Supervise {
            level: self.level,
            text: try_map_option(self.text, Field::of_ticket("text"), seal)?,
        })
    }
}

impl Action for Supervise<Sealed> {
    const SPEC: Spec = Spec {
        name: "supervise",
        zh: "督办",
        en: "Supervise",
        event: Supervised::TYPE,
        roles: &[Role::Supervisor, Role::JointMeeting],
        gate: Gate::Ticket(OPEN),
    };
    type Event = Supervised;
    const BY_DOCKET: bool = true;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        ticket.supervisable_by(&context.actor)?;
        let due = ticket.escalation.is_some_and(|(at, _)| at <= context.now);
        if context.actor == Actor::system() && (!due || ticket.is_suspended()) {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Supervised>, Refusal> {
        required_of_people::<Self>(ticket, context, self.text.as_ref())?;
        let before = ticket.supervision.as_ref().map(|s| s.level);
        let by_docket = context.actor == Actor::system();
        if by_docket {
            let Some((at, level)) = ticket.escalation else {
                return Ok(None);
            };
            return Ok(Some(Supervised {
                level: before.map_or(level, |before| before.max(level)),
                text: None,
                by_docket,
                next: light::escalation(ticket, context, Some(at)),
            }));
        }
        if before == Some(self.level) {
            return Err(refuse::<Self>(ticket, Reason::NoChange).at("level"));
        }
        Ok(Some(Supervised {
            level: self.level,
            text: self.text,
            by_docket,
            next: None,
        }))
    }
}

impl Fact for Supervised {
    const TYPE: &'static str = "supervised";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let level_before = ticket.supervision.as_ref().map(|s| s.level);
        if self.by_docket {
            ticket.escalation = self.next;
        }
        if level_before != Some(self.level) {
            let before = ticket.supervision.take().filter(|_| self.by_docket);
            ticket.supervision = Some(Supervision {
                level: self.level,
                at: stamp.at,
                by: stamp.by,
                text: self.text.clone(),
                before: before.and_then(Supervision::without_dockets).map(Box::new),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Supervise;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{SupervisionLevel, TicketAction};

    fn on(level: SupervisionLevel) -> TicketAction<crate::Sealed> {
        TicketAction::Supervise(Supervise {
            level,
            text: Some(sealed("媒体报道")),
        })
    }

    #[test]
    fn the_joint_meeting_supervises_what_is_or_was_disputed() {
        signed()
            .when(joint_meeting(), supervise())
            .refused(Reason::NotDisputed, None);
        let disputed = || signed().and(joint_meeting(), dispute());
        disputed()
            .when(joint_meeting(), supervise())
            .then(|ticket| assert!(ticket.supervision.is_some()));
        let ruled = || disputed().and(joint_meeting(), rule());
        ruled()
            .when(joint_meeting(), supervise())
            .then(|ticket| assert!(ticket.supervision.is_some()));
        ruled()
            .and(joint_meeting(), supervise())
            .when(joint_meeting(), lift_supervision())
            .then(|ticket| assert!(ticket.supervision.is_none()));
        signed()
            .and(supervisor(), supervise())
            .when(joint_meeting(), lift_supervision())
            .refused(Reason::NotDisputed, None);
    }

    #[test]
    fn it_is_put_on_a_level_and_moves_nothing_else() {
        signed().when(supervisor(), supervise()).then(|ticket| {
            let supervision = ticket.supervision.as_ref().unwrap();
            assert_eq!(supervision.level, SupervisionLevel::Ordinary);
            assert_eq!(ticket.revision, 3);
        });
        signed()
            .and(supervisor(), supervise())
            .when(supervisor(), on(SupervisionLevel::Red))
            .then(|ticket| {
                assert_eq!(
                    ticket.supervision.as_ref().unwrap().level,
                    SupervisionLevel::Red
                );
            });
        signed()
            .and(supervisor(), supervise())
            .when(supervisor(), supervise())
            .refused(Reason::NoChange, Some("level"));
    }

    #[test]
    fn a_supervisor_says_what_set_it_off() {
        let silent = TicketAction::Supervise(Supervise {
            level: SupervisionLevel::Red,
            text: None,
        });
        signed()
            .when(supervisor(), silent)
            .refused(Reason::Required, Some("text"));
        signed()
            .when(dispatcher(), supervise())
            .refused(Reason::RoleNotAllowed, None);
        replied()
            .when(supervisor(), supervise())
            .refused(Reason::WrongState, None);
    }
}
