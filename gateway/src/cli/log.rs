//! Logging: to standard error, as text or as one JSON object a line.

use super::Failed;
use crate::settings::{LOG_FILTER, LogFormat};
use crate::traces;
use opentelemetry_sdk::trace::SdkTracer;
use std::panic::PanicHookInfo;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Starts logging. A span that closes is a line of its own, with the time it took. A tracer is told of spans, too,
/// whatever the log's filter says. A line that cannot be written, on a full disk or to whoever reads no more, is lost:
/// to say so on standard error as well would fail the same way, and panic.
pub(super) fn start(
    format: LogFormat,
    filter: &str,
    tracer: Option<SdkTracer>,
) -> Result<(), Failed> {
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("{}: {error}", LOG_FILTER.name))?;
    std::panic::set_hook(Box::new(panicked));
    if let Some(tracer) = tracer {
        let lines = tracing_subscriber::fmt::layer()
            .with_span_events(FmtSpan::CLOSE)
            .log_internal_errors(false)
            .with_writer(std::io::stderr);
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(traces::layer(tracer))
            .init();
        return Ok(());
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init(),
    }
    Ok(())
}

/// Logs where a panic was. Not what it says: a panic over a text quotes that text, and it may be a citizen's.
fn panicked(panic: &PanicHookInfo<'_>) {
    // Whoever reads what a command prints may stop to, and a disk be full: that is no bug.
    let says = panic.payload_as_str().unwrap_or_default();
    if let Some(why) = says.strip_prefix("failed printing to stdout: ") {
        tracing::error!(why, "what it says cannot be printed");
        return;
    }
    let place = panic
        .location()
        .map_or_else(|| "somewhere".into(), ToString::to_string);
    tracing::error!(%place, "a bug: this should never happen; please report where it was");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_by_its_place_and_not_by_what_it_quotes() {
        let lines = Lines::default();
        let writer = lines.clone();
        let logging = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(panicked));
        let caller = String::from("王小明");
        let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            tracing::subscriber::with_default(logging, || caller[..1].to_owned());
        }));
        std::panic::set_hook(before);
        assert!(cut.is_err());
        let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(said.contains("gateway/src/cli/log.rs:"), "{said}");
        assert!(!said.contains("王小明"), "{said}");
    }
}
