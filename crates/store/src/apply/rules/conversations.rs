//! Channels, and the choice of the conversation for a message (P5).

mod channels;
mod reports;

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    command::{ChannelRef, ThreadReport},
    event::{EventType, payload::previous},
    ids::{ChannelId, WorkspaceId},
    model::{
        conversation::{ConversationStatus, Priority},
        message::Direction,
    },
    scope::Actor,
};
use uuid::Uuid;

use self::channels::{describes, new_channel};
use super::{Context, Rejection, WorkingSet, attributes::set_attributes};
use crate::{
    apply::references::{RefKey, RefKind},
    records::settings,
    rows::{ConversationRow, MessageRow},
};

/// The most messages that the deletion of a thread deletes one by one.
pub(in crate::apply) const MOST_ENDED: usize = 2_000;

/// The place of a message: its channel, address and contact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub channel: Uuid,
    pub address: Uuid,
    pub contact: Option<Uuid>,
}

impl WorkingSet<'_> {
    /// The channel that a report names. Creates a new channel, and updates a known one.
    pub(super) fn channel(&mut self, context: Context<'_>, channel: &ChannelRef) -> Uuid {
        let report = match channel {
            ChannelRef::Known(id) => return id.0,
            ChannelRef::Reported(report) => report,
        };
        let names = context.speaker.names(RefKind::Channel, &report.ids);
        let Some(id) = self.references.target(&names) else {
            let id = self.references.suggested(&names).unwrap_or_else(|| self.ambient.uuid());
            self.channels.add(new_channel(context, id, report));
            self.references.point(&names, id, false);
            self.tell_channel(context, id);
            return id;
        };
        self.references.point(&names, id, false);
        let differs = self.channels.get(id).is_some_and(|row| !describes(row, report));
        if differs && let Some(row) = self.channels.edit(id) {
            let set = |field: &mut Option<String>, told: &Option<String>| {
                if told.is_some() {
                    field.clone_from(told);
                }
            };
            if report.phone.is_some() {
                set(&mut row.identifier, &report.identifier);
            }
            set(&mut row.phone, &report.phone);
            set(&mut row.name, &report.name);
            set(&mut row.description, &report.description);
            set(&mut row.country, &report.country);
            set(&mut row.env, &report.env);
            set(&mut row.status, &report.status);
            set(&mut row.provider_webhook_url, &report.webhook_url);
            row.revision += 1;
            self.tell_channel(context, id);
        }
        id
    }

    fn tell_channel(&mut self, context: Context<'_>, id: Uuid) {
        let workspace = WorkspaceId(context.workspace());
        let draft = settings::draft(workspace, Actor::Provider, context.at(), ChannelId(id).into());
        self.drafts.extend(draft);
    }

    /// The conversation for a message: the group's if the thread belongs to a group; else the conversation of the
    /// address that is not closed; else the conversation of the provider's thread; else the last conversation of the
    /// address, if it may be reopened; else a new one.
    pub(super) fn route(
        &mut self,
        context: Context<'_>,
        place: Place,
        thread: &ThreadReport,
        direction: Direction,
        occurred_at: DateTime<Utc>,
    ) -> Uuid {
        let alias: Vec<RefKey> = thread.id.iter().map(|id| context.speaker.name(RefKind::Conversation, id)).collect();
        let of_address = self.latest.get(&(place.channel, place.address)).copied();
        let of_thread = self.references.target(&alias);
        let standing = |working: &Self, id: Option<Uuid>| {
            id.filter(|id| {
                working
                    .conversations
                    .get(*id)
                    .is_some_and(|row| row.deleted_at.is_none() && row.channel_id == place.channel)
            })
        };
        let is_open = |working: &Self, id: &Uuid| {
            working.conversations.get(*id).is_some_and(|row| row.status != ConversationStatus::Closed)
        };
        let (of_address, of_thread) = (standing(self, of_address), standing(self, of_thread));
        let of_group = of_thread.filter(|id| self.conversations.get(*id).is_some_and(|row| row.group_id.is_some()));
        let open = of_address.filter(|id| is_open(self, id)).or(of_thread.filter(|id| is_open(self, id)));
        let found = of_group.or(open).or_else(|| {
            of_address.filter(|id| self.reopens(context, *id)).or(of_thread.filter(|id| self.reopens(context, *id)))
        });
        let id = match found {
            Some(id) => {
                self.wake(context, id, direction);
                self.claim(context, id, place.contact);
                if let Some(row) = self.conversations.edit(id)
                    && row.sole_thread != thread.id
                {
                    row.sole_thread = None;
                }
                id
            }
            None => {
                let seed = thread.status.unwrap_or(match direction {
                    Direction::Inbound => ConversationStatus::InQueue,
                    Direction::Outbound => ConversationStatus::Open,
                });
                let status = match direction {
                    Direction::Inbound => seed.woken(false),
                    Direction::Outbound => seed,
                };
                let id = self.references.suggested(&alias).filter(|id| self.conversations.get(*id).is_none());
                let id = id.unwrap_or_else(|| self.ambient.uuid());
                let row = self.blank_conversation(context, id, place, status, occurred_at);
                self.conversations.add(row);
                self.latest.insert((place.channel, place.address), id);
                if let Some(row) = self.conversations.edit(id) {
                    row.subject.clone_from(&thread.subject);
                    row.sole_thread.clone_from(&thread.id);
                }
                self.describe(id, thread);
                self.references.point(&alias, id, true);
                self.tell_conversation(context, EventType::ConversationCreated, id, None);
                return id;
            }
        };
        self.describe(id, thread);
        self.references.point(&alias, id, true);
        id
    }

    /// When the provider deleted the thread, if known. Later messages go to another conversation.
    pub(super) fn gone_at(&self, context: Context<'_>, thread: &ThreadReport) -> Option<DateTime<Utc>> {
        let id = thread.id.as_ref()?;
        self.references.deleted_at([&context.speaker.name(RefKind::Conversation, id)])
    }

    /// The conversation for messages written in a thread before its deletion: the thread's, else a new one that is
    /// deleted.
    pub(super) fn grave(
        &mut self,
        context: Context<'_>,
        place: Place,
        thread: &ThreadReport,
        gone_at: DateTime<Utc>,
    ) -> Uuid {
        let name = thread.id.as_ref().map(|id| context.speaker.name(RefKind::Conversation, id));
        let of_thread = self.references.target(&name).filter(|id| self.conversations.get(*id).is_some());
        if let Some(id) = of_thread {
            return id;
        }
        let suggested = self.references.suggested(&name).filter(|id| self.conversations.get(*id).is_none());
        let id = suggested.unwrap_or_else(|| self.ambient.uuid());
        let mut row = self.blank_conversation(context, id, place, ConversationStatus::Closed, gone_at);
        row.external_id.clone_from(&thread.id);
        row.sole_thread.clone_from(&thread.id);
        row.deleted_at = Some(gone_at);
        self.conversations.add(row);
        self.references.point(&name, id, true);
        self.references.settle(&name);
        id
    }

    /// Applies the deletion of a thread at `at`. Deletes the conversation if it has no later messages. Otherwise the
    /// conversation stays, without its earlier messages and without the members that the provider's record told.
    fn end(&mut self, context: Context<'_>, id: Uuid, at: DateTime<Utc>) -> Result<(), Rejection> {
        let Some(row) = self.conversations.edit(id) else { return Ok(()) };
        if row.last_message_at.is_none_or(|last| last <= at) {
            row.deleted_at = Some(at);
            row.stand(ConversationStatus::Closed, row.closed_at.unwrap_or(context.at()));
            return Ok(());
        }
        row.subject = None;
        let versions = &row.provider_members.0;
        row.attributes.0.retain(|name, _| !versions.tells(&format!("attributes.{name}")));
        let earlier =
            |row: &&MessageRow| row.conversation_id == id && row.deleted_at.is_none() && row.occurred_at <= at;
        let earlier: Vec<Uuid> = self.messages.iter().filter(earlier).map(|row| row.id).collect();
        if earlier.len() > MOST_ENDED {
            return Err(Rejection(format!(
                "the deleted conversation has more than {MOST_ENDED} messages before its deletion, and others after it: \
                 Inlet does not delete so many at once"
            )));
        }
        for message in earlier {
            self.delete_message(context, message, at);
        }
        Ok(())
    }

    /// Gives a contact to a conversation that has none. Raises an event, because lists are filtered by the contact.
    fn claim(&mut self, context: Context<'_>, id: Uuid, contact: Option<Uuid>) {
        let Some(row) = self.conversations.get(id) else { return };
        if contact.is_none() || row.contact_id.is_some() || row.group_id.is_some() {
            return;
        }
        let before = self.conversation_payload(row);
        if let Some(row) = self.conversations.edit(id) {
            row.contact_id = contact;
            row.revision += 1;
            row.updated_at = row.updated_at.max(context.at());
        }
        self.tell_conversation_change(context, id, &before);
    }

    /// Takes in the members that the provider tells of its thread.
    fn describe(&mut self, id: Uuid, thread: &ThreadReport) {
        let Some(row) = self.conversations.edit(id) else { return };
        if thread.id.is_some() {
            row.external_id.clone_from(&thread.id);
        }
        if thread.provider_status.is_some() {
            row.provider_status.clone_from(&thread.provider_status);
        }
        if row.subject.is_none() {
            row.subject.clone_from(&thread.subject);
        }
        set_attributes(&mut row.attributes.0, &thread.attributes);
    }

    fn reopens(&self, context: Context<'_>, id: Uuid) -> bool {
        let Some(row) = self.conversations.get(id) else { return false };
        let window = self.channels.get(row.channel_id).map_or(0, |channel| channel.reopen_window_seconds);
        let closed_for = row.closed_at.map_or(TimeDelta::zero(), |closed_at| context.at() - closed_at);
        row.last_message_id.is_none() || closed_for <= TimeDelta::seconds(window)
    }

    /// Reopens a conversation that is pending, snoozed or closed, because a message came. Raises an event. The
    /// conversation keeps its assignee, unless the assignee is shut out. A replay reopens nothing.
    fn wake(&mut self, context: Context<'_>, id: Uuid, direction: Direction) {
        if context.is_replay() {
            return;
        }
        let Some(row) = self.conversations.get(id) else { return };
        let assignee = row.assignee_id.filter(|member| !self.shut_out.contains(member));
        let woken = match direction {
            Direction::Inbound => row.status.woken(assignee.is_some()),
            Direction::Outbound if row.status == ConversationStatus::Closed => ConversationStatus::Open,
            Direction::Outbound => row.status,
        };
        if woken == row.status {
            return;
        }
        let before = self.conversation_payload(row);
        let key = (row.channel_id, row.address_id);
        if let Some(row) = self.conversations.edit(id) {
            row.stand(woken, context.at());
            row.assignee_id = assignee;
            row.revision += 1;
            row.updated_at = row.updated_at.max(context.at());
        }
        self.latest.insert(key, id);
        self.tell_conversation_change(context, id, &before);
    }

    /// A new closed conversation, which no queue shows, for a report that comes before its messages.
    pub(super) fn closed_conversation(&mut self, context: Context<'_>, place: Place, at: DateTime<Utc>) -> Uuid {
        let standing = self.latest.get(&(place.channel, place.address)).copied();
        if let Some(id) = standing.filter(|id| self.conversations.get(*id).is_some_and(|row| row.deleted_at.is_none()))
        {
            return id;
        }
        let id = self.ambient.uuid();
        let row = self.blank_conversation(context, id, place, ConversationStatus::Closed, at);
        self.conversations.add(row);
        self.latest.insert((place.channel, place.address), id);
        self.tell_conversation(context, EventType::ConversationCreated, id, None);
        id
    }

    fn blank_conversation(
        &self,
        context: Context<'_>,
        id: Uuid,
        place: Place,
        status: ConversationStatus,
        active_at: DateTime<Utc>,
    ) -> ConversationRow {
        ConversationRow {
            workspace_id: context.workspace(),
            id,
            channel_id: place.channel,
            address_id: place.address,
            contact_id: place.contact,
            group_id: None,
            status,
            provider_status: None,
            external_id: None,
            subject: None,
            priority: Priority::Normal,
            assignee_id: None,
            team_id: None,
            label_ids: Vec::new(),
            attributes: Default::default(),
            provider_members: Default::default(),
            sole_thread: None,
            inbound_count: 0,
            read_count: 0,
            last_ordinal: 0,
            read_ordinal: 0,
            last_message_id: None,
            last_message_at: None,
            last_activity_at: active_at,
            waiting_since: None,
            first_response_at: None,
            snoozed_until: None,
            closed_at: (status == ConversationStatus::Closed).then(|| context.at()),
            revision: 1,
            created_at: context.at(),
            updated_at: context.at(),
            deleted_at: None,
        }
    }

    pub(super) fn tell_conversation_change(
        &mut self,
        context: Context<'_>,
        id: Uuid,
        before: &inlet_domain::event::payload::ConversationPayload,
    ) {
        let Some(row) = self.conversations.get(id) else { return };
        let previous = previous(before, &self.conversation_payload(row));
        self.tell_conversation(context, EventType::ConversationUpdated, id, previous);
    }
}
