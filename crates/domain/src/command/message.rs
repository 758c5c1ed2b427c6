//! Messages and status reports.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChannelRef, ExternalIds, Patch, PersonReport, Version};
use crate::model::{
    conversation::ConversationStatus,
    message::{AttachmentKind, Direction, MessageKind},
    status::{DeliveryStatus, Reported, StatusTimes},
};

/// A provider's conversation, as a message mentions it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ThreadReport {
    /// The provider's conversation id, an alias of Inlet's.
    pub id: Option<String>,
    /// The initial status of a conversation that the message creates (OR-6).
    pub status: Option<ConversationStatus>,
    /// The provider's own word for the status.
    pub provider_status: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// Further values by name.
    pub attributes: Map<String, Value>,
}

/// A new message, or a change of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageReport {
    /// The provider's ids of the message; empty if the provider gives none.
    pub ids: ExternalIds,
    /// The id that Inlet shows as `externalId`.
    pub external_id: Option<String>,
    /// The version, from providers that send versions (Oblic). `None`: the message never changes.
    pub version: Option<Version>,
    /// The channel of the workspace.
    pub channel: ChannelRef,
    /// The contact: the sender of an inbound message, the receiver of an outbound one. `None` only if a change names
    /// the message alone.
    pub person: Option<PersonReport>,
    /// The provider's conversation.
    pub thread: ThreadReport,
    /// Inbound or outbound.
    pub direction: Direction,
    /// A message or a call.
    pub kind: MessageKind,
    /// The author of an outbound message at the provider, if the event names one.
    pub author_name: Option<String>,
    /// The provider's content type: `text`, `image`, or any other word.
    pub content_type: Patch<String>,
    /// The text or the caption.
    pub content: Patch<String>,
    /// Values without a field of their own, by name.
    pub details: Map<String, Value>,
    /// The files, if the event mentions files.
    pub attachments: Option<Vec<AttachmentPart>>,
    /// `{emoji: [username, ...]}`, if the event mentions reactions.
    pub reactions: Patch<Map<String, Value>>,
    /// The provider's id of the quoted message.
    pub quoted_id: Option<String>,
    /// When the message was written, if the event tells it.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When the message was read, from an update of the entity.
    pub read_at: Patch<DateTime<Utc>>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttachmentPart {
    /// The provider's id of the file, if it has one.
    pub external_id: Option<String>,
    /// The kind of file.
    pub kind: AttachmentKind,
    /// The URL of the file.
    pub url: Option<String>,
    /// The file's name.
    pub filename: Option<String>,
    /// The media type.
    pub mime_type: Option<String>,
    /// The size in bytes.
    pub size_bytes: Option<i64>,
}

/// A delivery status of a sent message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// The provider's ids of the message.
    pub ids: ExternalIds,
    /// The id that Inlet shows as `externalId` if the message is not known yet.
    pub external_id: Option<String>,
    /// The part of a multipart message; empty for the whole message (MT-3).
    pub part: String,
    /// Inlet's status. `None` for an unknown word of the provider: the report is kept and changes nothing (MT-11).
    pub status: Option<DeliveryStatus>,
    /// The provider's status.
    pub raw_status: String,
    /// The provider's code of a failure.
    pub code: Option<String>,
    /// The provider's reason.
    pub reason: Option<String>,
    /// When this step happened, if the report tells it.
    pub reported_at: Option<DateTime<Utc>>,
    /// The times of all steps that the report names.
    pub times: StatusTimes,
    /// The channel that the message was sent from.
    pub channel: ChannelRef,
    /// The receiver.
    pub person: Option<PersonReport>,
    /// The provider's id of the campaign of the message.
    pub campaign_id: Option<String>,
    /// Units, credits, template category and the like.
    pub details: Map<String, Value>,
}

impl<'a> From<&'a StatusReport> for Reported<'a> {
    fn from(report: &'a StatusReport) -> Self {
        Self {
            part: &report.part,
            status: report.status,
            raw_status: &report.raw_status,
            code: report.code.as_deref(),
            reason: report.reason.as_deref(),
            reported_at: report.reported_at,
            times: report.times,
        }
    }
}

impl AttachmentPart {
    /// This file, completed with the values of `other` that it lacks.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            external_id: self.external_id.or_else(|| other.external_id.clone()),
            kind: if self.kind == AttachmentKind::Other { other.kind } else { self.kind },
            url: self.url.or_else(|| other.url.clone()),
            filename: self.filename.or_else(|| other.filename.clone()),
            mime_type: self.mime_type.or_else(|| other.mime_type.clone()),
            size_bytes: self.size_bytes.or(other.size_bytes),
        }
    }

    /// Whether both are one file: by the provider's id, else by the URL.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.external_id, &other.external_id) {
            (Some(one), Some(other)) => one == other,
            _ => self.url == other.url,
        }
    }
}
