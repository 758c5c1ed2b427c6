//! The table `status_report`.

use inlet_domain::{
    ids::{InboundEventId, MessageId, StatusReportId, WorkspaceId},
    model::status::DeliveryStatus,
};
use sea_orm::entity::prelude::*;

/// One report on one message, as it arrived.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "status_report")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StatusReportId,
    /// The message that the report is about.
    pub message_id: MessageId,
    /// The request that brought the report.
    pub inbound_event_id: Option<InboundEventId>,
    /// The part of a message in parts. Empty: the whole message.
    pub part: String,
    /// The meaning of `raw_status`. None where the provider's word is unknown.
    pub status: Option<DeliveryStatus>,
    /// The provider's word for the status.
    pub raw_status: String,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's reason.
    pub reason: Option<String>,
    /// The time that the provider reports.
    pub reported_at: Option<DateTimeUtc>,
    /// The time of arrival.
    pub received_at: DateTimeUtc,
    /// The other fields of the report, by the provider's names.
    pub details: Json,
}

no_relations!();
