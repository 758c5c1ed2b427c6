//! The facets of an event, before and after it, which filters of conversations match against. They come from the
//! entry's own payload, so they show the state at the commit and not a later one.

use inlet_domain::{
    ids::{ChannelId, ContactId, ConversationId, LabelId, MemberId, TeamId},
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::LogEntry;

/// The part of a conversation that agents change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State {
    /// The lifecycle status.
    pub status: ConversationStatus,
    /// The priority.
    #[serde(default = "as_most")]
    pub priority: Priority,
    /// The member that the conversation is assigned to.
    #[serde(default)]
    pub assignee_id: Option<MemberId>,
    /// The team that the conversation is assigned to.
    #[serde(default)]
    pub team_id: Option<TeamId>,
    /// The labels of the conversation.
    #[serde(default)]
    pub label_ids: Vec<LabelId>,
}

fn as_most() -> Priority {
    Priority::Normal
}

/// The facets on one side of an event. A facet that the event does not have is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// The conversation that the event is about or in.
    pub conversation: Option<ConversationId>,
    /// The part of the conversation that agents change.
    pub state: Option<State>,
    /// The channel of the conversation.
    pub channel: Option<ChannelId>,
    /// The medium of the channel.
    pub medium: Option<Medium>,
    /// The contact of the conversation.
    pub contact: Option<ContactId>,
}

/// The facets before and after an event. A creation has none before, a deletion has none after. Both sides are equal if
/// the event changes no facet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The facets before the event.
    pub before: Option<Facets>,
    /// The facets after the event.
    pub after: Option<Facets>,
}

#[derive(Deserialize)]
struct Contact {
    id: ContactId,
}

#[derive(Deserialize)]
struct Merged {
    merged_contact_id: ContactId,
}

#[derive(Deserialize)]
struct Channel {
    id: ChannelId,
    medium: Medium,
}

#[derive(Deserialize)]
struct Around {
    conversation: Option<State>,
    contact: Option<Contact>,
    channel: Option<Channel>,
}

#[derive(Deserialize)]
struct Whole {
    #[serde(flatten)]
    state: State,
    contact: Option<Contact>,
    channel: Option<Channel>,
}

impl Standing {
    /// Reads the facets of an entry. The payload of an old entry may lack one: then the columns of the entry tell it.
    #[must_use]
    pub fn of(entry: &LogEntry) -> Self {
        match entry.kind.as_str() {
            "conversation.created" => Self { before: None, after: Some(whole(entry)) },
            "conversation.updated" => {
                let after = whole(entry);
                let mut before = after.clone();
                if let Some(previous) = &entry.previous
                    && let Ok(previous) = serde_json::from_str(previous.get())
                {
                    overlay(&mut before, &previous);
                }
                Self { before: Some(before), after: Some(after) }
            }
            // Both contacts are facets: a follower of the merged contact learns where that contact went.
            "contact.merged" => {
                let after = columns(entry);
                let merged = serde_json::from_str(entry.payload.get()).ok().map(|Merged { merged_contact_id: id }| id);
                Self { before: Some(Facets { contact: merged.or(after.contact), ..after.clone() }), after: Some(after) }
            }
            "conversation.deleted" => Self { before: Some(around(entry)), after: None },
            _ => {
                let facets = around(entry);
                Self { before: Some(facets.clone()), after: Some(facets) }
            }
        }
    }
}

/// The facets that the columns of the entry tell.
fn columns(entry: &LogEntry) -> Facets {
    Facets {
        conversation: entry.conversation_id,
        state: None,
        channel: entry.channel_id,
        medium: entry.medium.as_deref().and_then(|medium| medium.parse().ok()),
        contact: entry.contact_id,
    }
}

fn completed(entry: &LogEntry, state: Option<State>, contact: Option<Contact>, channel: Option<Channel>) -> Facets {
    let columns = columns(entry);
    Facets {
        state,
        contact: contact.map(|contact| contact.id).or(columns.contact),
        medium: channel.as_ref().map(|channel| channel.medium).or(columns.medium),
        channel: channel.map(|channel| channel.id).or(columns.channel),
        conversation: columns.conversation,
    }
}

/// The facets of a payload that is a conversation.
fn whole(entry: &LogEntry) -> Facets {
    match serde_json::from_str::<Whole>(entry.payload.get()) {
        Ok(Whole { state, contact, channel }) => completed(entry, Some(state), contact, channel),
        Err(_) => columns(entry),
    }
}

/// The facets of a payload that names the conversation that it is in, if there is one.
fn around(entry: &LogEntry) -> Facets {
    if entry.conversation_id.is_none() {
        return columns(entry);
    }
    match serde_json::from_str::<Around>(entry.payload.get()) {
        Ok(Around { conversation, contact, channel }) => completed(entry, conversation, contact, channel),
        Err(_) => columns(entry),
    }
}

