//! GraphQL over server-sent events, in the distinct connections mode of the graphql-sse protocol: one
//! connection an operation, `next` for each result, `complete` at the end.
//!
//! A client that takes too little is told so by a code once it takes something again, and its stream is over; one that takes
//! nothing at all is cut off with its connection (`wire`).
//!
//! The id of an event is the position of what it tells. A client that comes back with it as `Last-Event-ID`
//! gets what came after, like one that subscribes `after` it.

use super::negotiation::EVENT_STREAM;
use super::request::Bad;
use super::response::Outcome;
use crate::error::{Code, Language, fault, nowhere, speak};
use crate::graphql::Resume;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a stream is silent before it is sent a line that says nothing, so that whoever stands between
/// keeps the connection open.
pub const KEEP_ALIVE: Duration = Duration::from_secs(12);

const LAST_EVENT_ID: &str = "last-event-id";

/// Where a client says it has come to.
pub fn resume(headers: &HeaderMap) -> Result<Resume, Bad> {
    let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else {
        return Ok(Resume::default());
    };
    let position = id.to_str().ok().and_then(|id| id.parse().ok());
    position.map(Resume::after).ok_or(Bad::new(
        StatusCode::BAD_REQUEST,
        (
            "Last-Event-ID 须为此事件流中某一事件的 id",
            "Last-Event-ID is the id of an event of this stream",
        ),
    ))
}

/// How long a client may take to take an event, and in which language it is told that it was too slow.
#[derive(Clone, Copy)]
pub struct Patience {
    /// How long.
    pub most: Duration,
    /// Which language.
    pub language: Language,
}

/// Outcomes as events; and at their end, whether there would have been more.
pub fn events(
    outcomes: impl Stream<Item = Outcome> + Send + 'static,
    resume: Resume,
    patience: Patience,
    is_cut_off: impl FnOnce() -> bool + Send + 'static,
) -> Response {
    let next = outcomes.map(move |outcome| {
        let position = match outcome {
            Outcome::Executed(_) => resume.reached(),
            Outcome::Failed(_) => None,
        };
        next(position, &outcome.body())
    });
    respond(next, patience, is_cut_off)
}

/// A request that never came to execution, told where the client listens: an `EventSource` shows its page
/// nothing of another answer.
pub fn refuse(bad: Bad, patience: Patience) -> Response {
    let told = next(None, &bad.outcome(patience.language).body());
    respond(stream::once(std::future::ready(told)), patience, || false)
}

/// JSON has no line breaks of its own, so that one line of data is enough.
fn next(position: Option<u64>, data: &str) -> String {
    let id = position.map_or(String::new(), |position| format!("id: {position}\n"));
    format!("{id}event: next\ndata: {data}\n\n")
}

/// At the end of a stream.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// What a client is told that was too slow, behind what it has not taken yet.
fn too_slow(language: Language) -> String {
    let mut error = nowhere(fault(Code::TooSlow));
    speak(language, &mut error);
    next(None, &Outcome::Failed(vec![error]).body()) + COMPLETE
}

/// The events of a stream, and when the last of them was handed over.
struct Handing<S> {
    events: S,
    handed: Option<Instant>,
}

/// What was cut off is not said to be complete: its client would not come back for the rest.
fn respond(
    events: impl Stream<Item = String> + Send + 'static,
    patience: Patience,
    is_cut_off: impl FnOnce() -> bool + Send + 'static,
) -> Response {
    let complete = async move { (!is_cut_off()).then(|| COMPLETE.to_owned()) };
    let complete = stream::once(complete).filter_map(std::future::ready);
    let begun = Handing {
        events: events.chain(complete).boxed(),
        handed: None,
    };
    let kept_alive = stream::unfold(Some(begun), move |handing| async move {
        let mut handing = handing?;
        // The next event is asked for when there is room for it: so long there was none.
        if handing
            .handed
            .is_some_and(|at| at.elapsed() > patience.most)
        {
            return Some((too_slow(patience.language), None));
        }
        let event = match timeout(KEEP_ALIVE, handing.events.next()).await {
            Ok(event) => event?,
            // A comment alone: with an empty line after it, some parsers take it for an event without a name.
            Err(_) => ":\n".to_owned(),
        };
        handing.handed = Some(Instant::now());
        Some((event, Some(handing)))
    });
    let headers = [
        (header::CONTENT_TYPE, EVENT_STREAM),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (
        headers,
        Body::from_stream(kept_alive.map(Ok::<_, Infallible>)),
    )
        .into_response()
}
