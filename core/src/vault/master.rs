//! The master key: where it comes from, and how its file is made.

use super::{Key, VaultError};
use crate::clock::random_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io::Write as _;
use std::path::Path;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Where the master key comes from.
#[derive(Clone)]
pub enum MasterKey {
    /// A file readable by its owner only; made when the key store is new.
    File(std::path::PathBuf),
    /// 32 bytes in base64url without padding, from the environment.
    Given(Zeroizing<String>),
}

impl MasterKey {
    pub(super) fn origin(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Given(_) => "DOCKET_MASTER_KEY".into(),
        }
    }

    pub(super) fn load(&self, may_make: bool) -> Result<Key, VaultError> {
        let text = match self {
            Self::Given(text) => text.clone(),
            Self::File(path) => {
                let fail = |source| VaultError::Master {
                    path: path.display().to_string(),
                    source,
                };
                if !path.exists() {
                    if !may_make {
                        return Err(VaultError::MissingMaster(path.display().to_string()));
                    }
                    make_master(path).map_err(fail)?;
                }
                Zeroizing::new(std::fs::read_to_string(path).map_err(fail)?)
            }
        };
        let bytes = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(text.trim())
                .map_err(|_| VaultError::MalformedMaster)?,
        );
        let key = bytes
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::MalformedMaster)?;
        Ok(Zeroizing::new(key))
    }
}

/// Makes a master key file whole or not at all; another process's that came first stands.
fn make_master(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let tail = Uuid::from_bytes(random_bytes()).simple().to_string();
    let draft = path.with_extension(tail);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let key: Key = Zeroizing::new(random_bytes());
    file.write_all(Zeroizing::new(URL_SAFE_NO_PAD.encode(key.as_slice())).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all(),
    }
}
