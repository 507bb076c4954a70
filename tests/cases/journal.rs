//! The journal's contract, every promise on both stores.

mod claims;
mod commands;
mod contract;
mod faults;
mod lending;
mod processes;
mod readers;
mod settings;
