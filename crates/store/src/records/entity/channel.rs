//! The table `channel`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider_account_id: Uuid,
    pub medium: String,
    pub identifier: Option<String>,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub country: Option<String>,
    pub env: Option<String>,
    pub status: Option<String>,
    pub external_id: Option<String>,
    pub reopen_window_seconds: i64,
    pub revision: i64,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
