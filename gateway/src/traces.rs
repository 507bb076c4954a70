//! Spans for an OpenTelemetry collector, sent over HTTP when `traces.endpoint` says where to.
//!
//! A trace is the one that [`docket_core::trace`] names, so that its id is the correlation of the records. Which spans and
//! which of their fields leave the process stands in [`allowed`], and nowhere else. [`sending`] is the way out: bounded,
//! in the background, counted.
//!
//! It must *not* make a request wait, nor send anything that is not listed.

mod allowed;
mod sending;

pub use sending::{Meter, ask, meter};

use crate::outgoing::NoClient;
use crate::settings::TraceSettings;
use docket_core::trace;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingResult, SdkTracer, SdkTracerProvider,
    ShouldSample,
};
use quick_cache::sync::Cache;
use std::sync::OnceLock;
use std::time::Duration;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// How long a stop waits for the spans that are left to be sent.
pub const FLUSH_MAX: Duration = Duration::from_secs(3);
/// Most mutations remembered until they are in the views.
const PLACES_MAX: usize = 4_096;

/// What can go wrong at the start.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The client of HTTP: certificates of authorities.
    #[error("traces.endpoint cannot be asked: {0}")]
    Client(#[from] NoClient),
    /// The exporter will not have its settings.
    #[error("traces: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// The exporter of this process: what logs and traces is one for a process, too.
static EXPORTING: OnceLock<Exporting> = OnceLock::new();

struct Exporting {
    provider: SdkTracerProvider,
    /// Where in its trace a mutation is, by trace.
    places: Cache<Uuid, SpanContext>,
}

/// Most attributes of a span: more than any has.
const ATTRIBUTES_MAX: u32 = 64;

/// Starts exporting. Spans come by [`layer`] of what is given.
pub(crate) fn start(
    settings: &TraceSettings,
    runtime: &tokio::runtime::Handle,
) -> Result<SdkTracer, TracesError> {
    let root = Ratio(Sampler::TraceIdRatioBased(settings.sampling_ratio));
    let resource = Resource::builder_empty()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_id_generator(Ids::default())
        .with_resource(resource)
        // Those of the environment could leave out what a span is named by.
        .with_max_attributes_per_span(ATTRIBUTES_MAX)
        .with_span_processor(sending::processor(settings, runtime)?)
        .build();
    let tracer = provider.tracer("docket");
    let places = Cache::new(PLACES_MAX);
    let _ = EXPORTING.set(Exporting { provider, places });
    Ok(tracer)
}

/// Hands the spans that are allowed to the exporter. Neither events nor what else a span could tell of its code.
pub(crate) fn layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_error_fields_to_exceptions(false)
        .with_error_records_to_exceptions(false)
        .with_filter(tracing_subscriber::filter::filter_fn(allowed::is_allowed))
}

/// Whether spans are exported.
#[must_use]
pub fn is_on() -> bool {
    EXPORTING.get().is_some()
}

/// Sends what is left, for [`FLUSH_MAX`] at most.
pub async fn stop() {
    let stopping = tokio::task::spawn_blocking(|| {
        EXPORTING
            .get()
            .map(|exporting| exporting.provider.shutdown_with_timeout(FLUSH_MAX))
    });
    if let Ok(Some(Err(_))) = stopping.await {
        tracing::warn!("some spans were not sent before the end");
    }
}

/// A span of a trace, as `traceparent` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The trace.
    pub trace: Uuid,
    /// The span in it.
    pub span: [u8; 8],
    /// Whether its spans are exported.
    pub sampled: bool,
}

/// Puts a request's span into its trace, below the caller's span if there was one. Tells where it is.
pub(crate) fn enter(span: &Span, trace: Uuid, caller: Option<Place>) -> Option<Place> {
    EXPORTING.get()?;
    if let Some(caller) = caller {
        let flags = TraceFlags::default().with_sampled(caller.sampled);
        let remote = SpanContext::new(
            TraceId::from_bytes(caller.trace.into_bytes()),
            SpanId::from_bytes(caller.span),
            flags,
            true,
            TraceState::default(),
        );
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
    let context = trace::on_behalf_now(trace, || span.context());
    let context = context.span().span_context().clone();
    context.is_valid().then(|| Place {
        trace: Uuid::from_bytes(context.trace_id().to_bytes()),
        span: context.span_id().to_bytes(),
        sampled: context.is_sampled(),
    })
}

/// Remembers the running span as the one that what it changes is put under when it is in the views.
pub(crate) fn remember() {
    let Some(Exporting { places, .. }) = EXPORTING.get() else {
        return;
    };
    let context = Span::current().context().span().span_context().clone();
    if context.is_sampled() {
        let trace = Uuid::from_bytes(context.trace_id().to_bytes());
        places.insert(trace, context);
    }
}

/// A span for the way into the views of what a trace changed, below the mutation that did. None where that is not
/// exported, or was in another process.
pub(crate) fn projected(trace: Uuid) -> Span {
    let place = EXPORTING.get().and_then(|on| on.places.get(&trace));
    let Some(place) = place else {
        return Span::none();
    };
    let span = tracing::debug_span!(parent: None, "projected", correlation = %trace);
    let _ = span.set_parent(Context::new().with_remote_span_context(place));
    span
}

/// Samples by ratio, whatever wrote the id. The SDK looks at an id's second half as if it were random to its first bit;
/// a UUID has its variant there, so that a ratio below a half would take none of them.
#[derive(Clone, Debug)]
struct Ratio(Sampler);

impl ShouldSample for Ratio {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut bytes = trace.to_bytes();
        bytes[8..].reverse();
        let turned = TraceId::from_bytes(bytes);
        self.0
            .should_sample(parent, turned, name, kind, attributes, links)
    }
}

/// Ids of traces are those that tasks work for.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        trace::current().map_or_else(
            || self.0.new_trace_id(),
            |id| TraceId::from_bytes(id.into_bytes()),
        )
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docket_core::clock::{SystemClock, new_id};
    use opentelemetry_sdk::trace::SamplingDecision;

    #[test]
    fn a_small_ratio_takes_some_of_the_traces_that_are_named_by_commands() {
        let ratio = Ratio(Sampler::TraceIdRatioBased(0.25));
        let taken = (0..2_000)
            .map(|_| TraceId::from_bytes(new_id::<Uuid>(&SystemClock).into_bytes()))
            .filter(|id| {
                let sampled = ratio.should_sample(None, *id, "x", &SpanKind::Internal, &[], &[]);
                sampled.decision == SamplingDecision::RecordAndSample
            })
            .count();
        assert!((350..650).contains(&taken), "{taken} of 2,000");
    }
}
