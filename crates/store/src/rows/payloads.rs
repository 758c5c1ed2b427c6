//! Makes the payloads of events from rows.

use inlet_domain::event::payload::{
    AttachmentBrief, ChannelBrief, ContactBrief, ContactPayload, ConversationBrief, ConversationPayload, GroupPayload,
};

use super::{AttachmentRow, ChannelRow, ContactRow, ConversationRow, GroupRow};

/// The JSON of a payload. The types of [`inlet_domain::event::payload`] always serialise: their map keys are strings.
pub(crate) fn bytes<P: serde::Serialize>(payload: &P) -> String {
    serde_json::to_string(payload).unwrap_or_else(|_| "null".to_owned())
}

pub(crate) fn contact(row: &ContactRow) -> ContactPayload {
    ContactPayload {
        id: row.id.into(),
        revision: row.revision,
        name: row.name.clone(),
        phone: row.phone.clone(),
        email: row.email.clone(),
        username: row.username.clone(),
        avatar_url: row.avatar_url.clone(),
        attributes: row.attributes.0.clone(),
        last_active_at: row.last_active_at,
        merged_into_id: row.merged_into_id.map(Into::into),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(crate) fn group(row: &GroupRow) -> GroupPayload {
    GroupPayload {
        id: row.id.into(),
        revision: row.revision,
        external_id: row.external_id.clone(),
        name: row.name.clone(),
        avatar_url: row.avatar_url.clone(),
        description: row.description.clone(),
        archived_at: row.archived_at,
        participants: row.participants.0.clone().into(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(crate) fn attachment_brief(row: &AttachmentRow) -> AttachmentBrief {
    AttachmentBrief {
        id: row.id.into(),
        external_id: row.external_id.clone(),
        kind: row.kind,
        url: row.url.clone(),
        filename: row.filename.clone(),
        mime_type: row.mime_type.clone(),
        size_bytes: row.size_bytes,
    }
}

pub(crate) fn contact_brief(row: &ContactRow) -> ContactBrief {
    ContactBrief { id: row.id.into(), name: row.name.clone(), phone: row.phone.clone(), email: row.email.clone() }
}

pub(crate) fn conversation_brief(row: &ConversationRow) -> ConversationBrief {
    ConversationBrief {
        id: row.id.into(),
        external_id: row.external_id.clone(),
        status: row.status,
        subject: row.subject.clone(),
        assignee_id: row.assignee_id.map(Into::into),
        team_id: row.team_id.map(Into::into),
        priority: row.priority,
        label_ids: row.label_ids.iter().copied().map(Into::into).collect(),
    }
}

pub(crate) fn channel_brief(row: &ChannelRow) -> ChannelBrief {
    ChannelBrief {
        id: row.id.into(),
        medium: row.medium,
        identifier: row.identifier.clone(),
        phone: row.phone.clone(),
        name: row.name.clone(),
    }
}

pub(crate) fn conversation(
    row: &ConversationRow,
    contact: Option<ContactBrief>,
    channel: Option<ChannelBrief>,
) -> ConversationPayload {
    ConversationPayload {
        id: row.id.into(),
        revision: row.revision,
        external_id: row.external_id.clone(),
        status: row.status,
        provider_status: row.provider_status.clone(),
        subject: row.subject.clone(),
        priority: row.priority,
        assignee_id: row.assignee_id.map(Into::into),
        team_id: row.team_id.map(Into::into),
        label_ids: row.label_ids.iter().copied().map(Into::into).collect(),
        attributes: row.attributes.0.clone(),
        last_message_at: row.last_message_at,
        waiting_since: row.waiting_since,
        snoozed_until: row.snoozed_until,
        closed_at: row.closed_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        contact,
        group_id: row.group_id.map(Into::into),
        channel,
    }
}
