//! The provider's public keys: fetched when they are needed, kept, and fetched anew when a token names another.
//!
//! One fetch is under way at a time, and none sooner than [`FETCH_INTERVAL`] after the one before, whatever strangers
//! write into their tokens.

use super::Refused;
use crate::outgoing::{NoClient, client};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use docket_core::clock::Clock;
use docket_domain::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a fetch may take.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Least time between two fetches.
pub const FETCH_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// After so long keys are fetched anew, so that one withdrawn is not taken for ever.
pub const KEYS_FRESH: TimeDelta = TimeDelta::hours(1);
/// So long keys are taken while the provider is out of reach.
pub const KEYS_LAST: TimeDelta = TimeDelta::hours(24);
/// Largest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Most keys of a provider.
const KEYS_MAX: usize = 100;
/// Shortest modulus of an RSA key, in bytes: 2048 bits.
const RSA_BYTES_MIN: usize = 256;

/// A key that may sign tokens.
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: Arc<DecodingKey>,
}

/// The keys as they were fetched; at first none.
#[derive(Default)]
struct Set {
    keys: Vec<Key>,
    at: Option<Timestamp>,
}

impl Set {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let mut fit = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let first = fit.next()?;
        // A token that names none is taken only where there is no choice.
        let only = id.is_some() || fit.next().is_none();
        only.then(|| first.key.clone())
    }

    fn is_younger(&self, than: TimeDelta, now: Timestamp) -> bool {
        self.at.is_some_and(|at| (now - at).abs() < than)
    }
}

/// The last try to fetch.
#[derive(Clone, Copy)]
struct Tried {
    at: Timestamp,
    failed: bool,
}

/// The keys of a provider.
pub(super) struct Keys {
    url: String,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    set: Mutex<Arc<Set>>,
    tried: tokio::sync::Mutex<Option<Tried>>,
}

impl Keys {
    pub(super) fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        Ok(Self {
            url: url.to_owned(),
            client: client(url, FETCH_TIMEOUT)?,
            clock,
            set: Mutex::default(),
            tried: tokio::sync::Mutex::default(),
        })
    }

    /// Asks the provider now: how many keys it has that can sign tokens by some algorithms, `None` where its answer is no
    /// set of keys.
    pub(super) async fn count(&self, by: &[Algorithm]) -> Result<Option<usize>, reqwest::Error> {
        let keys = self.read().await?;
        let signs = |key: &&Key| by.contains(&key.algorithm);
        Ok(keys.map(|keys| keys.iter().filter(signs).count()))
    }

    /// The key that a token names.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<DecodingKey>, Refused> {
        let (set, now) = (self.set(), self.clock.now());
        if set.is_younger(KEYS_LAST, now)
            && let Some(key) = set.find(id, algorithm)
        {
            if !set.is_younger(KEYS_FRESH, now) {
                let keys = self.clone();
                tokio::spawn(async move { keys.fetch(&set).await });
            }
            return Ok(key);
        }
        let reached = self.fetch(&set).await;
        let set = self.set();
        if set.is_younger(KEYS_LAST, self.clock.now())
            && let Some(key) = set.find(id, algorithm)
        {
            return Ok(key);
        }
        Err(if reached {
            Refused::UnknownKey
        } else {
            Refused::ProviderDown
        })
    }

    fn set(&self) -> Arc<Set> {
        // Nothing that panics happens while it is held.
        self.set
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Fetches the keys, unless that was just done: whether the provider could last be reached.
    async fn fetch(&self, known: &Arc<Set>) -> bool {
        let mut tried = self.tried.lock().await;
        // While this waited, another fetched.
        if !Arc::ptr_eq(known, &self.set()) {
            return true;
        }
        let now = self.clock.now();
        if let Some(last) = *tried
            && (now - last.at).abs() < FETCH_INTERVAL
        {
            return !last.failed;
        }
        let fetched = self.ask().await;
        *tried = Some(Tried {
            at: now,
            failed: fetched.is_none(),
        });
        let Some(keys) = fetched else { return false };
        let set = Arc::new(Set {
            keys,
            at: Some(now),
        });
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = set;
        true
    }

    async fn ask(&self) -> Option<Vec<Key>> {
        match self.read().await {
            Ok(Some(keys)) => Some(keys),
            Ok(None) => {
                tracing::warn!("the identity provider's answer is no set of keys");
                None
            }
            Err(error) => {
                let error = error.without_url();
                tracing::warn!(%error, "the identity provider's keys cannot be fetched");
                None
            }
        }
    }

    async fn read(&self) -> Result<Option<Vec<Key>>, reqwest::Error> {
        let mut answer = self
            .client
            .get(&self.url)
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
        Ok(keys_of(&body))
    }
}

