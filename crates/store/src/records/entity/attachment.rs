//! The table `attachment`.

use inlet_domain::{
    ids::{AttachmentId, MessageId, WorkspaceId},
    model::message::AttachmentKind,
};
use sea_orm::entity::prelude::*;

/// A file of a message.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttachmentId,
    /// The message. None until the message arrives.
    pub message_id: Option<MessageId>,
    /// The provider's id of the file.
    pub external_id: Option<String>,
    /// The position among the files of the message.
    pub position: i32,
    /// The kind of file.
    pub kind: AttachmentKind,
    /// The file's URL at the provider. The server never fetches it.
    pub url: Option<String>,
    /// The file's name.
    pub filename: Option<String>,
    /// The media type, such as `image/png`.
    pub mime_type: Option<String>,
    /// The size, where the provider tells it.
    pub size_bytes: Option<i64>,
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
