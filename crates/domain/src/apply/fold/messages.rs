//! Messages, their changes, and their files.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Context, Fold, Rejection, conversations::Place, payloads::bytes, statuses::floor, take};
use crate::{
    apply::{
        plan,
        references::{RefKey, RefKind},
        rows::{AttachmentRow, MessageRow},
        stub::MessageStub,
    },
    command::{AttachmentPart, AttachmentReport, Change, MessageReport, Version},
    event::{
        EventType,
        payload::{DeletedPayload, previous},
    },
    ids::AttachmentId,
    model::{
        message::{AttachmentKind, Direction, MessageKind, Origin},
        versions::Stamp,
        waiting::WaitingHalf,
    },
};

impl Fold<'_> {
    pub(super) fn message(&mut self, context: Context<'_>, report: &MessageReport) -> Result<(), Rejection> {
        let names = context.speaker.message(context.key, &report.ids);
        let deletion = report.version.filter(|version| version.change == Change::Deleted);
        let target = self.unite(context, &names);
        let known = target.filter(|id| self.messages.get(*id).is_some());
        match (known, deletion) {
            (Some(id), Some(version)) => self.delete_message(context, id, version),
            (None, Some(version)) => self.bury(&names, version),
            (Some(id), None) if !self.messages.get(id).is_some_and(|row| row.placeholder) => {
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

    /// Keeps that something was deleted before it came.
    pub(super) fn bury<'a>(&mut self, names: impl IntoIterator<Item = &'a RefKey> + Clone, version: Version) {
        self.references.bury(names.clone(), version.at);
        let since = self.ambient.uuid();
        self.references.wait(names, since, WaitingHalf::Deletion);
    }

    /// A newer version of what is yet to come, which does not tell where it belongs, waits under its name.
    fn await_create(&mut self, context: Context<'_>, report: &MessageReport, names: &[RefKey]) {
        let (Some(version), Some(name)) = (report.version, names.first()) else { return };
        let mut stub = self.references.pending(names).unwrap_or_default();
        stub.take(report, context.stamp(version));
        stub.keep_files(report);
        self.references.keep_pending(name, stub);
        let since = self.ambient.uuid();
        self.references.wait(names, since, WaitingHalf::Update);
    }

    /// A new message, or the one that a placeholder stood in for or reports waited for.
    fn create_message(
        &mut self,
        context: Context<'_>,
        report: &MessageReport,
        names: &[RefKey],
        expected: Option<Uuid>,
    ) -> Result<(), Rejection> {
        let channel = self.channel(context, &report.channel);
        let (address, contact) = self.person(context, report.person.as_ref())?;
        let occurred_at = report.occurred_at.unwrap_or(context.at());
        let place = Place { channel, address, contact };
        let conversation = self.route(context, place, &report.thread, report.direction, occurred_at);
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
        if let Some(version) = report.version {
            row.content_type = None;
            row.content = None;
            if let Some(stub) = self.references.pending(names) {
                files = stub.give(&mut row);
            }
            stamp_members(&mut row, report, context.stamp(version));
        }
        if !stood_in {
            self.join_reports(&mut row);
        }
        row.show();
        if report.direction == Direction::Outbound && report.kind == MessageKind::Message {
            row.status = row.status.max(floor(&row));
        }
        row.deleted_at = row.deleted_at.or(self.references.deleted_at(names));
        if stood_in {
            row.revision += 1;
            row.updated_at = context.at();
        }
        self.add_files(context, id, &files);
        self.add_files(context, id, report.attachments.as_deref().unwrap_or_default());
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

    /// A quote of a message that is not known waits for it.
    fn await_quoted(&mut self, context: Context<'_>, report: &MessageReport) {
        let Some(quoted) = &report.quoted_id else { return };
        let name = context.speaker.name(RefKind::Message, quoted);
        if self.references.target([&name]).is_none() {
            let since = self.ambient.uuid();
            self.references.wait([&name], since, WaitingHalf::Quote);
        }
    }

    /// A report on a message that is there: a newer version of it, or a new reading of the same request.
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
                    describe(row, report, contact, context.at());
                    row.show();
                }
            }
        }
        self.add_files(context, id, report.attachments.as_deref().unwrap_or_default());
        self.await_quoted(context, report);
        let Some(row) = self.messages.get(id) else { return Ok(()) };
        if row.occurred_at != before.occurred_at {
            self.recounts.insert((row.workspace_id, row.conversation_id));
        }
        let changed = previous(&old, &self.message_payload(row));
        if changed.is_none() {
            return Ok(());
        }
        let Some(row) = self.messages.edit(id) else { return Ok(()) };
        row.revision += 1;
        row.updated_at = context.at();
        let row = row.clone();
        if row.deleted_at.is_none() {
            let payload = bytes(&self.message_payload(&row));
            self.tell_message(context, EventType::MessageUpdated, &row, payload, changed);
        }
        Ok(())
    }

    /// Whose message it is, where what came first did not tell.
    fn tell_author(&mut self, context: Context<'_>, id: Uuid, report: &MessageReport) -> Result<(), Rejection> {
        let faceless = self.messages.get(id).is_some_and(|row| row.author_kind == "contact" && row.author_id.is_none());
        if !faceless || report.person.is_none() || context.resolved.is_none() {
            return Ok(());
        }
        let (_, contact) = self.person(context, report.person.as_ref())?;
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
            row.updated_at = context.at();
        }
        self.tell_conversation_change(context, conversation, &before);
        Ok(())
    }

    /// What a message changes in its conversation: derived, so it is told with the message.
    fn count(&mut self, context: Context<'_>, conversation: Uuid, id: Uuid) {
        let Some(message) = self.messages.get(id) else { return };
        let (occurred_at, direction, kind) = (message.occurred_at, message.direction, message.kind);
        let Some(row) = self.conversations.edit(conversation) else { return };
        if (row.last_message_at, row.last_message_id) < (Some(occurred_at), Some(id)) {
            row.last_message_at = Some(occurred_at);
            row.last_message_id = Some(id);
        }
        row.last_activity_at = row.last_activity_at.max(occurred_at);
        // A replay marks nothing unread that was there before it.
        if context.is_replay() && row.inbound_count > 0 {
            return;
        }
        match direction {
            Direction::Inbound => {
                row.inbound_count += 1;
                if kind == MessageKind::Message {
                    row.waiting_since.get_or_insert(occurred_at);
                }
            }
            Direction::Outbound if kind == MessageKind::Message => {
                if row.waiting_since.take().is_some() {
                    row.first_response_at.get_or_insert(occurred_at);
                }
            }
            Direction::Outbound => {}
        }
    }

    /// Files that came before their message join it.
    pub(super) fn adopt(&mut self, context: Context<'_>, names: &[RefKey], id: Uuid) {
        for name in names {
            if self.references.is_awaited(name) {
                self.adoptions.push((name.workspace, name.account, name.id.clone(), id));
            }
        }
        let waiting: Vec<Uuid> = self
            .attachments
            .iter()
            .filter(|file| {
                file.message_id.is_none()
                    && file.provider_account_id == Some(context.speaker.account)
                    && names.iter().any(|name| file.message_external_id.as_ref() == Some(&name.id))
            })
            .map(|file| file.id)
            .collect();
        for file in waiting {
            if let Some(file) = self.attachments.edit(file) {
                file.message_id = Some(id);
            }
        }
    }

    /// Files that a report of a message shows for the first time.
    fn add_files(&mut self, context: Context<'_>, message: Uuid, parts: &[AttachmentPart]) {
        for (position, part) in parts.iter().enumerate() {
            let is_same = |file: &AttachmentRow| {
                file.message_id == Some(message)
                    && match (&file.external_id, &part.external_id) {
                        (Some(have), Some(told)) => have == told,
                        _ => file.url == part.url,
                    }
            };
            if !self.attachments.iter().any(is_same) {
                let file = new_attachment(context, self.ambient.uuid(), message, position, part);
                self.attachments.add(file);
            }
        }
    }

    fn delete_message(&mut self, context: Context<'_>, id: Uuid, version: Version) {
        let Some(row) = self.messages.edit(id) else { return };
        if row.deleted_at.is_some() {
            return;
        }
        row.deleted_at = Some(version.at);
        row.revision += 1;
        row.updated_at = context.at();
        let row = row.clone();
        self.tell_deletion(context, &row);
    }

    pub(super) fn attachment(&mut self, context: Context<'_>, report: &AttachmentReport) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Attachment, &report.id);
        let deleted = report.version.change == Change::Deleted;
        let known = self.references.target([&name]).filter(|id| self.attachments.get(*id).is_some());
        if known.is_none() && deleted {
            self.bury([&name], report.version);
            return Ok(());
        }
        let id = known.unwrap_or_else(|| {
            let id = self.references.suggested([&name]).unwrap_or_else(|| self.ambient.uuid());
            let part = AttachmentPart {
                external_id: Some(report.id.clone()),
                kind: AttachmentKind::Other,
                url: None,
                filename: None,
                mime_type: None,
                size_bytes: None,
            };
            let mut file = new_attachment(context, id, Uuid::nil(), 0, &part);
            file.message_id = None;
            file.deleted_at = self.references.deleted_at([&name]);
            self.attachments.add(file);
            self.references.point([&name], id, false);
            self.references.settle([&name]);
            id
        });
        let message = report.message_id.as_ref().map(|id| context.speaker.name(RefKind::Message, id));
        let target = message.as_ref().and_then(|name| self.references.target([name]));
        let target = target.filter(|id| self.messages.get(*id).is_some());
        if let (Some(name), None) = (&message, target) {
            let since = self.ambient.uuid();
            self.references.wait([name], since, WaitingHalf::Attachment);
        }
        let Some(before) = self.attachments.get(id).cloned() else { return Ok(()) };
        let Some(row) = self.attachments.edit(id) else { return Ok(()) };
        row.message_id = row.message_id.or(target);
        if report.message_id.is_some() {
            row.message_external_id.clone_from(&report.message_id);
        }
        let (versions, version) = (&mut row.provider_members.0, context.stamp(report.version));
        let mut kind = Some(row.kind);
        take(versions, version, "kind", &mut kind, &report.kind);
        row.kind = kind.unwrap_or(AttachmentKind::Other);
        take(versions, version, "url", &mut row.url, &report.url);
        take(versions, version, "filename", &mut row.filename, &report.filename);
        take(versions, version, "mime_type", &mut row.mime_type, &report.mime_type);
        take(versions, version, "size_bytes", &mut row.size_bytes, &report.size_bytes);
        if deleted {
            row.deleted_at.get_or_insert(report.version.at);
        }
        let row = row.clone();
        let kind = match known {
            None => EventType::AttachmentCreated,
            Some(_) if row.deleted_at.is_some() && before.deleted_at.is_none() => EventType::AttachmentDeleted,
            Some(_) => EventType::AttachmentUpdated,
        };
        let change = previous(&self.attachment_payload(&before), &self.attachment_payload(&row));
        if known.is_some() && change.is_none() && kind != EventType::AttachmentDeleted {
            return Ok(());
        }
        if known.is_some()
            && let Some(row) = self.attachments.edit(id)
        {
            row.revision += 1;
            row.updated_at = context.at();
        }
        if kind != EventType::AttachmentDeleted && row.deleted_at.is_some() {
            return Ok(());
        }
        self.tell_attachment(context, kind, id, change.filter(|_| kind == EventType::AttachmentUpdated));
        Ok(())
    }

    fn tell_attachment(&mut self, context: Context<'_>, kind: EventType, id: Uuid, previous: Option<String>) {
        let Some(row) = self.attachments.get(id) else { return };
        let message = row.message_id.and_then(|id| self.messages.get(id));
        let conversation = message.map(|message| message.conversation_id);
        let payload = match (kind, row.deleted_at) {
            (EventType::AttachmentDeleted, Some(deleted_at)) => bytes(&DeletedPayload {
                id: AttachmentId(id).to_string(),
                external_id: row.external_id.clone(),
                conversation_id: conversation.map(Into::into),
                message_id: row.message_id.map(Into::into),
                deleted_at,
            }),
            _ => bytes(&self.attachment_payload(row)),
        };
        let mut draft = Self::draft(context, kind, payload);
        draft.revision = Some(row.revision);
        draft.message_id = row.message_id;
        draft.conversation_id = conversation;
        draft.previous = previous;
        self.drafts.push(draft);
    }
}

/// What a message that has no versions says of itself.
fn describe(row: &mut MessageRow, report: &MessageReport, contact: Option<Uuid>, arrived: DateTime<Utc>) {
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
        Direction::Inbound => ("contact".to_owned(), contact),
        Direction::Outbound => ("provider".to_owned(), None),
    };
}

/// Takes the members of a versioned update in, each if its version wins.
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

fn new_attachment(
    context: Context<'_>,
    id: Uuid,
    message: Uuid,
    position: usize,
    part: &AttachmentPart,
) -> AttachmentRow {
    AttachmentRow {
        workspace_id: context.workspace(),
        id,
        message_id: Some(message),
        provider_account_id: Some(context.speaker.account),
        message_external_id: None,
        external_id: part.external_id.clone(),
        position: i32::try_from(position).unwrap_or(i32::MAX),
        kind: part.kind,
        url: part.url.clone(),
        filename: part.filename.clone(),
        mime_type: part.mime_type.clone(),
        size_bytes: part.size_bytes,
        provider_members: Default::default(),
        revision: 1,
        created_at: context.at(),
        updated_at: context.at(),
        deleted_at: None,
    }
}
