//! Group commit: one task gathers the waiting commits into one transaction. There is no gather delay;
//! while one batch is being written, the next one gathers by itself.

use super::backend::{Appended, Backend, Claim, Commit, Receipt, StoredCommand};
use super::{JournalError, Meter, StreamId};
use crate::clock::Clock;
use docket_domain::ids::CommandId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Span;

/// So many waiting commits go to the store before the last batch is answered: the store need not wait for
/// that, nor for what comes of it. With fewer, those just answered are waited for, and share a transaction.
const OVERLAP_FROM: usize = 64;
/// Most events in one transaction (one larger commit still goes alone).
pub(super) const BATCH_EVENTS_MAX: usize = 2_000;
/// How often one commit is tried when the database fails or others keep getting ahead.
pub(super) const TRIES_MAX: u32 = 4;

/// After so many tries a commit goes alone: one that the database cannot take must not fail the others.
const TRIES_TOGETHER: u32 = 2;

/// A commit and who waits for it.
pub(super) struct Waiting {
    pub commit: Commit,
    pub reply: oneshot::Sender<Result<Receipt, JournalError>>,
    pub tries: u32,
    /// Open while it waits for its first batch.
    pub queued: Span,
}

/// The last position, as far as this process knows.
#[derive(Clone)]
pub(super) struct Heads {
    /// Whoever appended it.
    pub known: watch::Sender<u64>,
    /// Appended here, and so to be told to other processes.
    pub appended: watch::Sender<u64>,
}

/// Moves a head forward, and wakes who waits for it.
pub(super) fn advance(head: &watch::Sender<u64>, position: u64) {
    head.send_if_modified(|seen| {
        let news = position > *seen;
        *seen = position.max(*seen);
        news
    });
}

/// A batch that is on disk whole, and not answered yet.
type Written = (Vec<Waiting>, Appended);

/// Runs until every handle on the journal is gone.
pub(super) async fn run(
    backend: Arc<dyn Backend>,
    mut queue: mpsc::Receiver<Waiting>,
    heads: Heads,
    clock: Arc<dyn Clock>,
    meter: Meter,
) {
    let mut deferred: VecDeque<Waiting> = VecDeque::new();
    let mut written: Option<Written> = None;
    let most = backend.batch_commits_max();
    loop {
        gather(&mut deferred, &mut queue, most);
        if deferred.len() < OVERLAP_FROM {
            if let Some(written) = written.take() {
                answer(written, &heads);
            }
            if deferred.is_empty() {
                match queue.recv().await {
                    Some(first) => deferred.push_back(first),
                    None => return,
                }
            }
            // Callers that were just answered may be about to send their next: they go first. No timer.
            tokio::task::yield_now().await;
            gather(&mut deferred, &mut queue, most);
        }
        let batch = take_batch(&mut deferred, most);
        let commits: Vec<&Commit> = batch.iter().map(|w| &w.commit).collect();
        let answering = async {
            if let Some(written) = written.take() {
                answer(written, &heads);
            }
        };
        let began = Instant::now();
        let appending = async {
            let appended = backend.append(&commits, clock.now()).await;
            let count = u32::try_from(commits.len()).unwrap_or(u32::MAX);
            meter.batch_commits.observe(count.into());
            meter.batch_seconds.observe(began.elapsed().as_secs_f64());
            appended
        };
        // In this order: the store has its batch before the last one is answered.
        let (appended, ()) = tokio::join!(appending, answering);
        let again = match appended {
            Ok(appended) if appended.rejected.is_empty() => {
                written = Some((batch, appended));
                continue;
            }
            Ok(appended) => settle(&*backend, batch, appended, &heads).await,
            Err(error) => recover(&*backend, batch, error).await,
        };
        // Before those that came later: they may follow on the same stream.
        for waiting in again.into_iter().rev() {
            deferred.push_front(waiting);
        }
    }
}

/// Takes what waits in the queue, until so many are at hand.
fn gather(deferred: &mut VecDeque<Waiting>, queue: &mut mpsc::Receiver<Waiting>, most: usize) {
    while deferred.len() < most
        && let Ok(more) = queue.try_recv()
    {
        deferred.push_back(more);
    }
}

