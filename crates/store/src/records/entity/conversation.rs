//! The table `conversation`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub channel_id: Uuid,
    pub address_id: Uuid,
    pub contact_id: Option<Uuid>,
    pub group_id: Option<Uuid>,
    pub status: String,
    pub provider_status: Option<String>,
    pub external_id: Option<String>,
    pub subject: Option<String>,
    pub priority: String,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub label_ids: Vec<Uuid>,
    pub attributes: Json,
    pub inbound_count: i64,
    pub read_count: i64,
    pub last_message_id: Option<Uuid>,
    pub last_message_at: Option<DateTimeUtc>,
    pub last_activity_at: DateTimeUtc,
    pub waiting_since: Option<DateTimeUtc>,
    pub first_response_at: Option<DateTimeUtc>,
    pub snoozed_until: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    pub revision: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
