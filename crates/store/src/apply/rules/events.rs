//! Drafts of events about the rows of the batch.

use inlet_domain::{
    event::{
        EventType,
        payload::{
            AttachmentPayload, AuthorBrief, ChannelBrief, ContactBrief, ConversationPayload, DeletedPayload,
            MessagePayload, Within,
        },
    },
    ids::{ApiKeyId, ContactId, MemberId},
    model::message::MessageKind,
};
use uuid::Uuid;

use super::{Context, WorkingSet};
use crate::{
    log::NewEvent,
    rows::{
        AttachmentRow, ConversationRow, MessageRow,
        payloads::{attachment_brief, bytes, channel_brief, contact, contact_brief, conversation, conversation_brief},
    },
};

impl WorkingSet<'_> {
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

    /// An entity together with its conversation, if known.
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

    /// Drafts an event about a contact.
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
        let draft = NewEvent {
            revision: Some(row.revision),
            contact_id: Some(id),
            previous,
            ..Self::draft(context, kind, payload)
        };
        self.drafts.push(draft);
    }

    /// Drafts an event about a conversation.
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

    /// Drafts the event that a conversation is deleted; `before` is its state before the deletion.
    pub(super) fn tell_conversation_gone(&mut self, context: Context<'_>, id: Uuid, before: &ConversationPayload) {
        let Some(row) = self.conversations.get(id) else { return };
        let gone = DeletedPayload {
            id: inlet_domain::ids::ConversationId(id).to_string(),
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
        let draft = NewEvent {
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

    /// Drafts an event about a message.
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
        let draft = NewEvent {
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
