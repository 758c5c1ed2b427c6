//! The way back from events that are sent to the providers' requests that caused them.

use std::collections::HashMap;

use inlet_domain::ids::{EventId, InboundEventId, WorkspaceId};

use super::Outbox;
use crate::{error::StoreError, records::trace};

impl Outbox {
    /// The requests that caused these events, by event. The events are of providers; where no request is found, the event is left
    /// out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn causes(
        &self,
        events: &[(WorkspaceId, EventId)],
    ) -> Result<HashMap<EventId, InboundEventId>, StoreError> {
        let caused = trace::requests_of(&self.pool, events).await?;
        Ok(caused.into_iter().filter_map(|(event, request)| Some((event, request?))).collect())
    }
}
