//! Bytes of attachments: objects in a folder, or in an S3-compatible store, through the crate `object_store`. Each is
//! written once, under a name that nobody can guess, and never changed.
//!
//! It must *not* know what is in them: whoever gives them here has sealed them.

use crate::clock::random_bytes;
use bytes::Bytes;
use docket_domain::ids::ObjectId;
use docket_domain::ticket::FileHash;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig, WriteMultipart};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Bytes given to the store at a time: the least that S3 takes for a part that is not the last.
const PART_BYTES: usize = 5 << 20;
/// Parts of one file on their way at a time.
const PARTS_AT_ONCE: usize = 2;
/// How long an S3 store may take for one request, and for all tries of it.
const S3_TIMEOUT: Duration = Duration::from_secs(30);
/// Tries of a request to an S3 store beside the first.
const S3_RETRIES: usize = 3;

/// Where attachments are: `file:DIR`, or `s3://BUCKET/PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesUrl {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store, and a prefix within it, perhaps empty.
    S3 {
        /// The bucket.
        bucket: String,
        /// What all names begin with.
        prefix: String,
    },
}

impl FromStr for FilesUrl {
    type Err = FilesError;

    fn from_str(text: &str) -> Result<Self, FilesError> {
        if let Some(dir) = text.strip_prefix("file:").filter(|dir| !dir.is_empty()) {
            return Ok(Self::Folder(dir.into()));
        }
        let rest = text.strip_prefix("s3://").ok_or(FilesError::Url)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        if !is_bucket(bucket) || !(prefix.is_empty() || Key::parse(prefix).is_ok()) {
            return Err(FilesError::Url);
        }
        Ok(Self::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        })
    }
}

impl fmt::Display for FilesUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(dir) => write!(f, "file:{}", dir.display()),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// How an S3-compatible store is reached. What is left out, the environment tells as it tells other programs
/// (`AWS_ACCESS_KEY_ID` and so on), or the machine's own role.
#[derive(Clone, Default)]
pub struct S3Access {
    /// Its address; AWS's own by default.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Who asks.
    pub access_key: Option<String>,
    /// The secret of who asks.
    pub secret_key: Option<String>,
}

impl fmt::Debug for S3Access {
    /// Never shows a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Access({:?}, {:?})", self.endpoint, self.region)
    }
}

/// What can go wrong with attachments' bytes.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No place.
    #[error("attachments are at file:DIR or s3://BUCKET/PREFIX")]
    Url,
    /// The folder cannot be made.
    #[error("the folder of attachments {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store of objects failed.
    #[error("the store of attachments failed: {}", in_one_line(.0))]
    Store(#[from] object_store::Error),
    /// What is there is not what was stored.
    #[error("the bytes of attachment {0} are not those that were stored")]
    Changed(ObjectId),
}

/// What a store says of its failure may be a page.
fn in_one_line(error: &object_store::Error) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether this can be a bucket's name, as S3 wants them.
fn is_bucket(name: &str) -> bool {
    let of = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    (3..=63).contains(&name.len())
        && name.chars().all(of)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
        && !name.contains("..")
}

/// A handle on the bytes of attachments. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// Made with the first file.
    Folder(Arc<Path>),
    S3 {
        store: Arc<dyn ObjectStore>,
        prefix: Arc<str>,
    },
}

/// A file that is being stored. Dropped before it is finished, it was never there.
pub struct Upload {
    object: ObjectId,
    parts: WriteMultipart,
}

impl Files {
    /// A place. A folder is made with its first file; an S3 store is not asked before.
    pub fn open(url: &FilesUrl, access: &S3Access) -> Result<Self, FilesError> {
        let place = match url {
            FilesUrl::Folder(dir) => Place::Folder(dir.as_path().into()),
            FilesUrl::S3 { bucket, prefix } => Place::S3 {
                store: Arc::new(s3(bucket, access)?),
                prefix: prefix.as_str().into(),
            },
        };
        Ok(Self { place })
    }

