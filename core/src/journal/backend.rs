//! What a store must be able to do for the journal; SQLite and PostgreSQL both do.

use super::{Purpose, Record};
use async_trait::async_trait;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use std::time::Duration;
use uuid::Uuid;

/// The log's birth certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// Its id.
    pub id: LogId,
    /// What it was made for.
    pub purpose: Purpose,
    /// When.
    pub created_at: Timestamp,
}

/// A stream: `CATEGORY-<uuid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The aggregate's category.
    pub category: &'static str,
    /// The aggregate's id.
    pub id: Uuid,
}

/// An event to be stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Frozen type name.
    pub event_type: &'static str,
    /// Schema version of the data.
    pub schema_version: u16,
    /// The data.
    pub data: String,
}

/// Something that must be unique across streams.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What: `login`, `ticket_number`, `query_code`.
    pub kind: &'static str,
    /// Its value, or a keyed hash of it where it is personal.
    pub value: Vec<u8>,
}

/// One command's outcome, to be appended whole or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The command's id.
    pub command: CommandId,
    /// A keyed hash of the command, to tell a repeat from another command under the same id.
    pub fingerprint: [u8; 32],
    /// The one stream it touches.
    pub stream: StreamId,
    /// The version the decision was made on.
    pub expected: u64,
    /// Its events; none is a recorded no-op.
    pub events: Vec<NewEvent>,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// Who acted.
    pub actor: AccountId,
    /// On whose behalf.
    pub acting_for: Option<Uuid>,
    /// What it belongs to.
    pub correlation: Uuid,
    /// What caused it.
    pub causation: Option<Uuid>,
    /// Business time.
    pub occurred_at: Timestamp,
    /// The rule pack it was decided under.
    pub rules_version: u32,
}

/// What a commit got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The position of its last event; for a no-op, the head of the log then.
    pub position: u64,
    /// The stream's version after it.
    pub version: u64,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// True when the command had been taken before and this is its first outcome.
    pub repeated: bool,
}

/// A command as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCommand {
    /// The keyed hash it came with.
    pub fingerprint: Vec<u8>,
    /// The stream it touched.
    pub stream: Uuid,
    /// What it got.
    pub receipt: Receipt,
}

/// What a store made of a batch.
#[derive(Debug)]
pub(super) struct Appended {
    /// The log's head before the batch.
    pub base: u64,
    /// When the batch was recorded.
    pub recorded_at: Timestamp,
    /// Indexes of commits not taken, ascending. A commit on the stream of a rejected one is rejected too.
    pub rejected: Vec<usize>,
}

/// A stream whose records after a version are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The stream.
    pub stream: Uuid,
    /// The version.
    pub after: u64,
}

/// A store for the journal.
///
/// A batch given to [`Backend::append`] has no command id, claim or stream twice, except that commits
/// on one stream may follow each other with matching versions.
#[async_trait]
pub(super) trait Backend: Send + Sync + 'static {
    /// Most commits worth one transaction.
    fn batch_commits_max(&self) -> usize;
    /// Appends what can be appended of a batch, in one transaction, on disk when it returns.
    async fn append(&self, batch: &[&Commit], now: Timestamp) -> Result<Appended, sqlx::Error>;
    /// The log's birth certificate.
    async fn log(&self) -> Result<LogInfo, sqlx::Error>;
    /// The last position.
    async fn head(&self) -> Result<u64, sqlx::Error>;
    /// A stream's version.
    async fn version(&self, stream: Uuid) -> Result<u64, sqlx::Error>;
    /// The records of each stream wanted, at most `limit` of one, in order of version; with the index of the
    /// stream in the list.
    async fn read_each(
        &self,
        wanted: &[Wanted],
        limit: u32,
    ) -> Result<Vec<(usize, Record)>, sqlx::Error>;
    /// Records of streams, versions after `after`, positions up to `until`, in order of position.
    async fn read_streams(
        &self,
        streams: &[Uuid],
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, sqlx::Error>;
    /// Records after a position.
    async fn read_all(&self, after: u64, limit: u32) -> Result<Vec<Record>, sqlx::Error>;
    /// Records up to a position in the order of streams and, within one, of versions, after a place in it.
    async fn read_by_stream(
        &self,
        after: (Uuid, u64),
        until: u64,
        limit: u32,
    ) -> Result<Vec<Record>, sqlx::Error>;
    /// A remembered command.
    async fn command(&self, command: CommandId) -> Result<Option<StoredCommand>, sqlx::Error>;

    /// The streams that remembered commands changed; those that are not remembered are left out.
    async fn streams_changed_by(
        &self,
        commands: &[CommandId],
    ) -> Result<Vec<(CommandId, Uuid)>, sqlx::Error>;
    /// The holder of a claim.
    async fn claimed_by(&self, kind: &str, value: &[u8]) -> Result<Option<Uuid>, sqlx::Error>;
    /// Streams of a category, in order of birth.
    async fn streams_of(&self, category: &str, limit: u32) -> Result<Vec<Uuid>, sqlx::Error>;
    /// Streams of a category with an event after a position whose data has a text in it, in order of birth.
    /// Reads all of the data: for what is rare.
    async fn streams_with(
        &self,
        category: &str,
        text: &str,
        after: u64,
    ) -> Result<Vec<Uuid>, sqlx::Error>;
    /// Tells other processes of a position. A hint: they look for themselves as well.
    async fn announce(&self, position: u64) -> Result<(), sqlx::Error>;
    /// Waits until another process may have appended, at most so long; the position it told, if it did.
    async fn wait_for_news(&self, at_most: Duration) -> Option<u64>;
    /// Settings that decide whether data is safe.
    async fn settings(&self) -> Result<Vec<(String, String)>, sqlx::Error>;
}

/// The layout of the journal's tables, written into the log at its birth.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// Refuses tables laid out by another Docket than this: better than writing into them what it does not mean.
pub(super) fn check_schema(found: i64) -> Result<(), sqlx::Error> {
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    Err(sqlx::Error::Configuration(
        format!(
            "the journal's tables have layout {found}, and this Docket knows {SCHEMA_VERSION}: \
             use the Docket that made them, or a later one"
        )
        .into(),
    ))
}

/// An unsigned number as the stores keep it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored number as an unsigned one.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
