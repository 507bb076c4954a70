//! esrs's `EventStore` over the journal.
//!
//! A store value is made per command: it carries the command's envelope in and the journal's receipt
//! out, because esrs has no place for either. `delete` is an error: history stays.

use crate::journal::upcast::{UPCASTERS, upcast};
use crate::journal::{Claim, Commit, Journal, JournalError, NewEvent, Receipt, Record, StreamId};
use async_trait::async_trait;
use docket_domain::ids::{CommandId, EventId};
use docket_domain::{Aggregate, Refusal, Stamp, Timestamp};
use esrs::AggregateState;
use esrs::store::{EventStore, EventStoreLockGuard, StoreEvent, UnlockOnDrop};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// A pure aggregate as esrs sees it. The state is shared, so that a cached one seeds a command for free.
pub struct Pure<A>(PhantomData<A>);

/// A command, and the stamp its events will carry.
pub struct Stamped<A: Aggregate> {
    /// When, by whom, under which event id.
    pub stamp: Stamp,
    /// What.
    pub command: A::Command,
    /// Counts decisions made through esrs.
    pub decisions: Arc<AtomicU64>,
}

impl<A: Aggregate> esrs::Aggregate for Pure<A> {
    const NAME: &'static str = A::CATEGORY;
    type State = Arc<A::State>;
    type Command = Stamped<A>;
    type Event = (Stamp, A::Event);
    type Error = Refusal;

    fn handle_command(
        state: &Arc<A::State>,
        command: Stamped<A>,
    ) -> Result<Vec<Self::Event>, Refusal> {
        let events = A::decide(state, command.command)?;
        command.decisions.fetch_add(1, Ordering::Relaxed);
        Ok(events
            .into_iter()
            .map(|event| (command.stamp, event))
            .collect())
    }

    fn apply_event(mut state: Arc<A::State>, (stamp, event): Self::Event) -> Arc<A::State> {
        A::evolve(Arc::make_mut(&mut state), &stamp, &event);
        state
    }
}

/// A state with its version, ready for esrs.
#[must_use]
pub fn seed<A: Aggregate>(
    id: Uuid,
    state: Arc<A::State>,
    version: u64,
) -> AggregateState<Arc<A::State>> {
    let known = StoreEvent {
        id,
        aggregate_id: id,
        payload: state,
        occurred_on: chrono::DateTime::UNIX_EPOCH,
        sequence_number: sequence(version),
        version: None,
    };
    AggregateState::with_id(id).apply_store_events(vec![known], |_, known| known)
}

/// esrs counts in `i32`; a stream of two billion events is beyond any ticket.
fn sequence(version: u64) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// What a command carries beside its content.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The command's id.
    pub command: CommandId,
    /// A keyed hash of the command.
    pub fingerprint: [u8; 32],
    /// The id of its first event, already bound into sealed texts.
    pub event: EventId,
    /// Business time and actor.
    pub stamp: Stamp,
    /// What it belongs to.
    pub correlation: Uuid,
    /// What caused it.
    pub causation: Option<Uuid>,
    /// The rule pack decided under.
    pub rules_version: u32,
    /// What it claims.
    pub claims: Vec<Claim>,
}

/// The journal as the store of one command.
pub struct CommandStore<'c, A> {
    journal: &'c Journal,
    envelope: &'c Envelope,
    receipt: OnceLock<Receipt>,
    aggregate: PhantomData<A>,
}

impl<'c, A: Aggregate> CommandStore<'c, A> {
    /// The store for one command.
    #[must_use]
    pub const fn new(journal: &'c Journal, envelope: &'c Envelope) -> Self {
        Self {
            journal,
            envelope,
            receipt: OnceLock::new(),
            aggregate: PhantomData,
        }
    }

    /// What the journal gave for it.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        self.receipt.get().copied()
    }
}

struct NoLock;
impl UnlockOnDrop for NoLock {}

