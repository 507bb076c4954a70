//! Moving in: the tickets of the system before, from a CSV file, by a mapping. What does not fit goes to a
//! file of rejects; the rest goes in.
//!
//! * [`encoding`]: UTF-8 or GB18030, told apart by the whole file.
//! * [`records`]: the file cut into records; a quote that never closes costs its line, not the file.
//! * [`mapping`]: which column is what, as TOML; [`plan`]: the same, checked against a file and a store.
//! * [`rejects`]: why a row is not taken, and the file of those that are not.
//!
//! Nothing here knows a city or writes history: that is the mapping's, and the desk's.

pub mod encoding;
pub mod mapping;
pub mod plan;
pub mod records;
pub mod rejects;
mod run;

pub use run::{Counts, ImportError, Job, Loaded, run};
