//! Messages and their changes.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Change, MessageReport, Patch, Version},
    event::{EventType, payload::previous},
    model::{
        message::{Direction, MessageKind, Origin},
        versions::Stamp,
        waiting::WaitingHalf,
    },
};
use uuid::Uuid;

use super::{Context, Rejection, WorkingSet, contacts::Told, conversations::Place, statuses::floor};
use crate::{
    apply::{
        plan,
        references::{RefKey, RefKind},
        stub::MessageStub,
    },
    rows::{MessageRow, payloads::bytes},
};

impl WorkingSet<'_> {
    pub(super) fn message(&mut self, context: Context<'_>, report: &MessageReport) -> Result<(), Rejection> {
        let report = &*by_arrival(report, context.at());
        let names = context.speaker.message(context.key, &report.ids);
        let deletion = report.version.filter(|version| version.change == Change::Deleted);
        let target = self.unite(context, &names);
        let known = target.filter(|id| self.messages.get(*id).is_some());
        match (known, deletion) {
            (Some(id), Some(version)) => self.delete_message(context, id, version.at),
            (None, Some(version)) => self.bury(&names, version.at.min(context.at())),
            // A version that does not tell the message's conversation changes the placeholder, but creates no message.
            (Some(id), None)
                if !self.messages.get(id).is_some_and(|row| row.placeholder)
                    || (report.version.is_some() && !plan::tells_place(report)) =>
            {
                self.references.point(&names, id, false);
                self.change_message(context, id, report)?;
            }
            (None, None) if report.version.is_some() && !plan::tells_place(report) => {
                self.await_create(context, report, &names);
            }
            (_, None) => self.create_message(context, report, &names, target)?,
        }
        Ok(())
    }

    /// Notes that the provider deleted an entity before it came.
    pub(super) fn bury<'a>(&mut self, names: impl IntoIterator<Item = &'a RefKey> + Clone, at: DateTime<Utc>) {
        self.references.bury(names.clone(), at);
        let since = self.ambient.uuid();
        self.references.wait(names, since, WaitingHalf::Deletion);
    }

    /// Keeps a version of a message that is yet to come, under the name of the message.
    fn await_create(&mut self, context: Context<'_>, report: &MessageReport, names: &[RefKey]) {
        let (Some(version), Some(name)) = (report.version, names.first()) else { return };
        let mut stub = self.references.pending(names).unwrap_or_default();
        stub.take(report, context.stamp(version));
        stub.keep_files(report, version);
        self.references.keep_pending(name, stub);
        let since = self.ambient.uuid();
        self.references.wait(names, since, WaitingHalf::Update);
    }

    /// Creates a message, which may replace a placeholder or have reports that wait for it.
    fn create_message(
        &mut self,
        context: Context<'_>,
        report: &MessageReport,
        names: &[RefKey],
        expected: Option<Uuid>,
    ) -> Result<(), Rejection> {
        let channel = self.channel(context, &report.channel);
        let (address, contact) = self.person(context, report.person.as_ref(), told(context, report))?;
        let occurred_at = report.occurred_at.unwrap_or(context.at());
        let place = Place { channel, address, contact };
        // The deletion of a thread deletes the messages written before it.
        let gone_at = self.gone_at(context, &report.thread).filter(|gone_at| occurred_at <= *gone_at);
        let conversation = match gone_at {
            Some(gone_at) => self.grave(context, place, &report.thread, gone_at),
            None => self.route(context, place, &report.thread, report.direction, occurred_at),
        };
        if let Some(group) = plan::group_of(report) {
            let group = self.group_on_sight(context, group);
            if let Some(row) = self.conversations.edit(conversation) {
                row.group_id.get_or_insert(group);
            }
        }
        let suggested = || self.references.suggested(names).filter(|id| self.messages.get(*id).is_none());
        let id = expected.or_else(suggested).unwrap_or_else(|| self.ambient.uuid());
        let placeholder = self.messages.get(id).cloned();
        let stood_in = placeholder.is_some();
        let mut row = match placeholder {
            Some(placeholder) => placeholder,
            None => blank_message(context, id, conversation, report.direction),
        };
        row.conversation_id = conversation;
        row.placeholder = false;
        describe(&mut row, report, contact, context.at());
        let mut files = Vec::new();
        let waited = self.references.pending(names);
        if let Some(version) = report.version {
            row.content_type = None;
            row.content = None;
            if let Some(stub) = waited {
                files = stub.give(&mut row);
            }
            stamp_members(&mut row, report, context.stamp(version));
        } else if let Some(stub) = waited {
            // A message without versions has only its reactions reported separately.
            row.reactions = stub.reactions.unwrap_or_default().into();
            row.provider_members = stub.versions.into();
        }
        if !stood_in {
            self.join_reports(&mut row);
        }
        row.show();
        if report.direction == Direction::Outbound && report.kind == MessageKind::Message {
            row.status = row.status.max(floor(&row));
        }
        row.deleted_at = row.deleted_at.or(self.references.deleted_at(names)).or(gone_at);
        if stood_in {
            row.revision += 1;
            row.updated_at = row.updated_at.max(context.at());
        }
        for file in &files {
            self.add_files(context, id, std::slice::from_ref(&file.part), file.version);
        }
        self.add_files(context, id, report.attachments.as_deref().unwrap_or_default(), listed(context, report));
        self.adopt(context, names, id);
        self.references.point(names, id, false);
        self.references.settle(names);
        self.await_quoted(context, report);
        let hidden = row.deleted_at.is_some();
        self.messages.add(row);
        if hidden {
            return Ok(());
        }
        self.count(context, conversation, id);
        let Some(row) = self.messages.get(id).cloned() else { return Ok(()) };
        let kind = if row.kind == MessageKind::Call { EventType::CallCompleted } else { EventType::MessageCreated };
        let payload = bytes(&self.message_payload(&row));
        self.tell_message(context, kind, &row, payload, None);
        Ok(())
    }

    /// Notes that the quote waits for the quoted message, if that is unknown.
    fn await_quoted(&mut self, context: Context<'_>, report: &MessageReport) {
        let Some(quoted) = &report.quoted_id else { return };
        let name = context.speaker.name(RefKind::Message, quoted);
        if self.references.target([&name]).is_none() {
            let since = self.ambient.uuid();
            self.references.wait([&name], since, WaitingHalf::Quote);
        }
    }

    /// Applies a report on a message that exists: a newer version, or a replay of its request.
    fn change_message(&mut self, context: Context<'_>, id: Uuid, report: &MessageReport) -> Result<(), Rejection> {
        if report.version.is_none() && !context.is_replay() {
            return Ok(());
        }
        let Some(before) = self.messages.get(id).cloned() else { return Ok(()) };
        let old = self.message_payload(&before);
        let contact = self.conversations.get(before.conversation_id).and_then(|row| row.contact_id);
        self.tell_author(context, id, report)?;
        if let Some(row) = self.messages.edit(id) {
            match report.version {
                Some(version) => stamp_members(row, report, context.stamp(version)),
                None => {
                    // The author stays, whatever happened to the contact of the conversation since.
                    let author = if row.direction == report.direction { row.author_id } else { contact };
                    describe(row, report, author, context.at());
                    row.show();
                }
            }
        }
        self.add_files(context, id, report.attachments.as_deref().unwrap_or_default(), listed(context, report));
        self.await_quoted(context, report);
        let Some(row) = self.messages.get(id) else { return Ok(()) };
        if (row.occurred_at, row.direction, row.kind) != (before.occurred_at, before.direction, before.kind) {
            self.recounts.insert((row.workspace_id, row.conversation_id));
        }
        // A replay may turn the direction. An outbound message is never unread, and a replay marks no message unread.
        if row.direction != before.direction
            && let Some(row) = self.messages.edit(id)
            && let Some(ordinal) = row.ordinal.take()
            && before.direction == Direction::Inbound
            && before.deleted_at.is_none()
        {
            self.uncounted.push((row.workspace_id, row.conversation_id, ordinal));
        }
        let Some(row) = self.messages.get(id) else { return Ok(()) };
        let changed = previous(&old, &self.message_payload(row));
        if changed.is_none() {
            return Ok(());
        }
        let Some(row) = self.messages.edit(id) else { return Ok(()) };
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        let row = row.clone();
        if row.deleted_at.is_none() {
            let payload = bytes(&self.message_payload(&row));
            self.tell_message(context, EventType::MessageUpdated, &row, payload, changed);
        }
        Ok(())
    }

    /// Sets the author of a message that came without one.
    fn tell_author(&mut self, context: Context<'_>, id: Uuid, report: &MessageReport) -> Result<(), Rejection> {
        let faceless = self.messages.get(id).is_some_and(|row| row.author_kind == "contact" && row.author_id.is_none());
        if !faceless || report.person.is_none() || context.resolved.is_none() {
            return Ok(());
        }
        let (_, contact) = self.person(context, report.person.as_ref(), told(context, report))?;
        let Some(row) = self.messages.edit(id) else { return Ok(()) };
        row.author_id = contact;
        let conversation = row.conversation_id;
        let Some(row) = self.conversations.get(conversation) else { return Ok(()) };
        if row.contact_id.is_some() || row.group_id.is_some() {
            return Ok(());
        }
        let before = self.conversation_payload(row);
        if let Some(row) = self.conversations.edit(conversation) {
            row.contact_id = contact;
            row.revision += 1;
            row.updated_at = row.updated_at.max(context.at());
        }
        self.tell_conversation_change(context, conversation, &before);
        Ok(())
    }

    /// Updates the members of the conversation that derive from its messages. The event of the message tells them.
    fn count(&mut self, context: Context<'_>, conversation: Uuid, id: Uuid) {
        let Some(message) = self.messages.edit(id) else { return };
        let Some(row) = self.conversations.edit(conversation) else { return };
        let (occurred_at, direction) = (message.occurred_at, message.direction);
        let is_newest = (row.last_message_at, row.last_message_id) < (Some(occurred_at), Some(id));
        if is_newest {
            row.last_message_at = Some(occurred_at);
            row.last_message_id = Some(id);
        }
        row.last_activity_at = row.last_activity_at.max(occurred_at);
        if message.kind == MessageKind::Message {
            // A late message makes the save compute them anew, unless the other side waits since before it already.
            let waits_longer = row.waiting_since.is_some_and(|since| since <= occurred_at);
            if is_newest {
                row.hear(direction, occurred_at);
            } else if direction == Direction::Outbound || !waits_longer {
                self.recounts.insert((row.workspace_id, row.id));
            }
        }
        // A replay marks no message unread in a conversation that existed before.
        message.ordinal = match direction {
            Direction::Inbound if context.is_replay() && row.last_ordinal > 0 => None,
            Direction::Inbound => {
                row.inbound_count += 1;
                row.last_ordinal += 1;
                Some(row.last_ordinal)
            }
            Direction::Outbound => Some(row.last_ordinal),
        };
    }

    pub(super) fn delete_message(&mut self, context: Context<'_>, id: Uuid, at: DateTime<Utc>) {
        let Some(row) = self.messages.edit(id) else { return };
        if row.deleted_at.is_some() {
            return;
        }
        row.deleted_at = Some(at.min(context.at()));
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        let row = row.clone();
        self.tell_deletion(context, &row);
    }
}