#[async_trait]
impl<A: Aggregate> EventStore for CommandStore<'_, A> {
    type Aggregate = Pure<A>;
    type Error = JournalError;

    /// Nothing to lock: concurrency is optimistic.
    async fn lock(&self, _aggregate_id: Uuid) -> Result<EventStoreLockGuard, JournalError> {
        Ok(EventStoreLockGuard::new(NoLock))
    }

    async fn by_aggregate_id(
        &self,
        id: Uuid,
    ) -> Result<Vec<StoreEvent<(Stamp, A::Event)>>, JournalError> {
        let mut events = Vec::new();
        loop {
            let after = events
                .last()
                .map_or(0, |e: &StoreEvent<_>| e.sequence_number);
            let page = self
                .journal
                .read_stream(id, u64::try_from(after).unwrap_or(0))
                .await?;
            if page.is_empty() {
                return Ok(events);
            }
            for record in &page {
                events.push(store_event(record, decode::<A>(record)?));
            }
        }
    }

    async fn persist(
        &self,
        state: &mut AggregateState<Arc<A::State>>,
        events: Vec<(Stamp, A::Event)>,
    ) -> Result<Vec<StoreEvent<(Stamp, A::Event)>>, JournalError> {
        let expected = u64::try_from(*state.sequence_number()).unwrap_or(0);
        let envelope = self.envelope;
        // Further events of one command are named after its first, so that a repeat names them alike.
        let ids: Vec<EventId> = (0..events.len())
            .map(|n| match n {
                0 => envelope.event,
                n => EventId(Uuid::new_v5(&envelope.event.0, &n.to_be_bytes())),
            })
            .collect();
        let new = events.iter().zip(&ids).map(|((_, event), id)| {
            let encoded = A::encode(event);
            NewEvent {
                id: *id,
                event_type: encoded.event_type,
                schema_version: encoded.schema_version,
                data: encoded.data,
            }
        });
        let commit = Commit {
            command: envelope.command,
            fingerprint: envelope.fingerprint,
            stream: StreamId {
                category: A::CATEGORY,
                id: *state.id(),
            },
            expected,
            events: new.collect(),
            claims: if events.is_empty() {
                Vec::new()
            } else {
                envelope.claims.clone()
            },
            actor: envelope.stamp.by,
            acting_for: None,
            correlation: envelope.correlation,
            causation: envelope.causation,
            occurred_at: envelope.stamp.at,
            rules_version: envelope.rules_version,
        };
        let receipt = self.journal.append(commit).await?;
        let _ = self.receipt.set(receipt);
        let numbered = (expected + 1..).zip(events).zip(ids);
        Ok(numbered
            .map(|((version, (stamp, event)), id)| StoreEvent {
                id: id.0,
                aggregate_id: *state.id(),
                payload: (Stamp { event: id, ..stamp }, event),
                occurred_on: stamp.at,
                sequence_number: sequence(version),
                version: None,
            })
            .collect())
    }

    /// Readers pull by position; nothing is pushed from here.
    async fn publish(&self, _events: &[StoreEvent<(Stamp, A::Event)>]) {}

    async fn delete(&self, _aggregate_id: Uuid) -> Result<(), JournalError> {
        Err(JournalError::Undeletable)
    }
}

fn store_event<E>(record: &Record, event: E) -> StoreEvent<(Stamp, E)> {
    StoreEvent {
        id: record.event.0,
        aggregate_id: record.stream,
        payload: (record.stamp(), event),
        occurred_on: record.occurred_at,
        sequence_number: sequence(record.version),
        version: Some(i32::from(record.schema_version)),
    }
}

/// The event of a record, its data upcast to the current schema.
pub fn decode<A: Aggregate>(record: &Record) -> Result<A::Event, JournalError> {
    upcast(
        UPCASTERS,
        A::CATEGORY,
        &record.event_type,
        record.schema_version,
        &record.data,
    )
    .and_then(|data| A::decode(&record.event_type, &data))
    .map_err(|error| JournalError::Unreadable {
        position: record.position,
        reason: error.to_string(),
    })
}

/// Folds records of one stream onto a state.
pub fn fold<A: Aggregate>(state: &mut A::State, records: &[Record]) -> Result<(), JournalError> {
    for record in records {
        A::evolve(state, &record.stamp(), &decode::<A>(record)?);
    }
    Ok(())
}

/// The time a stamp carries, for callers that have only the envelope.
impl Envelope {
    /// Business time.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.stamp.at
    }
}
