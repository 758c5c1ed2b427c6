//! The table `attempt`.

use inlet_domain::ids::{AttemptId, DeliveryId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// One HTTP exchange of a delivery.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttemptId,
    /// The delivery that made the attempt.
    pub delivery_id: DeliveryId,
    /// The number of the attempt: 1, 2, 3 ...
    pub number: i32,
    /// The time of the request.
    pub started_at: DateTimeUtc,
    /// The duration of the exchange.
    pub duration_ms: i32,
    /// The HTTP status of the response.
    pub response_status: Option<i32>,
    /// The headers of the response, as one object.
    pub response_headers: Option<Json>,
    /// The first 16 KiB of the response's body.
    pub response_body: Option<Vec<u8>>,
    /// The kind of failure, in one word. None on success.
    pub error_kind: Option<String>,
    /// The failure, for people.
    pub error: Option<String>,
}

no_relations!();
