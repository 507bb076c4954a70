//! What every append cell writes: one event of 385 bytes per commit, ten events per stream.

use docket_core::clock::{Clock as _, SystemClock, new_id};
use docket_core::journal::{Commit, NewEvent, StreamId};
use docket_domain::ids::CommandId;
use uuid::Uuid;

/// Bytes of an event's data.
pub const DATA_BYTES: usize = 385;
/// Events of a stream before the client begins another: about what a ticket has.
pub const STREAM_EVENTS: u64 = 10;

/// An endless row of commits on streams of one client's own.
pub struct Commits {
    stream: Uuid,
    version: u64,
    data: String,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            stream: new_id(&SystemClock),
            version: 0,
            data: json_of(DATA_BYTES),
        }
    }
}

impl Iterator for Commits {
    type Item = Commit;

    fn next(&mut self) -> Option<Commit> {
        if self.version == STREAM_EVENTS {
            (self.stream, self.version) = (new_id(&SystemClock), 0);
        }
        let expected = self.version;
        self.version += 1;
        let command: CommandId = new_id(&SystemClock);
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(command.0.as_bytes());
        fingerprint[16..].copy_from_slice(self.stream.as_bytes());
        Some(Commit {
            command,
            fingerprint,
            stream: StreamId { category: "ticket", id: self.stream },
            expected,
            events: vec![NewEvent {
                id: new_id(&SystemClock),
                event_type: "replied",
                schema_version: 1,
                data: self.data.clone(),
            }],
            claims: Vec::new(),
            actor: Uuid::from_u128(0xA3).into(),
            acting_for: None,
            correlation: command.0,
            causation: None,
            occurred_at: SystemClock.now(),
            rules_version: 1,
        })
    }
}

/// A JSON object of exactly so many bytes.
pub fn json_of(bytes: usize) -> String {
    let frame = r#"{"content":""}"#;
    let content: String = ('a'..='z').cycle().take(bytes - frame.len()).collect();
    format!(r#"{{"content":"{content}"}}"#)
}

/// What a bare ceiling's writer is sent: a commit, and who waits for it to be on disk.
pub type Waiting = (Commit, tokio::sync::oneshot::Sender<()>);

/// Commits waiting for a ceiling's writer at most.
pub const QUEUE_MAX: usize = 4_096;
/// Commits in one transaction at most.
pub const BATCH_MAX: usize = 512;

/// A client of a bare ceiling.
pub struct CeilingClient {
    /// Its commits.
    pub commits: Commits,
    /// The writer.
    pub queue: tokio::sync::mpsc::Sender<Waiting>,
}

impl crate::measure::Client for CeilingClient {
    async fn step(&mut self) -> crate::Fallible<bool> {
        let commit = self.commits.next().ok_or("no commit")?;
        let (reply, written) = tokio::sync::oneshot::channel();
        self.queue.send((commit, reply)).await.map_err(|_| "the writer is gone")?;
        written.await.map_err(|_| "the writer failed")?;
        Ok(true)
    }
}

/// Adds the commits that wait now, up to a batch.
pub fn gather(batch: &mut Vec<Waiting>, queue: &mut tokio::sync::mpsc::Receiver<Waiting>) {
    while batch.len() < BATCH_MAX
        && let Ok(more) = queue.try_recv()
    {
        batch.push(more);
    }
}
