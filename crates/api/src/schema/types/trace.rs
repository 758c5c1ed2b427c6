//! The way of a provider's request through the house, in the schema.

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

/// The way from providers' requests over the events that they caused to their deliveries, whose `attempts` end it.
#[derive(SimpleObject)]
pub struct Trace {
    /// The requests, oldest first.
    inbound_events: Vec<InboundEvent>,
    /// The events, in the log's order, each with what caused it and where it went.
    steps: Vec<TraceStep>,
    /// Whether there was more than 200 requests, events or deliveries of one event.
    truncated: bool,
}

/// An event with what caused it and where it went.
#[derive(SimpleObject)]
pub struct TraceStep {
    /// The event's id.
    event_id: ID,
    /// The event; null where it is past retention or the viewer may not see it.
    event: Option<Event>,
    /// The request that caused it; null where no provider did, or it is past retention.
    inbound_event_id: Option<ID>,
    /// Where it went.
    deliveries: Vec<Delivery>,
    /// The webhooks that it did not go to, and why. (Of one that was paused or disabled the delivery tells.)
    missed: Vec<MissedWebhook>,
}

/// A webhook that an event did not go to.
#[derive(SimpleObject)]
pub struct MissedWebhook {
    /// The webhook, as it stands.
    webhook: Webhook,
    /// Why.
    reason: enums::Miss,
}

impl Trace {
    /// Of the store's, in this life of the log, as a viewer may see it.
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
