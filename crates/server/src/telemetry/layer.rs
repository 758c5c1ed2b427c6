//! From spans of `tracing` to spans of OpenTelemetry. `inlet_domain::spans` tells what the fields mean. Log lines are never a part
//! of a span: they may quote the database, and so a text of a message.

use opentelemetry::{
    InstrumentationScope, Key, KeyValue, Value,
    trace::{Link, SpanContext, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::{
    Config, IdGenerator, RandomIdGenerator, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks,
};
use tracing::{
    Dispatch, Span, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{export::Queue, place};

/// Hands each span to the export when it ends.
pub(super) struct SpanLayer {
    queue: Queue,
    places: Places,
    scope: InstrumentationScope,
    most_links: usize,
}

/// Gives spans their places.
struct Places {
    ids: RandomIdGenerator,
    sampler: Box<dyn ShouldSample>,
}

impl Places {
    fn context(&self, trace: opentelemetry::trace::TraceId, span: SpanId) -> SpanContext {
        // Every sampler that the SDK's variables name goes by the trace's id alone, so all processes decide alike.
        let sampled = self.sampler.should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
        place::context(trace, span, sampled.decision == SamplingDecision::RecordAndSample)
    }

    fn alone(&self) -> SpanContext {
        self.context(self.ids.new_trace_id(), self.ids.new_span_id())
    }

    fn root(&self, request: u128) -> SpanContext {
        self.context(place::trace_of(request), place::root_of(request))
    }

    fn child(&self, request: u128) -> SpanContext {
        self.context(place::trace_of(request), self.ids.new_span_id())
    }
}

/// A span that has not ended.
struct Open {
    context: SpanContext,
    parent: SpanId,
    kind: SpanKind,
    started: std::time::SystemTime,
    attributes: Vec<KeyValue>,
    links: SpanLinks,
}

impl Open {
    /// By the conventions of OpenTelemetry a request that was refused for its own fault is no error of the server.
    fn status(&self) -> Status {
        let is_failure = self.attributes.iter().any(|attribute| match attribute.key.as_str() {
            "error.type" => true,
            "http.response.status_code" => {
                self.kind == SpanKind::Server && matches!(attribute.value, Value::I64(status) if status >= 500)
            }
            _ => false,
        });
        if is_failure { Status::error("") } else { Status::Unset }
    }
}

impl SpanLayer {
    /// Samples as the environment says.
    pub(super) fn new(queue: Queue) -> Self {
        let Config { sampler, span_limits, .. } = Config::default();
        Self {
            queue,
            places: Places { ids: RandomIdGenerator::default(), sampler },
            scope: InstrumentationScope::builder("inlet").with_version(env!("CARGO_PKG_VERSION")).build(),
            most_links: usize::try_from(span_limits.max_links_per_span).unwrap_or(usize::MAX),
        }
    }

    fn fields<'a>(&'a self, open: &'a mut Open) -> Fields<'a> {
        Fields { layer: self, open }
    }

    fn ended(&self, name: &'static str, open: Open) -> SpanData {
        SpanData {
            status: open.status(),
            span_context: open.context,
            parent_span_id: open.parent,
            parent_span_is_remote: open.parent != SpanId::INVALID,
            span_kind: open.kind,
            name: name.into(),
            start_time: open.started,
            end_time: opentelemetry::time::now(),
            attributes: open.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: open.links,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut open = Open {
            context: self.places.alone(),
            parent: SpanId::INVALID,
            kind: SpanKind::Internal,
            started: opentelemetry::time::now(),
            attributes: Vec::with_capacity(attributes.fields().len()),
            links: SpanLinks::default(),
        };
        attributes.record(&mut self.fields(&mut open));
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(&mut self.fields(open));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let (Some(span), Some(followed)) = (context.span(id), context.span(follows)) else { return };
        let Some(followed) = context_of(&followed) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            self.fields(open).link(followed);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let open = span.extensions_mut().remove::<Open>();
        if let Some(open) = open.filter(|open| open.context.is_sampled()) {
            self.queue.offer(self.ended(span.name(), open));
        }
    }
}

fn context_of<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<SpanContext> {
    span.extensions().get::<Open>().map(|open| open.context.clone())
}

/// The value of the header `traceparent` that names this span; `None` where no spans are exported.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    let context = span.with_subscriber(|(id, dispatch): (&Id, &Dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        context_of(&registry.span(id)?)
    });
    context.flatten().map(|context| place::traceparent(&context))
}

/// Takes the fields of a span in.
struct Fields<'a> {
    layer: &'a SpanLayer,
    open: &'a mut Open,
}

impl Fields<'_> {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        let (key, value) = (Key::from_static_str(field.name()), value.into());
        match self.open.attributes.iter_mut().find(|attribute| attribute.key == key) {
            Some(attribute) => attribute.value = value,
            None => self.open.attributes.push(KeyValue::new(key, value)),
        }
    }

    fn link(&mut self, to: SpanContext) {
        let links = &mut self.open.links;
        if links.links.len() < self.layer.most_links {
            links.links.push(Link::with_context(to));
        } else {
            links.dropped_count += 1;
        }
    }
}

impl Visit for Fields<'_> {
    fn record_u128(&mut self, field: &Field, value: u128) {
        let places = &self.layer.places;
        match field.name() {
            "trace.root" => self.open.context = places.root(value),
            "trace.parent" => {
                self.open.context = places.child(value);
                self.open.parent = place::root_of(value);
            }
            "trace.link" => self.link(places.root(value)),
            _ => self.set(field, value.to_string()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match (field.name(), value) {
            ("trace.foreign", traceparent) => {
                if let Some(foreign) = place::foreign(traceparent) {
                    self.link(foreign);
                }
            }
            ("otel.kind", "server") => self.open.kind = SpanKind::Server,
            ("otel.kind", "client") => self.open.kind = SpanKind::Client,
            _ => self.set(field, value.to_owned()),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}
