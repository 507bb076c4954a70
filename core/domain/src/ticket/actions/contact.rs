//! Contact (联系): the handler spoke to the caller, or tried to. The first time the caller is reached is
//! what "contacted in time" is measured by.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::ids::AssignmentNo;
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{AssignmentState, ContactMeans};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most contacts noted in one assignment. A technical limit.
pub const CONTACTS_MAX: u16 = 200;

/// Notes a contact with the caller.
#[derive(Clone, Debug, Serialize)]
pub struct Contact<T> {
    /// Whether the caller was reached.
    pub reached: bool,
    /// When: between the assignment and now. `None`: now.
    pub at: Option<Timestamp>,
    /// How.
    pub means: ContactMeans,
    /// What was said, or how it is known (a recording, a photograph).
    pub evidence: Option<T>,
}

/// The caller was contacted, or not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacted {
    /// In which assignment.
    pub assignment: AssignmentNo,
    /// Whether the caller was reached.
    pub reached: bool,
    /// When.
    pub at: Timestamp,
    /// How.
    pub means: ContactMeans,
    /// What was said, or how it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Sealed>,
}

impl<T> Contact<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Contact<U>, E> {
        Ok(Contact {
            reached: self.reached,
            at: self.at,
            means: self.means,
            evidence: try_map_option(self.evidence, Field::of_ticket("evidence"), seal)?,
        })
    }
}

impl Action for Contact<Sealed> {
    const SPEC: Spec = Spec {
        name: "contact",
        zh: "联系",
        en: "Contact caller",
        event: Contacted::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::AwaitingSummary,
            ],
            level: None,
        },
    };
    type Event = Contacted;
    const WHILE_SUSPENDED: bool = true;

    fn permit(_: &Ticket, on: Option<&Assignment>, _: &Context) -> Result<(), Reason> {
        match on {
            Some(held) if held.contacts >= CONTACTS_MAX => Err(Reason::NoMoreTimes),
            _ => Ok(()),
        }
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Contacted>, Refusal> {
        let Some(held) = on else {
            return Err(refuse::<Self>(ticket, Reason::NotHolder).at("id"));
        };
        let at = self.at.unwrap_or(context.now);
        if at < held.assigned_at || at > context.now {
            let detail = ("须在派单之后、现在之前", "between the assignment and now");
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("at")
                .because(detail));
        }
        let max = context.rules.texts().opinion;
        optional::<Self>(ticket, "evidence", self.evidence.as_ref(), max)?;
        Ok(Some(Contacted {
            assignment: held.no,
            reached: self.reached,
            at,
            means: self.means,
            evidence: self.evidence,
        }))
    }
}

impl Fact for Contacted {
    const TYPE: &'static str = "contacted";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, _: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.contacts = assignment.contacts.saturating_add(1);
            if self.reached {
                let first = assignment.reached_at.map_or(self.at, |at| at.min(self.at));
                assignment.reached_at = Some(first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CONTACTS_MAX, Contact};
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{ContactMeans, TicketAction};
    use chrono::TimeDelta;

    fn contacted(reached: bool, minutes: i64) -> TicketAction<Sealed> {
        TicketAction::Contact(Contact {
            reached,
            at: Some(now() + TimeDelta::minutes(minutes)),
            means: ContactMeans::Visit,
            evidence: None,
        })
    }

    #[test]
    fn the_first_time_the_caller_is_reached_counts_whenever_it_is_noted() {
        signed()
            .later(60)
            .and(clerk(), contacted(false, 5))
            .and(clerk(), contacted(true, 40))
            .when(clerk(), contacted(true, 20))
            .then(|ticket| {
                let held = &ticket.assignments[0];
                assert_eq!(held.contacts, 3);
                assert_eq!(held.reached_at, Some(now() + TimeDelta::minutes(20)));
                assert_eq!(ticket.revision, 3, "a colleague's reply is not in its way");
            });
    }

    #[test]
    fn it_happened_after_the_assignment_and_not_in_the_future() {
        for minutes in [-1, 61] {
            signed()
                .later(60)
                .when(clerk(), contacted(true, minutes))
                .refused(Reason::InvalidValue, Some("at"));
        }
    }

    #[test]
    fn the_holder_notes_it_once_it_is_signed_and_not_without_end() {
        assigned()
            .when(clerk(), contact())
            .refused(Reason::WrongState, None);
        signed()
            .when(other_clerk(), contact())
            .refused(Reason::NotHolder, None);
        let mut given = signed();
        for _ in 0..CONTACTS_MAX {
            given = given.and(clerk(), contact());
        }
        given
            .when(clerk(), contact())
            .refused(Reason::NoMoreTimes, None);
    }
}
