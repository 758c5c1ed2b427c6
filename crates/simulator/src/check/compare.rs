//! The comparison itself: pure, so that it can be shown to find what it must find.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::standing::{Entry, Message, Standing};
use crate::{
    claim::Token,
    model::{Expected, Model},
};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// A word for the kind of difference.
    pub kind: &'static str,
    /// What it is about, and how it stands.
    pub what: String,
}

fn difference(kind: &'static str, what: impl Into<String>) -> Difference {
    Difference { kind, what: what.into() }
}

/// All differences between what must stand and what stands, of a run that is over.
#[must_use]
pub fn compare(run: &str, model: &Model, standing: &Standing) -> Vec<Difference> {
    let mut found = compare_log(model, &standing.log);
    found.extend(messages(run, model, &standing.messages));
    found.extend(contacts(model, standing));
    found.extend(webhooks(standing));
    found.sort();
    found
}

/// What the log alone shows: each message and each other claimed event raised once. It may be asked in the middle of
/// a run, of what was acknowledged until then.
#[must_use]
pub fn compare_log(model: &Model, log: &[Entry]) -> Vec<Difference> {
    let mut ids = BTreeSet::new();
    let mut created: HashMap<String, usize> = HashMap::new();
    let mut tokens: HashMap<(&str, &Token), usize> = HashMap::new();
    let mut found = Vec::new();
    for event in log {
        if !ids.insert(&event.id) {
            found.push(difference("log_entry_repeated", &event.id));
        }
        if event.kind == "message.created" {
            for name in [&event.external_id, &event.text].into_iter().flatten() {
                *created.entry(name.clone()).or_default() += 1;
            }
        }
        for token in &event.tokens {
            *tokens.entry((event.kind.as_str(), token)).or_default() += 1;
        }
    }
    for message in model.messages() {
        let times = names(message).filter_map(|name| created.get(name)).max().copied().unwrap_or(0);
        // What only reports tell of was not created by a message: its repetition alone would be wrong.
        if times > 1 {
            found.push(difference("message_created_repeated", format!("{}: {times} times", message.name())));
        } else if times == 0 && message.text.is_some() {
            found.push(difference("message_created_missing", message.name()));
        }
    }
    for (kind, token) in model.logged() {
        match tokens.get(&(*kind, token)).copied().unwrap_or(0) {
            1 => {}
            0 => found.push(difference("event_missing", format!("{kind} of {}", token.as_str()))),
            times => found.push(difference("event_repeated", format!("{kind} of {}: {times} times", token.as_str()))),
        }
    }
    found
}

fn names(message: &Expected) -> impl Iterator<Item = &String> {
    let text = message.text.iter().map(|(_, text)| text).filter(|_| message.ids.is_empty());
    message.ids.iter().chain(text)
}

fn messages(run: &str, model: &Model, standing: &[Message]) -> Vec<Difference> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, message) in standing.iter().enumerate() {
        for name in [&message.external_id, &message.text].into_iter().flatten() {
            by_name.entry(name).or_default().push(place);
        }
    }
    let mut found = Vec::new();
    let mut explained: BTreeSet<usize> = BTreeSet::new();
    let mut threads: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for expected in model.messages() {
        let places: BTreeSet<usize> =
            names(expected).filter_map(|name| by_name.get(name.as_str())).flatten().copied().collect();
        explained.extend(&places);
        match places.len() {
            1 => {}
            0 => found.push(difference("message_missing", expected.name())),
            times => found.push(difference("message_repeated", format!("{}: {times} times", expected.name()))),
        }
        for message in places.iter().filter_map(|place| standing.get(*place)) {
            found.extend(members(expected, message));
            if let Some(thread) = &expected.thread {
                threads.entry(thread).or_default().insert(&message.conversation);
            }
        }
    }
    for (thread, conversations) in threads {
        if conversations.len() > 1 {
            found.push(difference("conversation_split", format!("{thread}: {conversations:?}")));
        }
    }
    for (place, message) in standing.iter().enumerate() {
        let ours = message.text.as_ref().is_some_and(|text| text.contains(&format!("sim{run}x")));
        if ours && !explained.contains(&place) {
            found.push(difference("message_unexplained", format!("{message:?}")));
        }
    }
    found
}

fn members(expected: &Expected, message: &Message) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut wrong = |kind, must: &dyn std::fmt::Debug, stands: &dyn std::fmt::Debug| {
        found.push(difference(kind, format!("{}: must be {must:?}, is {stands:?}", expected.name())));
    };
    if let Some((_, text)) = &expected.text {
        if message.text.as_ref() != Some(text) {
            wrong("wrong_text", text, &message.text);
        }
        if message.inbound != expected.inbound {
            wrong("wrong_direction", &expected.inbound, &message.inbound);
        }
    }
    if let Some(rung) = expected.rung()
        && message.status.as_deref() != Some(rung.word())
    {
        wrong("wrong_status", &rung.word(), &message.status);
    }
    found
}

fn contacts(model: &Model, standing: &Standing) -> Vec<Difference> {
    let mut holders: HashMap<&str, usize> = HashMap::new();
    for address in standing.contacts.iter().flat_map(|contact| &contact.addresses) {
        *holders.entry(address).or_default() += 1;
    }
    let mut found = Vec::new();
    for address in model.contacts() {
        match holders.get(address.as_str()).copied().unwrap_or(0) {
            1 => {}
            0 => found.push(difference("contact_missing", address)),
            times => found.push(difference("contact_repeated", format!("{address}: {times} contacts"))),
        }
    }
    found
}

/// Types that are told to live subscribers only (the contract, section 3).
const LIVE_ONLY: [&str; 2] = ["conversation.read", "settings.changed"];

/// Whether an event of the log is sent to webhooks.
pub(crate) fn is_sent(event: &Entry) -> bool {
    !LIVE_ONLY.contains(&event.kind.as_str())
}

fn webhooks(standing: &Standing) -> Vec<Difference> {
    let missing = standing.log.iter().filter(|event| is_sent(event) && !standing.delivered.contains_key(&event.id));
    missing.map(|event| difference("webhook_missing", format!("{} {}", event.kind, event.id))).collect()
}

#[cfg(test)]
mod tests;
