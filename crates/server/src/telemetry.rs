//! Logs, metrics and the export of spans.

mod collector;
mod export;
mod layer;
mod place;

use std::{
    error::Error,
    io::{IsTerminal, Write},
    sync::OnceLock,
};

use inlet_domain::spans::TARGET;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, FilterFn, Targets},
    fmt,
    layer::SubscriberExt,
    registry,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

pub use self::{collector::TracingError, export::Export, layer::traceparent};

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable text.
    Human,
    /// One JSON object for each line.
    Json,
}

/// Logs to standard error from now on. `filter` is a list such as `info,sqlx=warn`. Only the first call has an effect.
pub fn log(format: LogFormat, filter: &str) {
    // A second call finds the place taken, which is as it should be.
    let _ = registry().with(lines(format)).with(line_filter(filter)).with(no_exported_spans()).try_init();
}

/// Logs as [`log`] does, and exports spans where the environment asks for that. Call it within a tokio runtime.
///
/// # Errors
/// Where the environment asks for an export that is not possible.
pub fn log_and_export(format: LogFormat, filter: &str) -> Result<Option<Export>, TracingError> {
    if !collector::is_wanted() {
        log(format, filter);
        return Ok(None);
    }
    let (queue, export) = export::start(collector::exporter()?, collector::pace());
    let spans = layer::SpanLayer::new(queue).with_filter(Targets::new().with_target(TARGET, Level::INFO));
    let lines = lines(format).with_filter(line_filter(filter).and(no_exported_spans()));
    // As above.
    let _ = registry().with(lines).with(spans).try_init();
    Ok(Some(export))
}

/// Which lines are logged.
fn line_filter(filter: &str) -> EnvFilter {
    EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Keeps the spans that are for export from the log. Where nothing else wants them they are disabled, whatever is logged.
fn no_exported_spans() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    FilterFn::new(|metadata| metadata.target() != TARGET)
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Human => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// The process's metrics; the first call installs the recorder.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
            let builder = PrometheusBuilder::new();
            let recorder = builder.set_buckets(&seconds).unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            // If another recorder is installed, this handle stays empty.
            let _ = ::metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

/// Prints an error and its causes to standard error.
pub fn complain(error: &dyn Error) {
    let mut message = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    // Standard error is gone, so this error cannot be reported.
    let _ = writeln!(std::io::stderr(), "{message}");
}

#[cfg(test)]
mod tests {
    use tracing::{info_span, subscriber::with_default};

    use super::*;

    #[test]
    fn spans_are_disabled_where_nothing_is_exported_whatever_is_logged() {
        for filter in
            ["info", "trace", "inlet_spans=trace", "info,inlet_spans=debug", "[{inlet.workspace}]=trace", "=,="]
        {
            let subscriber =
                registry().with(lines(LogFormat::Json)).with(line_filter(filter)).with(no_exported_spans());
            with_default(subscriber, || {
                let span = info_span!(target: TARGET, parent: None, "any", inlet.workspace = "ws");
                assert!(span.is_disabled(), "{filter}");
                assert_eq!(traceparent(&span), None);
            });
        }
    }
}
