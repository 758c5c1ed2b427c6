//! The table `message`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub provider_account_id: Option<Uuid>,
    pub direction: String,
    pub kind: String,
    pub origin: String,
    pub placeholder: bool,
    pub content_type: Option<String>,
    pub content: Option<String>,
    pub details: Json,
    pub author_kind: String,
    pub author_id: Option<Uuid>,
    pub author_name: Option<String>,
    pub external_id: Option<String>,
    pub quoted_external_id: Option<String>,
    pub campaign_external_id: Option<String>,
    pub client_key: Option<String>,
    pub occurred_at: DateTimeUtc,
    pub occurred_at_assumed: bool,
    pub status: Option<String>,
    pub sent_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub read_at: Option<DateTimeUtc>,
    pub failed_at: Option<DateTimeUtc>,
    pub failure: Option<Json>,
    pub reactions: Json,
    pub revision: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
