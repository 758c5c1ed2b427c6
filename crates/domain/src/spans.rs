//! The spans of tracing.
//!
//! A crate makes its spans with `tracing` alone. The server exports them, and nothing else, where an OTLP endpoint is set. Where
//! none is, each span is disabled and costs the check of one flag.
//!
//! Some fields place a span among the others. They take the bits of the id of a provider's request (an
//! [`InboundEventId`](crate::ids::InboundEventId)), from which every process computes the same trace id:
//!
//! | field | the span is |
//! |---|---|
//! | `trace.root` | the first span of the request's trace |
//! | `trace.parent` | a child of that first span |
//! | `trace.link` | linked to that first span; may be recorded many times |
//! | `trace.foreign` | linked to the span that a `traceparent` of an outsider names |
//!
//! All other fields are exported as attributes, so none may hold a text of a message, a secret, or a URL.

/// The target of every span that is exported.
pub const TARGET: &str = "inlet_spans";
