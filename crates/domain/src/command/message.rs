//! Messages and what became of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChannelRef, ExternalIds, Patch, PersonReport, Version};
use crate::model::{
    conversation::ConversationStatus,
    message::{AttachmentKind, Direction, MessageKind},
    status::{DeliveryStatus, Reported, StatusTimes},
};

/// A provider's thread, as a message mentions it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ThreadReport {
    /// The provider's conversation id: an alias of ours.
    pub id: Option<String>,
    /// Seeds our status when the conversation is created; kept beside it afterwards (OR-6).
    pub status: Option<ConversationStatus>,
    /// The provider's own word for it.
    pub provider_status: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// All else.
    pub attributes: Map<String, Value>,
}

/// A message, or a change to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageReport {
    /// The provider's ids of the message; none where it gives none.
    pub ids: ExternalIds,
    /// The id to show as `externalId`.
    pub external_id: Option<String>,
    /// The version, where the provider sends versions (Oblic). `None` means that the message never changes.
    pub version: Option<Version>,
    /// Our channel.
    pub channel: ChannelRef,
    /// The other side: the sender of an inbound message, the receiver of an outbound one. `None` only where a
    /// change names the message alone.
    pub person: Option<PersonReport>,
    /// The provider's thread.
    pub thread: ThreadReport,
    /// Which way.
    pub direction: Direction,
    /// A message or a call.
    pub kind: MessageKind,
    /// Who wrote an outbound message at the provider, if told.
    pub author_name: Option<String>,
    /// The provider's word: `text`, `image`, or anything.
    pub content_type: Patch<String>,
    /// Text or caption.
    pub content: Patch<String>,
    /// What has no column of its own, by name.
    pub details: Map<String, Value>,
    /// The files, where the event speaks of them.
    pub attachments: Option<Vec<AttachmentPart>>,
    /// `{emoji: [username, ...]}`, where the event speaks of them.
    pub reactions: Patch<Map<String, Value>>,
    /// The provider's id of the quoted message.
    pub quoted_id: Option<String>,
    /// When it was written, if told.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it was read, as an entity update tells it.
    pub read_at: Patch<DateTime<Utc>>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttachmentPart {
    /// The provider's id of the file, if it has one.
    pub external_id: Option<String>,
    /// What it is.
    pub kind: AttachmentKind,
    /// Where it can be had.
    pub url: Option<String>,
    /// Its name.
    pub filename: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<i64>,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// The provider's ids of the message.
    pub ids: ExternalIds,
    /// The id to show as `externalId` if the message is not known yet.
    pub external_id: Option<String>,
    /// Which part of a message in parts; empty for the whole (MT-3).
    pub part: String,
    /// Our word, or none where theirs is unknown: kept, and changes nothing (MT-11).
    pub status: Option<DeliveryStatus>,
    /// Their word.
    pub raw_status: String,
    /// Their code for a failure.
    pub code: Option<String>,
    /// Their sentence.
    pub reason: Option<String>,
    /// When this step happened, if told.
    pub reported_at: Option<DateTime<Utc>>,
    /// The times of steps that the report names, whatever its own step is.
    pub times: StatusTimes,
    /// Our channel that it was sent from.
    pub channel: ChannelRef,
    /// To whom.
    pub person: Option<PersonReport>,
    /// The campaign that it was part of, by the provider's id.
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
    /// This file, with what it does not tell from what another part tells of it.
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

    /// Whether both are the same file: by the provider's id, else by where it can be had.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.external_id, &other.external_id) {
            (Some(one), Some(other)) => one == other,
            _ => self.url == other.url,
        }
    }
}
