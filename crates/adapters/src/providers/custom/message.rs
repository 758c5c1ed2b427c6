//! Reads messages and calls by a mapping.

use chrono::SecondsFormat;
use inlet_domain::{
    command::{Effect, IdempotencyKey, IdentityKind, MessageReport, Patch, PersonReport, ThreadReport},
    model::{
        channel::Medium,
        mapping::Field,
        message::{Direction, MessageKind},
    },
};
use serde_json::Value;

use super::{Places, Reading, files, misfit};
use crate::{address, fields::Object};

/// The message. `key` identifies a hidden sender.
pub(super) fn read(places: &Places<'_>, own_key: &Option<String>, key: &IdempotencyKey) -> Reading<Effect> {
    let id = places.id(Field::Id)?;
    let thread = places.id(Field::ConversationId)?;
    let direction = places.direction()?;
    let content_type = places.text(Field::ContentType)?;
    let files = files::read(places, content_type.as_deref())?;
    let kind = content_type.unwrap_or_else(|| files.first().map_or("text", |file| file.kind.as_str()).to_owned());
    let (content, shown_in_part) = places.written(Field::Content, &kind)?;
    let mut details = places.details()?;
    if let Some(value) = shown_in_part {
        details.entry(Field::Content.to_string()).or_insert(value);
    }
    let report = MessageReport {
        // Without another id, the rule's own key is the id, so that a replay finds the message.
        ids: id.clone().or_else(|| own_key.clone()).into_iter().collect(),
        external_id: id.clone(),
        version: None,
        channel: places.channel(places.medium_of_addresses()?)?,
        person: Some(person(places, places.medium_of_addresses()?, thread.as_deref(), key)?),
        thread: ThreadReport { id: thread, subject: places.text(Field::Subject)?, ..ThreadReport::default() },
        direction,
        kind: MessageKind::Message,
        author_name: if direction == Direction::Outbound { places.text(Field::AuthorName)? } else { None },
        content_type: Patch::Value(kind),
        content: Patch::told(content),
        details,
        attachments: Some(files),
        reactions: Patch::Absent,
        quoted_id: places.id(Field::QuotedId)?,
        occurred_at: places.time(Field::OccurredAt)?,
        read_at: Patch::Absent,
    };
    Ok(Effect::Message(Box::new(report)))
}

/// The call. Without an id, `key` lets a replay find the call. It also identifies a hidden sender.
pub(super) fn read_call(places: &Places<'_>, key: &IdempotencyKey) -> Reading<Effect> {
    let id = places.id(Field::Id)?;
    let mut details = places.details()?;
    for field in [Field::Status, Field::RecordingUrl] {
        if let Some(text) = places.text(field)? {
            details.insert(field.to_string(), Value::from(text));
        }
    }
    let arrived = places.view.request.received_at;
    let started_at = places.time(Field::OccurredAt)?.map(|time| time.min(arrived));
    let ended_at = places.time(Field::EndedAt)?.map(|time| time.min(arrived));
    for (name, time) in [("started_at", started_at), ("ended_at", ended_at)] {
        if let Some(time) = time {
            details.insert(name.to_owned(), Value::from(time.to_rfc3339_opts(SecondsFormat::Millis, true)));
        }
    }
    if let Some(text) = places.text(Field::DurationSeconds)? {
        match text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
            Some(seconds) => details.insert("duration_seconds".to_owned(), Value::from(seconds.round() as i64)),
            None => return misfit(format!("`duration_seconds` is `{}`, which is not a number", super::cut(&text))),
        };
    }
    let report = MessageReport {
        ids: vec![id.clone().unwrap_or_else(|| format!("call:{}", key.id))],
        external_id: id.clone(),
        version: None,
        channel: places.channel(Medium::Voice)?,
        person: Some(person(places, Medium::Voice, None, key)?),
        thread: ThreadReport::default(),
        direction: places.direction()?,
        kind: MessageKind::Call,
        author_name: None,
        content_type: Patch::Value("call".to_owned()),
        content: Patch::Absent,
        details,
        attachments: None,
        reactions: Patch::Absent,
        quoted_id: None,
        occurred_at: started_at,
        read_at: Patch::Absent,
    };
    Ok(Effect::Message(Box::new(report)))
}

/// The contact. Its address comes first; the provider's conversation is the last resort. Phone and email of the profile
/// join no contacts.
fn person(places: &Places<'_>, medium: Medium, thread: Option<&str>, key: &IdempotencyKey) -> Reading<PersonReport> {
    let numbering = places.numbering();
    let written = places.text(Field::Address)?;
    let address = written.as_deref().and_then(|written| address::on(medium, written, numbering));
    // A profile beside a group's address is that of a member.
    if let Some(address) = address.clone().filter(|address| address.identity.kind == IdentityKind::Group) {
        return Ok(address.person());
    }
    let hides = written.is_some() && address.is_none();
    let shown = |text: &String| !hides && !address::hides(text);
    let phone = places.text(Field::Phone)?.filter(shown);
    let phone = phone.map(|phone| address::shown(&phone, numbering).unwrap_or(phone));
    let email = places.text(Field::Email)?.filter(shown).and_then(|email| address::email(&email));
    let (of_address, email_of_address) =
        address.as_ref().map(|address| (address.phone.clone(), address.email.clone())).unwrap_or_default();
    let id = places.id(Field::PersonId)?.filter(|_| !hides);
    let id = id.and_then(|id| address::provider_name(IdentityKind::ProviderUser, &id));
    let thread = thread.map(|id| address::identity(IdentityKind::ProviderConversation, id.to_owned(), id));
    let mut identities = address::distinct(address.map(|address| address.identity).into_iter().chain(id).chain(thread));
    if identities.is_empty() {
        identities.push(address::hidden(key));
    }
    let username = places.text(Field::Username)?;
    Ok(PersonReport {
        identities,
        name: places.text(Field::Name)?.or_else(|| username.clone()),
        phone: of_address.or(phone),
        email: email_of_address.or(email.map(|email| email.value)),
        username,
        avatar_url: places.text(Field::AvatarUrl)?,
        last_active_at: places.time(Field::LastActiveAt)?,
        attributes: Object::new(),
    })
}
