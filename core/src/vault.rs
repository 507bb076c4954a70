//! The vault: sealing keys, and the texts sealed under them.
//!
//! Every caller, respondent, ticket and account has a key of its own; keys are stored wrapped by a master
//! key. Destroying a key erases what was sealed under it, while the log and its hashes stay as they are.
//! XChaCha20-Poly1305 throughout; associated data binds a text to its log, event and field.
//!
//! It must *not* know what the texts are about.

mod check;
mod erasure;
mod link;
mod marks;
mod master;
mod once;
mod stream;

pub use check::Found;
pub(crate) use check::opens;
pub(crate) use erasure::destroy_within;
pub use erasure::{ERASED_WITHIN, Erasure};
pub use marks::NewMark;
pub use master::MasterKey;
pub use once::{ONCE_KEY_BYTES, open_once, seal_once};
pub use stream::{Opener, PIECE_BYTES, Sealer};

use crate::clock::{Clock, random_bytes};
use crate::db::{Db, Value, list, pieces};
use crate::values;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use docket_domain::Sealed;
use docket_domain::ids::{EventId, KeyId, LogId};
use docket_domain::sealed::KeyOwner;
use hmac::{Hmac, Mac};
use quick_cache::sync::Cache;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

/// Unwrapped keys kept in memory.
pub const KEYS_CACHED: usize = 100_000;
/// Most requests for new keys in one transaction.
const BATCH_MAX: usize = 256;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, wrapped {bytes} NOT NULL);
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, wrapped {bytes} NOT NULL, created_at BIGINT NOT NULL,
    same_as {bytes} UNIQUE
);
CREATE TABLE IF NOT EXISTS marks (
    subject TEXT NOT NULL, kind TEXT NOT NULL, hash {bytes} NOT NULL, made_at BIGINT NOT NULL,
    PRIMARY KEY (subject, kind)
);
CREATE INDEX IF NOT EXISTS marks_by_hash ON marks (hash, made_at);
CREATE TABLE IF NOT EXISTS erasures (
    id TEXT PRIMARY KEY, at BIGINT NOT NULL, ground TEXT NOT NULL, tickets TEXT NOT NULL,
    accounts TEXT NOT NULL, destroyed TEXT NOT NULL, done_at BIGINT
);
";

/// A 256-bit key, wiped from memory when dropped.
type Key = Zeroizing<[u8; 32]>;

/// What can go wrong with the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The master key is not the one the keys were wrapped with.
    #[error("the master key does not open this key store: restore the right one ({0})")]
    WrongMaster(String),
    /// The master key cannot be read or made.
    #[error("the master key {path}: {source}")]
    Master {
        /// Its file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The master key is not 32 bytes in base64.
    #[error("the master key must be 32 bytes in base64url without padding")]
    MalformedMaster,
    /// Keys exist, but the master key is gone.
    #[error(
        "the key store holds keys, but their master key {0} is missing: restore it from its backup"
    )]
    MissingMaster(String),
    /// A sealed text does not fit its key, log, event or field: somebody moved or changed it.
    #[error("a sealed {field} does not belong where it was found, or was altered")]
    Altered {
        /// The field.
        field: &'static str,
    },
    /// The key store failed.
    #[error("the key store failed: {0}")]
    Database(Arc<sqlx::Error>),
    /// The vault is closed.
    #[error("the vault is closed")]
    Closed,
}

impl From<sqlx::Error> for VaultError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id, if nothing with the same `same_as` has one yet.
    pub id: KeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// What makes two owners the same (a phone number, say): one key for both.
    pub same_as: Option<String>,
}

/// A handle on the vault. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    log: LogId,
    master: Key,
    lookup: Key,
    cache: Cache<KeyId, Arc<Key>>,
    watch: erasure::Watch,
    queue: mpsc::Sender<Request>,
    clock: Arc<dyn Clock>,
}

struct Row {
    id: KeyId,
    owner: KeyOwner,
    wrapped: Vec<u8>,
    /// A keyed hash of what makes two owners the same.
    same_as: Option<Vec<u8>>,
}

