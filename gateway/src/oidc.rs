//! Tokens of an identity provider (`OpenID` Connect): a JWT taken in place of a session's token.
//!
//! A token says who somebody is, and nothing of what they may do: one of its claims is a login, and that account's rights
//! are Docket's to keep. Algorithms are those configured, all of public keys: what a token says of its own only chooses
//! among them.

mod keys;

pub use keys::FETCH_INTERVAL;

use crate::error::Code;
use crate::outgoing::{NoClient, why as why_not};
use crate::settings::OidcSettings;
use docket_core::clock::{Clock, SystemClock};
use docket_core::desk::REFRESH;
use docket_core::{Desk, DeskError};
use docket_domain::Timestamp;
use docket_domain::ids::AccountId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use keys::Keys;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::time::Instant;

/// Longest token looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Tokens remembered that were taken, each for as long as a session is.
const REMEMBERED_MAX: usize = 10_000;
/// Longest login a claim may give, in bytes.
const LOGIN_BYTES_MAX: usize = 200;

/// Why a provider's token was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no JWT, or lacks what one must have.
    Malformed,
    /// Its algorithm is none of those configured.
    Algorithm,
    /// The provider has no such key.
    UnknownKey,
    /// It was not signed with that key.
    Signature,
    /// Another issuer's.
    Issuer,
    /// For another audience.
    Audience,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYet,
    /// Its claim gives no login, or one that no account has.
    NoAccount,
    /// The account is deactivated.
    Deactivated,
    /// The provider's keys cannot be fetched.
    ProviderDown,
}

impl Refused {
    /// As it is told.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Malformed
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::NotYet => Code::TokenRefused,
            Self::Expired => Code::TokenExpired,
            Self::NoAccount => Code::AccountUnknown,
            Self::Deactivated => Code::AccountDeactivated,
            Self::ProviderDown => Code::ProviderUnavailable,
        }
    }

    /// What is wrong, for who mends a client; in Chinese and in English. Quotes nothing.
    #[must_use]
    pub const fn message(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => (
                "令牌不是含 iss、aud 和 exp 的 JWT",
                "the token is no JWT with iss, aud and exp",
            ),
            Self::Algorithm => (
                "令牌的签名算法不被接受",
                "the token's algorithm is not one that is taken here",
            ),
            Self::UnknownKey => ("身份认证服务没有此密钥", "the provider has no such key"),
            Self::Signature => ("令牌的签名有误", "the token's signature is wrong"),
            Self::Issuer => ("令牌由其他机构签发", "the token is another issuer's"),
            Self::Audience => ("令牌的受众不是本系统", "the token is for another audience"),
            Self::Expired => ("令牌已过期", "the token has expired"),
            Self::NotYet => ("令牌尚未生效", "the token is not valid yet"),
            Self::NoAccount => (
                "令牌没有对应的账号",
                "the token names no account there is here",
            ),
            Self::Deactivated => ("此账号已停用", "this account is deactivated"),
            Self::ProviderDown => (
                "无法取得身份认证服务的密钥",
                "the identity provider's keys cannot be fetched",
            ),
        }
    }

    /// Whether it is worth a line in the security log: what happens to anybody every day is not.
    #[must_use]
    pub const fn is_suspicious(self) -> bool {
        !matches!(self, Self::Expired | Self::ProviderDown)
    }
}

/// What came of a token.
type Taken = Result<(AccountId, Timestamp), Refused>;

#[derive(Clone, Copy)]
struct Found {
    account: AccountId,
    until: Timestamp,
    at: Instant,
}

/// The claims that are looked at. What is there and of another type makes the token malformed.
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The identity provider, as configured.
pub struct Oidc {
    settings: OidcSettings,
    algorithms: Vec<Algorithm>,
    keys: Arc<Keys>,
    known: Cache<[u8; 32], Found>,
}

