//! esrs 0.18's own `PgStore`: append alone, and load with `handle_command`, which is its real use.

use crate::Fallible;
use crate::commits::{DATA_BYTES, STREAM_EVENTS};
use crate::measure::{Client, Run, closed_loop};
use docket_core::clock::{SystemClock, new_id};
use esrs::manager::AggregateManager;
use esrs::store::EventStore as _;
use esrs::store::postgres::{PgStore, PgStoreBuilder, UuidFormat};
use esrs::{Aggregate, AggregateState};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

/// A small aggregate: it counts.
struct Ticket;

#[derive(Clone, Serialize, Deserialize)]
struct Replied {
    content: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the stream is full")]
struct Full;

impl Aggregate for Ticket {
    const NAME: &'static str = "ticket";
    type State = u64;
    type Command = Replied;
    type Event = Replied;
    type Error = Full;

    fn handle_command(state: &u64, command: Replied) -> Result<Vec<Replied>, Full> {
        if *state < STREAM_EVENTS { Ok(vec![command]) } else { Err(Full) }
    }

    fn apply_event(state: u64, _: Replied) -> u64 {
        state + 1
    }
}

/// An event of [`DATA_BYTES`] in JSON.
fn event() -> Replied {
    let frame = r#"{"content":""}"#.len();
    Replied {
        content: ('a'..='z').cycle().take(DATA_BYTES - frame).collect(),
    }
}

/// A store with a connection for every client, which serves it best.
async fn store(url: &str, clients: usize) -> Fallible<PgStore<Ticket>> {
    let pool = PgPoolOptions::new()
        .max_connections(u32::try_from(clients)?)
        .test_before_acquire(false)
        .connect(url)
        .await?;
    Ok(PgStoreBuilder::<Ticket>::new(pool)
        .with_event_id_format(UuidFormat::V7)
        .try_build()
        .await?)
}

struct Appender {
    store: PgStore<Ticket>,
    state: AggregateState<u64>,
}

impl Client for Appender {
    async fn step(&mut self) -> Fallible<bool> {
        if u64::try_from(*self.state.sequence_number())? == STREAM_EVENTS {
            self.state = AggregateState::with_id(new_id::<Uuid>(&SystemClock));
        }
        self.store.persist(&mut self.state, vec![event()]).await?;
        Ok(true)
    }
}

/// `persist` alone.
pub async fn append(url: &str, clients: usize, seconds: f64) -> Fallible<Run> {
    let store = store(url, clients).await?;
    let clients = (0..clients).map(|_| Appender {
        store: store.clone(),
        state: AggregateState::with_id(new_id::<Uuid>(&SystemClock)),
    });
    closed_loop(clients.collect(), seconds).await
}

struct Commander {
    manager: AggregateManager<PgStore<Ticket>>,
    id: Uuid,
    version: u64,
}

impl Client for Commander {
    async fn step(&mut self) -> Fallible<bool> {
        if self.version == STREAM_EVENTS {
            (self.id, self.version) = (new_id(&SystemClock), 0);
        }
        let loaded = self.manager.load(self.id).await?;
        let state = loaded.unwrap_or_else(|| AggregateState::with_id(self.id));
        self.version = self.manager.handle_command(state, event()).await??;
        Ok(true)
    }
}

/// `load` and `handle_command`.
pub async fn command(url: &str, clients: usize, seconds: f64) -> Fallible<Run> {
    let store = store(url, clients).await?;
    let clients = (0..clients).map(|_| Commander {
        manager: AggregateManager::new(store.clone()),
        id: new_id(&SystemClock),
        version: 0,
    });
    closed_loop(clients.collect(), seconds).await
}