struct Request {
    rows: Vec<Row>,
    marks: Vec<marks::Row>,
    reply: oneshot::Sender<Result<Made, VaultError>>,
}

struct Made {
    ids: Vec<KeyId>,
    /// Whether every key of the batch is new: none was there before.
    all_new: bool,
}

impl Vault {
    /// Opens the key store of a log, making it if it is empty.
    pub async fn open(
        db: Db,
        log: LogId,
        master: MasterKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, VaultError> {
        db.create(SCHEMA).await?;
        let empty = db
            .fetch_optional("SELECT 1 FROM secrets", vec![])
            .await?
            .is_none();
        let origin = master.origin();
        let master = master.load(empty)?;
        if empty {
            let fresh = wrap(&master, b"lookup", &Zeroizing::new(random_bytes::<32>()));
            let sql = "INSERT INTO secrets VALUES ('lookup', $1) ON CONFLICT DO NOTHING";
            db.execute(sql, values![fresh]).await?;
        }
        let row = db
            .fetch_optional("SELECT wrapped FROM secrets WHERE name = 'lookup'", vec![])
            .await?;
        let wrapped = row
            .ok_or_else(|| VaultError::WrongMaster(origin.clone()))?
            .bytes(0)?;
        let lookup = unwrap(&master, b"lookup", &wrapped).ok_or(VaultError::WrongMaster(origin))?;
        let (queue, requests) = mpsc::channel(BATCH_MAX * 4);
        tokio::spawn(make_keys(db.clone(), requests, clock.clone()));
        let cache = Cache::new(KEYS_CACHED);
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                log,
                master,
                lookup,
                cache,
                watch: erasure::Watch::new(),
                queue,
                clock,
            }),
        })
    }

    /// A keyed hash: equal for equal input, telling nothing without the key.
    #[must_use]
    pub fn keyed_hash(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.inner.lookup)
            .expect("HMAC takes keys of any length");
        mac.update(
            &u32::try_from(purpose.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        mac.update(purpose.as_bytes());
        mac.update(value);
        mac.finalize().into_bytes().into()
    }

    /// Makes keys, on disk when it returns. Gives the ids to use: for a key whose `same_as` is known, the
    /// one there is.
    pub async fn make_keys(&self, keys: Vec<NewKey>) -> Result<Vec<KeyId>, VaultError> {
        self.make_keys_and_marks(keys, Vec::new()).await
    }

    /// Makes keys as [`Self::make_keys`] does, and marks beside them.
    pub async fn make_keys_and_marks(
        &self,
        keys: Vec<NewKey>,
        marks: Vec<NewMark>,
    ) -> Result<Vec<KeyId>, VaultError> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut secrets = Vec::with_capacity(keys.len());
        for new in keys {
            let secret: Key = Zeroizing::new(random_bytes());
            let wrapped = wrap(&self.inner.master, new.id.0.as_bytes(), &secret);
            let hash = |same: String| self.keyed_hash("same_owner", same.as_bytes()).to_vec();
            secrets.push((new.id, Arc::new(secret)));
            rows.push(Row {
                id: new.id,
                owner: new.owner,
                wrapped,
                same_as: new.same_as.map(hash),
            });
        }
        let (reply, made) = oneshot::channel();
        self.inner
            .queue
            .send(Request {
                rows,
                marks: self.marked(marks),
                reply,
            })
            .await
            .map_err(|_| VaultError::Closed)?;
        let Made { ids, all_new } = made.await.map_err(|_| VaultError::Closed)??;
        // Never cache a secret that is not the one on disk: what is sealed under it could not be opened.
        if all_new {
            for (id, secret) in secrets {
                self.inner.cache.insert(id, secret);
            }
        }
        Ok(ids)
    }

    /// Seals a text for a field of an event.
    pub async fn seal(
        &self,
        key: KeyId,
        event: EventId,
        field: &'static str,
        text: &str,
    ) -> Result<Sealed, VaultError> {
        let secret = self.key(key).await?.ok_or(VaultError::Altered { field })?;
        Ok(self.seal_with(&secret, key, event, field, text))
    }

    fn seal_with(
        &self,
        secret: &Key,
        key: KeyId,
        event: EventId,
        field: &str,
        text: &str,
    ) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let aad = self.associated_data(event, field);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &aad,
        };
        let ciphertext = cipher(secret)
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("sealing fails only beyond 256 GiB");
        let sealed_box = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat());
        let chars = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Sealed {
            key,
            event,
            chars,
            sealed_box,
        }
    }

    /// Opens a sealed text. `None`: its key was destroyed, the text is erased.
    pub async fn open_text(
        &self,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let Some(secret) = self.key(sealed.key).await? else {
            return Ok(None);
        };
        let altered = || VaultError::Altered { field };
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.sealed_box)
            .map_err(|_| altered())?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(altered)?;
        let aad = self.associated_data(sealed.event, field);
        let clear = cipher(&secret)
            .decrypt(
                XNonce::from_slice(nonce),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map_err(|_| altered())?;
        String::from_utf8(clear).map(Some).map_err(|_| altered())
    }

    fn associated_data(&self, event: EventId, field: &str) -> Vec<u8> {
        [
            self.inner.log.0.as_bytes().as_slice(),
            event.0.as_bytes(),
            field.as_bytes(),
        ]
        .concat()
    }

    /// Fetches keys by few statements, as far as they are not at hand: for texts that are opened together. More than are kept
    /// are not fetched.
    pub async fn fetch_keys(&self, ids: &[KeyId]) -> Result<(), VaultError> {
        self.notice_erasures().await?;
        let missing = ids.iter().filter(|id| self.inner.cache.get(*id).is_none());
        let missing: Vec<KeyId> = missing.copied().take(KEYS_CACHED).collect();
        let before = self.inner.watch.generation();
        for piece in pieces(&missing) {
            let list = list(1, piece.len());
            let sql = format!("SELECT id, wrapped FROM keys WHERE id IN ({list})");
            let values = piece.iter().map(|id| Value::from(id.0)).collect();
            for row in self.inner.db.fetch_all(&sql, values).await? {
                let id = KeyId(row.uuid(0)?);
                let secret = unwrap(&self.inner.master, id.0.as_bytes(), &row.bytes(1)?)
                    .ok_or_else(|| VaultError::WrongMaster(format!("key {id}")))?;
                self.inner.cache.insert(id, Arc::new(secret));
            }
        }
        // Destroyed while they were read: not to be remembered.
        if self.inner.watch.generation() != before {
            for id in &missing {
                self.inner.cache.remove(id);
            }
        }
        Ok(())
    }

    async fn key(&self, id: KeyId) -> Result<Option<Arc<Key>>, VaultError> {
        self.notice_erasures().await?;
        if let Some(key) = self.inner.cache.get(&id) {
            return Ok(Some(key));
        }
        let before = self.inner.watch.generation();
        let sql = "SELECT wrapped FROM keys WHERE id = $1";
        let Some(row) = self.inner.db.fetch_optional(sql, values![id.0]).await? else {
            return Ok(None);
        };
        let secret = unwrap(&self.inner.master, id.0.as_bytes(), &row.bytes(0)?)
            .ok_or_else(|| VaultError::WrongMaster(format!("key {id}")))?;
        let secret = Arc::new(secret);
        self.inner.cache.insert(id, secret.clone());
        // Destroyed while it was read: not to be remembered.
        if self.inner.watch.generation() != before {
            self.inner.cache.remove(&id);
        }
        Ok(Some(secret))
    }

    /// The settings that keep its keys safe.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, VaultError> {
        Ok(self.inner.db.settings().await?)
    }

    /// The clock the vault was opened with.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_slice().into())
}

