//! Clients of HTTP for what Docket asks of others by itself: an identity provider's keys, a collector of traces.

use std::error::Error;
use std::time::Duration;

/// There is no client.
#[derive(Debug, thiserror::Error)]
#[error("{}: are there certificates of authorities on this machine (the package ca-certificates)?", whole(.0))]
pub struct NoClient(#[from] reqwest::Error);

/// A client that goes where it is told and nowhere else. Over plain HTTP it asks without a proxy: that would be another
/// machine.
pub fn client(url: &str, timeout: Duration) -> Result<reqwest::Client, NoClient> {
    docket_core::tls::install_provider();
    let mut client = reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none());
    if url.starts_with("http:") {
        client = client.no_proxy();
    }
    Ok(client.build()?)
}

/// A word on why there was no good answer. Not the error itself: it would quote the URL.
#[must_use]
pub fn why(error: &reqwest::Error) -> String {
    if let Some(status) = error.status() {
        format!("it answers {}", status.as_u16())
    } else if error.is_timeout() {
        "it takes too long".into()
    } else if error.is_connect() {
        "it is out of reach".into()
    } else {
        "it cannot be asked".into()
    }
}

/// An error with what is behind it.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text = format!("{text}: {error}");
        behind = error.source();
    }
    text
}
