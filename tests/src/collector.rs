//! A collector of OpenTelemetry traces within the test's process: it takes OTLP over HTTP and keeps what it was sent.

use crate::store::PATIENCE;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A message as it came.
#[derive(Clone)]
pub struct Sent {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Sent {
    fn request(&self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(self.bytes.clone()).expect("it is OTLP")
    }
}

type Messages = watch::Sender<Vec<Sent>>;

/// A collector on a free port of this machine.
pub struct Collector {
    /// Where it takes traces.
    pub endpoint: String,
    messages: Messages,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let messages = Messages::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(messages.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, messages }
    }

    /// Every message so far.
    #[must_use]
    pub fn messages(&self) -> Vec<Sent> {
        self.messages.borrow().clone()
    }

    /// Every span so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        spans(&self.messages.borrow())
    }

    /// Every span, as soon as they are what is waited for.
    pub async fn spans_when(&self, are: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let mut messages = self.messages.subscribe();
        let waiting = messages.wait_for(|messages| are(&spans(messages)));
        let come = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(come.is_ok(), "they do not come: {:#?}", self.spans());
        self.spans()
    }

    /// What the spans are said to be of.
    #[must_use]
    pub fn resources(&self) -> Vec<BTreeMap<String, String>> {
        let messages = self.messages.borrow();
        let requests = messages.iter().map(Sent::request);
        let resources = requests.flat_map(|request| request.resource_spans);
        resources
            .map(|spans| attributes(&spans.resource.unwrap_or_default().attributes))
            .collect()
    }
}

async fn take(State(messages): State<Messages>, headers: HeaderMap, bytes: Bytes) {
    messages.send_modify(|messages| messages.push(Sent { headers, bytes }));
}

fn spans(messages: &[Sent]) -> Vec<Span> {
    let requests = messages.iter().map(Sent::request);
    let resources = requests.flat_map(|request| request.resource_spans);
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Attributes by their names, as text.
#[must_use]
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), text(attribute).unwrap_or_default()))
        .collect()
}