fn wrap(master: &Key, name: &[u8], secret: &Key) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = random_bytes();
    let payload = Payload {
        msg: secret.as_slice(),
        aad: name,
    };
    let sealed = cipher(master)
        .encrypt(XNonce::from_slice(&nonce), payload)
        .expect("sealing fails only beyond 256 GiB");
    [nonce.as_slice(), &sealed].concat()
}

fn unwrap(master: &Key, name: &[u8], wrapped: &[u8]) -> Option<Key> {
    let (nonce, sealed) = wrapped.split_at_checked(NONCE_BYTES)?;
    let payload = Payload {
        msg: sealed,
        aad: name,
    };
    let clear = Zeroizing::new(
        cipher(master)
            .decrypt(XNonce::from_slice(nonce), payload)
            .ok()?,
    );
    Some(Zeroizing::new(clear.as_slice().try_into().ok()?))
}

/// Group commit of new keys and marks. Runs until every handle on the vault is gone.
async fn make_keys(db: Db, mut requests: mpsc::Receiver<Request>, clock: Arc<dyn Clock>) {
    while let Some(first) = requests.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(more) = requests.try_recv()
        {
            batch.push(more);
        }
        let result = match insert_keys(&db, &batch, &*clock).await {
            // Every key was new: so no owner had one.
            Ok(true) => Ok((true, HashMap::new())),
            Ok(false) => holders(&db, &batch).await.map(|holders| (false, holders)),
            Err(error) => Err(error),
        }
        .map_err(Arc::new);
        for request in batch {
            let reply = match &result {
                Ok((all_new, holders)) => Ok(Made {
                    ids: request
                        .rows
                        .iter()
                        .map(|row| row.settled(holders))
                        .collect(),
                    all_new: *all_new,
                }),
                Err(error) => Err(VaultError::Database(error.clone())),
            };
            // A caller that has gone away leaves an unused key behind, which harms nobody.
            let _ = request.reply.send(reply);
        }
    }
}

