//! The write side of Docket: the journal, the vault, and the desk that takes commands.
//!
//! * [`journal`]: the append-only log, on SQLite and PostgreSQL, one contract for both.
//! * [`vault`]: sealing keys, and the texts sealed under them.
//! * [`ops`]: what is durable but no history: password hashes, sessions, lock-outs.
//! * [`digests`]: a hash of every record, noted apart. [`safekeeping`]: verification, backup, restore.
//! * [`esrs_store`]: esrs's `EventStore` over the journal; every command goes through it.
//! * [`catalogue`]: every aggregate whose events a log may hold.
//! * [`desk`]: the application service: load, seal, decide, append; conflicts decided again.
//! * [`files`]: the bytes of attachments, sealed, apart from the log.
//! * [`span`]: a stretch of an ordered list.
//! * [`tls`]: the cryptography of the connections it opens to others.
//! * [`trace`]: the id of the request that something is done for.
//!
//! This crate must *not* know of read models or of GraphQL.

pub mod catalogue;
pub mod clock;
pub mod db;
pub mod desk;
pub mod digests;
pub mod esrs_store;
pub mod files;
pub mod journal;
pub mod news;
pub mod ops;
pub mod safekeeping;
pub mod span;
pub mod store;
pub mod tls;
pub mod trace;
pub mod vault;

pub use clock::{Clock, ManualClock, SystemClock};
pub use desk::{Desk, DeskError};
pub use files::{Files, FilesUrl};
pub use journal::{Journal, JournalError, Record};
pub use span::Span;
pub use store::{Store, StoreError, StoreUrl};
pub use vault::{Vault, VaultError};
