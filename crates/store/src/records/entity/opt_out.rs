//! The table `opt_out`.

use inlet_domain::{
    ids::{OptOutId, WorkspaceId},
    model::{channel::Medium, opt_out::OptOutScope},
};
use sea_orm::entity::prelude::*;

use super::identity::AddressKind;

/// A refusal of messages, as the table holds it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "opt_out")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OptOutId,
    pub address_scope_id: Uuid,
    pub address_kind: AddressKind,
    pub address_value: String,
    pub medium: Medium,
    pub scope: OptOutScope,
    pub value: String,
    pub external_id: Option<String>,
    pub created_at: DateTimeUtc,
    pub withdrawn_at: Option<DateTimeUtc>,
}

no_relations!();
