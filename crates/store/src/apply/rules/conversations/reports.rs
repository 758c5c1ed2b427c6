//! The reports of a provider on conversations, and the conversations of groups.

use inlet_domain::{
    command::{Change, ChannelRef, ConversationReport},
    event::{EventType, payload::previous},
    model::conversation::ConversationStatus,
};
use uuid::Uuid;

use super::{
    super::{Context, Rejection, WorkingSet, attributes::take_attributes, contacts::Told, take},
    Place,
};

use crate::{apply::references::RefKind, rows::ConversationRow};

impl WorkingSet<'_> {
    pub(in crate::apply::rules) fn conversation(
        &mut self,
        context: Context<'_>,
        report: &ConversationReport,
    ) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Conversation, &report.id);
        let deleted = report.version.change == Change::Deleted;
        let known = self.references.target([&name]);
        let active_at = report.version.at.min(context.at());
        if deleted && known.is_none() {
            self.bury([&name], active_at);
            return Ok(());
        }
        let gone_at = self.references.deleted_at([&name]);
        let group = report.group_id.as_ref().map(|external_id| self.group_on_sight(context, external_id));
        let of_others = known.filter(|id| group.is_some() && self.is_of_others(context, *id, report));
        if deleted && of_others.is_some() {
            return Ok(());
        }
        let known = known.filter(|_| of_others.is_none());
        let created = known.is_none();
        let told = Told { version: report.version, is_record: true, seen: None };
        let id = match known {
            Some(id) => {
                if context.resolved.is_some() {
                    self.person(context, report.person.as_ref(), told)?;
                }
                id
            }
            None => {
                let channel = self.channel(context, &report.channel);
                let (address, contact) = self.person(context, report.person.as_ref(), told)?;
                let place = Place { channel, address, contact: if group.is_some() { None } else { contact } };
                let standing = self.latest.get(&(channel, address)).copied();
                let id = match standing.filter(|_| gone_at.is_none()) {
                    Some(id) => id,
                    None => {
                        let id = self.references.suggested([&name]).unwrap_or_else(|| self.ambient.uuid());
                        let id = if self.conversations.get(id).is_some() { self.ambient.uuid() } else { id };
                        let mut row =
                            self.blank_conversation(context, id, place, ConversationStatus::Closed, active_at);
                        row.external_id = Some(report.id.clone());
                        row.sole_thread = Some(report.id.clone());
                        row.deleted_at = gone_at;
                        self.conversations.add(row);
                        if gone_at.is_none() {
                            self.latest.insert((channel, address), id);
                        }
                        id
                    }
                };
                self.references.point([&name], id, true);
                self.references.settle([&name]);
                id
            }
        };
        // A report on a deleted thread changes nothing.
        if !deleted && !created && gone_at.is_some() {
            return Ok(());
        }
        let Some(row) = self.conversations.get(id) else { return Ok(()) };
        let is_new = created && row.created_at == context.at() && row.last_message_id.is_none() && row.revision == 1;
        let before = self.conversation_payload(row);
        let was_deleted = row.deleted_at.is_some();
        let contact = context.resolved.and_then(|resolved| resolved.contact);
        let Some(row) = self.conversations.edit(id) else { return Ok(()) };
        if let (Some(group), false) = (group, deleted) {
            self.hand_to_group(context, id, group);
        } else if report.person.is_some() {
            row.contact_id = row.contact_id.or(contact);
        }
        let Some(row) = self.conversations.edit(id) else { return Ok(()) };
        let (versions, version) = (&mut row.provider_members.0, context.stamp(report.version));
        take(versions, version, "subject", &mut row.subject, &report.subject);
        take_attributes(versions, version, &mut row.attributes.0, &report.attributes);
        if deleted {
            self.references.bury([&name], active_at);
            if !was_deleted {
                self.end(context, id, active_at)?;
            }
        }
        let now_deleted = self.conversations.get(id).is_some_and(|row| row.deleted_at.is_some());
        if is_new {
            if !now_deleted {
                self.tell_conversation(context, EventType::ConversationCreated, id, None);
            }
            return Ok(());
        }
        let row = self.conversations.get(id);
        let change = row.and_then(|row| previous(&before, &self.conversation_payload(row)));
        if change.is_none() && was_deleted == now_deleted {
            return Ok(());
        }
        if let Some(row) = self.conversations.edit(id) {
            row.revision += 1;
            row.updated_at = row.updated_at.max(context.at());
        }
        if now_deleted && !was_deleted {
            self.tell_conversation_gone(context, id, &before);
        } else if !now_deleted {
            self.tell_conversation(context, EventType::ConversationUpdated, id, change);
        }
        Ok(())
    }

    /// Whether the conversation of a group's thread belongs to others. It does if messages came to it by other ways
    /// before the group was known, or if the group has another conversation already.
    pub(super) fn is_of_others(&self, context: Context<'_>, id: Uuid, report: &ConversationReport) -> bool {
        let Some(row) = self.conversations.get(id).filter(|row| row.group_id.is_none()) else { return false };
        let channel = match &report.channel {
            ChannelRef::Known(channel) => Some(channel.0),
            ChannelRef::Reported(_) => self.references.target(&context.speaker.channel(&report.channel)),
        };
        let of_group = context.resolved.and_then(|group| self.latest.get(&(row.channel_id, group.address)));
        row.sole_thread.as_deref() != Some(report.id.as_str())
            || channel != Some(row.channel_id)
            || of_group.is_some_and(|of_group| *of_group != id)
    }

    /// Gives a conversation to a group. It loses its contact and takes the group's address, so that the first writer's
    /// address is free for another conversation. If the group is deleted, the conversation closes, unless a message
    /// came later.
    pub(super) fn hand_to_group(&mut self, context: Context<'_>, id: Uuid, group: Uuid) {
        let gone_at = self.groups.get(group).and_then(|row| row.deleted_at);
        let address = context.resolved.map(|resolved| resolved.address);
        let Some(row) = self.conversations.edit(id) else { return };
        if row.group_id == Some(group) {
            return;
        }
        row.group_id = Some(group);
        row.contact_id = None;
        let is_over = gone_at.is_some_and(|at| row.last_message_at.is_none_or(|last| last <= at));
        if is_over && row.status != ConversationStatus::Closed {
            row.stand(ConversationStatus::Closed, context.at());
        }
        let (channel, before) = (row.channel_id, row.address_id);
        let Some(address) = address.filter(|address| *address != before) else { return };
        row.address_id = address;
        if self.latest.get(&(channel, before)) == Some(&id) {
            self.latest.remove(&(channel, before));
        }
        self.latest.insert((channel, address), id);
    }

    /// Closes the conversations of a deleted group. Their messages stay.
    pub(in crate::apply::rules) fn close_conversations_of(&mut self, context: Context<'_>, group: Uuid) {
        let standing = |row: &&ConversationRow| {
            row.group_id == Some(group) && row.deleted_at.is_none() && row.status != ConversationStatus::Closed
        };
        let all: Vec<Uuid> = self.conversations.iter().filter(standing).map(|row| row.id).collect();
        for id in all {
            let Some(row) = self.conversations.get(id) else { continue };
            let before = self.conversation_payload(row);
            if let Some(row) = self.conversations.edit(id) {
                row.stand(ConversationStatus::Closed, context.at());
                row.revision += 1;
                row.updated_at = row.updated_at.max(context.at());
            }
            self.tell_conversation_change(context, id, &before);
        }
    }

    /// The group of a conversation. Creates an unknown group.
    pub(in crate::apply::rules) fn group_on_sight(&mut self, context: Context<'_>, external_id: &str) -> Uuid {
        let name = context.speaker.name(RefKind::Group, external_id);
        if let Some(id) = self.references.target([&name]) {
            return id;
        }
        let id = self.references.suggested([&name]).unwrap_or_else(|| self.ambient.uuid());
        let mut row = self.blank_group(context, id, external_id);
        row.deleted_at = self.references.deleted_at([&name]);
        self.groups.add(row);
        self.references.point([&name], id, false);
        id
    }
}