/// Whether every key was new. One whose owner has a key already is not made.
async fn insert_keys(db: &Db, batch: &[Request], clock: &dyn Clock) -> Result<bool, sqlx::Error> {
    let mut rows: Vec<&Row> = batch.iter().flat_map(|request| &request.rows).collect();
    // In one order in every process: two that make the same keys at once must not wait for each other.
    rows.sort_unstable_by_key(|row| (&row.same_as, row.id.0));
    let now = clock.now();
    let values = rows.iter().map(|row| {
        let (wrapped, same_as) = (row.wrapped.clone(), row.same_as.clone());
        values![row.id.0, owner_name(row.owner), wrapped, now, same_as]
    });
    let mut tx = db.begin().await?;
    // A command sent again makes the same key again: the first stands.
    let stands = "ON CONFLICT DO NOTHING";
    let inserted = tx
        .insert("INSERT INTO keys", stands, values.collect())
        .await?;
    let marks = batch.iter().flat_map(|request| &request.marks);
    marks::insert(&mut tx, marks.collect(), now).await?;
    tx.commit().await?;
    Ok(inserted == rows.len() as u64)
}

const fn owner_name(owner: KeyOwner) -> &'static str {
    match owner {
        KeyOwner::Caller => "caller",
        KeyOwner::Respondent => "respondent",
        KeyOwner::Ticket => "ticket",
        KeyOwner::Account => "account",
        KeyOwner::Office => "office",
    }
}

/// Which key each owner named in a batch has.
async fn holders(db: &Db, batch: &[Request]) -> Result<HashMap<Vec<u8>, KeyId>, sqlx::Error> {
    let rows = batch.iter().flat_map(|request| &request.rows);
    let hashes: Vec<&Vec<u8>> = rows.filter_map(|row| row.same_as.as_ref()).collect();
    let mut holders = HashMap::with_capacity(hashes.len());
    for piece in pieces(&hashes) {
        let list = list(1, piece.len());
        let sql = format!("SELECT same_as, id FROM keys WHERE same_as IN ({list})");
        let values = piece.iter().map(|hash| Value::from(hash.as_slice()));
        for row in db.fetch_all(&sql, values.collect()).await? {
            holders.insert(row.bytes(0)?, KeyId(row.uuid(1)?));
        }
    }
    Ok(holders)
}

impl Row {
    /// The key to use: the one its owner has, if it is known under another.
    fn settled(&self, holders: &HashMap<Vec<u8>, KeyId>) -> KeyId {
        let held = self.same_as.as_ref().and_then(|hash| holders.get(hash));
        held.copied().unwrap_or(self.id)
    }
}
