//! Apply's span. Its name and fields are listed in docs/tracing.md.

use inlet_domain::{command::Inbound, spans::TARGET};
use tracing::{Span, info_span};

/// The span of one transaction, linked to the requests in it.
pub(super) fn batch(batch: &[&Inbound]) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "apply.batch",
        inlet.batch.size = batch.len(),
        inlet.outcome = "rolled_back",
        trace.link = tracing::field::Empty,
    );
    if !span.is_disabled() {
        for inbound in batch {
            span.record("trace.link", inbound.id.0.as_u128());
        }
    }
    span
}
