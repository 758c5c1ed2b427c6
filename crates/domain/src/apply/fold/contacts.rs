//! People and groups.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Context, Fold, Rejection, payloads, take, take_attributes};
use crate::{
    apply::{
        references::RefKind,
        rows::{ContactRow, GroupRow},
    },
    command::{Change, ContactReport, GroupReport, Patch, PersonReport, Version},
    event::{EventType, payload::previous},
    model::{contact_name::stands_in, versions::Stamp},
};

impl Fold<'_> {
    /// The contact that was resolved for a person, made if it is new, with what is told of the person at this version.
    pub(super) fn person(
        &mut self,
        context: Context<'_>,
        person: Option<&PersonReport>,
        version: Version,
    ) -> Result<(Uuid, Option<Uuid>), Rejection> {
        let resolved = context
            .resolved
            .ok_or_else(|| Rejection("it names neither a person nor a conversation to go to".to_owned()))?;
        let (Some(id), Some(person)) = (resolved.contact, person) else {
            return Ok((resolved.address, resolved.contact));
        };
        let stamp = context.stamp(version);
        let Some(before) = self.contacts.get(id) else {
            let mut row = blank_contact(context, id);
            take_person(&mut row, person, stamp);
            self.contacts.add(row);
            self.tell_contact(context, EventType::ContactCreated, id, None);
            return Ok((resolved.address, Some(id)));
        };
        if before.deleted_at.is_some() {
            return Ok((resolved.address, Some(id)));
        }
        let mut after = before.clone();
        take_person(&mut after, person, stamp);
        if after == *before {
            return Ok((resolved.address, Some(id)));
        }
        // When someone was last seen changes with each message, so the message tells it.
        let mut shown = payloads::contact(before);
        shown.last_active_at = after.last_active_at;
        let previous = previous(&shown, &payloads::contact(&after));
        if previous.is_some() {
            after.revision += 1;
            after.updated_at = after.updated_at.max(context.at());
        }
        self.contacts.add(after);
        if previous.is_some() {
            self.tell_contact(context, EventType::ContactUpdated, id, previous);
        }
        Ok((resolved.address, Some(id)))
    }

    /// What a provider says of its record of a person. Of one whose record it deleted nothing is known any more.
    pub(super) fn contact(&mut self, context: Context<'_>, report: &ContactReport) {
        let Some(id) = context.resolved.and_then(|resolved| resolved.contact) else { return };
        let before = self.contacts.get(id).map(payloads::contact);
        if before.is_none() {
            self.contacts.add(blank_contact(context, id));
        }
        let Some(row) = self.contacts.edit(id) else { return };
        let version = context.stamp(report.version);
        let called = row.clone();
        let versions = &mut row.provider_members.0;
        take(versions, version, "phone", &mut row.phone, &report.phone);
        take(versions, version, "email", &mut row.email, &report.email);
        take(versions, version, "username", &mut row.username, &report.username);
        take(versions, version, "avatar_url", &mut row.avatar_url, &report.avatar_url);
        take(versions, version, "last_active_at", &mut row.last_active_at, &report.last_active_at);
        take_attributes(versions, version, &mut row.attributes.0, &report.attributes);
        take_name(row, version, &called, &report.name);
        let Some(before) = before else {
            self.tell_contact(context, EventType::ContactCreated, id, None);
            return;
        };
        let previous = previous(&before, &payloads::contact(row));
        if previous.is_none() {
            return;
        }
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        if row.deleted_at.is_none() {
            self.tell_contact(context, EventType::ContactUpdated, id, previous);
        }
    }

    /// Takes away what the provider said of a person until then; what came later stays.
    pub(in crate::apply) fn blank(&mut self, context: Context<'_>, id: Uuid, until: DateTime<Utc>) {
        let Some(row) = self.contacts.get(id) else { return };
        let before = payloads::contact(row);
        let Some(row) = self.contacts.edit(id) else { return };
        let name = row.name.as_deref().filter(|name| is_stand_in(row, name)).map_or("name", |_| STAND_IN);
        let versions = &row.provider_members.0;
        let told_at = |member: &str| match member {
            "name" => versions.told_at(name).max(versions.told_at(BY_MESSAGE)),
            member => versions.told_at(member),
        };
        let is_old = |member: &str| !versions.is_pinned(member) && told_at(member).is_some_and(|at| at <= until);
        let old: Vec<String> = ["name", "phone", "email", "username", "avatar_url", "last_active_at"]
            .into_iter()
            .filter(|member| is_old(member))
            .map(str::to_owned)
            .collect();
        row.attributes.0.retain(|name, _| !is_old(&format!("attributes.{name}")));
        for member in old {
            match member.as_str() {
                "name" => row.name = None,
                "phone" => row.phone = None,
                "email" => row.email = None,
                "username" => row.username = None,
                "avatar_url" => row.avatar_url = None,
                _ => row.last_active_at = None,
            }
        }
        let Some(previous) = previous(&before, &payloads::contact(row)) else { return };
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        self.tell_contact(context, EventType::ContactUpdated, id, Some(previous));
    }

    /// Deletes a contact that stood until then.
    pub(in crate::apply) fn delete_contact(&mut self, context: Context<'_>, id: Uuid, at: DateTime<Utc>) {
        let Some(row) = self.contacts.edit(id).filter(|row| row.deleted_at.is_none()) else { return };
        row.deleted_at = Some(at);
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        self.tell_contact(context, EventType::ContactDeleted, id, None);
    }

    /// Takes the contact off a conversation.
    pub(in crate::apply) fn hand_to_nobody(&mut self, context: Context<'_>, id: Uuid) {
        let Some(row) = self.conversations.get(id) else { return };
        let before = self.conversation_payload(row);
        let Some(row) = self.conversations.edit(id) else { return };
        row.contact_id = None;
        if row.deleted_at.is_some() {
            return;
        }
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        self.tell_conversation_change(context, id, &before);
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
        row.updated_at = row.updated_at.max(context.at());
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

fn is_stand_in(row: &ContactRow, name: &str) -> bool {
    stands_in(name, row.username.as_deref(), row.email.as_deref())
}

/// What a provider's record says of the name. One that only stands in for a name has versions of its own: it replaces no
/// real name, and gives way to each real one, whatever its version. What the staff wrote stays.
fn take_name(row: &mut ContactRow, stamp: Stamp, before: &ContactRow, told: &Patch<String>) {
    if row.provider_members.0.is_pinned("name") {
        return;
    }
    let stood_in = before.name.as_deref().is_some_and(|name| is_stand_in(before, name));
    match told.value() {
        Some(new) if is_stand_in(row, new) => {
            if stood_in || row.name.is_none() {
                take(&mut row.provider_members.0, stamp, STAND_IN, &mut row.name, told);
            }
        }
        Some(_) if stood_in => {
            let mut name = None;
            take(&mut row.provider_members.0, stamp, "name", &mut name, told);
            row.name = name.or(row.name.take());
        }
        _ => take(&mut row.provider_members.0, stamp, "name", &mut row.name, told),
    }
    if row.name != before.name {
        row.provider_members.0.forget(BY_MESSAGE);
    }
}

/// The member under which the version of a name is kept that only stands in for one.
const STAND_IN: &str = "name.stand_in";
/// The member under which is kept when a message last told the name that the contact has.
const BY_MESSAGE: &str = "name.by_message";

/// What a message tells of the person: what the contact lacks is filled, a name that stands in for one gives way to a real
/// one, and picture and attributes follow the newest message. What the staff wrote stays.
fn take_person(row: &mut ContactRow, person: &PersonReport, stamp: Stamp) {
    let versions = &mut row.provider_members.0;
    for (member, have, told) in [
        ("phone", &mut row.phone, &person.phone),
        ("email", &mut row.email, &person.email),
        ("username", &mut row.username, &person.username),
    ] {
        if versions.is_pinned(member) {
            continue;
        }
        if !stamp.version.told {
            *have = have.take().or_else(|| told.clone());
        } else if have.is_none() || have == told {
            // A message that says so again says it as of its own time.
            take(versions, stamp, member, have, &Patch::known(told.clone()));
        }
    }
    let is_ours = row.provider_members.0.is_pinned("name");
    let gives_way = !is_ours && row.name.as_deref().is_none_or(|name| is_stand_in(row, name));
    let grows = gives_way && person.name.as_deref().is_some_and(|new| row.name.is_none() || !is_stand_in(row, new));
    if grows {
        row.name.clone_from(&person.name);
        row.provider_members.0.forget(BY_MESSAGE);
    }
    if grows || stamp.version.told && person.name.is_some() && row.name == person.name {
        row.provider_members.0.note(BY_MESSAGE, stamp.version.at);
    }
    row.last_active_at = row.last_active_at.max(person.last_active_at);
    // Messages whose time is not told come in the order of their arrival: what says nothing new need not be stamped.
    let is_news = |same: bool| stamp.version.told || !same;
    let versions = &mut row.provider_members.0;
    if person.avatar_url.is_some() && is_news(row.avatar_url == person.avatar_url) {
        let told = Patch::known(person.avatar_url.clone());
        take(versions, stamp, "avatar_url", &mut row.avatar_url, &told);
    }
    let told = person.attributes.iter().filter(|(name, value)| is_news(row.attributes.0.get(*name) == Some(*value)));
    let told = told.map(|(name, value)| (name.clone(), value.clone())).collect();
    take_attributes(versions, stamp, &mut row.attributes.0, &told);
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
