//! Assign (派单): the centre hands a ticket to a lead department and its assists, with deadlines.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::ids::{AssignmentNo, DepartmentId};
use crate::people::Actor;
use crate::refusal::Detail;
use crate::rules::Matter;
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::{Intake, Part, Terms, TicketState};
use crate::time::Due;
use serde::{Deserialize, Serialize};

/// Most assisting departments in one assignment. A technical limit.
pub const ASSISTS_MAX: usize = 20;

/// Assigns a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Assign<T> {
    /// The department that answers for it.
    pub lead: DepartmentId,
    /// The departments that help.
    pub assists: Vec<DepartmentId>,
    /// What the centre asks of them.
    pub instruction: Option<T>,
}

/// A ticket was assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The lead's assignment; the assists' follow in order.
    pub first: AssignmentNo,
    /// The lead.
    pub lead: DepartmentId,
    /// The assists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DepartmentId>,
    /// The instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Sealed>,
    /// To be signed by.
    pub sign_due: Due,
    /// To be replied by.
    pub due: Due,
    /// May be returned until.
    pub return_by: Due,
    /// The caller is to be contacted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Due>,
}

/// Checks who is to lead and to assist.
pub(super) fn check_offices<A: Action>(
    ticket: &Ticket,
    lead: DepartmentId,
    assists: &[DepartmentId],
    context: &Context,
) -> Result<(), Refusal> {
    let refuse = |reason, field| super::refuse::<A>(ticket, reason).at(field);
    if assists.len() > ASSISTS_MAX {
        let detail = (
            format!("至多{ASSISTS_MAX}个协办单位"),
            format!("at most {ASSISTS_MAX} assists"),
        );
        return Err(refuse(Reason::InvalidValue, "assistIds").because(detail));
    }
    let named = std::iter::once(("leadId", lead)).chain(assists.iter().map(|d| ("assistIds", *d)));
    let mut seen = Vec::with_capacity(1 + assists.len());
    for (field, department) in named {
        if context.organisation.department(department).is_none() {
            return Err(refuse(Reason::UnknownOffice, field));
        }
        if seen.contains(&department) {
            return Err(refuse(Reason::OfficeTwice, field));
        }
        let hidden = |intake: &Intake| intake.hides_from(department);
        if ticket.intake.as_ref().is_some_and(hidden) {
            return Err(refuse(Reason::AccusedOffice, field));
        }
        seen.push(department);
    }
    Ok(())
}

/// The deadlines of what is handed out now.
pub(super) fn terms_of(matter: &Matter<'_>, context: &Context) -> Terms {
    let (rules, now) = (&context.rules, context.now);
    let due = rules.handle_due(matter, now);
    Terms {
        sign_due: Some(rules.sign_due(matter, now, due)),
        due,
        return_by: rules.return_by(matter, now),
        contact_due: rules.contact_due(matter, now, due),
    }
}

/// Hands a ticket to its lead and assists; whoever had it has it no more.
pub(super) fn hand_out(
    ticket: &mut Ticket,
    stamp: &Stamp,
    first: AssignmentNo,
    (lead, assists): (DepartmentId, &[DepartmentId]),
    instruction: Option<&Sealed>,
    terms: Terms,
) {
    // Whoever assigns anew has accepted the return.
    ticket.accept_returns(stamp.at, |_| true);
    ticket.release(stamp.at, |_| true);
    ticket.to_urge = None;
    let lead = std::iter::once((Part::Lead, lead));
    let assists = assists.iter().map(|department| (Part::Assist, *department));
    for (to, no) in lead.chain(assists).zip(first.0..) {
        ticket.assignments.push(Assignment {
            round: ticket.round,
            instruction: instruction.cloned(),
            ..Assignment::new(AssignmentNo(no), to, stamp, terms)
        });
    }
}

impl<T> Assign<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Assign<U>, E> {
        let instruction = try_map_option(self.instruction, Field::of_ticket("instruction"), seal)?;
        Ok(Assign {
            lead: self.lead,
            assists: self.assists,
            instruction,
        })
    }
}