impl Oidc {
    /// Nothing is fetched before the first token comes.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        Ok(Self {
            algorithms: algorithms(&settings),
            keys: Arc::new(Keys::new(&settings.jwks, clock)?),
            known: Cache::new(REMEMBERED_MAX),
            settings,
        })
    }

    /// The account that a token names, and until when it is good.
    pub async fn take(&self, desk: &Desk, token: &str) -> Result<Taken, DeskError> {
        let hash = Sha256::digest(token.as_bytes()).into();
        let remembered = self.known.get(&hash);
        if let Some(found) = remembered.filter(|found| found.at.elapsed() < REFRESH) {
            let good = desk.now() < found.until;
            return Ok(good
                .then_some((found.account, found.until))
                .ok_or(Refused::Expired));
        }
        let at = Instant::now();
        let (login, until) = match self.verify(desk.now(), token).await {
            Ok(verified) => verified,
            Err(refused) => return Ok(Err(refused)),
        };
        let Some(account) = desk.account_of(&login).await? else {
            return Ok(Err(Refused::NoAccount));
        };
        self.known.insert(hash, Found { account, until, at });
        Ok(Ok((account, until)))
    }

    async fn verify(&self, now: Timestamp, token: &str) -> Result<(String, Timestamp), Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Malformed);
        }
        // `none` and whatever is no algorithm of signatures does not come through here.
        let header = decode_header(token).map_err(|_| Refused::Malformed)?;
        if header.crit.is_some() {
            return Err(Refused::Malformed);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(Refused::Algorithm);
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // By Docket's own clock, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|e| why(e.kind()))?;
        let until = self.check_times(now, &claims.claims)?;
        let login = claims.claims.others.get(&self.settings.claim);
        let login = login.and_then(Value::as_str).map(str::trim);
        let fit = login.filter(|login| !login.is_empty() && login.len() <= LOGIN_BYTES_MAX);
        Ok((fit.ok_or(Refused::NoAccount)?.to_owned(), until))
    }

    /// Until when a token is good that is good now, clocks differing by the leeway at most.
    fn check_times(&self, now: Timestamp, claims: &Claims) -> Result<Timestamp, Refused> {
        let leeway = self.settings.leeway;
        let until = time(claims.exp).and_then(|exp| exp.checked_add_signed(leeway));
        let until = until.ok_or(Refused::Malformed)?;
        if now >= until {
            return Err(Refused::Expired);
        }
        if let Some(nbf) = claims.nbf {
            let from = time(nbf).and_then(|nbf| nbf.checked_sub_signed(leeway));
            if now < from.ok_or(Refused::Malformed)? {
                return Err(Refused::NotYet);
            }
        }
        Ok(until)
    }
}

/// Asks a provider for its keys: how many it has that sign tokens as they are taken, `None` where its answer is no set of keys, or why there
/// is no answer.
pub async fn ask(settings: &OidcSettings) -> Result<Option<usize>, String> {
    let keys =
        Keys::new(&settings.jwks, Arc::new(SystemClock)).map_err(|error| error.to_string())?;
    let counted = keys.count(&algorithms(settings)).await;
    counted.map_err(|error| why_not(&error))
}

/// Those that tokens may be signed with.
fn algorithms(settings: &OidcSettings) -> Vec<Algorithm> {
    let names = settings.algorithms.iter();
    names.filter_map(|name| public(name)).collect()
}

/// Algorithms of public keys alone: a secret that both sides know is none of ours.
fn public(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn why(kind: &ErrorKind) -> Refused {
    match kind {
        ErrorKind::InvalidSignature => Refused::Signature,
        ErrorKind::InvalidIssuer => Refused::Issuer,
        ErrorKind::InvalidAudience => Refused::Audience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Refused::Algorithm,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Refused::Issuer,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Refused::Audience,
        _ => Refused::Malformed,
    }
}

/// A time as claims write it: seconds, perhaps with a fraction, within what a calendar has.
#[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
fn time(seconds: f64) -> Option<Timestamp> {
    let fits = seconds.is_finite() && seconds.abs() < 1e12;
    fits.then(|| Timestamp::from_timestamp_millis((seconds * 1e3) as i64))?
}
