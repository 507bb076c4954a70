//! What is done around every request and every operation, whatever they are: an id that goes with them (W3C
//! `traceparent`), spans, figures, and a panic turned into a coded answer.
//!
//! * [`request`]: around an HTTP request. [`Observed`]: around a GraphQL operation, on every transport.
//!
//! It must *not* see what a citizen wrote: names of operations are those of the schema, never a client's.

mod operation;
mod traceparent;

pub use operation::{Observed, names};
pub use traceparent::Traceparent;

use crate::error::Code;
use crate::meters::Meters;
use crate::traces;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use docket_core::trace;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tracing::{Instrument as _, field};

const TRACEPARENT: &str = "traceparent";

/// Around an HTTP request.
pub async fn request(State(meters): State<Arc<Meters>>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(TRACEPARENT);
    let caller = sent
        .and_then(|sent| sent.to_str().ok())
        .and_then(Traceparent::parse);
    let mut traceparent = caller.map_or_else(Traceparent::fresh, Traceparent::child);
    let id = traceparent.trace;
    let matched = request.extensions().get::<MatchedPath>();
    let span = tracing::debug_span!(
        "request",
        correlation = %id,
        method = known(request.method()),
        route = matched.map(MatchedPath::as_str),
        status = field::Empty,
    );
    if let Some(place) = traces::enter(&span, id, caller.map(Traceparent::place)) {
        traceparent = traceparent.at(place);
    }
    let in_flight = meters.http_in_flight();
    let answering = next.run(request).instrument(span.clone());
    let answering = AssertUnwindSafe(trace::on_behalf(id, answering));
    let mut response = answering.catch_unwind().await.unwrap_or_else(|_| {
        meters.panics.inc();
        internal()
    });
    drop(in_flight);
    meters.answered(response.status());
    span.record("status", i64::from(response.status().as_u16()));
    let value = HeaderValue::from_str(&traceparent.to_string());
    response
        .headers_mut()
        .insert(TRACEPARENT, value.expect("hexadecimal makes a header"));
    response
}

/// A method's name; one that a client made up is not told, but by the word that OpenTelemetry has for it.
fn known(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

fn internal() -> Response {
    let code = Code::Internal;
    let body = serde_json::json!({
        "errors": [{ "message": code.en(), "extensions": { "code": code.code() } }]
    });
    let media = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::INTERNAL_SERVER_ERROR, media, body.to_string()).into_response()
}
