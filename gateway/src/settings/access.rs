//! Settings of who comes in: the identity provider, and the origins whose pages may talk to the API.

use super::layers::Reading;
use super::{
    CORS_ORIGINS, OIDC_ALGORITHMS, OIDC_AUDIENCE, OIDC_CLAIM, OIDC_ISSUER, OIDC_JWKS, OIDC_LEEWAY,
    SettingsError,
};
use axum::http::HeaderValue;
use chrono::TimeDelta;
use std::net::IpAddr;

/// Algorithms that tokens of an identity provider may be signed with.
pub const ALGORITHMS: &[&str] = &["RS256", "ES256", "EdDSA"];

/// The identity provider whose tokens are taken.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// See [`OIDC_ISSUER`].
    pub issuer: String,
    /// See [`OIDC_AUDIENCE`].
    pub audience: String,
    /// See [`OIDC_JWKS`].
    pub jwks: String,
    /// See [`OIDC_ALGORITHMS`].
    pub algorithms: Vec<String>,
    /// See [`OIDC_CLAIM`].
    pub claim: String,
    /// See [`OIDC_LEEWAY`].
    pub leeway: TimeDelta,
}

/// Who comes in, and from where.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The identity provider, if there is one.
    pub oidc: Option<OidcSettings>,
    /// See [`CORS_ORIGINS`].
    pub origins: Vec<HeaderValue>,
}

impl Access {
    pub(super) fn read(read: &mut Reading<'_>) -> Result<Self, SettingsError> {
        let given = (
            read.text(&OIDC_ISSUER)?,
            read.text(&OIDC_AUDIENCE)?,
            read.text(&OIDC_JWKS)?,
        );
        let algorithms = read.text(&OIDC_ALGORITHMS)?.unwrap_or_default();
        let claim = read.text(&OIDC_CLAIM)?.unwrap_or_default();
        let leeway = read.time(&OIDC_LEEWAY)?;
        let oidc = match given {
            (Some(issuer), Some(audience), Some(jwks)) => Some(OidcSettings {
                issuer,
                audience,
                jwks,
                algorithms: words(&algorithms).map(str::to_owned).collect(),
                claim,
                leeway: TimeDelta::from_std(leeway).unwrap_or_default(),
            }),
            (None, None, None) => None,
            _ => return Err(SettingsError::PartOfOidc),
        };
        let origins = read.text(&CORS_ORIGINS)?.unwrap_or_default();
        Ok(Self {
            oidc,
            origins: words(&origins)
                .filter_map(|origin| HeaderValue::from_str(origin).ok())
                .collect(),
        })
    }
}

/// The words of a list with commas between.
pub(super) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// Whether this is where keys may be fetched: over TLS, or from this machine.
pub(super) fn is_safe_url(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    !host.is_empty() && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

/// Whether this is where something may be sent: its key is a header, not a part of what `docket config` shows.
pub(super) fn is_endpoint(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Whether this is an origin as a browser writes it: scheme, host, perhaps a port, nothing after.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else {
        return false;
    };
    let is_one = !text.contains('*');
    is_one && matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
}
