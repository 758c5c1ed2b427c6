//! The raw log of providers' requests in the schema. Bodies are not shown here.

use std::sync::Arc;

use async_graphql::{ID, Object};
use inlet_domain::store::inbound_events;

use super::{scalars::DateTime, words};

/// A provider's request as it came, without its body.
#[derive(Clone)]
pub struct InboundEvent(pub Arc<inbound_events::InboundEvent>);

/// A provider's request as it came, without its body.
#[Object]
impl InboundEvent {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When it came.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// Its name, as far as it could be told.
    async fn event(&self) -> Option<&str> {
        self.0.event.as_deref()
    }

    /// What came of it.
    async fn outcome(&self) -> words::InboundOutcome {
        self.0.outcome.into()
    }

    /// Why, where it was not accepted.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Whether strict JSON failed.
    async fn lenient(&self) -> bool {
        self.0.lenient
    }

    /// The source that it came to.
    async fn source_id(&self) -> ID {
        ID(self.0.source_id.to_string())
    }

    /// The events that it caused; of a repeat, none.
    async fn event_ids(&self) -> Vec<ID> {
        self.0.event_ids.iter().map(|id| ID(id.to_string())).collect()
    }
}
