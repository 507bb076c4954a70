//! Files sealed piece by piece, so that none is ever held whole in memory: STREAM over XChaCha20-Poly1305. Each piece
//! is authenticated by itself; one that was moved, left out or cut off does not open. Associated data binds a file to
//! its log and to the attachment it is.
//!
//! Sealed form: a byte for the form, 19 bytes of nonce, then pieces of 64 KiB with 16 bytes of tag each; the last is
//! shorter, and says that it is the last.

use super::{Key, Vault, VaultError};
use crate::clock::random_bytes;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Payload;
use chacha20poly1305::aead::generic_array::GenericArray;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};
use docket_domain::ids::{AttachmentId, KeyId};

/// Clear bytes of a piece.
pub const PIECE_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;
const NONCE_BYTES: usize = 19;
/// The form that files are sealed in now.
const FORM: u8 = 1;
/// What an error calls a file.
const FILE: &str = "file";

/// Seals a file.
pub struct Sealer {
    encryptor: EncryptorBE32<XChaCha20Poly1305>,
    aad: Vec<u8>,
    clear: Vec<u8>,
    sealed: Vec<u8>,
}

/// Opens a file.
pub struct Opener {
    key: std::sync::Arc<Key>,
    decryptor: Option<DecryptorBE32<XChaCha20Poly1305>>,
    aad: Vec<u8>,
    sealed: Vec<u8>,
}

impl Vault {
    /// Begins to seal a file under a key.
    pub async fn sealer(&self, key: KeyId, file: AttachmentId) -> Result<Sealer, VaultError> {
        let secret = self.key(key).await?;
        let secret = secret.ok_or(VaultError::Altered { field: FILE })?;
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let key: &[u8] = secret.as_slice();
        let mut sealed = vec![FORM];
        sealed.extend(nonce);
        Ok(Sealer {
            encryptor: EncryptorBE32::new(key.into(), GenericArray::from_slice(&nonce)),
            aad: self.file_data(file),
            clear: Vec::with_capacity(2 * PIECE_BYTES),
            sealed,
        })
    }

    /// Begins to open a file; `None` where its key was destroyed.
    pub async fn opener(
        &self,
        key: KeyId,
        file: AttachmentId,
    ) -> Result<Option<Opener>, VaultError> {
        let secret = self.key(key).await?;
        Ok(secret.map(|key| Opener {
            key,
            decryptor: None,
            aad: self.file_data(file),
            sealed: Vec::with_capacity(2 * PIECE_BYTES),
        }))
    }

    fn file_data(&self, file: AttachmentId) -> Vec<u8> {
        let log = self.inner.log.0;
        [
            log.as_bytes(),
            file.0.as_bytes().as_slice(),
            FILE.as_bytes(),
        ]
        .concat()
    }
}

impl Sealer {
    /// Takes clear bytes; gives those that are sealed by now.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
        while !bytes.is_empty() {
            // A piece is sealed when it is known not to be the last.
            if self.clear.len() == PIECE_BYTES {
                let payload = Payload {
                    msg: &self.clear,
                    aad: &self.aad,
                };
                let sealed = self.encryptor.encrypt_next(payload);
                self.sealed.extend(sealed.map_err(|_| too_long())?);
                self.clear.clear();
            }
            let some = bytes.len().min(PIECE_BYTES - self.clear.len());
            self.clear.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
        }
        Ok(std::mem::take(&mut self.sealed))
    }

    /// The rest.
    pub fn finish(mut self) -> Result<Vec<u8>, VaultError> {
        let payload = Payload {
            msg: &self.clear,
            aad: &self.aad,
        };
        let sealed = self.encryptor.encrypt_last(payload);
        self.sealed.extend(sealed.map_err(|_| too_long())?);
        Ok(self.sealed)
    }
}

/// 2^32 pieces: 256 TiB.
const fn too_long() -> VaultError {
    VaultError::Altered { field: FILE }
}

impl Opener {
    /// Takes sealed bytes; gives those that are open by now. Nothing is given that was not authenticated.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
        const ALTERED: VaultError = VaultError::Altered { field: FILE };
        self.sealed.extend_from_slice(bytes);
        if self.decryptor.is_none() {
            if self.sealed.len() < 1 + NONCE_BYTES {
                return Ok(Vec::new());
            }
            let header: Vec<u8> = self.sealed.drain(..=NONCE_BYTES).collect();
            if header[0] != FORM {
                return Err(ALTERED);
            }
            let key: &[u8] = self.key.as_slice();
            let nonce = GenericArray::from_slice(&header[1..]);
            self.decryptor = Some(DecryptorBE32::new(key.into(), nonce));
        }
        let mut clear = Vec::new();
        let mut at = 0;
        let whole = PIECE_BYTES + TAG_BYTES;
        if let Some(decryptor) = &mut self.decryptor {
            // A piece is opened when it is known not to be the last.
            while self.sealed.len() - at > whole {
                let payload = Payload {
                    msg: &self.sealed[at..at + whole],
                    aad: &self.aad,
                };
                clear.extend(decryptor.decrypt_next(payload).map_err(|_| ALTERED)?);
                at += whole;
            }
        }
        self.sealed.drain(..at);
        Ok(clear)
    }

    /// The rest; fails where the file was cut off.
    pub fn finish(self) -> Result<Vec<u8>, VaultError> {
        let altered = || VaultError::Altered { field: FILE };
        let payload = Payload {
            msg: &self.sealed,
            aad: &self.aad,
        };
        let decryptor = self.decryptor.ok_or_else(altered)?;
        decryptor.decrypt_last(payload).map_err(|_| altered())
    }
}