/// Takes from the front what can stand in one transaction: no command id or claim twice, and commits on
/// one stream only where each follows the one before. The others wait for the next.
fn take_batch(waiting: &mut VecDeque<Waiting>, most: usize) -> Vec<Waiting> {
    let mut batch = Vec::new();
    let mut left = VecDeque::new();
    let mut commands: HashSet<CommandId> = HashSet::new();
    let mut claims: HashSet<Claim> = HashSet::new();
    let mut heads: HashMap<StreamId, Option<u64>> = HashMap::new();
    let mut events = 0;
    let mut alone = false;
    while let Some(mut next) = waiting.pop_front() {
        let commit = &next.commit;
        let room = batch.is_empty()
            || (batch.len() < most
                && events + commit.events.len() <= BATCH_EVENTS_MAX
                && next.tries < TRIES_TOGETHER
                && !alone);
        let follows = match heads.get(&commit.stream) {
            None => true,
            Some(head) => *head == Some(commit.expected),
        };
        let fits = room
            && follows
            && !commands.contains(&commit.command)
            && !commit.claims.iter().any(|c| claims.contains(c));
        if fits {
            events += commit.events.len();
            alone |= next.tries >= TRIES_TOGETHER;
            commands.insert(commit.command);
            claims.extend(commit.claims.iter().cloned());
            heads.insert(
                commit.stream,
                Some(commit.expected + commit.events.len() as u64),
            );
            next.queued = Span::none();
            batch.push(next);
        } else {
            // Whoever comes later on this stream must not overtake.
            heads.insert(commit.stream, None);
            left.push_back(next);
        }
    }
    *waiting = left;
    batch
}

/// Answers a batch that was taken whole.
fn answer((batch, appended): Written, heads: &Heads) {
    answer_taken(batch, &appended, heads);
}

/// Answers a batch of which not all was taken: receipts for what was, reasons for what was not. Gives what
/// is to be tried again.
async fn settle(
    backend: &dyn Backend,
    batch: Vec<Waiting>,
    appended: Appended,
    heads: &Heads,
) -> Vec<Waiting> {
    let mut again = Vec::new();
    for waiting in answer_taken(batch, &appended, heads) {
        explain(backend, waiting, &mut again).await;
    }
    again
}

/// Sends the receipts for what was taken of a batch; gives the rest.
fn answer_taken(batch: Vec<Waiting>, appended: &Appended, heads: &Heads) -> Vec<Waiting> {
    let mut position = appended.base;
    let mut rejected = appended.rejected.iter().copied().peekable();
    let mut refused = Vec::new();
    for (index, waiting) in batch.into_iter().enumerate() {
        if rejected.next_if_eq(&index).is_some() {
            refused.push(waiting);
            continue;
        }
        let commit = &waiting.commit;
        position += commit.events.len() as u64;
        let receipt = Receipt {
            position,
            version: commit.expected + commit.events.len() as u64,
            recorded_at: appended.recorded_at,
            repeated: false,
        };
        tracing::trace!(correlation = %commit.correlation, command = %commit.command.0, position, "on disk");
        // A caller that has gone away finds the outcome by its command id.
        let _ = waiting.reply.send(Ok(receipt));
    }
    for head in [&heads.known, &heads.appended] {
        advance(head, position);
    }
    refused
}

/// Tells why a commit was not taken. One that now stands in nobody's way is tried again.
async fn explain(backend: &dyn Backend, waiting: Waiting, again: &mut Vec<Waiting>) {
    let outcome = match reason(backend, &waiting.commit).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => {
            let expected = waiting.commit.expected;
            let spent = JournalError::Conflict {
                expected,
                actual: expected,
            };
            return try_again(waiting, again, &spent);
        }
        Err(error) => Err(error.into()),
    };
    let _ = waiting.reply.send(outcome);
}

async fn reason(
    backend: &dyn Backend,
    commit: &Commit,
) -> Result<Option<Result<Receipt, JournalError>>, sqlx::Error> {
    if let Some(stored) = backend.command(commit.command).await? {
        return Ok(Some(repeated(commit, &stored)));
    }
    let actual = backend.version(commit.stream.id).await?;
    if actual != commit.expected {
        return Ok(Some(Err(JournalError::Conflict {
            expected: commit.expected,
            actual,
        })));
    }
    for claim in &commit.claims {
        if backend
            .claimed_by(claim.kind, &claim.value)
            .await?
            .is_some()
        {
            return Ok(Some(Err(JournalError::ClaimTaken {
                kind: claim.kind.to_owned(),
            })));
        }
    }
    Ok(None)
}

fn repeated(commit: &Commit, stored: &StoredCommand) -> Result<Receipt, JournalError> {
    if stored.fingerprint == commit.fingerprint && stored.stream == commit.stream.id {
        Ok(Receipt {
            repeated: true,
            ..stored.receipt
        })
    } else {
        Err(JournalError::CommandReused)
    }
}

fn try_again(mut waiting: Waiting, again: &mut Vec<Waiting>, spent: &JournalError) {
    waiting.tries += 1;
    if waiting.tries < TRIES_MAX {
        again.push(waiting);
    } else {
        let _ = waiting.reply.send(Err(spent.clone()));
    }
}

