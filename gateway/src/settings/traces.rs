//! Settings of the exporter of spans.

use super::layers::Reading;
use super::{
    SettingsError, TRACES_ENDPOINT, TRACES_HEADERS, TRACES_SAMPLING_RATIO, TRACES_SERVICE_NAME,
};
use axum::http::{HeaderName, HeaderValue};

/// Where spans go, and how many of them.
#[derive(Clone)]
pub struct TraceSettings {
    /// See [`TRACES_ENDPOINT`].
    pub endpoint: String,
    /// See [`TRACES_SAMPLING_RATIO`].
    pub sampling_ratio: f64,
    /// See [`TRACES_SERVICE_NAME`].
    pub service_name: String,
    /// See [`TRACES_HEADERS`]: names and values.
    pub headers: Vec<(String, String)>,
}

impl TraceSettings {
    pub(super) fn read(read: &mut Reading<'_>) -> Result<Option<Self>, SettingsError> {
        let endpoint = read.text(&TRACES_ENDPOINT)?;
        let ratio = read.text(&TRACES_SAMPLING_RATIO)?;
        let service_name = read.text(&TRACES_SERVICE_NAME)?.unwrap_or_default();
        let headers = read.text(&TRACES_HEADERS)?.unwrap_or_default();
        let headers = headers
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| header(pair).ok_or(SettingsError::Headers))
            .collect::<Result<_, _>>()?;
        Ok(endpoint.map(|endpoint| Self {
            endpoint,
            sampling_ratio: ratio.and_then(|text| text.parse().ok()).unwrap_or(1.0),
            service_name,
            headers,
        }))
    }

    /// Whether spans and the collector's key go over a network in the clear.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        !super::access::is_safe_url(&self.endpoint)
    }
}

fn header(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let fit = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
    fit.then(|| (name.to_owned(), value.to_owned()))
}
