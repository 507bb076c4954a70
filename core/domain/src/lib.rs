//! The pure domain of Docket: what a hotline's tickets, organisation, accounts and rules are, and how
//! they may change.
//!
//! Everything here is a function of its arguments. This crate must *not* know of clocks, randomness,
//! databases, sealing keys or the network: time, ids, rules and sealed texts arrive inside commands.
//!
//! * [`aggregate::Aggregate`]: `decide` (command → events or a refusal) and `evolve` (event → state).
//! * [`ticket`]: the workflow; one file per action under `ticket/actions/`.
//! * [`organisation`], [`account`], [`rules`], [`phrasebook`], [`notice`]: the other five aggregates.
//! * [`policy`]: what Docket does by itself, and when.
//! * [`text`]: what is kept of a text, and what none may hold.
//! * [`calendar`]: working days, and due times that say when they are provisional.

pub mod account;
pub mod aggregate;
pub mod calendar;
pub mod ids;
pub mod notice;
pub mod organisation;
pub mod people;
pub mod phrasebook;
pub mod policy;
pub mod refusal;
pub mod rules;
pub mod sealed;
pub mod text;
pub mod ticket;
pub mod time;

pub use aggregate::{Aggregate, Stamp, UnknownEvent};
pub use people::{Actor, Role};
pub use refusal::{Detail, Reason, Refusal};
pub use sealed::Sealed;
pub use time::{Due, Timestamp};
