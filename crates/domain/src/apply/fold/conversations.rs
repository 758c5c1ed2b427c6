//! Channels, and which conversation a message goes to (P5).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Context, Fold, Rejection, contacts::Told, take, take_attributes};
use crate::{
    apply::{
        references::{RefKey, RefKind},
        rows::{ChannelRow, ConversationRow, MessageRow},
    },
    command::{Change, ChannelRef, ChannelReport, ConversationReport, ThreadReport},
    event::{EventType, payload::previous},
    ids::{ChannelId, WorkspaceId},
    model::{
        conversation::{ConversationStatus, Priority},
        message::Direction,
    },
    scope::Actor,
    store::settings,
};

/// The most messages that the deletion of a thread takes away one by one.
pub(in crate::apply) const MOST_ENDED: usize = 2_000;

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub channel: Uuid,
    pub address: Uuid,
    pub contact: Option<Uuid>,
}

impl Fold<'_> {
    /// The channel, made on sight; what the provider tells of it is kept up to date.
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

    /// The conversation that a message goes to: the group's where its thread is one's, else the one of its address that
    /// is not closed, else the one that the provider's thread is an alias of, else the last one of its address if it may
    /// be reopened, else a new one.
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
        let standing = |fold: &Self, id: Option<Uuid>| {
            id.filter(|id| {
                fold.conversations
                    .get(*id)
                    .is_some_and(|row| row.deleted_at.is_none() && row.channel_id == place.channel)
            })
        };
        let is_open = |fold: &Self, id: &Uuid| {
            fold.conversations.get(*id).is_some_and(|row| row.status != ConversationStatus::Closed)
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

    /// When the provider deleted the thread, as far as that is known: what was written later makes a conversation of its own.
    pub(super) fn gone_at(&self, context: Context<'_>, thread: &ThreadReport) -> Option<DateTime<Utc>> {
        let id = thread.id.as_ref()?;
        self.references.deleted_at([&context.speaker.name(RefKind::Conversation, id)])
    }

    /// The conversation of what was written in a thread before that was deleted: the thread's, else one that nobody sees.
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

    /// Takes a thread away that the provider deleted: all that was written until then goes. The conversation stands where
    /// something was written later, without what the provider's record told of it.
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
                "more than {MOST_ENDED} messages were written before the conversation was deleted, and others later: \
                 Inlet does not take so many away at once"
            )));
        }
        for message in earlier {
            self.delete_message(context, message, at);
        }
        Ok(())
    }

    /// Whose a conversation is that came to be without anyone: a change that is told, for lists are filtered by it.
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

    /// Keeps beside ours what the provider tells of its thread.
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
        for (name, value) in &thread.attributes {
            row.attributes.insert(name.clone(), value.clone());
        }
    }

    fn reopens(&self, context: Context<'_>, id: Uuid) -> bool {
        let Some(row) = self.conversations.get(id) else { return false };
        let window = self.channels.get(row.channel_id).map_or(0, |channel| channel.reopen_window_seconds);
        let closed_for = row.closed_at.map_or(TimeDelta::zero(), |closed_at| context.at() - closed_at);
        row.last_message_id.is_none() || closed_for <= TimeDelta::seconds(window)
    }

    /// A message came: what waits or was closed wakes, which is a change that is told. It goes to whoever has it, unless
    /// they are shut out: then nobody has it. A replay wakes none.
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

    /// A conversation for what came before its messages: closed, so that no queue shows it.
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
        before: &crate::event::payload::ConversationPayload,
    ) {
        let Some(row) = self.conversations.get(id) else { return };
        let previous = previous(before, &self.conversation_payload(row));
        self.tell_conversation(context, EventType::ConversationUpdated, id, previous);
    }

    pub(super) fn conversation(&mut self, context: Context<'_>, report: &ConversationReport) -> Result<(), Rejection> {
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
        // What is said of a thread that was deleted changes nothing.
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

    /// Whether a conversation is not the group's though its thread led there: messages came to it by other ways too, before
    /// the group was known, or the group has a conversation already.
    fn is_of_others(&self, context: Context<'_>, id: Uuid, report: &ConversationReport) -> bool {
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

    /// A conversation is a group's from now on: it is with no contact, and stands at the group's address, so that whoever
    /// wrote in it first has their own address again. If the group is gone, it is closed unless something came since.
    fn hand_to_group(&mut self, context: Context<'_>, id: Uuid, group: Uuid) {
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

    /// A group is gone: its conversations are closed, and what was written in them stays.
    pub(super) fn close_conversations_of(&mut self, context: Context<'_>, group: Uuid) {
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

    /// The group of a conversation, made on sight.
    pub(super) fn group_on_sight(&mut self, context: Context<'_>, external_id: &str) -> Uuid {
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

fn new_channel(context: Context<'_>, id: Uuid, report: &ChannelReport) -> ChannelRow {
    ChannelRow {
        workspace_id: context.workspace(),
        id,
        provider_account_id: context.speaker.account,
        medium: report.medium,
        identifier: report.identifier.clone(),
        phone: report.phone.clone(),
        name: report.name.clone(),
        description: report.description.clone(),
        country: report.country.clone(),
        env: report.env.clone(),
        status: report.status.clone(),
        provider_webhook_url: report.webhook_url.clone(),
        external_id: report.ids.first().cloned(),
        reopen_window_seconds: 7 * 24 * 3600,
        revision: 1,
        created_at: context.at(),
    }
}

/// Whether the row already says all that the report tells.
fn describes(row: &ChannelRow, report: &ChannelReport) -> bool {
    let same = |have: &Option<String>, told: &Option<String>| told.is_none() || have == told;
    // A report that knows no more than an address tells nothing of a channel that was found by it.
    (report.phone.is_none() || same(&row.identifier, &report.identifier))
        && same(&row.phone, &report.phone)
        && same(&row.name, &report.name)
        && same(&row.description, &report.description)
        && same(&row.country, &report.country)
        && same(&row.env, &report.env)
        && same(&row.status, &report.status)
        && same(&row.provider_webhook_url, &report.webhook_url)
}
