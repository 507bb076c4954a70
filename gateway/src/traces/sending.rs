//! The way to the collector: a bounded queue, batches sent in the background, and everything that is lost counted.
//!
//! The SDK's own batch processor does the gathering. Around it are a count of what waits, so that a span too many is
//! dropped and told of, and a count of what became of each batch.

use super::{TracesError, allowed};
use crate::outgoing::{client, why};
use crate::settings::TraceSettings;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use opentelemetry::Context;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use prometheus_client::metrics::counter::Counter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Most spans that wait to be sent; one more is dropped.
const QUEUE_MAX: usize = 8_192;
/// Most spans of one message.
const BATCH_MAX: usize = 512;
/// How long spans wait for others before they are sent.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take for a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Least time between two warnings.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// What became of spans.
#[derive(Clone, Default)]
pub struct Meter {
    /// The collector took them.
    pub exported: Counter,
    /// Too many waited.
    pub dropped: Counter,
    /// The collector was out of reach, or did not take them.
    pub failed: Counter,
}

/// The figures of this process's exporter.
#[must_use]
pub fn meter() -> Meter {
    static METER: LazyLock<Meter> = LazyLock::new(Meter::default);
    METER.clone()
}

/// Takes spans that ended, to send them.
pub(super) fn processor(
    settings: &TraceSettings,
    runtime: &Handle,
) -> Result<impl SpanProcessor + use<>, TracesError> {
    let last = Arc::new(Mutex::new(String::new()));
    let client = Client {
        http: client(&settings.endpoint, SEND_TIMEOUT)?,
        headers: headers(settings),
        runtime: runtime.clone(),
        last: last.clone(),
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&settings.endpoint)
        .with_timeout(SEND_TIMEOUT)
        // A message that was not taken is not sent again: those behind it would wait.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    let waiting = Arc::new(AtomicUsize::new(0));
    let counted = Counted {
        inner: exporter,
        waiting: waiting.clone(),
        warned: Mutex::default(),
        last,
    };
    // Its own bound is never come to: what it drops it does not count for others.
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(2 * QUEUE_MAX)
        .with_max_export_batch_size(BATCH_MAX)
        .with_scheduled_delay(DELAY)
        .build();
    let inner = BatchSpanProcessor::builder(counted)
        .with_batch_config(config)
        .build();
    Ok(Bounded { inner, waiting })
}

/// What goes with each message. The SDK would add what it finds in the environment.
fn headers(settings: &TraceSettings) -> HeaderMap {
    let given = settings
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)));
    let kind = HeaderValue::from_static("application/x-protobuf");
    given.chain([(header::CONTENT_TYPE, kind)]).collect()
}

/// Sends a collector a message without spans: whether it would take some, or why not.
pub async fn ask(settings: &TraceSettings) -> Result<(), String> {
    let client = client(&settings.endpoint, SEND_TIMEOUT).map_err(|error| error.to_string())?;
    let mut request = client
        .post(&settings.endpoint)
        .header("content-type", "application/x-protobuf");
    for (name, value) in &settings.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("it answers {}", response.status().as_u16())),
        Err(error) => Err(why(&error)),
    }
}

/// Drops what the queue has no room for. What it lets through is reduced to what may be sent.
#[derive(Debug)]
struct Bounded<P> {
    inner: P,
    waiting: Arc<AtomicUsize>,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if !allowed::reduce(&mut span) {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            meter().dropped.inc();
            return;
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what became of each batch.
#[derive(Debug)]
struct Counted<E> {
    inner: E,
    waiting: Arc<AtomicUsize>,
    warned: Mutex<Option<Instant>>,
    last: Arc<Mutex<String>>,
}

impl<E> Counted<E> {
    /// Warns that spans are lost, now and then.
    fn warn(&self, why: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
            *warned = Some(Instant::now());
            tracing::warn!(
                why,
                "the collector of traces did not take spans; they are lost"
            );
        }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let exported = self.inner.export(batch).await;
        let count = count as u64;
        if exported.is_ok() {
            meter().exported.inc_by(count);
        } else {
            meter().failed.inc_by(count);
            // Its own error holds the URL, and what the collector said.
            let why = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            self.warn(&why);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Our own client of HTTP, for a thread that is not the runtime's.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    headers: HeaderMap,
    runtime: Handle,
    /// Why the last message was not taken.
    last: Arc<Mutex<String>>,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        *request.headers_mut() = self.headers.clone();
        let (http, request) = (self.http.clone(), request.try_into()?);
        // Made there, too: its timer is the runtime's.
        let sent = async move { http.execute(request).await };
        let answer = self.runtime.spawn(sent).await?;
        let problem = match &answer {
            Ok(answer) if answer.status().is_success() => String::new(),
            Ok(answer) => format!("it answers {}", answer.status().as_u16()),
            Err(error) => why(error),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        // What it says besides is not read: it may say any amount of it.
        let answer = answer?;
        let mut told = Response::new(Bytes::new());
        *told.status_mut() = answer.status();
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::allowed::tests::span;
    use super::*;

    /// Keeps what it is handed, as if nothing could be sent.
    #[derive(Debug, Default)]
    struct Kept(Arc<AtomicUsize>);

    impl SpanProcessor for Kept {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, _: SpanData) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn a_span_too_many_is_dropped_and_told_of() {
        let kept = Arc::new(AtomicUsize::new(0));
        let bounded = Bounded {
            inner: Kept(kept.clone()),
            waiting: Arc::default(),
        };
        let before = meter().dropped.get();
        for _ in 0..QUEUE_MAX + 3 {
            bounded.on_end(span("request", Vec::new()));
            // One that is not told of takes no room.
            bounded.on_end(span("caller", Vec::new()));
        }
        assert_eq!(kept.load(Ordering::Relaxed), QUEUE_MAX);
        assert_eq!(meter().dropped.get() - before, 3);
        // Once some are on their way there is room.
        bounded.waiting.fetch_sub(2, Ordering::Relaxed);
        for _ in 0..3 {
            bounded.on_end(span("request", Vec::new()));
        }
        assert_eq!(kept.load(Ordering::Relaxed), QUEUE_MAX + 2);
        assert_eq!(meter().dropped.get() - before, 4);
    }
}
