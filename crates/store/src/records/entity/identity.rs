//! The table `identity`.

use inlet_domain::ids::{ContactId, IdentityId, WorkspaceId};
use sea_orm::entity::prelude::*;

inlet_domain::text_enum! {
    /// The kind of an address.
    AddressKind {
        /// A phone number.
        Phone = "phone",
        /// An email address.
        Email = "email",
        /// A name at a provider.
        Username = "username",
        /// A provider's id of a user.
        ProviderUser = "provider_user",
        /// A provider's id of a conversation.
        ProviderConversation = "provider_conversation",
        /// A provider's id of a group.
        Group = "group",
    }
}

/// An address of a contact or of a group.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IdentityId,
    /// The provider account in which the address is valid. Nil: the address is valid everywhere.
    pub scope_id: Uuid,
    /// The kind of the address.
    pub kind: AddressKind,
    /// The address in its normal form.
    pub value: String,
    /// The address as the provider wrote it.
    pub original: Option<String>,
    /// The contact that has the address.
    pub contact_id: Option<ContactId>,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
