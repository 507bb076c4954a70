//! The ticket (工单): one request of one caller, and what became of it.
//!
//! * [`state`]: the folded ticket, its assignments, and the words for their states.
//! * [`actions`]: one file per action, and the one list that registers them.
//! * [`mod@clock`]: the clock of an assignment, which tells what became of its time.
//! * [`number`]: ticket numbers.
//! * [`what_if`]: limits as other rules would have set them.
//! * [`scenario`]: given / when / then, for the tests beside each action.

pub mod actions;
pub mod clock;
pub mod number;
#[cfg(test)]
mod properties;
pub mod scenario;
pub mod state;
#[cfg(test)]
mod under_each_pack;
pub mod what_if;

pub use actions::{ACTIONS, Gate, Spec, TicketAction, TicketEvent, available_actions};
pub use clock::{Cause, Clock, Reading, SPANS_MAX, Span, SpanKind, clock};
pub use number::TicketNumber;
pub use state::{
    Answer, Archived, Assignment, AssignmentState, Attachment, Awaiting, CallBack, ContactMeans,
    Dispute, DisputeCause, Draft, Ending, EndingKind, Exclusion, Extension, FileHash, FilePart,
    FileType, Ground, Intake, Kind, Level, Merged, Move, MoveCause, Moved, Part, Pause, PauseCause,
    PrintForm, Rating, Return, Review, Ruling, Satisfaction, Secrecy, Source, Standing,
    Supervision, SupervisionLevel, Termination, Terms, Ticket, TicketState, Urgency,
};

use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent};
use crate::organisation::Organisation;
use crate::people::Actor;
use crate::refusal::{Refusal, ensure_revision};
use crate::rules::Rules;
use crate::sealed::Sealed;
use crate::time::Timestamp;
use std::sync::Arc;

/// What a decision may know beside the ticket and the command's own fields.
#[derive(Clone, Debug)]
pub struct Context {
    /// Business time.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// The rules in force.
    pub rules: Arc<Rules>,
    /// The organisation as it stands.
    pub organisation: Arc<Organisation>,
    /// The revision the client saw; the command is refused if the ticket has moved on.
    pub expected_revision: Option<u32>,
}

/// An action with its context: what the ticket decides.
#[derive(Clone, Debug)]
pub struct TicketCommand {
    /// Time, actor, rules.
    pub context: Context,
    /// The action, its texts sealed.
    pub action: TicketAction<Sealed>,
}

impl Aggregate for Ticket {
    const CATEGORY: &'static str = "ticket";
    const EVENT_TYPES: &'static [&'static str] = actions::EVENT_TYPES;
    type State = Self;
    type Command = TicketCommand;
    type Event = TicketEvent;

    fn decide(state: &Self, command: TicketCommand) -> Result<Vec<TicketEvent>, Refusal> {
        let TicketCommand { context, action } = command;
        ensure_revision(context.expected_revision, state.revision)
            .map_err(|no| no.to(action.spec().name, state.state.name()))?;
        Ok(action.decide(state, &context)?.into_iter().collect())
    }

    fn evolve(state: &mut Self, stamp: &Stamp, event: &TicketEvent) {
        event.evolve(state, stamp);
        if event.moves_revision() {
            state.revision += 1;
        }
        state.settle();
        // Whatever is answered or over has no clock that could stand still.
        if state.state.is_answered() || state.state.is_over() {
            state.end_pause(stamp);
        }
    }

    fn encode(event: &TicketEvent) -> Encoded {
        event.encode()
    }

    fn decode(event_type: &str, data: &str) -> Result<TicketEvent, UnknownEvent> {
        TicketEvent::decode(event_type, data)
    }
}
