//! What stands in the way of a batch: found by the store under its lock, judged here for both stores.

use super::backend::{Claim, Commit};
use std::collections::{HashMap, HashSet};

/// What a commit meets in the store.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// The version of its stream.
    pub version: u64,
    /// Whether its command was taken before.
    pub command_known: bool,
    /// Whether something it claims is taken.
    pub claim_taken: bool,
}

/// Everything that is claimed in a batch, with the place of the commit that claims it.
pub(super) fn claims<'b>(batch: &[&'b Commit]) -> impl Iterator<Item = (usize, &'b Claim)> {
    let of_commit = |(index, commit): (usize, &&'b Commit)| {
        let commit: &'b Commit = commit;
        commit.claims.iter().map(move |claim| (index, claim))
    };
    batch.iter().enumerate().flat_map(of_commit)
}

/// Indexes of the commits that cannot be taken, ascending: the decisive ones, and every other on the same
/// stream.
pub(super) fn rejected(batch: &[&Commit], standing: &[Standing]) -> Vec<usize> {
    let mut heads = HashMap::new();
    let mut bad_streams = HashSet::new();
    for (commit, found) in batch.iter().zip(standing) {
        let head = heads.entry(commit.stream.id).or_insert(found.version);
        if found.command_known || found.claim_taken || *head != commit.expected {
            bad_streams.insert(commit.stream.id);
        }
        *head = commit.expected + commit.events.len() as u64;
    }
    let on_bad = |(_, commit): &(usize, &&Commit)| bad_streams.contains(&commit.stream.id);
    batch
        .iter()
        .enumerate()
        .filter(on_bad)
        .map(|(index, _)| index)
        .collect()
}

/// The commits that are not rejected.
pub(super) fn accepted<'b>(batch: &[&'b Commit], rejected: &[usize]) -> Vec<&'b Commit> {
    let taken = |(index, _): &(usize, &&Commit)| rejected.binary_search(index).is_err();
    batch
        .iter()
        .enumerate()
        .filter(taken)
        .map(|(_, commit)| *commit)
        .collect()
}
