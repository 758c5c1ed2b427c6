//! People and groups.

use uuid::Uuid;

use super::{Context, Fold, Rejection, payloads, take, take_attributes};
use crate::{
    apply::{
        references::RefKind,
        rows::{ContactRow, GroupRow},
    },
    command::{Change, ContactReport, GroupReport, PersonReport},
    event::{EventType, payload::previous},
};

impl Fold<'_> {
    /// The contact that was resolved for a person, made if it is new; what it lacks is filled from what is told.
    pub(super) fn person(
        &mut self,
        context: Context<'_>,
        person: Option<&PersonReport>,
    ) -> Result<(Uuid, Option<Uuid>), Rejection> {
        let resolved = context
            .resolved
            .ok_or_else(|| Rejection("it names neither a person nor a conversation to go to".to_owned()))?;
        let (Some(id), Some(person)) = (resolved.contact, person) else {
            return Ok((resolved.address, resolved.contact));
        };
        if self.contacts.get(id).is_none() {
            self.contacts.add(blank_contact(context, id));
            self.fill(id, person);
            self.tell_contact(context, EventType::ContactCreated, id, None);
            return Ok((resolved.address, Some(id)));
        }
        let Some(row) = self.contacts.get(id) else { return Ok((resolved.address, None)) };
        let lacks = |have: &Option<String>, told: &Option<String>| have.is_none() && told.is_some();
        let news = lacks(&row.name, &person.name)
            || lacks(&row.phone, &person.phone)
            || lacks(&row.email, &person.email)
            || lacks(&row.username, &person.username)
            || lacks(&row.avatar_url, &person.avatar_url)
            || person.attributes.keys().any(|name| !row.attributes.contains_key(name));
        if news && row.deleted_at.is_none() {
            let before = payloads::contact(row);
            self.fill(id, person);
            if let Some(row) = self.contacts.edit(id) {
                row.revision += 1;
                row.updated_at = context.at();
                let previous = previous(&before, &payloads::contact(row));
                self.tell_contact(context, EventType::ContactUpdated, id, previous);
            }
        }
        Ok((resolved.address, Some(id)))
    }

    fn fill(&mut self, id: Uuid, person: &PersonReport) {
        let Some(row) = self.contacts.edit(id) else { return };
        let fill = |have: &mut Option<String>, told: &Option<String>| {
            if have.is_none() {
                have.clone_from(told);
            }
        };
        fill(&mut row.name, &person.name);
        fill(&mut row.phone, &person.phone);
        fill(&mut row.email, &person.email);
        fill(&mut row.username, &person.username);
        fill(&mut row.avatar_url, &person.avatar_url);
        row.last_active_at = row.last_active_at.max(person.last_active_at);
        for (name, value) in &person.attributes {
            row.attributes.entry(name).or_insert_with(|| value.clone());
        }
    }

    pub(super) fn contact(&mut self, context: Context<'_>, report: &ContactReport) -> Result<(), Rejection> {
        let id = context
            .resolved
            .and_then(|resolved| resolved.contact)
            .ok_or_else(|| Rejection("the contact has no id, phone number or email address".to_owned()))?;
        let before = self.contacts.get(id).map(payloads::contact);
        if before.is_none() {
            self.contacts.add(blank_contact(context, id));
        }
        // The provider deletes its record of one of the persons; the contact stands for the others too.
        let deletes = report.version.change == Change::Deleted && !self.survivors.contains(&id);
        let Some(row) = self.contacts.edit(id) else { return Ok(()) };
        let was_deleted = row.deleted_at.is_some();
        if deletes {
            row.deleted_at.get_or_insert(report.version.at);
        }
        let (versions, version) = (&mut row.provider_members.0, context.stamp(report.version));
        take(versions, version, "name", &mut row.name, &report.name);
        take(versions, version, "phone", &mut row.phone, &report.phone);
        take(versions, version, "email", &mut row.email, &report.email);
        take(versions, version, "username", &mut row.username, &report.username);
        take(versions, version, "avatar_url", &mut row.avatar_url, &report.avatar_url);
        take(versions, version, "last_active_at", &mut row.last_active_at, &report.last_active_at);
        take_attributes(versions, version, &mut row.attributes.0, &report.attributes);
        let now_deleted = row.deleted_at.is_some();
        let Some(before) = before else {
            if !now_deleted {
                self.tell_contact(context, EventType::ContactCreated, id, None);
            }
            return Ok(());
        };
        let previous = previous(&before, &payloads::contact(row));
        if previous.is_none() && was_deleted == now_deleted {
            return Ok(());
        }
        row.revision += 1;
        row.updated_at = context.at();
        if now_deleted && !was_deleted {
            self.tell_contact(context, EventType::ContactDeleted, id, None);
        } else if !now_deleted {
            self.tell_contact(context, EventType::ContactUpdated, id, previous);
        }
        Ok(())
    }

    pub(super) fn group(&mut self, context: Context<'_>, report: &GroupReport) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Group, &report.id);
        let deleted = report.version.change == Change::Deleted;
        let Some(id) = self.references.target([&name]) else {
            if deleted {
                self.bury([&name], report.version);
                return Ok(());
            }
            let id = self.references.suggested([&name]).unwrap_or_else(|| self.ambient.uuid());
            let mut row = self.blank_group(context, id, &report.id);
            row.deleted_at = self.references.deleted_at([&name]);
            let hidden = row.deleted_at.is_some();
            self.groups.add(row);
            self.references.point([&name], id, false);
            self.references.settle([&name]);
            self.patch_group(context, id, report);
            if !hidden {
                self.tell_group(context, EventType::GroupCreated, id, None);
            }
            return Ok(());
        };
        let Some(before) = self.groups.get(id).cloned() else { return Ok(()) };
        self.patch_group(context, id, report);
        let Some(row) = self.groups.edit(id) else { return Ok(()) };
        if deleted {
            row.deleted_at.get_or_insert(report.version.at);
        }
        let previous = previous(&payloads::group(&before), &payloads::group(row));
        if previous.is_none() && before.deleted_at == row.deleted_at {
            return Ok(());
        }
        row.revision += 1;
        row.updated_at = context.at();
        let now_deleted = row.deleted_at.is_some();
        if now_deleted && before.deleted_at.is_none() {
            self.tell_group(context, EventType::GroupDeleted, id, None);
            self.close_conversations_of(context, id);
        } else if !now_deleted {
            self.tell_group(context, EventType::GroupUpdated, id, previous);
        }
        Ok(())
    }

    pub(super) fn blank_group(&self, context: Context<'_>, id: Uuid, external_id: &str) -> GroupRow {
        GroupRow {
            workspace_id: context.workspace(),
            id,
            name: None,
            avatar_url: None,
            description: None,
            archived_at: None,
            participants: Vec::new().into(),
            external_id: Some(external_id.to_owned()),
            provider_members: Default::default(),
            revision: 1,
            created_at: context.at(),
            updated_at: context.at(),
            deleted_at: None,
        }
    }

    fn patch_group(&mut self, context: Context<'_>, id: Uuid, report: &GroupReport) {
        let Some(row) = self.groups.edit(id) else { return };
        let (versions, version) = (&mut row.provider_members.0, context.stamp(report.version));
        take(versions, version, "name", &mut row.name, &report.name);
        take(versions, version, "avatar_url", &mut row.avatar_url, &report.avatar_url);
        take(versions, version, "description", &mut row.description, &report.description);
        take(versions, version, "archived_at", &mut row.archived_at, &report.archived_at);
        let mut participants = Some(row.participants.0.clone());
        take(versions, version, "participants", &mut participants, &report.participants);
        row.participants.0 = participants.unwrap_or_default();
    }

    fn tell_group(&mut self, context: Context<'_>, kind: EventType, id: Uuid, previous: Option<String>) {
        let Some(row) = self.groups.get(id) else { return };
        let payload = match row.deleted_at {
            Some(deleted_at) if kind == EventType::GroupDeleted => {
                payloads::bytes(&crate::event::payload::DeletedPayload {
                    id: crate::ids::GroupId(id).to_string(),
                    external_id: row.external_id.clone(),
                    conversation_id: None,
                    message_id: None,
                    deleted_at,
                })
            }
            _ => payloads::bytes(&payloads::group(row)),
        };
        let mut draft = Self::draft(context, kind, payload);
        draft.revision = Some(row.revision);
        draft.previous = previous;
        self.drafts.push(draft);
    }
}

fn blank_contact(context: Context<'_>, id: Uuid) -> ContactRow {
    ContactRow {
        workspace_id: context.workspace(),
        id,
        name: None,
        phone: None,
        email: None,
        username: None,
        avatar_url: None,
        attributes: Default::default(),
        last_active_at: None,
        provider_members: Default::default(),
        revision: 1,
        created_at: context.at(),
        updated_at: context.at(),
        deleted_at: None,
        merged_into_id: None,
    }
}
