//! A collector of OpenTelemetry: it takes spans over OTLP/HTTP in protobuf, or hangs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, status::StatusCode},
};
use prost::Message;
use tokio::{sync::watch, time::timeout};

use crate::stub::Stub;

/// How long what is waited for may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A span as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its name.
    pub name: String,
    /// The trace's id, in hex.
    pub trace: String,
    /// Its own id, in hex.
    pub span: String,
    /// Its parent's id, in hex; empty where it has none.
    pub parent: String,
    /// Trace and span of each link.
    pub links: Vec<(String, String)>,
    /// `Server`, `Client` or `Internal`.
    pub kind: String,
    /// Whether it failed.
    pub is_error: bool,
    /// Values as text.
    pub attributes: BTreeMap<String, String>,
    /// How many events it has.
    pub events: usize,
}

impl Exported {
    /// The attribute of this name; empty where there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// All that has come.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The spans, in the order in which they came.
    pub spans: Vec<Exported>,
    /// What they are of.
    pub resource: BTreeMap<String, String>,
    /// Every byte: paths, headers and bodies.
    pub bytes: Vec<u8>,
    /// How many requests.
    pub requests: usize,
}

struct State {
    taken: watch::Sender<Taken>,
    hangs: bool,
}

/// The collector. It ends with the test.
pub struct Collector {
    url: String,
    state: Arc<State>,
    _stub: Stub,
}

impl Collector {
    /// Starts one that takes what comes.
    #[must_use]
    pub fn start() -> Self {
        Self::with(false)
    }

    /// Starts one that takes requests and answers none.
    #[must_use]
    pub fn hanging() -> Self {
        Self::with(true)
    }

    fn with(hangs: bool) -> Self {
        let state = Arc::new(State { taken: watch::Sender::default(), hangs });
        let stub = Stub::start(state.clone(), take);
        Self { url: format!("http://{}", stub.address), state, _stub: stub }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that has come.
    #[must_use]
    pub fn taken(&self) -> Taken {
        self.state.taken.borrow().clone()
    }

    /// Waits until `enough` holds of what has come, and gives it.
    pub async fn wait(&self, enough: impl FnMut(&Taken) -> bool) -> Taken {
        let mut watch = self.state.taken.subscribe();
        let Ok(taken) = timeout(PATIENCE, watch.wait_for(enough)).await else {
            panic!("the spans that were waited for did not come, but these: {:#?}", self.taken().spans);
        };
        taken.unwrap().clone()
    }
}

async fn take(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    assert_eq!(request.path(), "/v1/traces");
    assert_eq!(request.headers().get("content-type").unwrap(), "application/x-protobuf");
    let sent = ExportTraceServiceRequest::decode(body.as_ref()).expect("it is a request of OTLP");
    state.taken.send_modify(|taken| {
        taken.requests += 1;
        taken.bytes.extend_from_slice(format!("{:?}", request.headers()).as_bytes());
        taken.bytes.extend_from_slice(&body);
        for of_resource in sent.resource_spans {
            taken.resource = attributes(of_resource.resource.unwrap_or_default().attributes);
            let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            taken.spans.extend(spans.map(exported));
        }
    });
    if state.hangs {
        std::future::pending::<()>().await;
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn exported(span: Span) -> Exported {
    Exported {
        kind: format!("{:?}", span.kind()),
        trace: hex::encode(&span.trace_id),
        span: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        links: span.links.iter().map(|link| (hex::encode(&link.trace_id), hex::encode(&link.span_id))).collect(),
        is_error: span.status.is_some_and(|status| status.code() == StatusCode::Error),
        attributes: attributes(span.attributes),
        events: span.events.len(),
        name: span.name,
    }
}

fn attributes(given: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        other => panic!("no attribute of ours has such a value: {other:?}"),
    };
    given.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}