/// The version in which a message without versions tells of its person.
fn snapshot(context: Context<'_>, report: &MessageReport) -> Version {
    let told = report.version.filter(|version| version.told).map(|version| version.at);
    Version::new(Change::Updated, told.or(report.occurred_at), context.at())
}

/// The version in which a message tells of its person, and when the person was active.
fn told(context: Context<'_>, report: &MessageReport) -> Told {
    let seen = report.occurred_at.unwrap_or(context.at());
    Told {
        version: snapshot(context, report),
        // A provider that sends versions sends its record of the person with each of them.
        is_record: report.version.is_some(),
        seen: (report.direction == Direction::Inbound).then_some(seen),
    }
}

/// The version in which a message tells of its attachments.
fn listed(context: Context<'_>, report: &MessageReport) -> Version {
    report.version.unwrap_or_else(|| snapshot(context, report))
}

/// Replaces the times of a report that are after its arrival, because no report comes before the event. The arrival
/// stands in, as for a report without a time.
fn by_arrival(report: &MessageReport, arrived: DateTime<Utc>) -> Cow<'_, MessageReport> {
    let is_to_come = |time: Option<&DateTime<Utc>>| time.is_some_and(|time| *time > arrived);
    let (occurs, reads) = (is_to_come(report.occurred_at.as_ref()), is_to_come(report.read_at.value()));
    if !occurs && !reads {
        return Cow::Borrowed(report);
    }
    let mut report = report.clone();
    if occurs {
        report.occurred_at = None;
    }
    if reads {
        report.read_at = Patch::Value(arrived);
    }
    Cow::Owned(report)
}

