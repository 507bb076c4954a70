//! A follower joins (并入): the other side of a merge, on the ticket that goes on for both. Docket does it as a
//! step of the merge.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{OPEN, refuse};
use crate::ids::TicketId;
use crate::sealed::Field;
use serde::{Deserialize, Serialize};

/// Notes a follower.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Join {
    /// The ticket that is merged into this one.
    pub follower: TicketId,
}

/// A ticket was merged into this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The ticket.
    pub follower: TicketId,
}

impl Join {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// Most tickets merged into one. A technical limit.
pub const FOLLOWERS_MAX: usize = 200;

impl Action for Join {
    const SPEC: Spec = Spec {
        name: "join",
        zh: "并入",
        en: "Take in merged ticket",
        event: Joined::TYPE,
        roles: Role::NOBODY,
        gate: Gate::Ticket(OPEN),
    };
    type Event = Joined;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<Option<Joined>, Refusal> {
        if ticket.followers.len() >= FOLLOWERS_MAX {
            let detail = (
                format!("至多并入{FOLLOWERS_MAX}件"),
                format!("at most {FOLLOWERS_MAX} tickets"),
            );
            return Err(refuse::<Self>(ticket, Reason::NoMaster).because(detail));
        }
        let new = !ticket.followers.contains(&self.follower);
        Ok(new.then_some(Joined {
            follower: self.follower,
        }))
    }
}

impl Fact for Joined {
    const TYPE: &'static str = "joined";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, _stamp: &Stamp) {
        if !ticket.followers.contains(&self.follower) {
            ticket.followers.push(self.follower);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;

    #[test]
    fn it_is_noted_once_and_by_docket_alone() {
        let joined = || signed().and(Actor::system(), join());
        assert_eq!(joined().fold().followers.len(), 1);
        joined().when(Actor::system(), join()).nothing();
        signed()
            .when(dispatcher(), join())
            .refused(Reason::RoleNotAllowed, None);
        replied()
            .when(Actor::system(), join())
            .refused(Reason::WrongState, None);
    }
}
