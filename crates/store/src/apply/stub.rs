//! The members of a message that its versions bring (OB-10): of one that is there, or of one that is yet to come and of
//! which nothing says where it belongs.

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{AttachmentPart, Change, MessageReport, Patch, Version},
    model::versions::{Stamp, Versions},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rows::MessageRow;

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
    pub attachments: Vec<StubFile>,
}

/// A file of a message that is yet to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StubFile {
    #[serde(flatten)]
    pub part: AttachmentPart,
    /// The newest version that told of it.
    #[serde(default = "oldest_update")]
    pub version: Version,
}

/// The version of files that were kept before each had its own.
fn oldest_update() -> Version {
    Version { change: Change::Updated, told: false, at: DateTime::UNIX_EPOCH }
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
        super::rules::take(versions, stamp, "content_type", &mut self.content_type, &report.content_type);
        super::rules::take(versions, stamp, "content", &mut self.content, &report.content);
        // Whoever has read a message has read it, whatever a newer version says or leaves out.
        self.read_at = [self.read_at, report.read_at.value().copied()].into_iter().flatten().min();
        super::rules::take(versions, stamp, "reactions", &mut self.reactions, &report.reactions);
        let occurred_at = Patch::known(report.occurred_at);
        super::rules::take(versions, stamp, "occurred_at", &mut self.occurred_at, &occurred_at);
    }

    /// Keeps the files of a report for the message, each once; what the newest version tells of it counts.
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

    /// Puts the members into a row, and gives the files that came with them.
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
