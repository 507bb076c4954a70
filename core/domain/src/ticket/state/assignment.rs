//! One office's task in a ticket: its state, its deadlines, and how often it was given back.

use super::answer::{Answer, Draft};
use super::words::{AssignmentState, Level, MoveCause, Part};
use crate::aggregate::Stamp;
use crate::ids::{AccountId, AssignmentNo, DepartmentId, EventId, UnitId};
use crate::organisation::{Office, Organisation};
use crate::people::Actor;
use crate::sealed::Sealed;
use crate::time::{Due, Light, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// One office's task in a ticket, with its own state and clock.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Its number within the ticket, from 1.
    pub no: AssignmentNo,
    /// Lead or assist.
    pub part: Part,
    /// The department that holds it, or that the holding unit belongs to.
    pub department: DepartmentId,
    /// The unit that holds it, on level 2.
    pub unit: Option<UnitId>,
    /// The level-1 assignment it was delegated from, on level 2.
    pub parent: Option<AssignmentNo>,
    /// The round it belongs to.
    pub round: u16,
    /// Where it stands.
    pub state: AssignmentState,
    /// When it was made; every clock runs from here, not from the signing.
    pub assigned_at: Timestamp,
    /// The event that made it.
    pub event: EventId,
    /// The version of the rules it was made under.
    pub rules: u32,
    /// The instruction (交办意见) it came with, or why it is to be handled anew.
    pub instruction: Option<Sealed>,
    /// To be signed by. `None`: it began in progress, as what is handled anew does.
    pub sign_due: Option<Due>,
    /// To be replied by. `None`: imported from where it is not known.
    pub due: Option<Due>,
    /// May be returned until.
    pub return_by: Due,
    /// The caller is to be contacted by, if the rules say so.
    pub contact_due: Option<Due>,
    /// Whether it may not be returned: the joint meeting ruled so.
    pub locked: bool,
    /// Every time its deadline was moved, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// Every extension asked for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// The lights lit, of the deadline as it is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lit: Vec<Light>,
    /// Whether it was in hand before Docket was: its clock did not begin here.
    pub imported: bool,
    /// When its holder first looked at it.
    pub viewed_at: Option<Timestamp>,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
    /// Who of the holder's office works on it.
    pub handler: Option<AccountId>,
    /// When the caller was first reached.
    pub reached_at: Option<Timestamp>,
    /// How often the caller was called or visited, in vain or not.
    pub contacts: u16,
    /// An answer saved and not submitted; for the holder's office alone.
    pub draft: Option<Draft>,
    /// Every time it was given back, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Return>,
    /// When it was replied, returned, recalled or released.
    pub ended_at: Option<Timestamp>,
    /// The answer its holder gave.
    pub answer: Option<Answer>,
}

