//! Archive (归档): a ticket that is over is laid down for good, in a retention class. Docket does it by itself
//! after the days the pack says, in the first class of the pack.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{Actor, any_listed, listed, refuse};
use crate::sealed::Field;
use crate::ticket::state::{self, TicketState};
use serde::{Deserialize, Serialize};

/// Lays a ticket down.
#[derive(Clone, Debug, Serialize)]
pub struct Archive {
    /// The code of a retention class of the pack; the first by default.
    pub class: Option<String>,
}

/// A ticket was laid down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// The class's code.
    pub class: String,
}

impl Archive {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

impl Action for Archive {
    const SPEC: Spec = Spec {
        name: "archive",
        zh: "归档",
        en: "Archive",
        event: Archived::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(&[
            TicketState::Closed,
            TicketState::Declined,
            TicketState::Withdrawn,
            TicketState::Transferred,
            TicketState::Terminated,
        ]),
    };
    type Event = Archived;
    const BY_DOCKET: bool = true;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let ended = ticket.ending.as_ref().and_then(|ending| ending.at);
        let due = ended.and_then(|at| context.rules.archived_at(at));
        if context.actor == Actor::system() && due.is_none_or(|due| due > context.now) {
            return Err(Reason::WrongState);
        }
        any_listed(context.rules.retention_classes())?;
        // Laid down, nothing is decided on it any more.
        if ticket.pending_exclusions().next().is_some() {
            return Err(Reason::ExclusionPending);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Archived>, Refusal> {
        let classes = context.rules.retention_classes();
        let first = || classes.first().map(|class| class.code.clone());
        let class = self.class.or_else(first);
        let class = class.ok_or_else(|| refuse::<Self>(ticket, Reason::NotInRules))?;
        listed::<Self>(ticket, "class", &class, classes)?;
        Ok(Some(Archived { class }))
    }
}

impl Fact for Archived {
    const TYPE: &'static str = "archived";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.archived = Some(state::Archived {
            at: stamp.at,
            by: stamp.by,
            class: self.class.clone(),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    fn closed() -> Given {
        reviewed().and(caller_back(), call_back())
    }

    #[test]
    fn it_is_laid_down_for_good() {
        closed().when(office(), archive()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Archived);
            assert_eq!(ticket.archived.as_ref().unwrap().class, "10_years");
        });
        closed()
            .and(office(), archive())
            .when(office(), redo())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn in_a_class_of_the_pack_when_it_is_over_by_the_office() {
        let odd = super::Archive {
            class: Some("FOREVER".into()),
        };
        closed()
            .when(office(), TicketAction::Archive(odd))
            .refused(Reason::InvalidValue, Some("class"));
        replied()
            .when(office(), archive())
            .refused(Reason::WrongState, None);
        closed()
            .when(dispatcher(), archive())
            .refused(Reason::RoleNotAllowed, None);
    }

    #[test]
    fn not_while_an_exclusion_is_undecided() {
        let rules = [("after_days = 0", "after_days = 30")];
        let asked = || {
            closed()
                .under(&rules)
                .and(clerk(), ask_exclusion())
                .later(60 * 24 * 60)
        };
        for actor in [office(), Actor::system()] {
            asked()
                .when(actor, archive())
                .refused(Reason::ExclusionPending, None);
        }
        let archives = |given: Given| {
            let timers = crate::policy::timers(&given.fold());
            timers
                .iter()
                .any(|t| t.cause == crate::policy::Cause::Archive)
        };
        assert!(!archives(asked()));
        assert!(archives(asked().and(office(), decide_exclusion(true))));
        asked()
            .and(office(), decide_exclusion(true))
            .when(Actor::system(), archive())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Archived));
    }

    #[test]
    fn docket_does_it_after_the_packs_days() {
        let rules = [("after_days = 0", "after_days = 30")];
        let days = |days: i64| closed().under(&rules).later(days * 24 * 60);
        days(29)
            .when(Actor::system(), archive())
            .refused(Reason::WrongState, None);
        days(30)
            .when(Actor::system(), archive())
            .then(|ticket| assert_eq!(ticket.state, TicketState::Archived));
        closed()
            .later(10_000_000)
            .when(Actor::system(), archive())
            .refused(Reason::WrongState, None);
    }
}
