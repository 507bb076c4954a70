//! Parsed documents, remembered by their text: a workbench sends the same few all day, and reading one takes
//! longer than most commands.

use super::limits::read;
use crate::settings::Shape;
use async_graphql::Name;
use async_graphql::parser::types::ExecutableDocument;
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Documents remembered.
const DOCUMENTS_MAX: usize = 512;
/// Longest document remembered, in bytes: anybody may send any.
const REMEMBERED_BYTES_MAX: usize = 8 * 1024;

/// A document that is within the limits.
pub struct Known {
    /// A number of its own, in this process.
    pub id: u64,
    /// As it was sent.
    pub document: ExecutableDocument,
    /// Whether it is executed as it stands.
    pub is_collected: bool,
    /// Set once it was found valid.
    pub is_valid: OnceLock<()>,
    /// Variables that ask for so many rows.
    pub pages: Vec<Name>,
}

/// A number that no document has had yet.
pub fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A request's mark: its document is parsed, and within the limits.
pub struct Checked;

/// The documents known.
pub struct Documents {
    shape: Shape,
    known: Cache<String, Arc<Known>>,
}

impl Documents {
    /// None yet.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            known: Cache::new(DOCUMENTS_MAX),
        }
    }

    /// A document that is within the limits; `None` where it is not, or is none: executing it tells why.
    pub fn checked(&self, text: &str) -> Option<Arc<Known>> {
        if let Some(known) = self.known.get(text) {
            return Some(known);
        }
        let read = Arc::new(read(text, &self.shape).ok()?);
        if text.len() <= REMEMBERED_BYTES_MAX {
            self.known.insert(text.to_owned(), read.clone());
        }
        Some(read)
    }
}