/// Replaces the new values of the members that changed with the old ones.
fn overlay(facets: &mut Facets, previous: &Map<String, Value>) {
    fn old<T: serde::de::DeserializeOwned>(previous: &Map<String, Value>, member: &str) -> Option<T> {
        serde_json::from_value(previous.get(member)?.clone()).ok()
    }
    if let Some(state) = &mut facets.state {
        if let Some(status) = old(previous, "status") {
            state.status = status;
        }
        if let Some(priority) = old(previous, "priority") {
            state.priority = priority;
        }
        if let Some(assignee) = old(previous, "assignee_id") {
            state.assignee_id = assignee;
        }
        if let Some(team) = old(previous, "team_id") {
            state.team_id = team;
        }
        if let Some(labels) = old(previous, "label_ids") {
            state.label_ids = labels;
        }
    }
    if let Some(contact) = old::<Option<Contact>>(previous, "contact") {
        facets.contact = contact.map(|contact| contact.id);
    }
    if let Some(Some(channel)) = old::<Option<Channel>>(previous, "channel") {
        (facets.channel, facets.medium) = (Some(channel.id), Some(channel.medium));
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{json, value::RawValue};
    use uuid::Uuid;

    use super::*;

    fn entry(kind: &str, payload: &Value, previous: Option<&Value>) -> LogEntry {
        let raw = |value: &Value| RawValue::from_string(value.to_string()).unwrap();
        LogEntry {
            id: Uuid::from_u128(1).into(),
            seq: 1,
            kind: kind.to_owned(),
            occurred_at: DateTime::UNIX_EPOCH,
            actor_kind: "system".to_owned(),
            actor_id: None,
            revision: None,
            conversation_id: Some(Uuid::from_u128(2).into()),
            message_id: None,
            contact_id: Some(Uuid::from_u128(3).into()),
            channel_id: Some(Uuid::from_u128(4).into()),
            medium: Some("sms".to_owned()),
            direction: None,
            internal: false,
            payload: raw(payload),
            previous: previous.map(raw),
        }
    }

    #[test]
    fn a_change_is_told_by_what_stood_before_and_what_stands_after() {
        let (one, other) = (MemberId(Uuid::from_u128(5)), MemberId(Uuid::from_u128(6)));
        let (old, new) = (ContactId(Uuid::from_u128(3)), ContactId(Uuid::from_u128(7)));
        let label = LabelId(Uuid::from_u128(8));
        let payload = json!({"status": "closed", "priority": "high", "assignee_id": one, "team_id": null,
            "label_ids": [label], "contact": {"id": new}, "channel": null});
        let previous = json!({"status": "open", "assignee_id": null, "label_ids": [], "contact": {"id": old}});
        let standing = Standing::of(&entry("conversation.updated", &payload, Some(&previous)));
        let (before, after) = (standing.before.unwrap(), standing.after.unwrap());
        let (was, is) = (before.state.unwrap(), after.state.unwrap());
        assert_eq!((was.status, is.status), (ConversationStatus::Open, ConversationStatus::Closed));
        assert_eq!((was.assignee_id, is.assignee_id), (None, Some(one)));
        assert_eq!((was.priority, is.priority), (Priority::High, Priority::High));
        assert_eq!((was.label_ids, is.label_ids), (vec![], vec![label]));
        assert_eq!((before.contact, after.contact), (Some(old), Some(new)));
        assert_eq!((before.medium, after.medium), (Some(Medium::Sms), Some(Medium::Sms)), "the column's");
        let reassigned = json!({"assignee_id": other, "contact": null});
        let standing = Standing::of(&entry("conversation.updated", &payload, Some(&reassigned)));
        let before = standing.before.unwrap();
        assert_eq!((before.state.unwrap().assignee_id, before.contact), (Some(other), None));
    }

    #[test]
    fn what_came_to_be_has_no_before_what_is_gone_no_after_and_a_message_changes_nothing() {
        let payload = json!({"status": "in_queue"});
        let created = Standing::of(&entry("conversation.created", &payload, None));
        assert!(created.before.is_none() && created.after.unwrap().state.is_some());
        let around = json!({"conversation": {"status": "in_queue"}, "contact": null});
        let deleted = Standing::of(&entry("conversation.deleted", &around, None));
        assert!(deleted.before.unwrap().state.is_some() && deleted.after.is_none());
        let message = Standing::of(&entry("message.created", &around, None));
        assert!(message.before == message.after && message.before.unwrap().state.is_some());
        let (gone, stays) = (ContactId(Uuid::from_u128(9)), ContactId(Uuid::from_u128(3)));
        let mut merged = entry("contact.merged", &json!({"id": stays, "merged_contact_id": gone}), None);
        merged.conversation_id = None;
        let standing = Standing::of(&merged);
        assert_eq!([standing.before, standing.after].map(|side| side.unwrap().contact), [Some(gone), Some(stays)]);
        let unknown = Standing::of(&entry("message.created", &json!({"conversation": 1}), None)).after.unwrap();
        assert_eq!((unknown.state, unknown.medium), (None, Some(Medium::Sms)));
    }
}
