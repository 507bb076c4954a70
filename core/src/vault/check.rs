//! Looking at sealed texts and keys without giving anything away: for verification and restoring.

use super::{MasterKey, NONCE_BYTES, Vault, VaultError, cipher, unwrap};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use docket_domain::Sealed;
use zeroize::Zeroizing;

/// What became of a sealed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It opens.
    Whole,
    /// Its key is not there: destroyed, or lost.
    WithoutKey,
    /// It does not belong where it was found, or was altered.
    Altered,
}

impl Vault {
    /// Whether a sealed text opens as a field; what it says is not told.
    pub async fn check(&self, field: &str, sealed: &Sealed) -> Result<Found, VaultError> {
        let Some(secret) = self.key(sealed.key).await? else {
            return Ok(Found::WithoutKey);
        };
        let aad = self.associated_data(sealed.event, field);
        let opened = URL_SAFE_NO_PAD
            .decode(&sealed.sealed_box)
            .ok()
            .and_then(|bytes| {
                let (nonce, msg) = bytes.split_at_checked(NONCE_BYTES)?;
                let payload = Payload { msg, aad: &aad };
                let clear = cipher(&secret).decrypt(XNonce::from_slice(nonce), payload);
                clear.ok().map(Zeroizing::new)
            });
        Ok(if opened.is_some() {
            Found::Whole
        } else {
            Found::Altered
        })
    }
}

/// Whether a master key opens the look-up secret of a key store.
pub(crate) fn opens(master: &MasterKey, wrapped_lookup: &[u8]) -> Result<bool, VaultError> {
    let master = master.load(false)?;
    Ok(unwrap(&master, b"lookup", wrapped_lookup).is_some())
}