impl Action for Assign<Sealed> {
    const SPEC: Spec = Spec {
        name: "assign",
        zh: "派单",
        en: "Assign",
        event: Assigned::TYPE,
        roles: &[Role::Dispatcher],
        gate: Gate::Ticket(&[TicketState::Received, TicketState::Returned]),
    };
    type Event = Assigned;
    const BY_DOCKET: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let to_nobody = || ticket.to_assign_by_itself().is_none();
        if context.actor == Actor::system() && to_nobody() {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Assigned>, Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        optional::<Self>(
            ticket,
            "instruction",
            self.instruction.as_ref(),
            context.rules.texts().opinion,
        )?;
        let Some(intake) = &ticket.intake else {
            return Err(refuse(Reason::NotFound, "id"));
        };
        let elsewhere =
            || ticket.to_assign_by_itself() != Some(self.lead) || !self.assists.is_empty();
        if context.actor == Actor::system() && elsewhere() {
            return Err(refuse(Reason::InvalidValue, "leadId"));
        }
        check_offices::<Self>(ticket, self.lead, &self.assists, context)?;
        let first = ticket.next_no().ok_or_else(|| {
            refuse(Reason::InvalidValue, "id").because(Detail::too_many_assignments())
        })?;
        let (rules, matter, now) = (&context.rules, intake.matter(), context.now);
        let due = rules.handle_due(&matter, now);
        Ok(Some(Assigned {
            first,
            lead: self.lead,
            assists: self.assists,
            instruction: self.instruction,
            sign_due: rules.sign_due(&matter, now, due),
            due,
            return_by: rules.return_by(&matter, now),
            contact_due: rules.contact_due(&matter, now, due),
        }))
    }
}

