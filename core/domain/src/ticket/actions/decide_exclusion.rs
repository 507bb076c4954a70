//! Decide on an exclusion (剔除审批): the hotline office on the first asking, the joint meeting on an appeal, or the one
//! of them that the pack leaves it to on both; never who is scored.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Exclusion, TicketState};
use serde::{Deserialize, Serialize};

/// Decides whether a ticket is left out of an appraisal.
#[derive(Clone, Debug, Serialize)]
pub struct DecideExclusion<T> {
    /// Which asking; needed where more than one waits.
    pub no: Option<u16>,
    /// Whether it is.
    pub granted: bool,
    /// Why.
    pub text: T,
}

/// It was decided whether a ticket is left out of an appraisal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionDecided {
    /// Which asking.
    pub no: u16,
    /// Whether it is.
    pub granted: bool,
    /// Why.
    pub text: Sealed,
}

impl<T> DecideExclusion<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<DecideExclusion<U>, E> {
        Ok(DecideExclusion {
            no: self.no,
            granted: self.granted,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

/// Whether the account may decide on an asking.
fn may_decide(asked: &Exclusion, context: &Context) -> Result<(), Reason> {
    let (decides, other) = if asked.appeal {
        (Role::JointMeeting, Role::Office)
    } else {
        (Role::Office, Role::JointMeeting)
    };
    let left_to = |role| context.rules.lets("decide_exclusion", role);
    let decides = if left_to(decides) { decides } else { other };
    if !context.actor.has(decides) {
        return Err(Reason::RoleNotAllowed);
    }
    if context.actor.department == Some(asked.department) {
        return Err(Reason::OwnScore);
    }
    Ok(())
}

impl Action for DecideExclusion<Sealed> {
    const SPEC: Spec = Spec {
        name: "decide_exclusion",
        zh: "剔除审批",
        event: ExclusionDecided::TYPE,
        roles: &[Role::Office, Role::JointMeeting],
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
            TicketState::Withdrawn,
            TicketState::Terminated,
        ]),
    };
    type Event = ExclusionDecided;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let mut why_not = Err(Reason::NothingAsked);
        for asked in ticket.pending_exclusions() {
            why_not = may_decide(asked, context);
            if why_not.is_ok() {
                break;
            }
        }
        why_not
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<ExclusionDecided>, Refusal> {
        required::<Self>(ticket, "text", &self.text, context.rules.texts().opinion)?;
        let no = |reason, detail: &str| refuse::<Self>(ticket, reason).at("no").because(detail);
        let pending = ticket.pending_exclusions();
        let mut theirs = pending.filter(|asked| may_decide(asked, context).is_ok());
        let asked = match self.no {
            Some(no) => theirs.find(|asked| asked.no == no),
            None => {
                let first = theirs.next();
                if theirs.next().is_some() {
                    return Err(no(Reason::Required, "which of those that wait"));
                }
                first
            }
        };
        let yours = "one that waits, and is yours to decide on";
        let asked = asked.ok_or_else(|| no(Reason::InvalidValue, yours))?;
        Ok(Some(ExclusionDecided {
            no: asked.no,
            granted: self.granted,
            text: self.text,
        }))
    }
}

impl Fact for ExclusionDecided {
    const TYPE: &'static str = "exclusion_decided";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let asked = ticket.exclusions.iter_mut().find(|e| e.no == self.no);
        if let Some(asked) = asked {
            asked.decided_at = Some(stamp.at);
            asked.decided_by = Some(stamp.by);
            asked.granted = Some(self.granted);
            asked.opinion = Some(self.text.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    #[test]
    fn the_office_decides_and_the_joint_meeting_on_an_appeal() {
        let asked = || replied().and(clerk(), ask_exclusion());
        asked()
            .when(office(), decide_exclusion(true))
            .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
        asked()
            .when(joint_meeting(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
        let appealed = || {
            asked()
                .and(office(), decide_exclusion(false))
                .and(clerk(), ask_exclusion())
        };
        assert!(!appealed().fold().is_excluded_for(DEPARTMENT));
        appealed()
            .when(office(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
        appealed()
            .when(joint_meeting(), decide_exclusion(true))
            .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
    }

    #[test]
    fn whoever_the_pack_leaves_it_to_decides_on_both() {
        for (only, decides, other) in [
            ("joint_meeting", joint_meeting(), office()),
            ("office", office(), joint_meeting()),
        ] {
            let roles = format!("\n[roles]\ndecide_exclusion = [\"{only}\"]\n");
            let asked = || {
                replied()
                    .under(&[("\n[sign_off]", &format!("{roles}\n[sign_off]"))])
                    .and(clerk(), ask_exclusion())
            };
            asked()
                .when(other, decide_exclusion(true))
                .refused(Reason::RoleNotAllowed, None);
            asked()
                .and(decides.clone(), decide_exclusion(false))
                .and(clerk(), ask_exclusion())
                .when(decides, decide_exclusion(true))
                .then(|ticket| assert!(ticket.is_excluded_for(DEPARTMENT)));
        }
    }

    #[test]
    fn one_department_waits_for_no_other() {
        let both = || {
            assigned_with_assist()
                .and(clerk(), sign())
                .and(clerk(), reply())
                .and(clerk(), ask_exclusion())
                .and(other_clerk(), ask_exclusion())
        };
        both()
            .when(office(), decide_exclusion(true))
            .refused(Reason::Required, Some("no"));
        let the = |no| {
            TicketAction::DecideExclusion(super::DecideExclusion {
                no: Some(no),
                granted: true,
                text: sealed("属实"),
            })
        };
        both().when(office(), the(2)).then(|ticket| {
            assert!(ticket.is_excluded_for(OTHER_DEPARTMENT));
            assert!(!ticket.is_excluded_for(DEPARTMENT));
        });
        both()
            .when(office(), the(3))
            .refused(Reason::InvalidValue, Some("no"));
    }

    #[test]
    fn never_who_is_scored_nor_what_nobody_asked_for() {
        let of_the_department = Actor {
            department: Some(DEPARTMENT),
            ..office()
        };
        replied()
            .and(clerk(), ask_exclusion())
            .when(of_the_department, decide_exclusion(true))
            .refused(Reason::OwnScore, None);
        replied()
            .when(office(), decide_exclusion(true))
            .refused(Reason::NothingAsked, None);
        replied()
            .and(clerk(), ask_exclusion())
            .when(clerk(), decide_exclusion(true))
            .refused(Reason::RoleNotAllowed, None);
    }
}
