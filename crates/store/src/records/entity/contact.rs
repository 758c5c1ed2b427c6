//! The table `contact`.

use inlet_domain::ids::{ContactId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// A person or a program that writes to us.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// The contact's name.
    pub name: Option<String>,
    /// The phone number in the contact's profile, in E.164.
    pub phone: Option<String>,
    /// The email address in the contact's profile.
    pub email: Option<String>,
    /// The contact's name at a provider.
    pub username: Option<String>,
    /// The URL of a picture. The server never fetches it.
    pub avatar_url: Option<String>,
    /// Fields of the provider that have no column here.
    pub attributes: Json,
    /// When the contact last did anything.
    pub last_active_at: Option<DateTimeUtc>,
    /// The contact into which this contact was merged.
    pub merged_into_id: Option<ContactId>,
    /// A contact with the same address. Inlet did not merge this contact into it, because it has as many addresses as a
    /// contact may have.
    pub kept_apart_from_id: Option<ContactId>,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
    /// The time of the last change.
    pub updated_at: DateTimeUtc,
    /// The time of deletion.
    pub deleted_at: Option<DateTimeUtc>,
}

no_relations!();
