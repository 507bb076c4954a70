//! Ask for exclusion (申请剔除、申诉): a department asks that a ticket that is answered or
//! over be left out of its appraisal. Asking again
//! after a refusal is an appeal, which the joint meeting decides.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{any_listed, listed, refuse, required};
use crate::ids::DepartmentId;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Exclusion, TicketState};
use serde::{Deserialize, Serialize};

/// Asks that a ticket be left out of the appraisal.
#[derive(Clone, Debug, Serialize)]
pub struct AskExclusion<T> {
    /// The code of a ground of the pack.
    pub ground: String,
    /// The evidence.
    pub text: T,
}

/// A department asked that a ticket be left out of its appraisal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionAsked {
    /// Its number within the ticket, from 1.
    pub no: u16,
    /// The department.
    pub department: DepartmentId,
    /// The ground's code.
    pub ground: String,
    /// The evidence.
    pub text: Sealed,
    /// Whether it asks again after a refusal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub appeal: bool,
}

impl<T> AskExclusion<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AskExclusion<U>, E> {
        Ok(AskExclusion {
            ground: self.ground,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

impl Action for AskExclusion<Sealed> {
    const SPEC: Spec = Spec {
        name: "ask_exclusion",
        zh: "申请剔除",
        en: "Ask for exclusion",
        event: ExclusionAsked::TYPE,
        roles: &[Role::Clerk, Role::Leader],
        gate: Gate::Ticket(&[
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
            TicketState::Withdrawn,
            TicketState::Terminated,
        ]),
    };
    type Event = ExclusionAsked;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        // A unit's score is its department's: that one asks.
        let actor = &context.actor;
        let had = |a: &Assignment| Some(a.department) == actor.department;
        if actor.unit.is_some() {
            return Err(Reason::WrongLevel);
        }
        let (Some(department), true) = (actor.department, ticket.assignments.iter().any(had))
        else {
            return Err(Reason::NotHolder);
        };
        let own = || {
            ticket
                .exclusions
                .iter()
                .filter(|e| e.department == department)
        };
        if own().any(|e| e.granted.is_none()) {
            return Err(Reason::AlreadyAsked);
        }
        if own().any(|e| e.granted == Some(true)) {
            return Err(Reason::NoChange);
        }
        any_listed(context.rules.exclusion_grounds())?;
        if own().count() >= usize::from(context.rules.exclusions_max()) {
            return Err(Reason::NoMoreTimes);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExclusionAsked>, Refusal> {
        let rules = &context.rules;
        listed::<Self>(ticket, "ground", &self.ground, rules.exclusion_grounds())?;
        required::<Self>(ticket, "text", &self.text, rules.texts().opinion)?;
        let refused = || refuse::<Self>(ticket, Reason::NoMoreTimes);
        let no = u16::try_from(ticket.exclusions.len() + 1).map_err(|_| refused())?;
        let department = context.actor.department;
        let department = department.ok_or_else(|| refuse::<Self>(ticket, Reason::NotHolder))?;
        let appeal = ticket.exclusions.iter().any(|e| e.department == department);
        Ok(Some(ExclusionAsked {
            no,
            department,
            ground: self.ground,
            text: self.text,
            appeal,
        }))
    }
}

impl Fact for ExclusionAsked {
    const TYPE: &'static str = "exclusion_asked";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.exclusions.push(Exclusion {
            no: self.no,
            department: self.department,
            asked_at: stamp.at,
            asked_by: stamp.by,
            ground: self.ground.clone(),
            text: self.text.clone(),
            appeal: self.appeal,
            decided_at: None,
            decided_by: None,
            granted: None,
            opinion: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;

    #[test]
    fn a_department_asks_and_then_appeals_and_that_is_all() {
        let refused = || {
            replied()
                .and(clerk(), ask_exclusion())
                .and(office(), decide_exclusion(false))
        };
        refused().when(leader(), ask_exclusion()).then(|ticket| {
            assert!(ticket.exclusions[1].appeal);
        });
        refused()
            .and(clerk(), ask_exclusion())
            .and(joint_meeting(), decide_exclusion(false))
            .when(clerk(), ask_exclusion())
            .refused(Reason::NoMoreTimes, None);
        replied()
            .and(clerk(), ask_exclusion())
            .when(clerk(), ask_exclusion())
            .refused(Reason::AlreadyAsked, None);
    }

    #[test]
    fn each_department_asks_for_itself() {
        let both = || {
            assigned_with_assist()
                .and(clerk(), sign())
                .and(clerk(), reply())
                .and(clerk(), ask_exclusion())
        };
        both().when(other_clerk(), ask_exclusion()).then(|ticket| {
            assert_eq!(ticket.pending_exclusions().count(), 2);
        });
        let both = || both().and(other_clerk(), ask_exclusion());
        both()
            .when(other_clerk(), ask_exclusion())
            .refused(Reason::AlreadyAsked, None);
        // Decided on in order, each for its department alone.
        both()
            .and(office(), decide_exclusion(false))
            .when(office(), decide_exclusion(true))
            .then(|ticket| {
                assert!(!ticket.is_excluded_for(DEPARTMENT));
                assert!(ticket.is_excluded_for(OTHER_DEPARTMENT));
            });
    }

    #[test]
    fn only_a_department_that_had_it_on_a_ground_of_the_pack() {
        let with = |ground: &str, text: &str| {
            crate::ticket::TicketAction::AskExclusion(super::AskExclusion {
                ground: ground.into(),
                text: sealed(text),
            })
        };
        replied()
            .when(clerk(), with("TIRED", "证据"))
            .refused(Reason::InvalidValue, Some("ground"));
        replied()
            .when(clerk(), with("FORCE_MAJEURE", ""))
            .refused(Reason::Required, Some("text"));
        replied()
            .when(other_clerk(), ask_exclusion())
            .refused(Reason::NotHolder, None);
        replied()
            .when(unit_clerk(), ask_exclusion())
            .refused(Reason::WrongLevel, None);
        signed()
            .when(clerk(), ask_exclusion())
            .refused(Reason::WrongState, None);
    }
}
