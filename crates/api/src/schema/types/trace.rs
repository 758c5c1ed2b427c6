//! Traces of providers' requests in the schema.

use std::sync::Arc;

use async_graphql::{ID, SimpleObject};
use inlet_store::{log::LogEntry, records::trace};

use super::{
    enums,
    event::Event,
    inbound_event::InboundEvent,
    webhook::{Delivery, Webhook},
};
use crate::access::{credential::Credential, visible::may_see};

/// The path of providers' requests through Inlet: the requests, the events that they raised, and the deliveries of
/// these events. `Delivery.attempts` completes it.
#[derive(SimpleObject)]
pub struct Trace {
    /// Requests, oldest first.
    inbound_events: Vec<InboundEvent>,
    /// Events in log order, each with its cause and its deliveries.
    steps: Vec<TraceStep>,
    /// Whether the trace is cut: it shows at most 200 requests, 200 events, and 200 deliveries of one event.
    truncated: bool,
}

/// An event, with its cause and its deliveries.
#[derive(SimpleObject)]
pub struct TraceStep {
    /// Global id of the event.
    event_id: ID,
    /// The event. Null if it is past retention, or the viewer may not see it.
    event: Option<Event>,
    /// Global id of the request that caused the event. Null if no request did, or it is past retention.
    inbound_event_id: Option<ID>,
    /// Deliveries of the event.
    deliveries: Vec<Delivery>,
    /// Webhooks that did not get the event, with the reason. A paused or disabled webhook has a delivery instead.
    missed: Vec<MissedWebhook>,
}

/// A webhook that did not get an event.
#[derive(SimpleObject)]
pub struct MissedWebhook {
    /// The webhook, in its present state.
    webhook: Webhook,
    /// Reason why the webhook did not get the event.
    reason: enums::Miss,
}

impl Trace {
    /// From a trace of the store, in this epoch of the log, as far as a viewer may see it.
    #[must_use]
    pub fn of(trace: trace::Trace, epoch: i32, credential: &Credential) -> Self {
        let event = |entry: LogEntry| may_see(credential, &entry).then(|| Event::of_log(Arc::new(entry), epoch));
        Self {
            inbound_events: trace.inbound.into_iter().map(|inbound| InboundEvent(Arc::new(inbound))).collect(),
            steps: trace
                .steps
                .into_iter()
                .map(|step| TraceStep {
                    event_id: ID(step.event.to_string()),
                    event: step.entry.and_then(event),
                    inbound_event_id: step.inbound.map(|id| ID(id.to_string())),
                    deliveries: step.deliveries.into_iter().map(|delivery| Delivery(Arc::new(delivery))).collect(),
                    missed: step
                        .missed
                        .into_iter()
                        .map(|missed| MissedWebhook { webhook: Webhook(missed.webhook), reason: missed.reason.into() })
                        .collect(),
                })
                .collect(),
            truncated: trace.truncated,
        }
    }
}
