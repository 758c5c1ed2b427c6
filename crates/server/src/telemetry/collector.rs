//! The collector: where it is, by the variables that OpenTelemetry names, and how it is called.

use std::{env, time::Duration};

use async_trait::async_trait;
use inlet_egress::{BuildError, Client, Request as Outgoing, Url};
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};

use super::export::Pace;

/// The only protocol that is built in.
const PROTOCOL: &str = "http/protobuf";
/// How much of a collector's answer is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// The protocol is another one.
    #[error(
        "spans cannot be exported by `{0}`: set OTEL_EXPORTER_OTLP_PROTOCOL to {PROTOCOL}, and \
         OTEL_EXPORTER_OTLP_ENDPOINT to the collector's port for HTTP, most often 4318"
    )]
    Protocol(String),
    /// The endpoint is no URL.
    #[error("spans cannot be exported: set {0} to the collector's URL, which begins with http:// or https://")]
    Endpoint(String),
    /// Another setting will not do.
    #[error("spans cannot be exported: check the variables whose names begin with OTEL_EXPORTER_OTLP_")]
    Exporter(#[from] ExporterBuildError),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] BuildError),
}

/// A variable of the environment; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The variable for traces, else the one for all signals: its name and its value.
fn of_traces(name: &str) -> Option<(String, String)> {
    let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
    names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
}

/// Whether the environment asks for an export.
pub(super) fn is_wanted() -> bool {
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let is_none = variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value.eq_ignore_ascii_case("none"));
    !is_disabled && !is_none && of_traces("ENDPOINT").is_some()
}

/// How spans are gathered, by the variables of the SDK's batch processor.
pub(super) fn pace() -> Pace {
    let number = |name, default| variable(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let waiting = usize::try_from(number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)).unwrap_or(2_048).max(1);
    let batch = usize::try_from(number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)).unwrap_or(512);
    Pace {
        waiting,
        batch: batch.clamp(1, waiting),
        delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 1_000)),
    }
}

/// The exporter that the environment asks for.
pub(super) fn exporter() -> Result<SpanExporter, TracingError> {
    if let Some((_, protocol)) = of_traces("PROTOCOL").filter(|(_, protocol)| protocol != PROTOCOL) {
        return Err(TracingError::Protocol(protocol));
    }
    // The exporter would call its default in place of a URL that it cannot read.
    let is_url = |text: &str| text.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if let Some((name, _)) = of_traces("ENDPOINT").filter(|(_, endpoint)| !is_url(endpoint)) {
        return Err(TracingError::Endpoint(name));
    }
    let timeout = of_traces("TIMEOUT").and_then(|(_, millis)| millis.parse().ok()).unwrap_or(10_000);
    let client = Collector { client: Client::of_operator()?, timeout: Duration::from_millis(timeout) };
    let mut exporter = SpanExporter::builder().with_http().with_http_client(client).build()?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

/// The resource of the spans. The environment may set its name; the default is `inlet`.
fn resource() -> Resource {
    let builder = || Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let resource = builder().build();
    let name = resource.get(&Key::from_static_str("service.name"));
    if name.is_some_and(|name| !name.as_str().starts_with("unknown_service")) {
        return resource;
    }
    builder().with_service_name("inlet").build()
}

/// Calls the collector over the client that everything else goes out by.
#[derive(Debug)]
struct Collector {
    client: Client,
    timeout: Duration,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let outgoing = Outgoing {
            method: head.method,
            url: head.uri.to_string().parse()?,
            headers: head.headers,
            body,
            timeout: self.timeout,
            max_body: MAX_ANSWER,
        };
        let answer = self.client.send(outgoing).await?;
        let mut response = Response::builder().status(answer.status).body(answer.body)?;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
