//! The record: one stored event with all its columns, and its canonical encoding.
//!
//! The canonical encoding is what a hash tree will be built over, so it is frozen (test vectors in
//! `tests/goldens/records.json`). Format 1: every field in the order below, integers big-endian;
//! a UUID is 16 bytes; an optional UUID is a byte 0, or a byte 1 and 16 bytes; a text is its length in
//! bytes as `u32` and its UTF-8 bytes; a time is microseconds since 1970 UTC as `i64`.
//!
//! `"DKT1"` · log · position `u64` · category text · stream · version `u64` · event · type text ·
//! schema version `u16` · data text · actor · acting for? · command · correlation · causation? ·
//! occurred at · recorded at · rules version `u32`

use docket_domain::Timestamp;
use docket_domain::aggregate::Stamp;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use uuid::Uuid;

/// The first bytes of every canonical encoding of format 1.
pub const MAGIC: &[u8; 4] = b"DKT1";

/// One stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the whole log, from 1, without gaps.
    pub position: u64,
    /// The stream's category.
    pub category: String,
    /// The stream's id.
    pub stream: Uuid,
    /// Its place in its stream, from 1, without gaps.
    pub version: u64,
    /// Its id.
    pub event: EventId,
    /// Frozen type name within the category.
    pub event_type: String,
    /// Schema version of the data.
    pub schema_version: u16,
    /// The data: these bytes are the record.
    pub data: String,
    /// Who acted.
    pub actor: AccountId,
    /// On whose behalf, if on another's.
    pub acting_for: Option<Uuid>,
    /// The command it came from.
    pub command: CommandId,
    /// What it belongs to: everything that one request set off.
    pub correlation: Uuid,
    /// The event or command that caused the command, if one did.
    pub causation: Option<Uuid>,
    /// Business time.
    pub occurred_at: Timestamp,
    /// When the journal took it; never before the record ahead of it.
    pub recorded_at: Timestamp,
    /// The rule pack it was decided under; 0 where none applied.
    pub rules_version: u32,
}

impl Record {
    /// The stream's name, `CATEGORY-<uuid>`.
    #[must_use]
    pub fn stream_name(&self) -> String {
        format!("{}-{}", self.category, self.stream)
    }

    /// What `evolve` may know of it.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp {
            event: self.event,
            at: self.occurred_at,
            by: self.actor,
            rules: self.rules_version,
        }
    }

    /// The canonical encoding of format 1, described at the head of this module.
    #[must_use]
    pub fn canonical(&self, log: LogId) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.data.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(log.0.as_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
        put_text(&mut out, &self.category);
        out.extend_from_slice(self.stream.as_bytes());
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(self.event.0.as_bytes());
        put_text(&mut out, &self.event_type);
        out.extend_from_slice(&self.schema_version.to_be_bytes());
        put_text(&mut out, &self.data);
        out.extend_from_slice(self.actor.0.as_bytes());
        put_optional(&mut out, self.acting_for);
        out.extend_from_slice(self.command.0.as_bytes());
        out.extend_from_slice(self.correlation.as_bytes());
        put_optional(&mut out, self.causation);
        out.extend_from_slice(&self.occurred_at.timestamp_micros().to_be_bytes());
        out.extend_from_slice(&self.recorded_at.timestamp_micros().to_be_bytes());
        out.extend_from_slice(&self.rules_version.to_be_bytes());
        out
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("the journal refuses data over its limit");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_optional(out: &mut Vec<u8>, id: Option<Uuid>) {
    match id {
        None => out.push(0),
        Some(id) => {
            out.push(1);
            out.extend_from_slice(id.as_bytes());
        }
    }
}
