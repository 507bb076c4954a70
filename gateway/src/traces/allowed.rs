//! What leaves the process: these spans with these fields, under OpenTelemetry's names. What is not here is not sent,
//! whatever a span may come to hold.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use tracing::Metadata;

/// Longest text of an attribute: words of closed lists, patterns of paths, and ids.
const TEXT_MAX: usize = 64;

/// A span that may be sent.
struct Allowed {
    /// Its name in the source.
    name: &'static str,
    /// The module it is of.
    target: &'static str,
    kind: SpanKind,
    /// Its fields that are sent, and their names there.
    fields: &'static [(&'static str, &'static str)],
}

const METHOD: &str = "http.request.method";
const ROUTE: &str = "http.route";
const STATUS: &str = "http.response.status_code";
const OPERATION: &str = "graphql.operation.type";
/// Not `graphql.operation.name`, which is a client's to choose: the schema's first root field.
const FIELD: &str = "docket.field";
const OUTCOME: &str = "docket.outcome";
const ERROR: &str = "error.type";

static ALLOWED: [Allowed; 6] = [
    Allowed {
        name: "request",
        target: "docket_gateway::observe",
        kind: SpanKind::Server,
        fields: &[("method", METHOD), ("route", ROUTE), ("status", STATUS)],
    },
    Allowed {
        name: "operation",
        target: "docket_gateway::observe::operation",
        kind: SpanKind::Internal,
        fields: &[("kind", OPERATION), ("name", FIELD), ("outcome", OUTCOME)],
    },
    Allowed {
        name: "command",
        target: "docket_core::desk",
        kind: SpanKind::Internal,
        fields: &[("category", "docket.stream.category")],
    },
    Allowed {
        name: "append",
        target: "docket_core::journal",
        kind: SpanKind::Internal,
        fields: &[],
    },
    Allowed {
        name: "queued",
        target: "docket_core::journal",
        kind: SpanKind::Internal,
        fields: &[],
    },
    Allowed {
        name: "projected",
        target: "docket_gateway::traces",
        kind: SpanKind::Internal,
        fields: &[],
    },
];

/// Whether this is a span that may be sent. No event is.
pub(super) fn is_allowed(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && ALLOWED
            .iter()
            .any(|one| one.name == metadata.name() && one.target == metadata.target())
}

/// Leaves of a span what may be sent, under the names it has there. False for a span that may not.
pub(super) fn reduce(span: &mut SpanData) -> bool {
    let Some(allowed) = ALLOWED.iter().find(|one| one.name == span.name) else {
        return false;
    };
    let attributes = std::mem::take(&mut span.attributes);
    span.attributes = attributes
        .into_iter()
        .filter_map(|attribute| {
            let mut fields = allowed.fields.iter();
            let (_, name) = fields.find(|(field, _)| *field == attribute.key.as_str())?;
            is_plain(&attribute.value).then(|| KeyValue::new(*name, attribute.value))
        })
        .collect();
    span.dropped_attributes_count = 0;
    span.events = SpanEvents::default();
    span.links = SpanLinks::default();
    span.span_kind = allowed.kind.clone();
    (span.status, span.name) = (Status::Unset, title(allowed.name, &span.attributes));
    if let Some(error) = error_of(&span.attributes) {
        span.status = Status::error("");
        span.attributes.push(KeyValue::new(ERROR, error));
    }
    true
}

/// A number, or a short text such as words of the schema, paths and ids are: never one in Chinese.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => true,
        Value::String(text) => {
            let text = text.as_str();
            text.len() <= TEXT_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
        }
        _ => false,
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<Cow<'a, str>> {
    let mut attributes = attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.as_str())
}

/// A span's name as OpenTelemetry would have it: method and route; type of operation, and what it asks for.
fn title(name: &'static str, attributes: &[KeyValue]) -> Cow<'static, str> {
    let words = match name {
        "request" => [text(attributes, METHOD), text(attributes, ROUTE)],
        "operation" => [text(attributes, OPERATION), text(attributes, FIELD)],
        _ => return name.into(),
    };
    let words: Vec<_> = words.into_iter().flatten().collect();
    words.join(" ").into()
}

/// What a failed span failed with. A refusal is an answer, no failure.
fn error_of(attributes: &[KeyValue]) -> Option<String> {
    let status = text(attributes, STATUS).filter(|status| status.starts_with('5'));
    let outcome = text(attributes, OUTCOME)
        .filter(|outcome| !["ok", "refused", "cancelled"].contains(&&**outcome));
    status.or(outcome).map(Cow::into_owned)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId};
    use std::time::SystemTime;

    pub(in crate::traces) fn span(name: &'static str, attributes: Vec<KeyValue>) -> SpanData {
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::error("王小明"),
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    #[test]
    fn only_what_is_listed_is_left_and_of_that_what_is_plain() {
        let mut sent = span(
            "operation",
            vec![
                KeyValue::new("kind", "mutation"),
                KeyValue::new("name", "王小明"),
                KeyValue::new("outcome", "INTERNAL"),
                KeyValue::new("caller", "wang"),
            ],
        );
        assert!(reduce(&mut sent));
        assert_eq!(
            sent.attributes,
            [
                KeyValue::new(OPERATION, "mutation"),
                KeyValue::new(OUTCOME, "INTERNAL"),
                KeyValue::new(ERROR, "INTERNAL"),
            ]
        );
        assert_eq!(sent.name, "mutation");
        assert_eq!(sent.status, Status::error(""));
        assert!(!reduce(&mut span("caller", Vec::new())));
    }

    #[test]
    fn a_request_is_named_by_method_and_route_and_fails_by_its_status() {
        for (status, error) in [(200, None), (404, None), (503, Some("503"))] {
            let mut sent = span(
                "request",
                vec![
                    KeyValue::new("method", "GET"),
                    KeyValue::new("route", "/print/{token}"),
                    KeyValue::new("status", status),
                ],
            );
            assert!(reduce(&mut sent));
            assert_eq!(sent.name, "GET /print/{token}");
            assert_eq!(sent.span_kind, SpanKind::Server);
            assert_eq!(text(&sent.attributes, ERROR).as_deref(), error);
        }
    }
}
