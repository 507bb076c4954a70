//! Settle limits (核定时限): a year's calendar was published, and limits that were provisional are reckoned anew by
//! it, those of tasks that are over, too, since these were judged by a guess; or it was corrected, and so are limits
//! over the corrected days of what goes on. Docket does it; the term stays the one the limit was set with. A supervision
//! that Docket put the ticket under falls with the limit that it was for.

use super::{Action, Assignment, Context, Fact, Gate, Refusal, Role, Spec, Stamp, Ticket};
use crate::rules::Rules;
use crate::sealed::Field;
use crate::ticket::clock::limit;
use crate::ticket::state::{Level, Move, MoveCause, Moved, Part, Supervision, TicketState};
use crate::time::{Due, Term, Timestamp};
use serde::{Deserialize, Serialize};

/// Reckons limits anew that are provisional, or over days that were corrected.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SettleDues;

/// Limits that were provisional, or over days that were corrected, are settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuesSettled {
    /// The deadlines as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
    /// By when the citizen is to be called back, where that moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_due: Option<Due>,
    /// Whether Docket's own supervision is taken back: the lead that it was for is not late by the limit as it is now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifts_supervision: bool,
}

/// Where limits run, which a corrected list may move: of those who handle it, or of the call-back.
pub const LIMITED: &[TicketState] = &[
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
    TicketState::AwaitingCallBack,
];

impl SettleDues {
    /// There is no text to seal.
    pub fn try_map<T, U, E>(self, _: &mut dyn FnMut(Field, T) -> Result<U, E>) -> Result<Self, E> {
        Ok(self)
    }
}

/// Whether a unit's limit is to wait until its department's is settled, which it was reckoned from.
fn waits_for_its_outer(ticket: &Ticket, of: &Assignment) -> bool {
    outer(ticket, of, &[]).is_some_and(waits)
}

/// Whether a department's limit has a calendar still to come.
fn waits(outer: Due) -> bool {
    outer.awaits_its_calendar()
}

/// The limit above a unit's, settled if it was.
fn outer(ticket: &Ticket, of: &Assignment, moves: &[Moved]) -> Option<Due> {
    let no = of.parent?;
    match moves.iter().find(|moved| moved.assignment == no) {
        Some(moved) => moved.due,
        None => ticket.assignment(no)?.due,
    }
}

impl Action for SettleDues {
    const SPEC: Spec = Spec {
        name: "settle_dues",
        zh: "核定时限",
        en: "Settle limits",
        event: DuesSettled::TYPE,
        roles: Role::NOBODY,
        // Also of what is over: it is judged by its limits.
        gate: Gate::Ticket(TicketState::ALL),
    };
    type Event = DuesSettled;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<DuesSettled>, Refusal> {
        let settled = anew(ticket, &context.rules);
        Ok(settled.map(|settled| DuesSettled {
            lifts_supervision: falls(ticket, &settled.moves, context.now),
            ..settled
        }))
    }
}

/// Every limit of a ticket by the calendar in force; `None`: all stand as they are.
fn anew(ticket: &Ticket, rules: &Rules) -> Option<DuesSettled> {
    // A department's limits come before those of its units.
    let all = ticket.assignments.iter();
    let moves = all.fold(Vec::new(), |mut moves, a| {
        let moved = settled(ticket, a, &moves, rules);
        moves.extend((moved != Moved::unmoved(a)).then_some(moved));
        moves
    });
    let reviewed_at = ticket.review.as_ref().map(|review| review.at);
    let call_back_due = ticket.call_back_due.zip(reviewed_at);
    let waits = ticket.state == TicketState::AwaitingCallBack && ticket.call_backs.is_empty();
    let call_back_due = call_back_due
        .filter(|(due, _)| due.provisional || waits)
        .and_then(|(due, from)| rules.settled(due, from, &[]));
    let something = !moves.is_empty() || call_back_due.is_some();
    something.then_some(DuesSettled {
        moves,
        call_back_due,
        lifts_supervision: false,
    })
}

/// Whether the supervision that Docket put a ticket under falls: a lead that was late by its limit as it was is not by
/// that as it is now, and neither is another that it may have been for.
fn falls(ticket: &Ticket, moves: &[Moved], now: Timestamp) -> bool {
    let by_docket = ticket.supervision.as_ref().filter(|s| s.is_dockets());
    let Some(since) = by_docket.map(|supervision| supervision.at) else {
        return false;
    };
    let may_be_for = |a: &&Assignment| {
        let leads = a.part == Part::Lead && a.level() == Level::Department;
        leads && a.ended_at.is_none_or(|at| at >= since)
    };
    let stands_still = ticket.pauses.last().filter(|pause| pause.to.is_none());
    let now = stands_still.map_or(now, |pause| pause.from);
    let late = |a: &Assignment, due: Option<Due>| {
        due.is_some_and(|due| !due.met_at(a.ended_at.unwrap_or(now)))
    };
    let due_now = |a: &Assignment| {
        let moved = moves.iter().find(|moved| moved.assignment == a.no);
        moved.map_or(a.due, |moved| moved.due)
    };
    let leads = || ticket.assignments.iter().filter(may_be_for);
    leads().any(|a| late(a, a.due)) && !leads().any(|a| late(a, due_now(a)))
}

