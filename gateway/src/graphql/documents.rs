//! Parsed documents, remembered by their text: a workbench sends the same few all day, and reading one takes
//! longer than most commands.

use super::limits::check;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Documents remembered.
const DOCUMENTS_MAX: usize = 512;
/// Longest document remembered, in bytes: anybody may send any.
const REMEMBERED_BYTES_MAX: usize = 8 * 1024;

/// A request's mark: its document is parsed, and within the limits.
pub struct Checked;

/// The documents known.
pub struct Documents(Cache<String, Arc<ExecutableDocument>>);

impl Default for Documents {
    fn default() -> Self {
        Self(Cache::new(DOCUMENTS_MAX))
    }
}

impl Documents {
    /// A document that is within the limits; `None` where it is not, or is none: executing it tells why.
    pub fn checked(&self, text: &str) -> Option<Arc<ExecutableDocument>> {
        if let Some(known) = self.0.get(text) {
            return Some(known);
        }
        let document = Arc::new(parse_query(text).ok()?);
        check(&document).ok()?;
        if text.len() <= REMEMBERED_BYTES_MAX {
            self.0.insert(text.to_owned(), document.clone());
        }
        Some(document)
    }
}
