//! The members of a message that its versions bring (OB-10): of one that is there, or of one that is yet to come and of
//! which nothing says where it belongs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rows::MessageRow;
use crate::{
    command::{AttachmentPart, MessageReport, Patch},
    model::versions::{Stamp, Versions},
};

/// What versions say of a message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct MessageStub {
    pub versions: Versions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentPart>,
}

impl MessageStub {
    /// Lifts the members out of a row; [`MessageStub::give`] puts them back.
    pub(crate) fn lift(row: &mut MessageRow) -> Self {
        Self {
            versions: std::mem::take(&mut row.provider_members.0),
            content_type: row.content_type.take(),
            content: row.content.take(),
            read_at: row.read_at.take(),
            reactions: Some(std::mem::take(&mut row.reactions.0)),
            occurred_at: Some(row.occurred_at),
            attachments: Vec::new(),
        }
    }

    /// Takes the members of a report in, each if its version wins.
    pub(crate) fn take(&mut self, report: &MessageReport, stamp: Stamp) {
        let versions = &mut self.versions;
        super::fold::take(versions, stamp, "content_type", &mut self.content_type, &report.content_type);
        super::fold::take(versions, stamp, "content", &mut self.content, &report.content);
        super::fold::take(versions, stamp, "read_at", &mut self.read_at, &report.read_at);
        super::fold::take(versions, stamp, "reactions", &mut self.reactions, &report.reactions);
        let occurred_at = Patch::known(report.occurred_at);
        super::fold::take(versions, stamp, "occurred_at", &mut self.occurred_at, &occurred_at);
    }

    /// Keeps the files of a report for the message, each once.
    pub(crate) fn keep_files(&mut self, report: &MessageReport) {
        for part in report.attachments.iter().flatten() {
            if !self.attachments.iter().any(|known| known.is_same(part)) {
                self.attachments.push(part.clone());
            }
        }
    }

    /// Puts the members into a row, and gives the files that came with them.
    pub(crate) fn give(self, row: &mut MessageRow) -> Vec<AttachmentPart> {
        row.provider_members = self.versions.into();
        row.content_type = self.content_type;
        row.content = self.content;
        row.read_at = self.read_at;
        row.reactions = self.reactions.unwrap_or_default().into();
        row.occurred_at_assumed &= !row.provider_members.tells("occurred_at");
        row.occurred_at = self.occurred_at.unwrap_or(row.occurred_at);
        self.attachments
    }
}

impl AttachmentPart {
    /// Whether both are the same file: by the provider's id, else by where it can be had.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.external_id, &other.external_id) {
            (Some(one), Some(other)) => one == other,
            _ => self.url == other.url,
        }
    }
}
