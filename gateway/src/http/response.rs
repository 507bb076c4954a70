//! What a request came to, and how it is told over plain HTTP.

use super::Server;
use super::negotiation::Media;
use super::request::{Bad, Prepared};
use crate::admission::Held;
use crate::error::{Code, Language, fault, nowhere, speak};
use crate::graphql::Busy;
use async_graphql::parser::types::OperationType;
use async_graphql::{Executor as _, Response as GraphQLResponse, ServerError, Value};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What a request came to.
pub enum Outcome {
    /// It was executed: `data`, and perhaps errors of fields.
    Executed(GraphQLResponse),
    /// It was not, or its source of events failed: errors alone, and nothing after them.
    Failed(Vec<ServerError>),
}

impl Outcome {
    /// Of a query or mutation.
    fn of(response: GraphQLResponse) -> Self {
        if response.is_ok() || response.errors.iter().any(|error| !error.path.is_empty()) {
            Self::Executed(response)
        } else {
            Self::Failed(response.errors)
        }
    }

    /// Of one event of a subscription. An error at its root is that of the source: what it would have told
    /// is lost, so that going on would leave a gap.
    fn of_event(response: GraphQLResponse) -> Self {
        let at_root = |error: &ServerError| error.path.len() <= 1;
        if response.data == Value::Null && response.errors.iter().all(at_root) {
            Self::Failed(response.errors)
        } else {
            Self::Executed(response)
        }
    }

    /// As a GraphQL response: without `data` where nothing was executed.
    pub fn body(&self) -> String {
        let body = match self {
            Self::Executed(response) => serde_json::to_string(response),
            Self::Failed(errors) => serde_json::to_string(&serde_json::json!({ "errors": errors })),
        };
        body.unwrap_or_default()
    }

    /// How long to wait, in seconds, where something was refused for now.
    fn retry_after(&self) -> Option<u64> {
        let errors = match self {
            Self::Executed(response) => &response.errors,
            Self::Failed(errors) => errors,
        };
        let extensions = errors.iter().filter_map(|error| error.extensions.as_ref());
        let told = extensions.filter_map(|extensions| match extensions.get("retryAfter") {
            Some(Value::Number(seconds)) => seconds.as_u64(),
            _ => None,
        });
        told.max()
    }

    /// The status where the media type lets one tell.
    fn status(&self) -> StatusCode {
        let Self::Failed(errors) = self else {
            return StatusCode::OK;
        };
        let is = |code: Code| {
            let code = Value::from(code.code());
            let mut extensions = errors.iter().filter_map(|error| error.extensions.as_ref());
            extensions.any(|extensions| extensions.get("code") == Some(&code))
        };
        if is(Code::Timeout) {
            StatusCode::GATEWAY_TIMEOUT
        } else if is(Code::Unavailable) {
            StatusCode::SERVICE_UNAVAILABLE
        } else if is(Code::Internal) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

/// Executes what has one result.
pub async fn execute(server: &Server, prepared: Prepared) -> Outcome {
    let Prepared {
        request,
        held,
        language,
        deadline,
        ..
    } = prepared;
    let _held = held;
    let executed = server.schema.execute(request);
    let executed = timeout_at(deadline, executed).await;
    executed.map_or_else(|_| timed_out(language), Outcome::of)
}

fn timed_out(language: Language) -> Outcome {
    let mut error = nowhere(fault(Code::Timeout));
    speak(language, &mut error);
    Outcome::Failed(vec![error])
}

/// A subscription that is being told.
struct Telling {
    events: BoxStream<'static, GraphQLResponse>,
    /// Its place among what is under way, for as long as it is told.
    _held: Held,
    busy: Busy,
    /// Whether it was asked for anything yet.
    begun: bool,
    /// How long it may do anything else than to wait for a change.
    most: Duration,
    language: Language,
}

impl Telling {
    /// The next outcome, and what comes after it.
    async fn next(mut self) -> Option<(Outcome, Option<Self>)> {
        if std::mem::replace(&mut self.begun, true) {
            self.busy.begin();
        }
        loop {
            let until = self.busy.since().unwrap_or_else(Instant::now) + self.most;
            if let Ok(response) = timeout_at(until, self.events.next()).await {
                let outcome = Outcome::of_event(response?);
                let more = matches!(outcome, Outcome::Executed(_)).then_some(self);
                return Some((outcome, more));
            }
            let since = self.busy.since();
            if since.is_some_and(|since| since.elapsed() >= self.most) {
                return Some((timed_out(self.language), None));
            }
        }
    }
}

/// Executes anything: the one result, or a subscription's events until the client goes, its source ends, or
/// fails, or it is busy for longer than a request may take. Nothing is read ahead: the next event is looked for when the one before has been taken.
pub fn outcomes(server: Arc<Server>, prepared: Prepared) -> BoxStream<'static, Outcome> {
    if prepared.operation == Some(OperationType::Subscription) {
        let most = server.app.limits.request_timeout;
        let busy = Busy::from(prepared.deadline - most);
        let request = prepared.request.data(busy.clone());
        let telling = Telling {
            events: server.schema.execute_stream(request, None),
            _held: prepared.held,
            busy,
            begun: false,
            most,
            language: prepared.language,
        };
        let told = stream::unfold(Some(telling), |telling| async { telling?.next().await });
        told.boxed()
    } else {
        stream::once(async move { execute(&server, prepared).await }).boxed()
    }
}

/// A result, with the status that its media type asks for: in plain JSON, every answer to a well-formed
/// request is a 200.
pub fn respond(media: Media, outcome: &Outcome) -> Response {
    let status = match media {
        Media::Json => StatusCode::OK,
        Media::GraphqlResponse | Media::EventStream => outcome.status(),
    };
    let mut response = tell(media, status, outcome.body());
    if let Some(seconds) = outcome.retry_after() {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A request that never came to execution: it is not well-formed, and its status says so in any media type.
pub fn refuse(media: Media, bad: Bad, language: Language) -> Response {
    let mut response = tell(media, bad.status, bad.outcome(language).body());
    if bad.status == StatusCode::METHOD_NOT_ALLOWED {
        let allow = HeaderValue::from_static("POST");
        response.headers_mut().insert(header::ALLOW, allow);
    }
    if bad.status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = bad.retry_after {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn tell(media: Media, status: StatusCode, body: String) -> Response {
    let media = match media {
        Media::Json => "application/json; charset=utf-8",
        Media::GraphqlResponse | Media::EventStream => {
            "application/graphql-response+json; charset=utf-8"
        }
    };
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
    ];
    (status, headers, body).into_response()
}
