//! The read side of Docket: views folded from the journal, which may be deleted at any time.
//!
//! * [`projection`]: what a projection is. [`runner`]: follows the journal in batches, each folded once.
//! * [`rebuild`]: builds views beside the serving ones, to replace them or to verify them row by row.
//! * One file a view, with its queries: [`card`], [`timeline`], [`inbox`], [`statistics`], [`exclusions`],
//!   [`timers`], [`notices`].
//!
//! This crate must *not* write history, open seals, or know of GraphQL.

pub mod card;
pub mod exclusions;
mod fold;
pub mod inbox;
mod known;
pub mod notices;
pub mod people;
pub mod projection;
pub mod rebuild;
pub mod runner;
pub mod statistics;
pub mod timeline;
pub mod timers;
pub mod views;
mod write;

pub use projection::ProjectionError;
pub use runner::{Runner, State};
pub use views::Views;
