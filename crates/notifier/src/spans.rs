//! The notifier's spans, and the way back from an event to the request that caused it. Names and fields of the spans are listed in
//! docs/tracing.md.

use std::{collections::HashMap, time::Duration};

use inlet_domain::{
    ids::{EventId, InboundEventId, WorkspaceId},
    scope::Actor,
    spans::TARGET,
};
use inlet_egress::HeaderValue;
use inlet_store::records::deliveries::{AttemptRecord, LogLine, Outbox, Verdict};
use tokio::time::timeout;
use tracing::{Span, field::Empty, info_span};

use crate::endpoint_queues::Job;

/// The value of the header `traceparent` that names a span; `None` where no spans are exported.
pub type Traceparent = fn(&Span) -> Option<String>;

/// The requests that caused events, by event.
pub(crate) type Causes = HashMap<EventId, InboundEventId>;

/// How long a first attempt may wait until its trace is found.
const PATIENCE: Duration = Duration::from_millis(500);

/// The span of a page of the log that becomes deliveries.
pub(crate) fn dispatch(workspace: WorkspaceId, entries: usize) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "webhook.dispatch",
        inlet.workspace = %workspace,
        inlet.batch.size = entries,
        inlet.deliveries = Empty,
        trace.link = Empty,
    )
}

/// The span of deliveries that were claimed to be sent again, or later than at once.
pub(crate) fn claim(deliveries: usize) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "webhook.claim",
        inlet.batch.size = deliveries,
        inlet.deliveries = Empty,
        trace.link = Empty,
    )
}

/// The span of one attempt, in the trace of the request that caused its event.
pub(crate) fn attempt(job: &Job) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "webhook.attempt",
        otel.kind = "client",
        inlet.workspace = %job.workspace,
        inlet.webhook = %job.receiver.id,
        inlet.delivery = %job.delivery,
        inlet.attempt = job.number,
        inlet.outcome = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
        trace.parent = Empty,
    );
    if let Some(cause) = job.parcel.cause {
        span.record("trace.parent", cause.0.as_u128());
    }
    span
}

/// Tells what came of an attempt. The answer itself and the error's text are not told: they are the receiver's.
pub(crate) fn tell_outcome(span: &Span, verdict: &Verdict, attempt: &AttemptRecord) {
    if span.is_disabled() {
        return;
    }
    let outcome = match verdict {
        Verdict::Succeeded => "succeeded",
        Verdict::Retry { .. } => "retry",
        Verdict::Exhausted => "exhausted",
    };
    span.record("inlet.outcome", outcome);
    if let Some(status) = attempt.status {
        span.record("http.response.status_code", status);
    }
    if let Some(kind) = attempt.error_kind {
        span.record("error.type", kind);
    }
}

/// The events among these whose requests can be found: those that providers caused. None where the span is disabled.
pub(crate) fn findable<'a>(
    span: &Span,
    lines: impl Iterator<Item = (WorkspaceId, &'a LogLine)>,
) -> Vec<(WorkspaceId, EventId)> {
    if span.is_disabled() {
        return Vec::new();
    }
    let by_provider = lines.filter(|(_, line)| line.actor_kind == Actor::Provider.kind());
    let mut events: Vec<_> = by_provider.map(|(workspace, line)| (workspace, line.id)).collect();
    events.sort_unstable();
    events.dedup();
    events
}

/// Finds the requests that caused these events, and links the span to them.
pub(crate) async fn link(span: &Span, outbox: &Outbox, events: Vec<(WorkspaceId, EventId)>) -> Causes {
    if events.is_empty() {
        return Causes::new();
    }
    let causes = match timeout(PATIENCE, outbox.causes(&events)).await {
        Ok(Ok(causes)) => causes,
        // Deliveries matter more than their traces: each gets a trace of its own.
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the traces of events could not be found");
            return Causes::new();
        }
        Err(_) => return Causes::new(),
    };
    let mut requests: Vec<InboundEventId> = causes.values().copied().collect();
    requests.sort_unstable();
    requests.dedup();
    for request in requests {
        span.record("trace.link", request.0.as_u128());
    }
    causes
}

/// The header that names this span to the receiver.
pub(crate) fn header(traceparent: Traceparent, span: &Span) -> Option<HeaderValue> {
    if span.is_disabled() {
        return None;
    }
    traceparent(span).and_then(|value| HeaderValue::from_str(&value).ok())
}
