//! Pages of other origins that a browser lets talk to the API: those named, and by default none.
//!
//! No cookie is ever set or read, so that nothing a foreign page makes a browser send is anybody's; this is about what
//! such a page may read.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was told.
const MAX_AGE: Duration = Duration::from_mins(10);

/// What is told the pages of these origins.
pub fn layer(origins: &[HeaderValue]) -> CorsLayer {
    let traceparent = HeaderName::from_static("traceparent");
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("last-event-id"),
            traceparent.clone(),
        ])
        .expose_headers([header::RETRY_AFTER, traceparent])
        .max_age(MAX_AGE)
}