impl Fact for Assigned {
    const TYPE: &'static str = "assigned";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let terms = Terms {
            sign_due: Some(self.sign_due),
            due: self.due,
            return_by: self.return_by,
            contact_due: self.contact_due,
        };
        let offices = (self.lead, &self.assists[..]);
        hand_out(
            ticket,
            stamp,
            self.first,
            offices,
            self.instruction.as_ref(),
            terms,
        );
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::{ASSISTS_MAX, Assign};
    use crate::ids::DepartmentId;
    use crate::people::Actor;
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{Part, Secrecy, TicketAction, TicketState};

    fn assign_to(lead: DepartmentId, assists: &[DepartmentId]) -> TicketAction<Sealed> {
        TicketAction::Assign(Assign {
            lead,
            assists: assists.to_vec(),
            instruction: Some(sealed("尽快")),
        })
    }

    #[test]
    fn nothing_is_to_be_signed_or_contacted_after_it_is_to_be_replied() {
        let short = &[
            (
                "complain = { working_days = 5 }",
                "complain = { minutes = 90 }",
            ),
            (
                "[call_back]",
                "[contact]\nwithin = { working_days = 1 }\n\n[call_back]",
            ),
        ];
        let hasty = received().under(short).when(dispatcher(), assign());
        hasty.then(|ticket| {
            let lead = &ticket.assignments[0];
            let due = lead.due.unwrap();
            assert_eq!(due.at.to_string(), "2026-11-23 03:30:00 UTC");
            assert_eq!(lead.sign_due.unwrap().at, due.at);
            assert_eq!(lead.contact_due.unwrap().at, due.at);
            assert_eq!(lead.sign_due.unwrap().yellow_at, None);
        });
    }

    #[test]
    fn the_lead_and_the_assists_each_get_an_assignment_with_deadlines() {
        received()
            .when(dispatcher(), assign_to(DEPARTMENT, &[OTHER_DEPARTMENT]))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                let [lead, assist] = ticket.assignments.as_slice() else {
                    panic!("two assignments")
                };
                assert_eq!(
                    (lead.no.0, lead.part, lead.department),
                    (1, Part::Lead, DEPARTMENT)
                );
                assert_eq!(
                    (assist.no.0, assist.part, assist.department),
                    (2, Part::Assist, OTHER_DEPARTMENT)
                );
                // Monday 23 November 2026, 10:00 in Shanghai: one working day to sign, two to return,
                // five to reply, each to the end of office hours (17:30 there, 09:30 UTC).
                assert_eq!(
                    lead.sign_due.unwrap().at.to_string(),
                    "2026-11-24 09:30:00 UTC"
                );
                assert_eq!(lead.return_by.at.to_string(), "2026-11-25 09:30:00 UTC");
                assert_eq!(lead.due.unwrap().at.to_string(), "2026-11-30 09:30:00 UTC");
                assert_eq!(assist.due, lead.due);
            });
    }

    #[test]
    fn only_dispatchers_assign_and_only_what_nobody_holds() {
        received()
            .when(operator(), assign())
            .refused(Reason::RoleNotAllowed, None);
        assigned()
            .when(dispatcher(), assign())
            .refused(Reason::WrongState, None);
        given([])
            .when(dispatcher(), assign())
            .refused(Reason::NotFound, None);
    }

    #[test]
    fn a_returned_ticket_is_assigned_again_under_new_numbers() {
        returned()
            .when(dispatcher(), assign_to(OTHER_DEPARTMENT, &[]))
            .then(|ticket| {
                assert_eq!(ticket.state, TicketState::Assigned);
                assert_eq!(ticket.lead().unwrap().department, OTHER_DEPARTMENT);
                assert_eq!(ticket.lead().unwrap().no.0, 2);
            });
    }

    #[test]
    fn unknown_and_repeated_departments_are_refused() {
        let refused = |lead, assists: &[DepartmentId], reason, field| {
            received()
                .when(dispatcher(), assign_to(lead, assists))
                .refused(reason, Some(field));
        };
        refused(id(99), &[], Reason::UnknownOffice, "leadId");
        refused(DEPARTMENT, &[id(99)], Reason::UnknownOffice, "assistIds");
        refused(DEPARTMENT, &[DEPARTMENT], Reason::OfficeTwice, "assistIds");
        refused(
            DEPARTMENT,
            &[OTHER_DEPARTMENT; ASSISTS_MAX + 1],
            Reason::InvalidValue,
            "assistIds",
        );
    }

    #[test]
    fn docket_assigns_what_the_pack_routed_and_nothing_else() {
        let routed = || {
            let changes = [
                ("assigns_by_itself = false", "assigns_by_itself = true"),
                (
                    "[pack]",
                    "routes = [{ department = \"城市管理局\" }]\n[pack]",
                ),
            ];
            given([]).under(&changes).and(operator(), receive())
        };
        let by_docket = |to| assign_to(to, &[]);
        routed()
            .when(Actor::system(), by_docket(DEPARTMENT))
            .then(|ticket| assert_eq!(ticket.lead().unwrap().department, DEPARTMENT));
        routed()
            .when(Actor::system(), by_docket(OTHER_DEPARTMENT))
            .refused(Reason::InvalidValue, Some("leadId"));
        received()
            .when(Actor::system(), by_docket(DEPARTMENT))
            .refused(Reason::WrongState, None);
        // What was taken back waits for a dispatcher.
        routed()
            .and(Actor::system(), by_docket(DEPARTMENT))
            .and(dispatcher(), recall())
            .when(Actor::system(), by_docket(DEPARTMENT))
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn a_confidential_report_never_goes_to_the_department_it_accuses() {
        let accusing = |secrecy| {
            let TicketAction::Receive(mut action) = receive() else {
                unreachable!()
            };
            action.accused_department = Some(DEPARTMENT);
            action.secrecy = secrecy;
            given([(operator(), TicketAction::Receive(action))])
        };
        let confidential = || accusing(Secrecy::Confidential);
        confidential()
            .when(dispatcher(), assign_to(DEPARTMENT, &[]))
            .refused(Reason::AccusedOffice, Some("leadId"));
        confidential()
            .when(dispatcher(), assign_to(OTHER_DEPARTMENT, &[DEPARTMENT]))
            .refused(Reason::AccusedOffice, Some("assistIds"));
        confidential()
            .when(dispatcher(), assign_to(OTHER_DEPARTMENT, &[]))
            .then(|t| assert!(!t.is_visible_to(&clerk())));
        accusing(Secrecy::Open)
            .when(dispatcher(), assign_to(DEPARTMENT, &[]))
            .then(|t| assert!(t.is_visible_to(&clerk())));
    }
}
