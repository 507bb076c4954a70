//! Printed forms (打印): pages that a browser prints on A4 as they are, without its own header or footer, behind
//! links that end soon, whichever of a store's processes is asked.
//!
//! * [`form`]: what stands on each form. [`page`]: how it looks.

pub mod form;
pub mod page;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use docket_core::ops::{Ops, OpsError};
use docket_core::vault::{ONCE_KEY_BYTES, open_once, seal_once};
use docket_domain::Timestamp;
use sha2::{Digest as _, Sha256};

/// How long a link works.
pub const LINK_LASTS: TimeDelta = TimeDelta::minutes(2);

/// As which the store knows a link: its key is not there.
fn name_of(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Keeps a page for a while, for whichever process is asked for it, and gives the token of its link: whoever has it
/// sees the page.
pub async fn keep(ops: &Ops, page: &str, until: Timestamp) -> Result<String, OpsError> {
    let (key, sealed) = seal_once(page.as_bytes());
    ops.keep_print(&name_of(&key), &sealed, until).await?;
    Ok(URL_SAFE_NO_PAD.encode(key))
}

/// The page of a link, once, while that works.
pub async fn take(ops: &Ops, token: &str) -> Result<Option<String>, OpsError> {
    let key = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let Ok(key) = <[u8; ONCE_KEY_BYTES]>::try_from(key) else {
        return Ok(None);
    };
    let sealed = ops.take_print(&name_of(&key)).await?;
    let page = sealed.and_then(|sealed| open_once(key, &sealed));
    Ok(page.and_then(|page| String::from_utf8(page).ok()))
}
