//! The payloads of events, from the rows as they stand in the batch.

use uuid::Uuid;

use super::{Context, Fold};
use crate::{
    apply::rows::{AttachmentRow, ChannelRow, ContactRow, ConversationRow, GroupRow, MessageRow},
    event::{
        EventType,
        payload::{
            AttachmentBrief, AttachmentPayload, AuthorBrief, ChannelBrief, ContactBrief, ContactPayload,
            ConversationBrief, ConversationPayload, DeletedPayload, GroupPayload, MessagePayload, Within,
        },
    },
    ids::{ApiKeyId, ContactId, MemberId},
    log::Draft,
    model::message::MessageKind,
};

/// A payload's bytes. The types of [`crate::event::payload`] always serialise: their map keys are strings.
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

pub(super) fn group(row: &GroupRow) -> GroupPayload {
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

fn attachment_brief(row: &AttachmentRow) -> AttachmentBrief {
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

impl Fold<'_> {
    pub(super) fn contact_brief(&self, id: Option<Uuid>) -> Option<ContactBrief> {
        self.contacts.get(id?).map(contact_brief)
    }

    fn channel_brief(&self, id: Uuid) -> Option<ChannelBrief> {
        self.channels.get(id).map(channel_brief)
    }

    pub(super) fn conversation_payload(&self, row: &ConversationRow) -> ConversationPayload {
        conversation(row, self.contact_brief(row.contact_id), self.channel_brief(row.channel_id))
    }

    pub(super) fn message_payload(&self, row: &MessageRow) -> MessagePayload {
        let conversation = self.conversations.get(row.conversation_id);
        let author_id = row.author_id.and_then(|id| match row.author_kind.as_str() {
            "contact" => Some(ContactId(id).to_string()),
            "member" => Some(MemberId(id).to_string()),
            "api_key" => Some(ApiKeyId(id).to_string()),
            _ => None,
        });
        let mut attachments: Vec<&AttachmentRow> = self
            .attachments
            .iter()
            .filter(|file| file.message_id == Some(row.id) && file.deleted_at.is_none())
            .collect();
        attachments.sort_by_key(|file| (file.position, file.id));
        MessagePayload {
            id: row.id.into(),
            revision: row.revision,
            external_id: row.external_id.clone(),
            direction: row.direction,
            kind: row.kind,
            origin: row.origin,
            content_type: row.content_type.clone(),
            content: row.content.clone(),
            details: row.details.0.clone(),
            attachments: attachments.into_iter().map(attachment_brief).collect(),
            reactions: row.reactions.0.clone(),
            quoted_external_id: row.quoted_external_id.clone(),
            campaign_external_id: row.campaign_external_id.clone(),
            author: AuthorBrief { kind: row.author_kind.clone(), id: author_id, name: row.author_name.clone() },
            client_key: row.client_key.clone(),
            occurred_at: row.occurred_at,
            status: row.status,
            sent_at: row.sent_at,
            delivered_at: row.delivered_at,
            read_at: row.read_at,
            failed_at: row.failed_at,
            failure: row.failure.as_ref().map(|failure| failure.0.clone()),
            created_at: row.created_at,
            updated_at: row.updated_at,
            conversation: conversation.map(conversation_brief),
            contact: conversation.and_then(|row| self.contact_brief(row.contact_id)),
            channel: conversation.and_then(|row| self.channel_brief(row.channel_id)),
        }
    }

    /// An entity with the conversation that it is in, where that is known.
    pub(super) fn within<P>(&self, entity: P, conversation: Option<Uuid>) -> Within<P> {
        let row = conversation.and_then(|id| self.conversations.get(id));
        Within {
            entity,
            conversation: row.map(conversation_brief),
            contact: row.and_then(|row| self.contact_brief(row.contact_id)),
            channel: row.and_then(|row| self.channel_brief(row.channel_id)),
        }
    }

    pub(super) fn attachment_payload(&self, row: &AttachmentRow) -> AttachmentPayload {
        let message = row.message_id.and_then(|id| self.messages.get(id));
        AttachmentPayload {
            attachment: attachment_brief(row),
            revision: row.revision,
            message_id: row.message_id.map(Into::into),
            message_external_id: row.message_external_id.clone(),
            conversation_id: message.map(|message| message.conversation_id.into()),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// An event about a contact.
    pub(super) fn tell_contact(&mut self, context: Context<'_>, kind: EventType, id: Uuid, previous: Option<String>) {
        let Some(row) = self.contacts.get(id) else { return };
        let payload = match row.deleted_at {
            Some(deleted_at) if kind == EventType::ContactDeleted => bytes(&DeletedPayload {
                id: ContactId(id).to_string(),
                external_id: None,
                conversation_id: None,
                message_id: None,
                deleted_at,
            }),
            _ => bytes(&contact(row)),
        };
        let draft = Draft {
            revision: Some(row.revision),
            contact_id: Some(id),
            previous,
            ..Self::draft(context, kind, payload)
        };
        self.drafts.push(draft);
    }

    /// An event about a conversation.
    pub(super) fn tell_conversation(
        &mut self,
        context: Context<'_>,
        kind: EventType,
        id: Uuid,
        previous: Option<String>,
    ) {
        let Some(row) = self.conversations.get(id) else { return };
        let payload = bytes(&self.conversation_payload(row));
        self.draft_conversation(context, kind, id, payload, previous);
    }

    /// That a conversation is gone, which stood like this.
    pub(super) fn tell_conversation_gone(&mut self, context: Context<'_>, id: Uuid, before: &ConversationPayload) {
        let Some(row) = self.conversations.get(id) else { return };
        let gone = DeletedPayload {
            id: crate::ids::ConversationId(id).to_string(),
            external_id: row.external_id.clone(),
            conversation_id: None,
            message_id: None,
            deleted_at: row.deleted_at.unwrap_or(context.at()),
        };
        let mut gone = self.within(gone, Some(id));
        if let Some(conversation) = &mut gone.conversation {
            conversation.status = before.status;
        }
        let payload = bytes(&gone);
        self.draft_conversation(context, EventType::ConversationDeleted, id, payload, None);
    }

    fn draft_conversation(
        &mut self,
        context: Context<'_>,
        kind: EventType,
        id: Uuid,
        payload: String,
        previous: Option<String>,
    ) {
        let Some(row) = self.conversations.get(id) else { return };
        let draft = Draft {
            revision: Some(row.revision),
            conversation_id: Some(id),
            contact_id: row.contact_id,
            channel_id: Some(row.channel_id),
            medium: self.channels.get(row.channel_id).map(|channel| channel.medium),
            previous,
            ..Self::draft(context, kind, payload)
        };
        self.drafts.push(draft);
    }

    /// An event about a message, with a payload of its kind.
    pub(super) fn tell_message(
        &mut self,
        context: Context<'_>,
        kind: EventType,
        row: &MessageRow,
        payload: String,
        previous: Option<String>,
    ) {
        let conversation = self.conversations.get(row.conversation_id);
        let channel_id = conversation.map(|conversation| conversation.channel_id);
        let draft = Draft {
            revision: Some(row.revision),
            conversation_id: Some(row.conversation_id),
            message_id: Some(row.id),
            contact_id: conversation.and_then(|conversation| conversation.contact_id),
            channel_id,
            medium: channel_id.and_then(|id| self.channels.get(id)).map(|channel| channel.medium),
            direction: Some(row.direction),
            internal: matches!(row.kind, MessageKind::Note | MessageKind::Activity),
            previous,
            ..Self::draft(context, kind, payload)
        };
        self.drafts.push(draft);
    }
}
