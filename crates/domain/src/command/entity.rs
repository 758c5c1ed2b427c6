//! What a provider keeps too, and tells of by versions: contacts, conversations, groups, files.

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
    /// The provider's id first, then the address where the report is about one. Phone and email of a profile are none.
    pub identities: Vec<IdentityRef>,
    /// The name to show.
    pub name: Patch<String>,
    /// A phone number to show.
    pub phone: Patch<String>,
    /// An email address to show.
    pub email: Patch<String>,
    /// A username to show.
    pub username: Patch<String>,
    /// A picture.
    pub avatar_url: Patch<String>,
    /// When the person was last seen.
    pub last_active_at: Patch<DateTime<Utc>>,
    /// Each attribute is a member of its own.
    pub attributes: Map<String, Value>,
}

/// A conversation was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationReport {
    /// The provider's id.
    pub id: String,
    /// The version.
    pub version: Version,
    /// Our channel.
    pub channel: ChannelRef,
    /// With whom, if told.
    pub person: Option<PersonReport>,
    /// In which group, by the provider's id, if told.
    pub group_id: Option<String>,
    /// The subject.
    pub subject: Patch<String>,
    /// `pinned`, `muted`, `archived_at` and the like: each is a member of its own.
    pub attributes: Map<String, Value>,
}

/// A group was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupReport {
    /// The provider's id.
    pub id: String,
    /// The version.
    pub version: Version,
    /// The name to show.
    pub name: Patch<String>,
    /// A picture.
    pub avatar_url: Patch<String>,
    /// What it is about.
    pub description: Patch<String>,
    /// Since when the provider has it in its archive.
    pub archived_at: Patch<DateTime<Utc>>,
    /// Who takes part, as the provider writes it.
    pub participants: Patch<Vec<Value>>,
}

/// A file of a message was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttachmentReport {
    /// The provider's id of the file.
    pub id: String,
    /// The provider's id of the message, if told.
    pub message_id: Option<String>,
    /// The version.
    pub version: Version,
    /// What it is, if that can be told.
    pub kind: Patch<AttachmentKind>,
    /// Where it can be had.
    pub url: Patch<String>,
    /// Its name.
    pub filename: Patch<String>,
    /// Its media type.
    pub mime_type: Patch<String>,
    /// Its size in bytes.
    pub size_bytes: Patch<i64>,
}
