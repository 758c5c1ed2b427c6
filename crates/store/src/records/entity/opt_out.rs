//! The table `opt_out`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "opt_out")]
pub(in crate::records) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub address_scope_id: Uuid,
    pub address_kind: String,
    pub address_value: String,
    pub medium: String,
    pub scope: String,
    pub value: String,
    pub external_id: Option<String>,
    pub created_at: DateTimeUtc,
    pub withdrawn_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::records) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