/// The keys in an answer that can sign tokens; what else is in it is passed over.
fn keys_of(body: &[u8]) -> Option<Vec<Key>> {
    #[derive(Deserialize)]
    struct Answer {
        keys: Vec<serde_json::Value>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let keys = answer.keys.into_iter().take(KEYS_MAX);
    Some(keys.filter_map(key_of).collect())
}

fn key_of(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = |of: &PublicKeyUse| *of == PublicKeyUse::Signature;
    if !jwk.common.public_key_use.as_ref().is_none_or(signs) {
        return None;
    }
    // The key says what it is for; never the token.
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            (modulus.len() >= RSA_BYTES_MIN).then_some(Algorithm::RS256)?
        }
        AlgorithmParameters::EllipticCurve(ec) => {
            (ec.curve == EllipticCurve::P256).then_some(Algorithm::ES256)?
        }
        AlgorithmParameters::OctetKeyPair(pair) => {
            (pair.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA)?
        }
        _ => return None,
    };
    let said = jwk.common.key_algorithm.map(|said| format!("{said:?}"));
    if said.is_some_and(|said| said != format!("{algorithm:?}")) {
        return None;
    }
    Some(Key {
        id: jwk.common.key_id.clone(),
        algorithm,
        key: Arc::new(DecodingKey::from_jwk(&jwk).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_keys_that_sign_are_taken() {
        let x = URL_SAFE_NO_PAD.encode([7; 32]);
        let modulus = |bytes| URL_SAFE_NO_PAD.encode(vec![0x81; bytes]);
        let ed = |more: serde_json::Value| {
            let mut key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
            let more = more.as_object().unwrap().clone();
            key.as_object_mut().unwrap().extend(more);
            key
        };
        let taken = |key: serde_json::Value| {
            let keys = keys_of(json!({ "keys": [key] }).to_string().as_bytes());
            keys.unwrap().first().map(|key| key.algorithm)
        };
        let rsa = |bytes| json!({ "kty": "RSA", "n": modulus(bytes), "e": "AQAB" });
        let ec = |curve: &str| json!({ "kty": "EC", "crv": curve, "x": x, "y": x });
        assert_eq!(taken(ed(json!({}))), Some(Algorithm::EdDSA));
        assert_eq!(
            taken(ed(json!({ "use": "sig", "alg": "EdDSA" }))),
            Some(Algorithm::EdDSA)
        );
        assert_eq!(taken(ed(json!({ "use": "enc" }))), None);
        assert_eq!(taken(ed(json!({ "alg": "HS256" }))), None);
        assert_eq!(taken(rsa(256)), Some(Algorithm::RS256));
        assert_eq!(taken(rsa(128)), None, "too short");
        assert_eq!(taken(ec("P-256")), Some(Algorithm::ES256));
        assert_eq!(taken(ec("P-384")), None);
        assert_eq!(taken(json!({ "kty": "oct", "k": x })), None, "no secrets");
        assert_eq!(taken(json!({ "kty": "new" })), None);
        assert!(keys_of(b"<html>").is_none());
    }
}
