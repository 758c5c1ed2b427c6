//! Contacts and groups.

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Change, ContactReport, GroupReport, Patch, PersonReport, Version},
    event::{EventType, payload::previous},
    model::{contact_name::stands_in, versions::Stamp},
};
use serde_json::Value;
use uuid::Uuid;

use super::{Context, Rejection, WorkingSet, attributes::take_attributes, mark, take};
use crate::{
    apply::{forget::Merged, references::RefKind},
    rows::{
        ContactRow, GroupRow,
        levels::{Levelled, STAND_IN},
        payloads,
    },
};

impl WorkingSet<'_> {
    /// The address and contact of a person. Creates a new contact, and takes in the members that the report tells of
    /// the person.
    pub(super) fn person(
        &mut self,
        context: Context<'_>,
        person: Option<&PersonReport>,
        told: Told,
    ) -> Result<(Uuid, Option<Uuid>), Rejection> {
        let resolved = context
            .resolved
            .ok_or_else(|| Rejection("the report names neither a person nor a conversation".to_owned()))?;
        let (Some(id), Some(person)) = (resolved.contact, person) else {
            return Ok((resolved.address, resolved.contact));
        };
        let stamp = context.stamp_of_person(told.version);
        // Nobody was seen after the report arrived.
        let seen = [person.last_active_at, told.seen].into_iter().flatten().map(|at| at.min(context.at())).max();
        let Some(before) = self.contacts.get(id) else {
            let mut row = blank_contact(context, id);
            take_person(&mut row, person, stamp, told.is_record);
            take_seen(&mut row, stamp, seen);
            self.contacts.add(row);
            self.tell_contact(context, EventType::ContactCreated, id, None);
            return Ok((resolved.address, Some(id)));
        };
        if before.deleted_at.is_some() {
            return Ok((resolved.address, Some(id)));
        }
        let mut after = before.clone();
        take_person(&mut after, person, stamp, told.is_record);
        take_seen(&mut after, stamp, seen);
        if after == *before {
            return Ok((resolved.address, Some(id)));
        }
        // Raise no event for `last_active_at` alone: it changes with each message, and the message tells it.
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

    /// Takes in a provider's record of a person. A person whose record was deleted has no contact here.
    pub(super) fn contact(&mut self, context: Context<'_>, report: &ContactReport) {
        let Some(id) = context.resolved.and_then(|resolved| resolved.contact) else { return };
        let before = self.contacts.get(id).map(payloads::contact);
        if before.is_none() {
            self.contacts.add(blank_contact(context, id));
        }
        let Some(row) = self.contacts.edit(id) else { return };
        let version = context.stamp_of_person(report.version);
        for (member, told) in [(Levelled::Phone, &report.phone), (Levelled::Email, &report.email)] {
            if !told.is_absent() {
                member.keep(row, member.record(), version, told.value().map(String::as_str));
            }
        }
        let versions = &mut row.provider_members.0;
        take(versions, version, "username", &mut row.username, &report.username);
        take(versions, version, "avatar_url", &mut row.avatar_url, &report.avatar_url);
        take_attributes(versions, version, &mut row.attributes.0, &report.attributes);
        take_seen(row, version, report.last_active_at.value().map(|at| (*at).min(context.at())));
        take_name(row, version, Levelled::Name.record(), &report.name, (&report.username, report.email.value()));
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

    /// Deletes the members that only this account told of a person until `until`. Members that others told, or that it
    /// told later, stay. Does so for the contacts merged into this one too, or for the contact `only` if the account
    /// still knows the others. Then each contact takes the members that it lacks from the contacts merged into it.
    pub(in crate::apply) fn blank(
        &mut self,
        context: Context<'_>,
        id: Uuid,
        until: DateTime<Utc>,
        merges: &mut [Merged],
        only: Option<Uuid>,
    ) {
        let Some(row) = self.contacts.get(id) else { return };
        let before = payloads::contact(row);
        let teller = mark(context.speaker.account);
        let all: Vec<Uuid> = merges.iter().map(|merged| merged.contact).chain([id]).collect();
        for contact in all.into_iter().filter(|contact| only.is_none_or(|only| only == *contact)) {
            if let Some(row) = self.contacts.edit(contact) {
                untell(row, teller, until);
            }
        }
        for merged in merges {
            let Some(given) = self.contacts.get(merged.contact).cloned() else { continue };
            let Some(into) = self.contacts.edit(merged.into) else { continue };
            into.take_back(&given, &mut merged.filled.0);
            merged.filled.0.append(&mut into.fill(&given, context.at()));
        }
        let Some(row) = self.contacts.edit(id) else { return };
        let Some(previous) = previous(&before, &payloads::contact(row)) else { return };
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        self.tell_contact(context, EventType::ContactUpdated, id, Some(previous));
    }

    /// Deletes a contact as of `at`.
    pub(in crate::apply) fn delete_contact(&mut self, context: Context<'_>, id: Uuid, at: DateTime<Utc>) {
        let Some(row) = self.contacts.edit(id).filter(|row| row.deleted_at.is_none()) else { return };
        row.deleted_at = Some(at);
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        self.tell_contact(context, EventType::ContactDeleted, id, None);
    }

    /// Removes the contact of a conversation.
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
                self.bury([&name], report.version.at.min(context.at()));
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
            row.deleted_at.get_or_insert(report.version.at.min(context.at()));
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
        let archived_at = match &report.archived_at {
            Patch::Value(at) => Patch::Value((*at).min(context.at())),
            other => other.clone(),
        };
        take(versions, version, "archived_at", &mut row.archived_at, &archived_at);
        let mut participants = Some(row.participants.0.clone());
        take(versions, version, "participants", &mut participants, &report.participants);
        row.participants.0 = participants.unwrap_or_default();
    }

    fn tell_group(&mut self, context: Context<'_>, kind: EventType, id: Uuid, previous: Option<String>) {
        let Some(row) = self.groups.get(id) else { return };
        let payload = match row.deleted_at {
            Some(deleted_at) if kind == EventType::GroupDeleted => {
                payloads::bytes(&inlet_domain::event::payload::DeletedPayload {
                    id: inlet_domain::ids::GroupId(id).to_string(),
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

/// The version in which a report tells of its person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Decides which of two reports wins.
    pub version: Version,
    /// Whether the report tells the provider's record of the person.
    pub is_record: bool,
    /// When the person was active, as the report tells.
    pub seen: Option<DateTime<Utc>>,
}

/// Takes a name in, at `level` or as a stand-in. A name that equals the username or the email beside it is a stand-in.
fn take_name(
    row: &mut ContactRow,
    stamp: Stamp,
    level: &'static str,
    told: &Patch<String>,
    (username, email): (&Patch<String>, Option<&String>),
) {
    let called = username.value().map(String::as_str);
    let (mut real, mut stand_in) = (told.clone(), Patch::Absent);
    match told.value() {
        Some(name) if stands_in(name, called, email.map(String::as_str)) => (real, stand_in) = (Patch::Absent, real),
        Some(_) => {}
        // The username stands in for a missing name.
        None if !told.is_absent() || *username == Patch::Null => stand_in.clone_from(username),
        None => {}
    }
    for (level, told) in [(level, real), (STAND_IN, stand_in)] {
        if !told.is_absent() {
            Levelled::Name.keep(row, level, stamp, told.value().map(String::as_str));
        }
    }
}

/// Takes in the members that a message tells of its person. The first phone and the first email of all messages win.
/// The newest name, username, picture and attributes win.
fn take_person(row: &mut ContactRow, person: &PersonReport, stamp: Stamp, is_record: bool) {
    for (member, told) in [(Levelled::Phone, &person.phone), (Levelled::Email, &person.email)] {
        let level = if is_record { member.record() } else { member.message() };
        let is_first = member.of_messages(row).is_none_or(|first| Some(first) == told.as_deref());
        if told.is_some() && (is_record || is_first) {
            member.keep(row, level, stamp, told.as_deref());
        }
    }
    let versions = &mut row.provider_members.0;
    for (member, have, told) in
        [("username", &mut row.username, &person.username), ("avatar_url", &mut row.avatar_url, &person.avatar_url)]
    {
        // A message without a time counts by its arrival. Stamp a member only if its value is news.
        if told.is_some() && versions.is_news(member, stamp, have == told) {
            take(versions, stamp, member, have, &Patch::known(told.clone()));
        }
    }
    let is_news = |name: &String, value: &Value| {
        versions.is_news(&format!("attributes.{name}"), stamp, row.attributes.0.get(name) == Some(value))
    };
    let told = person.attributes.iter().filter(|(name, value)| is_news(name, value));
    let told = told.map(|(name, value)| (name.clone(), value.clone())).collect();
    take_attributes(versions, stamp, &mut row.attributes.0, &told);
    let (name, username) = (Patch::known(person.name.clone()), Patch::known(person.username.clone()));
    let level = if is_record { Levelled::Name.record() } else { Levelled::Name.message() };
    take_name(row, stamp, level, &name, (&username, person.email.as_ref()));
}

/// Takes in when the person was last seen. The latest time wins.
fn take_seen(row: &mut ContactRow, stamp: Stamp, seen: Option<DateTime<Utc>>) {
    let Some(seen) = seen.filter(|seen| row.last_active_at.is_none_or(|last| last <= *seen)) else { return };
    let is_later = row.last_active_at != Some(seen);
    row.last_active_at = Some(seen);
    row.provider_members.0.advance("last_active_at", stamp, seen, is_later);
}

/// Deletes the members that only `teller` told until `until`.
fn untell(row: &mut ContactRow, teller: u32, until: DateTime<Utc>) {
    for member in Levelled::ALL {
        member.untell(row, teller, until);
    }
    let versions = &mut row.provider_members.0;
    for (member, have) in [("username", &mut row.username), ("avatar_url", &mut row.avatar_url)] {
        if versions.untell(member, teller, until) {
            *have = None;
        }
    }
    if versions.untell("last_active_at", teller, until) {
        row.last_active_at = None;
    }
    row.attributes.0.retain(|name, _| !versions.untell(&format!("attributes.{name}"), teller, until));
}

/// A new contact without members.
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
        kept_apart_from_id: context.resolved.and_then(|resolved| resolved.apart_from),
    }
}
