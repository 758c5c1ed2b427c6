//! Versioned entities of providers: contacts, conversations, groups, files.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ChannelRef, IdentityRef, Patch, PersonReport, Version};
use crate::model::message::AttachmentKind;

/// A contact was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactReport {
    /// The version.
    pub version: Version,
    /// The provider's id first, then the address, if the report is about one address. Phone and email of a profile are
    /// not identities.
    pub identities: Vec<IdentityRef>,
    /// The display name.
    pub name: Patch<String>,
    /// The phone number that Inlet shows.
    pub phone: Patch<String>,
    /// The email address that Inlet shows.
    pub email: Patch<String>,
    /// The username that Inlet shows.
    pub username: Patch<String>,
    /// The URL of a picture.
    pub avatar_url: Patch<String>,
    /// When the person was last seen.
    pub last_active_at: Patch<DateTime<Utc>>,
    /// Further values by name. Each is versioned by itself.
    pub attributes: Map<String, Value>,
}

/// A conversation was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationReport {
    /// The provider's id.
    pub id: String,
    /// The version.
    pub version: Version,
    /// The channel of the workspace.
    pub channel: ChannelRef,
    /// The contact, if the report names one.
    pub person: Option<PersonReport>,
    /// The provider's id of the group, if the report names one.
    pub group_id: Option<String>,
    /// The subject.
    pub subject: Patch<String>,
    /// Further values by name, such as `pinned`, `muted`, `archived_at`. Each is versioned by itself.
    pub attributes: Map<String, Value>,
}

/// A group was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupReport {
    /// The provider's id.
    pub id: String,
    /// The display name.
    pub version: Version,
    /// The name to show.
    pub name: Patch<String>,
    /// The URL of a picture.
    pub avatar_url: Patch<String>,
    /// The provider's description.
    pub description: Patch<String>,
    /// The time at which the provider archived the group.
    pub archived_at: Patch<DateTime<Utc>>,
    /// The participants, as the provider writes them.
    pub participants: Patch<Vec<Value>>,
}

/// A file of a message was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttachmentReport {
    /// The provider's id of the file.
    pub id: String,
    /// The provider's id of the message, if the report names one.
    pub message_id: Option<String>,
    /// The version.
    pub version: Version,
    /// The kind of file, if the report tells it.
    pub kind: Patch<AttachmentKind>,
    /// The URL of the file.
    pub url: Patch<String>,
    /// The file's name.
    pub filename: Patch<String>,
    /// The media type.
    pub mime_type: Patch<String>,
    /// The size in bytes.
    pub size_bytes: Patch<i64>,
}
