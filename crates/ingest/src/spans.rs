//! The door's spans. Their names and fields are listed in docs/tracing.md.

use actix_web::{HttpRequest, http::Method};
use inlet_domain::{ids::InboundEventId, model::source::Source, spans::TARGET};
use tracing::{Span, field::Empty, info_span};

/// The span of a provider's HTTP request. The path is not told, for it holds the source's token.
pub(crate) fn request(request: &HttpRequest) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "provider.request",
        otel.kind = "server",
        http.request.method = method(request.method()),
        http.route = "/in/{token}",
        http.response.status_code = Empty,
        inlet.workspace = Empty,
        inlet.source = Empty,
        inlet.provider = Empty,
        inlet.request_id = Empty,
        inlet.outcome = Empty,
        inlet.refusal = Empty,
        trace.root = Empty,
        trace.foreign = request.headers().get("traceparent").and_then(|value| value.to_str().ok()),
    )
}

/// The span of one of several events in the body of `request`, the first of a trace of its own.
pub(crate) fn element(request: &Span, source: &Source) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "provider.event",
        inlet.workspace = Empty,
        inlet.source = Empty,
        inlet.provider = Empty,
        inlet.request_id = Empty,
        inlet.outcome = Empty,
        trace.root = Empty,
    );
    span.follows_from(request);
    tell_source(&span, source);
    span
}

/// Tells whose request it is.
pub(crate) fn tell_source(span: &Span, source: &Source) {
    if span.is_disabled() {
        return;
    }
    span.record("inlet.workspace", tracing::field::display(source.workspace));
    span.record("inlet.source", tracing::field::display(source.id));
    span.record("inlet.provider", source.provider.as_str());
}

/// Tells under which id the request is kept, which gives the trace its id.
pub(crate) fn tell_id(span: &Span, id: InboundEventId) {
    if span.is_disabled() {
        return;
    }
    span.record("inlet.request_id", tracing::field::display(id));
    span.record("trace.root", id.0.as_u128());
}

/// A method's name. One that HTTP does not define is an outsider's text, and is not told.
fn method(method: &Method) -> &str {
    let known =
        [&Method::GET, &Method::POST, &Method::PUT, &Method::PATCH, &Method::DELETE, &Method::HEAD, &Method::OPTIONS];
    if known.contains(&method) { method.as_str() } else { "_OTHER" }
}
