//! The table `inbound_event`.

use inlet_domain::{
    ids::{EventId, InboundEventId, SourceId, WorkspaceId},
    model::outcome::Outcome,
};
use sea_orm::entity::prelude::*;

/// A provider's request as it arrived, without its body.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, sqlx::FromRow)]
#[sea_orm(table_name = "inbound_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InboundEventId,
    /// The source that the provider posted to.
    pub source_id: SourceId,
    /// The time of arrival.
    pub received_at: DateTimeUtc,
    /// The provider's name for the event. None where the request has none that the adapter finds.
    pub event: Option<String>,
    /// How the server handled the request.
    pub outcome: Outcome,
    /// Why the request was not accepted.
    pub error: Option<String>,
    /// The body is not strict JSON, and a lenient reader read it.
    pub lenient: bool,
    /// The log entries that the request caused, those of replays last.
    pub event_ids: Vec<EventId>,
    /// The time of the last replay.
    pub replayed_at: Option<DateTimeUtc>,
}

no_relations!();
