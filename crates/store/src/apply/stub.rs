//! The members of a message that its versions tell (OB-10). The message exists already, or it is yet to come and
//! nothing tells its conversation.

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{AttachmentPart, Change, MessageReport, Patch, Version},
    model::versions::{Stamp, Versions},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rows::MessageRow;

/// The members of a message that its versions have told.
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
    pub attachments: Vec<StubFile>,
}

/// An attachment of a message that is yet to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StubFile {
    #[serde(flatten)]
    pub part: AttachmentPart,
    /// The newest version that told of the attachment.
    #[serde(default = "oldest_update")]
    pub version: Version,
}

/// The version of attachments that were stored without one.
fn oldest_update() -> Version {
    Version { change: Change::Updated, told: false, at: DateTime::UNIX_EPOCH }
}

impl MessageStub {
    /// Takes the members out of a row. [`MessageStub::give`] puts them back.
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

    /// Takes in each member of a report whose version wins.
    pub(crate) fn take(&mut self, report: &MessageReport, stamp: Stamp) {
        let versions = &mut self.versions;
        super::rules::take(versions, stamp, "content_type", &mut self.content_type, &report.content_type);
        super::rules::take(versions, stamp, "content", &mut self.content, &report.content);
        // A read message stays read, whatever a newer version tells.
        self.read_at = [self.read_at, report.read_at.value().copied()].into_iter().flatten().min();
        super::rules::take(versions, stamp, "reactions", &mut self.reactions, &report.reactions);
        let occurred_at = Patch::known(report.occurred_at);
        super::rules::take(versions, stamp, "occurred_at", &mut self.occurred_at, &occurred_at);
    }

    /// Keeps each attachment of a report once, as its newest version tells it.
    pub(crate) fn keep_files(&mut self, report: &MessageReport, version: Version) {
        for part in report.attachments.iter().flatten() {
            match self.attachments.iter_mut().find(|known| known.part.is_same(part)) {
                Some(known) if known.version <= version => {
                    known.part = part.clone().or(&known.part);
                    known.version = version;
                }
                Some(known) => known.part = known.part.clone().or(part),
                None => self.attachments.push(StubFile { part: part.clone(), version }),
            }
        }
    }

    /// Puts the members into a row. Returns the attachments that came with them.
    pub(crate) fn give(self, row: &mut MessageRow) -> Vec<StubFile> {
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
