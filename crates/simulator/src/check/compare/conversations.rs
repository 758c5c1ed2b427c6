//! Conversations: one for each channel and address (P5), with values derived from their messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{Difference, Extent, Matches, difference};
use crate::{
    check::standing::{Entity, Standing},
    claim::Kind,
    model::Expected,
};

/// The expected conversation, derived from its expected messages.
#[derive(Debug, Default)]
struct Thread<'a> {
    conversations: BTreeSet<&'a str>,
    inbound: bool,
    outbound_call: bool,
    outbound: bool,
    /// The provider reports the conversation as pending.
    pending: bool,
    /// Its group was deleted. The order of that deletion and the messages is unknown.
    over: bool,
    /// It had a message that was deleted, or was never shown. Whether that message woke the conversation depends on the
    /// order.
    gone: bool,
}

pub(super) fn compare(extent: &Extent, matches: &Matches<'_>, standing: &Standing) -> Vec<Difference> {
    let mut threads: BTreeMap<&str, Thread<'_>> = BTreeMap::new();
    let mut messages: HashMap<&str, Vec<&Entity>> = HashMap::new();
    // A message that was known only from reports was in a conversation of its own until it arrived (OR-9).
    let mut left = 0;
    let gone_groups: BTreeSet<&str> = matches
        .iter()
        .filter(|(expected, _)| expected.kind == Kind::Group && expected.is_gone())
        .flat_map(|(expected, _)| expected.names.iter().map(String::as_str))
        .collect();
    for (expected, entities) in matches {
        match (expected.kind, expected.text("thread")) {
            (Kind::Message, Some(thread)) => {
                let thread = threads.entry(thread).or_default();
                thread.add(expected, entities);
                left += usize::from(expected.told && !expected.ladders.history().is_empty());
            }
            (Kind::Conversation, _) => {
                for name in &expected.names {
                    let thread = threads.entry(name).or_default();
                    thread.gone |= expected.is_gone();
                    thread.over |= expected.text("group").is_some_and(|group| gone_groups.contains(group));
                    if !expected.is_gone() {
                        thread.conversations.extend(entities.iter().map(|entity| entity.id.as_str()));
                    }
                }
            }
            _ => {}
        }
    }
    for entity in standing.entities.iter().filter(|entity| entity.kind == Kind::Message) {
        messages.entry(entity.text("conversation")).or_default().push(entity);
    }
    let by_id: HashMap<&str, &Entity> = standing
        .entities
        .iter()
        .filter(|entity| entity.kind == Kind::Conversation)
        .map(|entity| (entity.id.as_str(), entity))
        .collect();
    let mut found = Vec::new();
    let mut holders: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, thread) in &threads {
        found.extend(thread.differences(name, &by_id));
        for conversation in &thread.conversations {
            holders.entry(conversation).or_default().push(name);
        }
    }
    for (expected, entities) in matches.iter().filter(|(expected, _)| expected.kind == Kind::Conversation) {
        if expected.is_gone() {
            found.extend(super::count(expected, entities, true));
        } else if entities.is_empty() {
            found.push(difference("conversation_missing", expected.name()));
        }
        // A deleted group is shown nowhere.
        let hides_group = expected.text("group").is_some_and(|group| gone_groups.contains(group));
        for entity in entities.iter().filter(|_| !expected.is_gone()) {
            let differences = super::members(extent, expected, entity);
            found.extend(differences.into_iter().filter(|one| !hides_group || one.kind != "conversation_wrong_group"));
        }
    }
    let mut empty = 0;
    for (id, entity) in &by_id {
        match holders.get(id).map(Vec::as_slice) {
            Some([_]) => found.extend(contents(entity, messages.get(id).map(Vec::as_slice).unwrap_or_default())),
            Some(several) => found.push(difference("conversation_shared", format!("{id}: {several:?}"))),
            None => empty += 1,
        }
    }
    let may_be_empty = left + threads.values().filter(|thread| thread.gone && thread.conversations.is_empty()).count();
    if extent.alone && empty > may_be_empty {
        let what = format!("{empty} without a message, where there may be {may_be_empty} at most");
        found.push(difference("conversation_unexplained", what));
    }
    found
}

