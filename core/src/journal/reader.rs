//! Gathered reads: the streams that several commands ask for at once are read by one statement.

use super::JournalError;
use super::backend::{Backend, Wanted};
use super::record::Record;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Readers at work at once: while one waits for the store, another decodes or gathers.
pub(super) const READERS: usize = 2;
/// Most streams read by one statement.
pub(super) const STREAMS_MAX: usize = 64;

/// A stream wanted, and who waits for it.
pub(super) struct Waiting {
    pub wanted: Wanted,
    pub reply: oneshot::Sender<Result<Vec<Record>, JournalError>>,
}

/// What the readers share.
pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Runs until every handle on the journal is gone.
pub(super) async fn run(backend: Arc<dyn Backend>, queue: Queue) {
    loop {
        let batch = gather(&queue).await;
        if batch.is_empty() {
            return;
        }
        let wanted: Vec<Wanted> = batch.iter().map(|w| w.wanted).collect();
        match backend.read_each(&wanted, super::READ_MAX).await {
            Ok(records) => {
                let mut records = records.into_iter().peekable();
                for (index, waiting) in batch.into_iter().enumerate() {
                    let mut own = Vec::new();
                    while let Some((_, record)) = records.next_if(|(of, _)| *of == index) {
                        own.push(record);
                    }
                    // A caller that has gone away wants nothing any more.
                    let _ = waiting.reply.send(Ok(own));
                }
            }
            Err(error) => {
                let error = JournalError::from(error);
                for waiting in batch {
                    let _ = waiting.reply.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Waits for one request and takes those that wait with it. None: there will be no more.
async fn gather(queue: &Queue) -> Vec<Waiting> {
    let mut queue = queue.lock().await;
    let Some(first) = queue.recv().await else {
        return Vec::new();
    };
    // Tasks that are about to ask go first: no delay when there are none.
    tokio::task::yield_now().await;
    let mut batch = vec![first];
    while batch.len() < STREAMS_MAX
        && let Ok(more) = queue.try_recv()
    {
        batch.push(more);
    }
    batch
}
