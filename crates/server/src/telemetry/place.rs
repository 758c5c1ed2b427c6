//! Where a span stands: its trace, its own id, and whether it is exported.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The trace of a provider's request, of the bits of the request's id. The low half is turned left by two bits, for its two
/// highest bits are the same in every UUID, and samplers by ratio go by the highest bits of that half.
pub(super) fn trace_of(request: u128) -> TraceId {
    let high = request & !u128::from(u64::MAX);
    TraceId::from(high | u128::from(turned(request)))
}

/// The first span of that trace.
pub(super) fn root_of(request: u128) -> SpanId {
    SpanId::from(turned(request))
}

fn turned(request: u128) -> u64 {
    (request as u64).rotate_left(2)
}

/// The context of a span. `sampled` is what the sampler says of its trace.
pub(super) fn context(trace: TraceId, span: SpanId, sampled: bool) -> SpanContext {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    SpanContext::new(trace, span, flags, false, TraceState::default())
}

/// The context of an outsider's span, from the value of a header `traceparent` (W3C Trace Context, version 00).
pub(super) fn foreign(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_whole =
        version == "00" && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2) && parts.next().is_none();
    if !is_whole {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The value of the header `traceparent` that names a span.
pub(super) fn traceparent(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
}

#[cfg(test)]
mod tests {
    use inlet_domain::ambient::Ambient;
    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

    use super::*;

    #[test]
    fn a_request_has_one_trace_and_no_two_share_it() {
        let ambient = Ambient::system();
        let (one, two) = (ambient.uuid().as_u128(), ambient.uuid().as_u128());
        assert_eq!((trace_of(one), root_of(one)), (trace_of(one), root_of(one)));
        assert_ne!(trace_of(one), trace_of(two));
        assert_ne!(root_of(one), root_of(two));
        let known = 0x0199_0000_0000_7000_8000_0000_0000_0001;
        assert_eq!(trace_of(known).to_string(), "01990000000070000000000000000006");
        assert_eq!(root_of(known).to_string(), "0000000000000006");
    }

    #[test]
    fn a_sampler_by_ratio_takes_that_share_of_requests() {
        let ambient = Ambient::system();
        for ratio in [0.1, 0.5, 0.9] {
            let sampler = Sampler::TraceIdRatioBased(ratio);
            let is_taken = |id: u128| {
                let result = sampler.should_sample(None, trace_of(id), "", &SpanKind::Server, &[], &[]);
                result.decision == SamplingDecision::RecordAndSample
            };
            let taken = (0..10_000).filter(|_| is_taken(ambient.uuid().as_u128())).count();
            let share = taken as f64 / 10_000.0;
            assert!((share - ratio).abs() < 0.05, "{ratio}: {share}");
        }
    }

    #[test]
    fn a_traceparent_is_read_as_it_is_written_and_nothing_else_is() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = foreign(text).unwrap();
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(traceparent(&context), text);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
        ] {
            assert!(foreign(bad).is_none(), "{bad}");
        }
    }
}
