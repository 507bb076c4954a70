//! What a link carries, sealed under this store's keys: so that nothing is kept of a link until it is used, and every
//! process of the store knows it. No personal text belongs into one but sealed: links stand in the logs of proxies, and
//! their key is never destroyed.

use super::{Key, NONCE_BYTES, Vault, cipher};
use crate::clock::random_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};

impl Vault {
    fn link_key(&self, purpose: &str) -> Key {
        Key::new(self.keyed_hash("link", purpose.as_bytes()))
    }

    /// A link's token.
    #[must_use]
    pub fn seal_link(&self, purpose: &'static str, content: &[u8]) -> String {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let payload = Payload {
            msg: content,
            aad: purpose.as_bytes(),
        };
        let sealed = cipher(&self.link_key(purpose))
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("sealing fails only beyond 256 GiB");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// What a token carries; `None` of one that this store did not make for that.
    #[must_use]
    pub fn open_link(&self, purpose: &'static str, token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let payload = Payload {
            msg: sealed,
            aad: purpose.as_bytes(),
        };
        cipher(&self.link_key(purpose))
            .decrypt(XNonce::from_slice(nonce), payload)
            .ok()
    }
}
