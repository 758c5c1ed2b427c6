//! The filters and orders of the lists of the query root.

use async_graphql::{Enum, ID, InputObject};
use inlet_domain::ids::AnyId;
use inlet_store::records::{audit, conversations, delivery_log};

use crate::{
    error::ApiError,
    schema::types::{enums, node::typed, scalars::DateTime},
};

/// Sort key of a list of conversations.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationOrderField {
    /// Time of the last activity: `lastActivityAt`.
    LastActivity,
    /// Time of creation: `createdAt`.
    Created,
}

/// Sort direction.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDirection {
    /// Ascending: the oldest first.
    Asc,
    /// Descending: the newest first.
    Desc,
}

/// Sort order of a list of conversations.
#[derive(InputObject)]
pub struct ConversationOrder {
    /// Sort key.
    field: ConversationOrderField,
    /// Sort direction.
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

impl Default for ConversationOrder {
    fn default() -> Self {
        Self { field: ConversationOrderField::LastActivity, direction: OrderDirection::Desc }
    }
}

impl ConversationOrder {
    /// The store's sort key, and whether the order is descending.
    pub(super) fn into_store(self) -> (conversations::OrderBy, bool) {
        let key = match self.field {
            ConversationOrderField::LastActivity => conversations::OrderBy::LastActivity,
            ConversationOrderField::Created => conversations::OrderBy::Created,
        };
        (key, self.direction == OrderDirection::Desc)
    }
}

/// Filter for deliveries. A delivery must match every field that is set. A list matches any of its values; an empty
/// list matches every delivery.
#[derive(InputObject, Default)]
pub struct DeliveryFilter {
    /// Global id of the webhook.
    webhook_id: Option<ID>,
    /// Global id of the event.
    event_id: Option<ID>,
    /// Statuses of the deliveries.
    #[graphql(default)]
    status: Vec<enums::DeliveryState>,
    /// Event types, such as `message.created`.
    #[graphql(default)]
    event_type: Vec<String>,
    /// Earliest time of the event, inclusive, to the millisecond.
    occurred_from: Option<DateTime>,
    /// Latest time of the event, exclusive.
    occurred_to: Option<DateTime>,
}

impl DeliveryFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub(super) fn read(self) -> Result<delivery_log::DeliveryFilter, ApiError> {
        Ok(delivery_log::DeliveryFilter {
            webhook: self.webhook_id.as_ref().map(|id| typed("filter.webhookId", id)).transpose()?,
            event: self.event_id.as_ref().map(|id| typed("filter.eventId", id)).transpose()?,
            statuses: self.status.into_iter().map(Into::into).collect(),
            event_types: self.event_type,
            from: self.occurred_from.map(|at| at.0),
            to: self.occurred_to.map(|at| at.0),
        })
    }
}

/// Filter for delivery attempts. An attempt must match every field that is set. A list matches any of its values; an
/// empty list matches every attempt.
#[derive(InputObject, Default)]
pub struct AttemptFilter {
    /// Global id of the delivery.
    delivery_id: Option<ID>,
    /// Error kinds, such as `timeout`, `connect`, `dns`, `tls`, `refused_address`, `redirect` or `status`.
    #[graphql(default)]
    error_kind: Vec<String>,
    /// HTTP statuses of the responses.
    #[graphql(default)]
    response_status: Vec<i32>,
}

impl AttemptFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub(super) fn read(self) -> Result<delivery_log::AttemptFilter, ApiError> {
        Ok(delivery_log::AttemptFilter {
            delivery: self.delivery_id.as_ref().map(|id| typed("filter.deliveryId", id)).transpose()?,
            error_kinds: self.error_kind,
            statuses: self.response_status,
        })
    }
}

/// Filter for audit log entries. An entry must match every field that is set. A list matches any of its values; an
/// empty list matches every entry.
#[derive(InputObject, Default)]
pub struct AuditLogFilter {
    /// Global ids of the members and API keys that acted.
    #[graphql(default)]
    actor_id: Vec<ID>,
    /// Names of actions, such as `createSource`.
    #[graphql(default)]
    action: Vec<String>,
    /// Global ids of the objects that were acted on.
    #[graphql(default)]
    subject_id: Vec<ID>,
    /// Earliest time of the action, inclusive, to the millisecond.
    occurred_from: Option<DateTime>,
    /// Latest time of the action, exclusive.
    occurred_to: Option<DateTime>,
}

impl AuditLogFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub(super) fn read(self) -> Result<audit::Filter, ApiError> {
        let any = |path: &str, ids: &[ID]| -> Result<Vec<_>, ApiError> {
            ids.iter().map(|id| typed::<AnyId>(path, id).map(AnyId::uuid)).collect()
        };
        Ok(audit::Filter {
            actors: any("filter.actorId", &self.actor_id)?,
            actions: self.action,
            subjects: any("filter.subjectId", &self.subject_id)?,
            from: self.occurred_from.map(|at| at.0),
            to: self.occurred_to.map(|at| at.0),
        })
    }
}
