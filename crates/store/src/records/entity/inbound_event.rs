//! The table `inbound_event`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, sqlx::FromRow)]
#[sea_orm(table_name = "inbound_event")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub source_id: Uuid,
    pub received_at: DateTimeUtc,
    pub event: Option<String>,
    pub outcome: String,
    pub error: Option<String>,
    pub lenient: bool,
    pub event_ids: Vec<Uuid>,
    pub replayed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
