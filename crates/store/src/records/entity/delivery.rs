//! The table `delivery`.

use inlet_domain::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};
use sea_orm::entity::prelude::*;

inlet_domain::text_enum! {
    /// How far a delivery has come.
    DeliveryState {
        /// The delivery waits for its next attempt.
        Pending = "pending",
        /// The delivery waits until someone resumes its webhook.
        Held = "held",
        /// The receiver accepted the event.
        Succeeded = "succeeded",
        /// Every attempt failed.
        Exhausted = "exhausted",
        /// The event was not sent: see [`SkipReason`].
        Skipped = "skipped",
    }
}

inlet_domain::text_enum! {
    /// Why a delivery was skipped.
    SkipReason {
        /// The webhook was disabled.
        Disabled = "disabled",
        /// The webhook was deleted.
        Deleted = "deleted",
        /// The retention of the event ended.
        Trimmed = "trimmed",
        /// The webhook stayed paused for longer than it holds events.
        Expired = "expired",
    }
}

/// An event on its way to a webhook.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, sqlx::FromRow)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    /// The receiver.
    pub webhook_id: WebhookId,
    /// The event to send.
    pub event_id: EventId,
    /// The event's number in the log.
    pub event_seq: i64,
    /// The event's type.
    pub event_type: String,
    /// The gapless number of the delivery for its webhook. None before the first send.
    pub sequence: Option<i64>,
    /// How far the delivery has come.
    pub status: DeliveryState,
    /// The number of attempts so far.
    pub attempts: i32,
    /// When the next attempt is due.
    pub due_at: Option<DateTimeUtc>,
    /// The time of creation.
    pub created_at: DateTimeUtc,
    /// When the delivery reached its final status.
    pub finished_at: Option<DateTimeUtc>,
    /// The reason of a skipped delivery.
    pub skipped_because: Option<SkipReason>,
}

no_relations!();
