//! Logs and metrics.

use std::{
    error::Error,
    io::{IsTerminal, Write},
    sync::OnceLock,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

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
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails on a second call, which has no effect.
    let _ = match format {
        LogFormat::Human => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
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
