//! Attachments: those that come with their message, those that come later, and those that come before it.

use inlet_domain::{
    command::{AttachmentPart, AttachmentReport, Change, Patch, Version},
    event::{
        EventType,
        payload::{DeletedPayload, previous},
    },
    ids::AttachmentId,
    model::{
        message::{AttachmentKind, MessageKind},
        versions::Stamp,
        waiting::WaitingHalf,
    },
};
use uuid::Uuid;

use super::{Context, Rejection, WorkingSet, take};
use crate::{
    apply::references::{RefKey, RefKind},
    rows::{AttachmentRow, payloads::bytes},
};

impl WorkingSet<'_> {
    /// Gives the message its attachments that came before it.
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

    /// Takes in the attachments that a report of a message shows, each with this version. An attachment with an id may
    /// also have reports of its own. They may come before the message or after it.
    pub(super) fn add_files(
        &mut self,
        context: Context<'_>,
        message: Uuid,
        parts: &[AttachmentPart],
        version: Version,
    ) {
        for (position, part) in parts.iter().enumerate() {
            let name = part.external_id.as_ref().map(|id| context.speaker.name(RefKind::Attachment, id));
            let named = self.references.target(&name).filter(|id| self.attachments.get(*id).is_some());
            let shown = |file: &&AttachmentRow| {
                file.message_id == Some(message)
                    && match (&file.external_id, &part.external_id) {
                        (Some(have), Some(told)) => have == told,
                        _ => file.url == part.url,
                    }
            };
            let known = named.or_else(|| self.attachments.iter().find(shown).map(|file| file.id));
            let id = known.unwrap_or_else(|| {
                let id = self.references.suggested(&name).unwrap_or_else(|| self.ambient.uuid());
                let mut file = new_attachment(context, id, message, position, part);
                file.deleted_at = self.references.deleted_at(&name);
                self.attachments.add(file);
                id
            });
            self.references.point(&name, id, false);
            self.references.settle(&name);
            let Some(row) = self.attachments.get(id) else { continue };
            let mut file = row.clone();
            if file.message_id.is_none() {
                file.message_id = Some(message);
                file.position = i32::try_from(position).unwrap_or(i32::MAX);
            }
            if part.external_id.is_some() {
                take_part(&mut file, part, context.stamp(version));
            }
            if file != *row {
                self.attachments.add(file);
            }
        }
    }

    pub(super) fn attachment(&mut self, context: Context<'_>, report: &AttachmentReport) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Attachment, &report.id);
        let deleted = report.version.change == Change::Deleted;
        let known = self.references.target([&name]).filter(|id| self.attachments.get(*id).is_some());
        if known.is_none() && deleted {
            self.bury([&name], report.version.at.min(context.at()));
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
            row.deleted_at.get_or_insert(report.version.at.min(context.at()));
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
            row.updated_at = row.updated_at.max(context.at());
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
            (EventType::AttachmentDeleted, Some(deleted_at)) => {
                let gone = DeletedPayload {
                    id: AttachmentId(id).to_string(),
                    external_id: row.external_id.clone(),
                    conversation_id: conversation.map(Into::into),
                    message_id: row.message_id.map(Into::into),
                    deleted_at,
                };
                bytes(&self.within(gone, conversation))
            }
            _ => bytes(&self.within(self.attachment_payload(row), conversation)),
        };
        let mut draft = Self::draft(context, kind, payload);
        draft.internal = message.is_some_and(|row| matches!(row.kind, MessageKind::Note | MessageKind::Activity));
        draft.revision = Some(row.revision);
        draft.message_id = row.message_id;
        draft.conversation_id = conversation;
        draft.previous = previous;
        self.drafts.push(draft);
    }
}

/// Takes in the members of an attachment with an id that a message tells.
fn take_part(file: &mut AttachmentRow, part: &AttachmentPart, stamp: Stamp) {
    let versions = &mut file.provider_members.0;
    let mut kind = Some(file.kind);
    let told = if part.kind == AttachmentKind::Other { Patch::Absent } else { Patch::Value(part.kind) };
    take(versions, stamp, "kind", &mut kind, &told);
    file.kind = kind.unwrap_or(AttachmentKind::Other);
    take(versions, stamp, "url", &mut file.url, &Patch::known(part.url.clone()));
    take(versions, stamp, "filename", &mut file.filename, &Patch::known(part.filename.clone()));
    take(versions, stamp, "mime_type", &mut file.mime_type, &Patch::known(part.mime_type.clone()));
    take(versions, stamp, "size_bytes", &mut file.size_bytes, &Patch::known(part.size_bytes));
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