/// The database failed, perhaps after it had committed: look every command up before anything else. Gives
/// what is to be tried again.
async fn recover(backend: &dyn Backend, batch: Vec<Waiting>, error: sqlx::Error) -> Vec<Waiting> {
    let mut again = Vec::new();
    tracing::warn!(%error, commits = batch.len(), "a batch failed; looking its commands up");
    let failure = JournalError::from(error);
    let mut out_of_reach = false;
    for waiting in batch {
        // One look-up that fails is enough to know: each could take as long as a connection may.
        if out_of_reach {
            let _ = waiting.reply.send(Err(failure.clone()));
            continue;
        }
        match backend.command(waiting.commit.command).await {
            Ok(Some(stored)) => {
                let outcome = match wrote(backend, &waiting.commit, &stored).await {
                    Ok(ours) => repeated(&waiting.commit, &stored).map(|receipt| Receipt {
                        repeated: !ours,
                        ..receipt
                    }),
                    Err(_) => Err(failure.clone()),
                };
                let _ = waiting.reply.send(outcome);
            }
            Ok(None) => try_again(waiting, &mut again, &failure),
            Err(_) => {
                out_of_reach = true;
                let _ = waiting.reply.send(Err(failure.clone()));
            }
        }
    }
    again
}

/// Whether a stored command is this very commit, or was taken from another sender before it.
async fn wrote(
    backend: &dyn Backend,
    commit: &Commit,
    stored: &StoredCommand,
) -> Result<bool, sqlx::Error> {
    let Some(event) = commit.events.first() else {
        return Ok(stored.receipt.version == commit.expected);
    };
    let streams = [commit.stream.id];
    let first = backend
        .read_streams(&streams, commit.expected, stored.receipt.position, 1)
        .await?;
    Ok(first.first().is_some_and(|record| record.event == event.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::NewEvent;
    use docket_domain::ids::{AccountId, EventId};
    use uuid::Uuid;

    fn waiting(command: u128, stream: u128, expected: u64, claim: Option<u8>) -> Waiting {
        let event = NewEvent {
            id: EventId(Uuid::nil()),
            event_type: "signed",
            schema_version: 1,
            data: String::new(),
        };
        let commit = Commit {
            command: CommandId(Uuid::from_u128(command)),
            fingerprint: [0; 32],
            stream: StreamId {
                category: "ticket",
                id: Uuid::from_u128(stream),
            },
            expected,
            events: vec![event],
            claims: claim
                .map(|c| Claim {
                    kind: "login",
                    value: vec![c],
                })
                .into_iter()
                .collect(),
            actor: AccountId::SYSTEM,
            acting_for: None,
            correlation: Uuid::nil(),
            causation: None,
            occurred_at: docket_domain::ticket::scenario::now(),
            rules_version: 0,
        };
        Waiting {
            commit,
            reply: oneshot::channel().0,
            tries: 0,
            queued: Span::none(),
        }
    }

    fn batches(waits: Vec<Waiting>) -> Vec<Vec<u128>> {
        let mut queue: VecDeque<Waiting> = waits.into();
        let mut batches = Vec::new();
        while !queue.is_empty() {
            let batch = take_batch(&mut queue, 4);
            batches.push(batch.iter().map(|w| w.commit.command.0.as_u128()).collect());
        }
        batches
    }

    #[test]
    fn commits_on_one_stream_share_a_batch_only_in_sequence() {
        let sequence = vec![
            waiting(1, 7, 0, None),
            waiting(2, 7, 1, None),
            waiting(3, 8, 0, None),
        ];
        assert_eq!(batches(sequence), [vec![1, 2, 3]]);
        let rivals = vec![
            waiting(1, 7, 0, None),
            waiting(2, 7, 0, None),
            waiting(3, 7, 1, None),
        ];
        // The third follows the second, should that one be taken.
        assert_eq!(batches(rivals), [vec![1], vec![2, 3]]);
    }

    #[test]
    fn one_command_id_and_one_claim_at_a_time() {
        assert_eq!(
            batches(vec![waiting(1, 7, 0, None), waiting(1, 8, 0, None)]),
            [[1], [1]]
        );
        assert_eq!(
            batches(vec![waiting(1, 7, 0, Some(9)), waiting(2, 8, 0, Some(9))]),
            [[1], [2]]
        );
        assert_eq!(
            batches(vec![waiting(1, 7, 0, Some(9)), waiting(2, 8, 0, Some(8))]),
            [[1, 2]]
        );
    }

    #[test]
    fn what_failed_with_others_goes_alone() {
        let mut waits: Vec<Waiting> = (1..=4).map(|n| waiting(n, n, 0, None)).collect();
        waits[1].tries = TRIES_TOGETHER;
        assert_eq!(batches(waits), [vec![1, 3, 4], vec![2]]);
    }

    #[test]
    fn a_batch_is_bounded() {
        let many: Vec<Waiting> = (0..=4).map(|n| waiting(n, n, 0, None)).collect();
        let sizes: Vec<usize> = batches(many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 1]);
    }
}
