//! The journal's contract, every promise on both stores.

mod claims;
mod commands;
mod contract;
mod faults;
mod processes;
mod readers;
mod settings;