/// Takes in a report of a message without versions. `author` is the contact that wrote an inbound message.
fn describe(row: &mut MessageRow, report: &MessageReport, author: Option<Uuid>, arrived: DateTime<Utc>) {
    row.direction = report.direction;
    row.kind = report.kind;
    row.content_type = report.content_type.value().cloned();
    row.content = report.content.value().cloned();
    row.details = report.details.clone().into();
    row.quoted_external_id.clone_from(&report.quoted_id);
    if report.external_id.is_some() {
        row.external_id.clone_from(&report.external_id);
    }
    row.occurred_at = report.occurred_at.unwrap_or(arrived);
    row.occurred_at_assumed = report.occurred_at.is_none();
    row.author_name.clone_from(&report.author_name);
    (row.author_kind, row.author_id) = match report.direction {
        Direction::Inbound => ("contact".to_owned(), author),
        Direction::Outbound => ("provider".to_owned(), None),
    };
}

/// Takes in each member of a versioned update whose version wins.
fn stamp_members(row: &mut MessageRow, report: &MessageReport, stamp: Stamp) {
    let mut members = MessageStub::lift(row);
    members.take(report, stamp);
    members.give(row);
}

pub(super) fn blank_message(context: Context<'_>, id: Uuid, conversation: Uuid, direction: Direction) -> MessageRow {
    MessageRow {
        workspace_id: context.workspace(),
        id,
        conversation_id: conversation,
        provider_account_id: Some(context.speaker.account),
        direction,
        kind: MessageKind::Message,
        origin: Origin::Provider,
        placeholder: false,
        content_type: None,
        content: None,
        details: Default::default(),
        author_kind: "provider".to_owned(),
        author_id: None,
        author_name: None,
        ordinal: None,
        external_id: None,
        quoted_external_id: None,
        campaign_external_id: None,
        client_key: None,
        occurred_at: context.at(),
        occurred_at_assumed: true,
        status: None,
        sent_at: None,
        delivered_at: None,
        read_at: None,
        failed_at: None,
        failure: None,
        delivery: None,
        reactions: Default::default(),
        provider_members: Default::default(),
        revision: 1,
        created_at: context.at(),
        updated_at: context.at(),
        deleted_at: None,
    }
}