/// The first limit of a ticket that waits for its calendar: with that all of them are reckoned anew.
pub(crate) fn first_to_settle(ticket: &Ticket) -> Option<Timestamp> {
    let of_work = ticket.assignments.iter().flat_map(|a| {
        // A unit's limit is settled with its department's.
        let due = a.due.filter(|_| !waits_for_its_outer(ticket, a));
        [due, a.sign_due, Some(a.return_by), a.contact_due]
    });
    let dues = of_work.chain([ticket.call_back_due]).flatten();
    let waiting = dues.filter(Due::awaits_its_calendar);
    waiting.map(|due| due.at).min()
}

/// Whether limits of a ticket come out otherwise by the calendar in force.
pub(crate) fn is_touched(ticket: &Ticket, rules: &Rules) -> bool {
    let runs = LIMITED.contains(&ticket.state) && ticket.erased_at.is_none();
    runs && anew(ticket, rules).is_some()
}

/// An assignment's limits as they are by the calendar in force, after `moves` of those before it.
fn settled(ticket: &Ticket, a: &Assignment, moves: &[Moved], rules: &Rules) -> Moved {
    let over = |moves: &dyn Fn(Timestamp) -> bool| {
        let pauses = limit::pauses_over(ticket, a, Timestamp::MAX_UTC);
        pauses.filter(|(from, _)| moves(*from)).collect::<Vec<_>>()
    };
    let is_over = !a.state.is_open();
    // What was met already, or is over, is judged as it was; what waits for its calendar is said to be known all the same.
    let anew = |due: Due, done_at: Option<Timestamp>| {
        let judged = is_over || done_at.is_some();
        // Who has signed, or reached the caller, has no limit that a later pause could move.
        let over = over(&|from| done_at.is_none_or(|at| from < at));
        let known = rules.settled(due, a.assigned_at, &over);
        known.filter(|_| due.provisional || !judged)
    };
    let beside = |due: Due, done_at| anew(due, done_at).unwrap_or(due);
    let due = a.due.map(|due| {
        if is_over && !due.provisional {
            return due;
        }
        let outer = outer(ticket, a, moves);
        let known = match due.term {
            Some(Term::Minutes(_)) if due.provisional => in_minutes(ticket, a, outer, rules),
            Some(Term::Minutes(_) | Term::WorkingDays(_)) | None => anew(due, None),
        };
        let known = known.filter(|_| !outer.is_some_and(waits));
        let outer_moved = moves.iter().any(|moved| Some(moved.assignment) == a.parent);
        if known.is_none() && !outer_moved {
            return due;
        }
        let stands = known.unwrap_or(due);
        // A unit's is reckoned anew where it is not before its department's any more: that one, where it
        // was over already when it was delegated.
        let outer = outer.filter(|outer| outer.at <= stands.at);
        match (outer.zip(ticket.intake.as_ref()), known) {
            (Some((outer, intake)), _) => {
                rules.inner_due(Some(outer), &intake.matter(), a.assigned_at)
            }
            (None, Some(known)) => rules.warned(known, a.assigned_at),
            (None, None) => due,
        }
    });
    Moved {
        assignment: a.no,
        sign_due: a.sign_due.map(|due| beside(due, a.signed_at)),
        due,
        return_by: beside(a.return_by, None),
        contact_due: a.contact_due.map(|due| beside(due, a.reached_at)),
    }
}

/// A provisional limit in minutes, once the working days are known that an extension gave it, or gave the department's
/// that a unit's lies before.
fn in_minutes(ticket: &Ticket, a: &Assignment, outer: Option<Due>, rules: &Rules) -> Option<Due> {
    let known = match (a.level(), outer) {
        (Level::Department, _) => limit::in_minutes(rules, ticket, a)?,
        (Level::Unit, outer) => {
            let extended = |m: &&Move| m.cause == MoveCause::Extension;
            let extended = a.moves.iter().rev().find(extended);
            let from = extended.map_or(a.assigned_at, |extended| extended.at);
            rules.inner_due(Some(outer?), &ticket.intake.as_ref()?.matter(), from)
        }
    };
    Some(known).filter(|known| !known.provisional)
}

impl Fact for DuesSettled {
    const TYPE: &'static str = "dues_settled";
    const VERSION: u16 = 2;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.move_dues(&self.moves, MoveCause::Calendar, stamp);
        if self.call_back_due.is_some() {
            ticket.call_back_due = self.call_back_due;
        }
        if self.lifts_supervision {
            let supervision = ticket.supervision.take();
            ticket.supervision = supervision.and_then(Supervision::without_dockets);
        }
    }
}

#[cfg(test)]
mod tests;
