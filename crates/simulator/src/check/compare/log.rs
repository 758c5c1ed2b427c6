//! Compares the event log.

use std::collections::{BTreeSet, HashMap};

use super::{Difference, difference};
use crate::{
    check::standing::{Entry, Standing},
    claim::{Kind, Token},
    model::Model,
};

/// Checks by the log alone that each message and each other claimed event was raised once. It can run in the middle of
/// a run, for the events acknowledged until then.
#[must_use]
pub fn compare_log(model: &Model, log: &[Entry]) -> Vec<Difference> {
    let mut ids = BTreeSet::new();
    let mut made = BTreeSet::new();
    let mut created: HashMap<&str, usize> = HashMap::new();
    let mut tokens: HashMap<(&str, &Token), usize> = HashMap::new();
    let mut found = Vec::new();
    for event in log {
        if !ids.insert(&event.id) {
            found.push(difference("log_entry_repeated", &event.id));
            continue;
        }
        if event.kind.ends_with(".created")
            && let Some(subject) = &event.subject
            && !made.insert((&event.kind, subject))
        {
            found.push(difference("created_twice", format!("{} of {subject}", event.kind)));
        }
        if event.kind == "message.created" {
            for name in &event.names {
                *created.entry(name).or_default() += 1;
            }
        }
        for token in &event.tokens {
            *tokens.entry((event.kind.as_str(), token)).or_default() += 1;
        }
    }
    for message in model.of_kind(Kind::Message).filter(|message| message.text("kind") == Some("MESSAGE")) {
        let times = message.names.iter().filter_map(|name| created.get(name.as_str())).sum::<usize>();
        // A message that was deleted before it arrived was never shown. A message without a known conversation waits
        // for it.
        let is_shown = message.told && !message.is_gone() && message.members.contains_key("thread");
        if times > 1 {
            found.push(difference("message_created_repeated", format!("{}: {times} times", message.name())));
        } else if times == 0 && is_shown {
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

/// Types for live subscribers only (contract, section 3).
const LIVE_ONLY: [&str; 2] = ["conversation.read", "settings.changed"];

/// Whether webhooks get an event of the log.
pub(crate) fn is_sent(event: &Entry) -> bool {
    !LIVE_ONLY.contains(&event.kind.as_str())
}

pub(super) fn webhooks(standing: &Standing) -> Vec<Difference> {
    let Some(delivered) = &standing.delivered else { return Vec::new() };
    let missing = standing.log.iter().filter(|event| is_sent(event) && !delivered.contains_key(&event.id));
    missing.map(|event| difference("webhook_missing", format!("{} {}", event.kind, event.id))).collect()
}