impl<'a> Thread<'a> {
    fn add(&mut self, expected: &Expected, entities: &[&'a Entity]) {
        self.pending |= expected.text("seed") == Some("PENDING");
        if expected.is_gone() {
            self.gone = true;
            return;
        }
        let is_call = expected.text("kind") == Some("CALL");
        if expected.text("direction") == Some("INBOUND") {
            self.inbound = true;
        } else if expected.told {
            self.outbound = true;
            self.outbound_call |= is_call;
        }
        self.conversations.extend(entities.iter().map(|entity| entity.text("conversation")));
    }

    fn differences(&self, name: &str, by_id: &HashMap<&str, &Entity>) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.conversations.len() > 1 {
            found.push(difference("conversation_split", format!("{name}: {:?}", self.conversations)));
        }
        // OneRoute's own status is in-queue or pending, whoever wrote. A customer's message takes up a pending
        // conversation. A call by a member opens a new conversation. A conversation with only reports is in no queue.
        let mut may = match (self.inbound, self.outbound_call, self.outbound) {
            (true, true, _) => vec!["IN_QUEUE", "OPEN"],
            (false, true, _) => vec!["OPEN"],
            (false, false, true) if self.pending => vec!["IN_QUEUE", "PENDING"],
            (true, false, _) | (false, false, true) => vec!["IN_QUEUE"],
            (false, false, false) if self.gone => vec!["IN_QUEUE", "CLOSED"],
            (false, false, false) => vec!["CLOSED"],
        };
        if self.over {
            may.push("CLOSED");
        }
        for entity in self.conversations.iter().filter_map(|id| by_id.get(id)) {
            let status = entity.text("status");
            if !may.contains(&status) {
                found.push(difference("conversation_wrong_status", format!("{name}: must be {may:?}, is {status}")));
            }
        }
        found
    }
}

/// Compares a conversation's values with those of its messages.
fn contents(conversation: &Entity, messages: &[&Entity]) -> Vec<Difference> {
    let mut found = Vec::new();
    let real = messages.iter().filter(|message| message.members.get("placeholder") != Some(&Value::Bool(true)));
    // Of equal times, cut to milliseconds, the order of the list decides.
    let last = real.max_by_key(|message| message.text("occurredAt"));
    let (last_id, last_at) = last.map_or(("", ""), |last| (last.id.as_str(), last.text("occurredAt")));
    if (conversation.text("lastMessage"), conversation.text("lastMessageAt")) != (last_id, last_at) {
        found.push(difference(
            "conversation_wrong_last_message",
            format!(
                "{}: must be {last_id} at {last_at}, is {} at {}",
                conversation.id,
                conversation.text("lastMessage"),
                conversation.text("lastMessageAt")
            ),
        ));
    }
    let waiting = waiting(messages);
    if !waiting.contains(&conversation.text("waitingSince")) {
        let stands = conversation.text("waitingSince");
        let what = format!("{}: must be one of {waiting:?}, is {stands:?}", conversation.id);
        found.push(difference("conversation_wrong_waiting_since", what));
    }
    let (status, closed_at) = (conversation.text("status"), conversation.text("closedAt"));
    if (status == "CLOSED") == closed_at.is_empty() {
        let what = format!("{}: {status}, and closed at {closed_at:?}", conversation.id);
        found.push(difference("conversation_wrong_closed_at", what));
    }
    let inbound = messages.iter().filter(|message| message.text("direction") == "INBOUND").count();
    let unread = conversation.members.get("unread").and_then(Value::as_u64).unwrap_or(0);
    if unread != inbound as u64 {
        let what = format!("{}: must be {inbound}, is {unread}", conversation.id);
        found.push(difference("conversation_wrong_unread", what));
    }
    found
}

/// The times since when the customer may be waiting: the first inbound message after the last outbound one. If GraphQL
/// shows both with one time, either may be the later. Empty if the customer does not wait.
pub(super) fn waiting<'a>(messages: &[&'a Entity]) -> Vec<&'a str> {
    let is_real = |message: &&&Entity| {
        message.text("kind") == "MESSAGE" && message.members.get("placeholder") != Some(&Value::Bool(true))
    };
    let times = |direction: &'static str| {
        let of = messages.iter().filter(is_real).filter(move |message| message.text("direction") == direction);
        of.map(|message| message.text("occurredAt"))
    };
    let answered = times("OUTBOUND").max().unwrap_or_default();
    let mut may = vec![times("INBOUND").filter(|at| *at > answered).min().unwrap_or_default()];
    may.extend(times("INBOUND").find(|at| *at == answered));
    may
}
