//! What is kept to be opened once: under a key that stands in its link and nowhere else, so that whoever has the store
//! alone cannot read it.

use super::{Key, NONCE_BYTES, cipher};
use crate::clock::random_bytes;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead as _;

/// Length of the key.
pub const ONCE_KEY_BYTES: usize = 32;

/// Seals something under a fresh key: the key, and the nonce with the ciphertext.
#[must_use]
pub fn seal_once(content: &[u8]) -> ([u8; ONCE_KEY_BYTES], Vec<u8>) {
    let key: [u8; ONCE_KEY_BYTES] = random_bytes();
    let nonce: [u8; NONCE_BYTES] = random_bytes();
    let sealed = cipher(&Key::new(key))
        .encrypt(XNonce::from_slice(&nonce), content)
        .expect("sealing fails only beyond 256 GiB");
    (key, [nonce.as_slice(), &sealed].concat())
}

/// Opens it; `None` with another key.
#[must_use]
pub fn open_once(key: [u8; ONCE_KEY_BYTES], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
    cipher(&Key::new(key))
        .decrypt(XNonce::from_slice(nonce), sealed)
        .ok()
}
