//! Trusted documents: the operations of an installation's own clients, in a manifest that their build makes. Asked for by
//! their ids, as in the appendix on persisted documents of GraphQL over HTTP; where the settings say so, nothing else is taken.

use crate::graphql::documents::Known;
use crate::graphql::{Tried, trial};
use crate::settings::{Limits, TrustedFiles};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Digest as _;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::signal::unix::Signal;

/// Most documents of a manifest.
pub const DOCUMENTS_MAX: usize = 10_000;
/// Largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Mistakes of a manifest that are told.
const MISTAKES_MAX: usize = 20;
/// How often the manifest is looked at when nobody sends SIGHUP.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// What the specification puts before a hash.
const PREFIX: &str = "sha256:";
/// What Apollo's manifests call themselves.
const APOLLO: &str = "apollo-persisted-query-manifest";

/// What can be wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// It cannot be read.
    #[error("documents.manifest: {path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is none.
    #[error("documents.manifest: {path}: {reason}")]
    Unfit {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
}

/// A document of the manifest.
pub struct Document {
    /// Its text.
    pub text: String,
    /// As it is executed.
    pub known: Arc<Known>,
}

type Documents = HashMap<String, Arc<Document>>;

/// The trusted documents of a server process.
#[derive(Default)]
pub struct Trusted {
    only: bool,
    documents: RwLock<Arc<Documents>>,
}

/// One operation of Apollo's manifest.
#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

impl Trusted {
    /// Reads the manifest, if there is one, and tries every document on the schema.
    pub async fn load(files: &TrustedFiles, limits: Limits) -> Result<Self, TrustedError> {
        let documents = match &files.manifest {
            Some(path) => check(path, &read(path)?, &limits).await?,
            None => Documents::new(),
        };
        Ok(Self {
            only: files.only,
            documents: RwLock::new(Arc::new(documents)),
        })
    }

    /// Whether nothing else is taken.
    #[must_use]
    pub const fn only(&self) -> bool {
        self.only
    }

    /// The document of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Document>> {
        let documents = self
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        documents.get(bare(id)).cloned()
    }

    /// Looks at the manifest at every SIGHUP and now and then. One that will not do is told, and the one before it stays.
    pub async fn keep_fresh(self: Arc<Self>, path: PathBuf, limits: Limits, mut hang_up: Signal) {
        let mut known = read(&path).ok();
        // The server keeps another handle while it lives.
        while Arc::strong_count(&self) > 1 {
            let _ = tokio::time::timeout(LOOKS_EVERY, hang_up.recv()).await;
            let fresh = match read(&path) {
                Ok(text) if known.as_ref() == Some(&text) => continue,
                Ok(text) => {
                    let fresh = check(&path, &text, &limits).await;
                    known = Some(text);
                    fresh
                }
                Err(error) => Err(error),
            };
            match fresh {
                Ok(fresh) => {
                    tracing::info!(
                        documents = fresh.len(),
                        "the trusted documents were read anew"
                    );
                    let mut documents = self.documents.write();
                    **documents
                        .as_mut()
                        .unwrap_or_else(|poisoned| poisoned.get_mut()) = Arc::new(fresh);
                }
                Err(error) => tracing::error!(%error, "the trusted documents stay as they were"),
            }
        }
    }
}

/// An id without what the specification puts before a hash: tools leave it out of their manifests.
fn bare(id: &str) -> &str {
    id.strip_prefix(PREFIX).unwrap_or(id)
}

fn read(path: &Path) -> Result<Vec<u8>, TrustedError> {
    let unreadable = |source| TrustedError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MANIFEST_BYTES_MAX {
        return Err(TrustedError::Unfit {
            path: path.display().to_string(),
            reason: format!("it is over {MANIFEST_BYTES_MAX} bytes"),
        });
    }
    std::fs::read(path).map_err(unreadable)
}

/// Ids and texts: of a map from id to text (graphql-codegen, Relay), or of Apollo's form.
fn texts(manifest: &[u8]) -> Result<Vec<(String, String)>, String> {
    let expected = "expected a JSON map from ids to documents";
    let map: Map<String, Value> =
        serde_json::from_slice(manifest).map_err(|error| format!("{expected}: {error}"))?;
    if map.get("format").and_then(Value::as_str) == Some(APOLLO) {
        let operations = map.get("operations").cloned().unwrap_or_default();
        let operations: Vec<Operation> =
            serde_json::from_value(operations).map_err(|error| format!("operations: {error}"))?;
        return Ok(operations.into_iter().map(|o| (o.id, o.body)).collect());
    }
    map.into_iter()
        .map(|(id, text)| match text {
            Value::String(text) => Ok((id, text)),
            _ => Err(format!("{expected}: that of {id:?} is no text")),
        })
        .collect()
}

async fn check(path: &Path, manifest: &[u8], limits: &Limits) -> Result<Documents, TrustedError> {
    let unfit = |reason: String| TrustedError::Unfit {
        path: path.display().to_string(),
        reason,
    };
    let texts = texts(manifest).map_err(unfit)?;
    if texts.len() > DOCUMENTS_MAX {
        return Err(unfit(format!("more than {DOCUMENTS_MAX} documents")));
    }
    let (mut documents, mut mistakes) = (Documents::new(), Vec::new());
    let schema = trial(limits);
    for (id, text) in texts {
        let hash = id.strip_prefix(PREFIX);
        if hash.is_some_and(|hash| hash != format!("{:x}", sha2::Sha256::digest(&text))) {
            mistakes.push(format!("{id}: the document is of another hash"));
            continue;
        }
        match schema.of(&text).await {
            Ok(Tried(known)) => {
                let document = Arc::new(Document { text, known });
                documents.insert(bare(&id).to_owned(), document);
            }
            Err(mistake) => mistakes.push(format!("{id}: {mistake}")),
        }
    }
    if mistakes.is_empty() {
        return Ok(documents);
    }
    let more = mistakes.len().saturating_sub(MISTAKES_MAX);
    mistakes.truncate(MISTAKES_MAX);
    if more > 0 {
        mistakes.push(format!("and {more} more"));
    }
    Err(unfit(format!(
        "these do not fit the schema\n{}",
        mistakes.join("\n")
    )))
}
