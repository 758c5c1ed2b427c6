//! `conversation.*` (OB-3) and `group.*` (OB-6).

use inlet_domain::command::{Change, ConversationReport, GroupReport, Patch, Version};

use super::{Report, contact, others, read_time, text, time};
use crate::fields::{Members, Object};

const PLACED: [&str; 7] = ["id", "contact", "contact_id", "group", "group_id", "subject", "updated_at"];

pub(super) fn read_conversation(report: &Report<'_>) -> ConversationReport {
    let conversation = report.payload;
    let group = conversation.object("group").and_then(|group| group.id("id"));
    ConversationReport {
        id: report.id.clone(),
        version: report.version(),
        channel: report.channel(),
        person: contact::named(conversation, report.numbering()),
        group_id: group.or_else(|| conversation.id("group")).or_else(|| conversation.id("group_id")),
        subject: text(conversation, "subject"),
        attributes: others(conversation, &PLACED),
    }
}

/// The conversation of a new or changed group, if the group names it, so that a message that arrives first finds the
/// group. A deletion changes only the group.
pub(super) fn read_conversation_of_group(report: &Report<'_>) -> Option<ConversationReport> {
    let group = report.payload;
    let id = group
        .id("conversation_id")
        .or_else(|| group.object("conversation").and_then(|conversation| conversation.id("id")))
        .or_else(|| group.id("conversation"))?;
    (report.change != Change::Deleted).then(|| ConversationReport {
        id,
        version: report.version(),
        channel: report.channel(),
        person: None,
        group_id: Some(report.id.clone()),
        subject: Patch::Absent,
        attributes: Object::new(),
    })
}

/// The group of a new or changed conversation, if the conversation tells more of it than its id.
pub(super) fn read_group_of_conversation(report: &Report<'_>) -> Option<GroupReport> {
    let group = report.payload.object("group").filter(|group| group.len() > 1 && report.change != Change::Deleted)?;
    let told = time(group, "updated_at").or_else(|| time(group, "created_at"));
    let version = told.map_or_else(|| report.version(), |at| Version { told: true, at, ..report.version() });
    Some(group_of(group.id("id")?, version, group))
}

pub(super) fn read_group(report: &Report<'_>) -> GroupReport {
    group_of(report.id.clone(), report.version(), report.payload)
}

fn group_of(id: String, version: Version, group: &Object) -> GroupReport {
    GroupReport {
        id,
        version,
        name: text(group, "name"),
        avatar_url: text(group, "avatar_url"),
        description: text(group, "description"),
        archived_at: group.patch("archived_at", read_time),
        participants: group.patch("contacts", |value| value.as_array().cloned()),
    }
}
