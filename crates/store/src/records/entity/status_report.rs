//! The table `status_report`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "status_report")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub message_id: Uuid,
    pub inbound_event_id: Option<Uuid>,
    pub part: String,
    pub status: Option<String>,
    pub raw_status: String,
    pub code: Option<String>,
    pub reason: Option<String>,
    pub reported_at: Option<DateTimeUtc>,
    pub received_at: DateTimeUtc,
    pub details: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
