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
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use docket_core::trace;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tracing::Instrument as _;

const TRACEPARENT: &str = "traceparent";

/// Around an HTTP request.
pub async fn request(State(meters): State<Arc<Meters>>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(TRACEPARENT);
    let traceparent = sent
        .and_then(|sent| sent.to_str().ok())
        .and_then(Traceparent::parse)
        .map_or_else(Traceparent::fresh, Traceparent::child);
    let id = traceparent.trace;
    let span =
        tracing::debug_span!("request", correlation = %id, method = %known(request.method()));
    let in_flight = meters.http_in_flight();
    let answering = AssertUnwindSafe(trace::on_behalf(id, next.run(request)).instrument(span));
    let mut response = answering.catch_unwind().await.unwrap_or_else(|_| {
        meters.panics.inc();
        internal()
    });
    drop(in_flight);
    meters.answered(response.status());
    let value = HeaderValue::from_str(&traceparent.to_string());
    response
        .headers_mut()
        .insert(TRACEPARENT, value.expect("hexadecimal makes a header"));
    response
}

/// A method's name; one that a client made up is not told.
fn known(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
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
