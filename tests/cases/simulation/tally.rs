//! What became of a simulation's commands.

use docket_domain::ticket::ACTIONS;
use docket_domain::{Reason, Refusal};
use std::collections::BTreeMap;

/// Counts.
#[derive(Default)]
pub struct Tally {
    /// Commands decided.
    pub commands: u64,
    /// Those that made an event, by action.
    pub done: BTreeMap<&'static str, u64>,
    /// Those that were taken and had nothing to do.
    pub nothing: u64,
    /// Those refused, by code.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts a command.
    pub fn count(&mut self, action: &'static str, outcome: Result<bool, Reason>) {
        self.commands += 1;
        match outcome {
            Ok(true) => *self.done.entry(action).or_default() += 1,
            Ok(false) => self.nothing += 1,
            Err(reason) => *self.refused.entry(reason.code()).or_default() += 1,
        }
    }

    /// Counts a decision.
    pub fn decided<E>(&mut self, action: &'static str, outcome: &Result<Vec<E>, Refusal>) {
        let short = outcome.as_ref().map(|events| !events.is_empty());
        self.count(action, short.map_err(|refusal| refusal.reason));
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: Self) {
        self.commands += other.commands;
        self.nothing += other.nothing;
        for (action, count) in other.done {
            *self.done.entry(action).or_default() += count;
        }
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }

    /// Tells the counts.
    pub fn tell(&self, what: &str, seconds: f64) {
        let done: u64 = self.done.values().sum();
        println!(
            "{what}: {} commands in {seconds:.1} s, {done} done, {} had nothing to do\n  done: {:?}\n  refused: {:?}",
            self.commands, self.nothing, self.done, self.refused
        );
    }

    /// Tells the counts, and fails where some action was never done: the simulation has rotted then.
    pub fn close(&self, what: &str, seconds: f64) {
        self.tell(what, seconds);
        let never: Vec<_> = ACTIONS
            .iter()
            .map(|spec| spec.name)
            .filter(|name| !self.done.contains_key(name))
            .collect();
        assert!(never.is_empty(), "never done in {what}: {never:?}");
    }
}
