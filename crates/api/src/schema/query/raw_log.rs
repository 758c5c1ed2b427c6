//! The raw log of providers' requests, and the way from them to the receivers.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::ids::AnyId;
use inlet_store::{
    log,
    records::{
        inbound_events::{self},
        trace::{self, Subject},
    },
};

use crate::{
    error::{ApiError, Result},
    execution::context::{reads, session, viewer},
    schema::types::{
        connection::{Connection, page_cost, slice},
        inbound_event::{InboundEvent, InboundEventFilter},
        scalars::Cursor,
        trace::Trace,
    },
};

/// The part of the query root for the raw log.
#[derive(Default)]
pub(super) struct RawLog;

#[Object]
impl RawLog {
    /// The providers' requests as they came, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn inbound_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Which are wanted.")] filter: Option<InboundEventFilter>,
    ) -> Result<Option<Connection<InboundEvent>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let filter = filter.unwrap_or_default().read("filter")?;
        let page = inbound_events::list(&*reads(ctx).await, scope, &filter, &slice).await;
        Ok(Some(Connection::of(page?, |row| InboundEvent(Arc::new(row)))))
    }

    /// The way from providers' requests to their events, deliveries and attempts, from any point of it: a request
    /// (`in_`), an event (`evt_`), a delivery (`dlv_`), or a message (`msg_`) with all that happened to it. Null where
    /// there is no such thing. Needs the rights to read the inbox and the settings.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn trace(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where to begin: `in_...`, `evt_...`, `dlv_...` or `msg_...`.")] id: ID,
    ) -> Result<Option<Trace>> {
        let scope = viewer(ctx)?.scope;
        let subject = match id.parse()? {
            AnyId::InboundEventId(id) => Subject::Inbound(id),
            AnyId::EventId(id) => Subject::Event(id),
            AnyId::DeliveryId(id) => Subject::Delivery(id),
            AnyId::MessageId(id) => Subject::Message(id),
            _ => {
                let message = "a trace begins at an inbound event (in_...), an event (evt_...), a delivery (dlv_...) \
                               or a message (msg_...)";
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