    /// A folder.
    #[must_use]
    pub fn in_folder(dir: &Path) -> Self {
        Self {
            place: Place::Folder(dir.into()),
        }
    }

    /// The folder, if it is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(dir) => Some(dir),
            Place::S3 { .. } => None,
        }
    }

    /// The store of objects; `None` of a folder that is not there yet.
    fn store(&self) -> Result<Option<Arc<dyn ObjectStore>>, FilesError> {
        Ok(match &self.place {
            Place::S3 { store, .. } => Some(store.clone()),
            Place::Folder(dir) if dir.is_dir() => {
                let store = LocalFileSystem::new_with_prefix(dir)?;
                Some(Arc::new(store.with_fsync(true)))
            }
            Place::Folder(_) => None,
        })
    }

    fn key(&self, object: ObjectId) -> Key {
        let name = within(object);
        match &self.place {
            Place::S3 { prefix, .. } if !prefix.is_empty() => Key::from(format!("{prefix}/{name}")),
            Place::S3 { .. } | Place::Folder(_) => Key::from(name),
        }
    }

    /// Begins to store a file.
    pub async fn create(&self, object: ObjectId) -> Result<Upload, FilesError> {
        if let Place::Folder(dir) = &self.place {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|source| FilesError::Folder {
                path: dir.display().to_string(),
                source,
            })?;
        }
        let store = self.store()?.ok_or(FilesError::Url)?;
        let upload = store.put_multipart(&self.key(object)).await?;
        Ok(Upload {
            object,
            parts: WriteMultipart::new_with_chunk_size(upload, PART_BYTES),
        })
    }

    /// The bytes of a file, piece by piece; `None` where there is none.
    pub async fn read(
        &self,
        object: ObjectId,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, FilesError>>>, FilesError> {
        let Some(store) = self.store()? else {
            return Ok(None);
        };
        match store.get(&self.key(object)).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(FilesError::from).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file is there.
    pub async fn has(&self, object: ObjectId) -> Result<bool, FilesError> {
        let Some(store) = self.store()? else {
            return Ok(false);
        };
        match store.head(&self.key(object)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The hash of a file's bytes; `None` where there is none.
    pub async fn hash(&self, object: ObjectId) -> Result<Option<FileHash>, FilesError> {
        let Some(mut pieces) = self.read(object).await? else {
            return Ok(None);
        };
        let mut hash = Sha256::new();
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        Ok(Some(FileHash(hash.finalize().into())))
    }

    /// Copies a file to another place: how many bytes, or `None` where there is none. Refuses one that is not as it was
    /// stored.
    pub async fn copy(
        &self,
        object: ObjectId,
        hash: FileHash,
        to: &Self,
    ) -> Result<Option<u64>, FilesError> {
        let Some(mut pieces) = self.read(object).await? else {
            return Ok(None);
        };
        let mut upload = to.create(object).await?;
        let (mut found, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = pieces.try_next().await? {
            found.update(&piece);
            bytes += piece.len() as u64;
            upload.write(&piece).await?;
        }
        if found.finalize()[..] != hash.0 {
            upload.abandon().await;
            return Err(FilesError::Changed(object));
        }
        upload.finish().await?;
        Ok(Some(bytes))
    }

    /// Removes a file, and what an upload of it left behind when it was killed. One that is not there is removed.
    pub async fn remove(&self, object: ObjectId) -> Result<(), FilesError> {
        let Some(store) = self.store()? else {
            return Ok(());
        };
        if let Place::Folder(dir) = &self.place {
            remove_drafts(&dir.join(within(object)));
        }
        match store.delete(&self.key(object)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the place can be reached, and read with the rights there are.
    pub async fn check(&self) -> Result<(), FilesError> {
        self.has(ObjectId(Uuid::from_bytes(random_bytes()))).await?;
        if let Place::S3 { store, prefix } = &self.place {
            // To be asked for a file, a bucket that is not there says what one does that has not the file.
            store.list(Some(&Key::from(&**prefix))).try_next().await?;
        }
        Ok(())
    }
}

impl Upload {
    /// Which file it is to be.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        self.object
    }

    /// Takes more of it, as fast as the store does.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.parts.wait_for_capacity(PARTS_AT_ONCE).await?;
        self.parts.write(bytes);
        Ok(())
    }

    /// On disk, or with the store, when it returns.
    pub async fn finish(self) -> Result<(), FilesError> {
        self.parts.finish().await?;
        Ok(())
    }

    /// Gives it up.
    pub async fn abandon(self) {
        // What cannot be given up now is swept later.
        let _ = self.parts.abort().await;
    }
}

/// Where a file is within its place: in one of 256 folders.
#[must_use]
pub fn within(object: ObjectId) -> String {
    let name = object.0.simple().to_string();
    format!("{}/{name}", &name[..2])
}

/// Removes the unfinished files beside one: `NAME#1` and so on, as `LocalFileSystem` calls them.
fn remove_drafts(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let draft = format!("{}#", name.to_string_lossy());
    // A folder that cannot be read has none that could be removed.
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&draft) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn s3(bucket: &str, access: &S3Access) -> Result<impl ObjectStore + use<>, FilesError> {
    crate::tls::install_provider();
    let plain = |endpoint: &String| endpoint.starts_with("http://");
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        // One object at a time is removed: not every store knows how to remove many by one request.
        .with_disable_bulk_delete(true)
        .with_client_options(
            ClientOptions::new()
                .with_timeout(S3_TIMEOUT)
                .with_allow_http(access.endpoint.as_ref().is_some_and(plain)),
        )
        .with_retry(RetryConfig {
            max_retries: S3_RETRIES,
            retry_timeout: S3_TIMEOUT,
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &access.region {
        builder = builder.with_region(region);
    }
    if let (Some(key), Some(secret)) = (&access.access_key, &access.secret_key) {
        builder = builder
            .with_access_key_id(key)
            .with_secret_access_key(secret);
    }
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let url = |text: &str| text.parse::<FilesUrl>();
        let s3 = |bucket: &str, prefix: &str| FilesUrl::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        assert_eq!(url("file:a/b").unwrap(), FilesUrl::Folder("a/b".into()));
        assert_eq!(url("s3://city").unwrap(), s3("city", ""));
        assert_eq!(
            url("s3://city/docket/files/").unwrap(),
            s3("city", "docket/files")
        );
        // A key is no part of a place.
        for wrong in [
            "file:",
            "s3://",
            "/a",
            "s3://key:secret@city/x",
            "http://a",
            "s3://City/x",
            "s3://ci/x",
            "s3://city./x",
            "s3://city/../x",
            "s3://city/a//x",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::in_folder(&dir.path().join("files"));
        let object = ObjectId(Uuid::from_u128(7));
        assert!(!files.has(object).await.unwrap());
        files.remove(object).await.unwrap();
        let mut upload = files.create(object).await.unwrap();
        upload.write(&vec![1; PART_BYTES + 1]).await.unwrap();
        assert!(!files.has(object).await.unwrap());
        // As a process that is killed leaves it.
        std::mem::forget(upload);
        files.remove(object).await.unwrap();
        let folder = dir.path().join("files").join("00");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);

        let mut upload = files.create(object).await.unwrap();
        upload.write(b"some ").await.unwrap();
        upload.write(b"bytes").await.unwrap();
        upload.finish().await.unwrap();
        let hash = files.hash(object).await.unwrap().unwrap();
        assert_eq!(hash.0[..], Sha256::digest(b"some bytes")[..]);
        let copy = Files::in_folder(&dir.path().join("copy"));
        assert_eq!(files.copy(object, hash, &copy).await.unwrap(), Some(10));
        let wrong = files.copy(object, FileHash([0; 32]), &copy).await;
        assert!(matches!(wrong, Err(FilesError::Changed(_))));
        // The copy that was there stays.
        assert_eq!(copy.hash(object).await.unwrap(), Some(hash));
        files.remove(object).await.unwrap();
        assert!(!files.has(object).await.unwrap());
        assert_eq!(files.copy(object, hash, &copy).await.unwrap(), None);
    }
}
