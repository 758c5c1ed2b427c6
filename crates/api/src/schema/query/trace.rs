//! Traces of providers' requests.

use async_graphql::{Context, ID, Object};
use inlet_domain::ids::AnyId;
use inlet_store::{
    log,
    records::trace::{self, Subject},
};

use crate::{
    error::{ApiError, Result},
    execution::context::{reads, session, viewer},
    schema::types::trace::Trace,
};

/// The part of the query root for traces.
#[derive(Default)]
pub(super) struct Traces;

#[Object]
impl Traces {
    /// Trace of providers' requests to their events, deliveries and attempts. Start from a request (`in_...`), an event
    /// (`evt_...`), a delivery (`dlv_...`) or a message (`msg_...`, with everything that happened to it). Null if the
    /// object does not exist. Needs the rights `read_inbox` and `read_settings`.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn trace(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object to start from: `in_...`, `evt_...`, `dlv_...` or `msg_...`.")] id: ID,
    ) -> Result<Option<Trace>> {
        let scope = viewer(ctx)?.scope;
        let subject = match id.parse()? {
            AnyId::InboundEventId(id) => Subject::Inbound(id),
            AnyId::EventId(id) => Subject::Event(id),
            AnyId::DeliveryId(id) => Subject::Delivery(id),
            AnyId::MessageId(id) => Subject::Message(id),
            _ => {
                let message = "pass the id of an inbound event (in_...), an event (evt_...), a delivery (dlv_...) or a \
                               message (msg_...)";
                return Err(ApiError::input("id", message));
            }
        };
        let database = reads(ctx).await;
        let Some(found) = trace::trace(&database, scope, subject).await? else {
            return Ok(None);
        };
        let epoch = log::state(&database.pool, scope).await?.epoch;
        Ok(Some(Trace::of(found, epoch, &session(ctx)?.credential)))
    }
}
