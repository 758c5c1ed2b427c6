//! Messages and their changes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Context, Fold, Rejection, conversations::Place, payloads::bytes, statuses::floor};
use crate::{
    apply::{
        plan,
        references::{RefKey, RefKind},
        rows::MessageRow,
        stub::MessageStub,
    },
    command::{Change, MessageReport, Version},
    event::{EventType, payload::previous},
    model::{
        message::{Direction, MessageKind, Origin},
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
            // A version that does not tell where the message belongs changes what stands in for it, and brings no message.
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