impl Assignment {
    /// The field as which its instruction was sealed: the joint meeting's ruling is the instruction of what it hands
    /// out.
    #[must_use]
    pub const fn instruction_field(&self) -> &'static str {
        if self.locked { "text" } else { "instruction" }
    }

    /// A fresh assignment, to be signed by `sign_due`.
    #[must_use]
    pub fn new(no: AssignmentNo, to: (Part, DepartmentId), stamp: &Stamp, terms: Terms) -> Self {
        let (part, department) = to;
        Self {
            no,
            part,
            department,
            unit: None,
            parent: None,
            round: 1,
            state: if terms.sign_due.is_some() {
                AssignmentState::Assigned
            } else {
                AssignmentState::InProgress
            },
            assigned_at: stamp.at,
            event: stamp.event,
            rules: stamp.rules,
            instruction: None,
            sign_due: terms.sign_due,
            due: Some(terms.due),
            return_by: terms.return_by,
            contact_due: terms.contact_due,
            locked: false,
            moves: Vec::new(),
            extensions: Vec::new(),
            lit: Vec::new(),
            imported: false,
            viewed_at: None,
            signed_at: None,
            handler: None,
            reached_at: None,
            contacts: 0,
            draft: None,
            returns: Vec::new(),
            ended_at: None,
            answer: None,
        }
    }

    /// What a department had in hand when its ticket was carried over: to be signed, by no set time.
    #[must_use]
    pub fn imported(
        department: DepartmentId,
        stamp: &Stamp,
        due: Option<Due>,
        return_by: Due,
    ) -> Self {
        let terms = Terms {
            sign_due: None,
            due: return_by,
            return_by,
            contact_due: None,
        };
        Self {
            state: AssignmentState::Assigned,
            imported: true,
            due,
            ..Self::new(AssignmentNo(1), (Part::Lead, department), stamp, terms)
        }
    }

    /// The level of its holder.
    #[must_use]
    pub const fn level(&self) -> Level {
        if self.unit.is_some() {
            Level::Unit
        } else {
            Level::Department
        }
    }

    /// The office that holds it, or held it.
    #[must_use]
    pub fn office(&self) -> Office {
        self.unit
            .map_or(Office::Department(self.department), Office::Unit)
    }

    /// What that office is called; of an assignment that is over, what it was called then.
    #[must_use]
    pub fn office_name<'o>(&self, organisation: &'o Organisation) -> Option<&'o str> {
        match self.ended_at {
            Some(at) => organisation.name_at(self.office(), at),
            None => organisation.name_of(self.office()),
        }
    }

    /// Whether the account's office holds it. A unit keeps what it holds when it moves to another
    /// department.
    #[must_use]
    pub fn is_held_by(&self, actor: &Actor) -> bool {
        Office::of(actor.department, actor.unit) == Some(self.office())
    }

    /// Moves its deadline; the lights are those of the new one.
    pub(in crate::ticket) fn move_due(&mut self, to: Due, cause: MoveCause, stamp: &Stamp) {
        self.moves.push(Move {
            at: stamp.at,
            event: stamp.event,
            cause,
            from: self.due,
            to,
        });
        self.due = Some(to);
        self.lit.clear();
    }

    /// The extension that is not decided on yet.
    #[must_use]
    pub fn pending_extension(&self) -> Option<&Extension> {
        self.extensions.last().filter(|e| e.granted.is_none())
    }

    /// Whether nobody of its office has looked at it yet: the red title (S5).
    #[must_use]
    pub const fn is_unviewed(&self) -> bool {
        self.viewed_at.is_none()
            && matches!(
                self.state,
                AssignmentState::Assigned | AssignmentState::InProgress
            )
    }

    /// Whether its answer is drafted, and only its leader's signing off is missing.
    #[must_use]
    pub fn awaits_sign_off(&self) -> bool {
        let answers = matches!(
            self.state,
            AssignmentState::InProgress | AssignmentState::AwaitingSummary
        );
        answers && self.draft.as_ref().is_some_and(|d| d.awaits_sign_off)
    }

    /// Whether it was given back, and the centre agreed.
    #[must_use]
    pub fn return_was_accepted(&self) -> bool {
        self.state == AssignmentState::Returned
            && self
                .returns
                .last()
                .is_some_and(|r| r.accepted == Some(true))
    }

    /// Whether the centre still has to accept or refuse its return.
    #[must_use]
    pub fn return_is_pending(&self) -> bool {
        self.state == AssignmentState::Returned
            && self.level() == Level::Department
            && self.returns.last().is_some_and(|r| r.accepted.is_none())
    }
}

/// The deadlines of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// To be signed by; `None` where nothing is to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_due: Option<Due>,
    /// To be replied by.
    pub due: Due,
    /// May be returned until.
    pub return_by: Due,
    /// The caller is to be contacted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Due>,
}

/// A deadline moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// The event that did it.
    pub event: EventId,
    /// Why.
    pub cause: MoveCause,
    /// The deadline before.
    pub from: Option<Due>,
    /// The deadline after.
    pub to: Due,
}

/// More time asked for (延期), and what the centre said to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// By which account.
    pub asked_by: AccountId,
    /// How many working days.
    pub days: u16,
    /// On what basis.
    pub text: Sealed,
    /// When the centre decided on it.
    pub decided_at: Option<Timestamp>,
    /// What it decided. `None`: not yet.
    pub granted: Option<bool>,
    /// How many working days it gave.
    pub days_granted: Option<u16>,
}

/// The deadlines of an assignment after they were moved together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Which.
    pub assignment: AssignmentNo,
    /// To be signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_due: Option<Due>,
    /// To be replied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// May be returned until.
    pub return_by: Due,
    /// The caller is to be contacted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Due>,
}

impl Moved {
    /// An assignment's deadlines as they are.
    #[must_use]
    pub const fn unmoved(of: &Assignment) -> Self {
        Self {
            assignment: of.no,
            sign_due: of.sign_due,
            due: of.due,
            return_by: of.return_by,
            contact_due: of.contact_due,
        }
    }
}

/// One return of an assignment, and what the centre said to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When.
    pub at: Timestamp,
    /// The reason's code.
    pub reason: String,
    /// When the centre decided on it.
    pub decided_at: Option<Timestamp>,
    /// What it decided. `None`: not yet; a unit's return needs no decision.
    pub accepted: Option<bool>,
}
