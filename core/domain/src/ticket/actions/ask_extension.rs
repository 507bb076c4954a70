//! Ask for an extension (申请延期): the lead asks the centre for more working days, before its limit is over.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::AssignmentNo;
use crate::refusal::Detail;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{AssignmentState, Extension, Level, Part};
use serde::{Deserialize, Serialize};

/// Asks for more time.
#[derive(Clone, Debug, Serialize)]
pub struct AskExtension<T> {
    /// How many working days.
    pub days: u16,
    /// On what basis.
    pub text: T,
    /// Whether the caller was told.
    pub caller_told: bool,
}

/// More time was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionAsked {
    /// The lead's assignment.
    pub assignment: AssignmentNo,
    /// How many working days.
    pub days: u16,
    /// On what basis.
    pub text: Sealed,
    /// Whether the caller was told.
    pub caller_told: bool,
}

impl<T> AskExtension<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AskExtension<U>, E> {
        Ok(AskExtension {
            days: self.days,
            text: seal(Field::of_ticket("text"), self.text)?,
            caller_told: self.caller_told,
        })
    }
}

impl Action for AskExtension<Sealed> {
    const SPEC: Spec = Spec {
        name: "ask_extension",
        zh: "申请延期",
        en: "Ask for extension",
        event: ExtensionAsked::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Assignment {
            states: &[
                AssignmentState::InProgress,
                AssignmentState::Delegated,
                AssignmentState::AwaitingSummary,
            ],
            level: Some(Level::Department),
        },
    };
    type Event = ExtensionAsked;

    fn permit(_: &Ticket, on: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let Some(held) = on.filter(|held| held.part == Part::Lead) else {
            return Err(Reason::NotLead);
        };
        if held.due.is_none_or(|due| !due.met_at(context.now)) {
            return Err(Reason::DeadlineOver);
        }
        if held.pending_extension().is_some() {
            return Err(Reason::AlreadyAsked);
        }
        let granted = held.extensions.iter().filter(|e| e.granted == Some(true));
        let max = context
            .rules
            .extensions_max(context.actor.has(Role::Leader));
        if granted.count() >= usize::from(max) {
            return Err(Reason::NoMoreTimes);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExtensionAsked>, Refusal> {
        let Some(held) = on else {
            return Err(refuse::<Self>(ticket, Reason::NotHolder).at("id"));
        };
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let max = context.rules.extension_days_max();
        if !(1..=max).contains(&self.days) {
            let detail = Detail::working_days_up_to(max);
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("days")
                .because(detail));
        }
        Ok(Some(ExtensionAsked {
            assignment: held.no,
            days: self.days,
            text: self.text,
            caller_told: self.caller_told,
        }))
    }
}

impl Fact for ExtensionAsked {
    const TYPE: &'static str = "extension_asked";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        if let Some(assignment) = ticket.assignment_mut(self.assignment) {
            assignment.extensions.push(Extension {
                asked_at: stamp.at,
                asked_by: stamp.by,
                days: self.days,
                text: self.text.clone(),
                decided_at: None,
                granted: None,
                days_granted: None,
            });
        }
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::AskExtension;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    const DAY: i64 = 24 * 60;

    #[test]
    fn the_lead_asks_before_its_limit() {
        signed().when(clerk(), ask_extension()).then(|ticket| {
            let asked = ticket.assignments[0].pending_extension().unwrap();
            assert_eq!(asked.days, 3);
        });
        signed()
            .later(10 * DAY)
            .when(clerk(), ask_extension())
            .refused(Reason::DeadlineOver, None);
    }

    #[test]
    fn once_unless_the_leader_asks() {
        let twice = [("leader_times = 1", "leader_times = 2")];
        let granted = || {
            signed()
                .under(&twice)
                .and(clerk(), ask_extension())
                .and(dispatcher(), grant_extension())
        };
        granted()
            .when(clerk(), ask_extension())
            .refused(Reason::NoMoreTimes, None);
        granted().when(leader(), ask_extension()).then(|ticket| {
            assert_eq!(ticket.assignments[0].extensions.len(), 2);
        });
        signed()
            .and(clerk(), ask_extension())
            .when(clerk(), ask_extension())
            .refused(Reason::AlreadyAsked, None);
    }

    #[test]
    fn with_a_basis_and_within_the_packs_days_by_the_lead_department() {
        let with = |days, text: &str| {
            TicketAction::AskExtension(AskExtension {
                days,
                text: sealed(text),
                caller_told: true,
            })
        };
        for days in [0, 11] {
            signed()
                .when(clerk(), with(days, "需鉴定"))
                .refused(Reason::InvalidValue, Some("days"));
        }
        signed()
            .when(clerk(), with(10, "需鉴定"))
            .then(|ticket| assert_eq!(ticket.assignments[0].extensions[0].days, 10));
        signed()
            .when(clerk(), with(3, ""))
            .refused(Reason::Required, Some("text"));
        delegated()
            .and(unit_clerk(), sign())
            .when(unit_clerk(), ask_extension())
            .refused(Reason::WrongLevel, None);
        assigned_with_assist()
            .and(other_clerk(), sign())
            .when(other_clerk(), ask_extension())
            .refused(Reason::NotLead, None);
    }
}
