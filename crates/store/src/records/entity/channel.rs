//! The table `channel`.

use inlet_domain::{
    ids::{ChannelId, ProviderAccountId, WorkspaceId},
    model::channel::Medium,
};
use sea_orm::entity::prelude::*;

/// One of our numbers, names or inboxes on a medium.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ChannelId,
    /// The account that operates the channel.
    pub provider_account_id: ProviderAccountId,
    /// The kind of messages that the channel carries.
    pub medium: Medium,
    /// The provider's name for the channel, such as a sender id.
    pub identifier: Option<String>,
    /// The phone number in E.164.
    pub phone: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The purpose, in the provider's words.
    pub description: Option<String>,
    /// The country of the number.
    pub country: Option<String>,
    /// The provider's environment.
    pub env: Option<String>,
    /// The provider's word for the status.
    pub status: Option<String>,
    /// The provider's id of the channel.
    pub external_id: Option<String>,
    /// For so long after its close, a new message reopens a conversation.
    pub reopen_window_seconds: i64,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
