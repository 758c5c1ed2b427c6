//! The log as `Query.events` returns it, with an independent model of the conversation's state before and after each
//! entry: the state before an entry comes from the entries before it, not from the entry itself.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use serde_json::{Value, json};

use super::filter::Filter;
use crate::{
    SimulatorError,
    check::Difference,
    graphql::{Client, items, text},
};

/// The properties of a conversation that filters use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// The status, in the schema's form.
    pub status: String,
    /// The assigned member.
    pub assignee: Option<String>,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// Its channel.
    pub channel: Option<String>,
    /// The channel's medium, in the schema's form.
    pub medium: Option<String>,
    /// The contact.
    pub contact: Option<String>,
}

impl Facets {
    /// The facets in the payload of a conversation's event.
    fn of(payload: &Value) -> Self {
        Self {
            status: text(&payload["status"]).to_uppercase(),
            assignee: payload["assignee_id"].as_str().map(str::to_owned),
            labels: items(&payload["label_ids"]).iter().map(text).collect(),
            channel: payload["channel"]["id"].as_str().map(str::to_owned),
            medium: [&payload["channel"]["medium"], &payload["medium"]]
                .iter()
                .find_map(|medium| medium.as_str())
                .map(str::to_uppercase),
            contact: payload["contact"]["id"].as_str().map(str::to_owned),
        }
    }
}

/// The membership of an event in a filter's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Membership {
    /// The conversation matched only after the event.
    Entered,
    /// It matched before and after.
    Inside,
    /// It matched only before.
    Left,
}

impl Membership {
    /// The membership of the schema's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "ENTERED" => Some(Self::Entered),
            "INSIDE" => Some(Self::Inside),
            "LEFT" => Some(Self::Left),
            _ => None,
        }
    }
}

/// An event as a watcher gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its number in the log.
    pub seq: u64,
    /// A hash of its id and its type.
    pub mark: u64,
    /// Its membership; `None` if it is about no conversation.
    pub membership: Option<Membership>,
}

/// A hash of an event's id and type.
#[must_use]
pub fn mark(id: &str, kind: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, kind).hash(&mut hasher);
    hasher.finish()
}

/// The number in a cursor; 0 for an invalid one.
#[must_use]
pub fn seq(cursor: &str) -> u64 {
    cursor.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or(0)
}

/// The state of a conversation before and after an event.
pub type Turn = (Option<Arc<Facets>>, Option<Arc<Facets>>);

/// An entry of the log.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The state of its conversation before and after, if it is about one.
    pub conversation: Option<Turn>,
    /// Its channel and contact, if it is about no conversation.
    pub around: Facets,
    /// The merged contact: filters for either contact match.
    pub merged: Option<String>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.kind)?;
        match &self.conversation {
            Some((before, after)) if before == after => write!(f, " {before:?}"),
            Some((before, after)) => write!(f, " {before:?} -> {after:?}"),
            None => write!(f, " {:?}", self.around),
        }
    }
}

impl Step {
    /// The frame that a watcher with this filter must get.
    #[must_use]
    pub fn told(&self, filter: Option<&Filter>) -> Option<Told> {
        let all = Filter::default();
        let filter = filter.unwrap_or(&all);
        if !filter.wants(&self.kind) {
            return None;
        }
        let told = |membership| Some(Told { seq: self.seq, mark: mark(&self.id, &self.kind), membership });
        match &self.conversation {
            Some((before, after)) => {
                let matches = |facets: &Option<Arc<Facets>>| facets.as_ref().is_some_and(|it| filter.matches(it));
                match (matches(before), matches(after)) {
                    (true, true) => told(Some(Membership::Inside)),
                    (false, true) => told(Some(Membership::Entered)),
                    (true, false) => told(Some(Membership::Left)),
                    (false, false) => None,
                }
            }
            None => {
                let merged =
                    self.merged.as_ref().map(|merged| Facets { contact: Some(merged.clone()), ..self.around.clone() });
                let is_asked = filter.matches_alone(&self.around) || merged.is_some_and(|it| filter.matches_alone(&it));
                if is_asked { told(None) } else { None }
            }
        }
    }
}

/// The log, entry by entry.
#[derive(Debug, Default)]
pub struct History {
    /// All entries, in order.
    pub steps: Vec<Step>,
    /// Contradictions within the log.
    pub differences: Vec<Difference>,
    pub(super) standing: HashMap<String, Arc<Facets>>,
}

impl History {
    /// Reads the whole log by `Query.events`.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn pull(client: &Client) -> Result<Self, SimulatorError> {
        const QUERY: &str = "query($after: Cursor) { events(first: 100, after: $after) {
            edges { cursor node { id type payload previous } } pageInfo { hasNextPage } } }";
        let mut history = Self::default();
        let mut after = Value::Null;
        loop {
            let data = client.ask("the event log", QUERY, json!({ "after": after })).await?;
            let edges = items(&data["events"]["edges"]);
            for edge in edges {
                history.take(seq(&text(&edge["cursor"])), &edge["node"]);
                after = edge["cursor"].clone();
            }
            if edges.is_empty() || data["events"]["pageInfo"]["hasNextPage"] != json!(true) {
                return Ok(history);
            }
        }
    }

    fn take(&mut self, seq: u64, node: &Value) {
        let (id, kind) = (text(&node["id"]), text(&node["type"]));
        let due = self.steps.last().map_or(seq, |last| last.seq + 1);
        if seq != due {
            self.differ("log", format!("{due} was to come, {seq} came"));
        }
        let payload = &node["payload"];
        let family = kind.split('.').next().unwrap_or_default();
        let conversation = match family {
            "conversation" => Some(self.turn(seq, &kind, payload, &node["previous"])),
            "message" | "call" | "attachment" => {
                let id = [&payload["conversation"]["id"], &payload["conversation_id"]];
                // A file that arrives before its message belongs to no conversation.
                id.iter().find_map(|id| id.as_str()).map(|id| {
                    let stands = self.standing.get(id).cloned();
                    self.look_at_brief(seq, &kind, payload, stands.as_deref());
                    (stands.clone(), stands)
                })
            }
            _ => None,
        };
        let contact = if family == "contact" { &payload["id"] } else { &payload["contact"]["id"] };
        let contact = [contact, &payload["contact_id"]].iter().find_map(|id| id.as_str()).map(str::to_owned);
        let around = Facets { status: String::new(), contact, ..Facets::of(payload) };
        let merged = payload["merged_contact_id"].as_str().map(str::to_owned);
        self.steps.push(Step { seq, id, kind, conversation, around, merged });
    }

    /// A message shows the state of its conversation.
    fn look_at_brief(&mut self, seq: u64, kind: &str, payload: &Value, stands: Option<&Facets>) {
        let brief = &payload["conversation"];
        let (Some(stands), true) = (stands, brief.is_object()) else { return };
        let told = Facets::of(brief);
        if (&told.status, &told.assignee, &told.labels) != (&stands.status, &stands.assignee, &stands.labels) {
            self.differ("brief", format!("{seq} {kind}: it shows {told:?} where it stood as {stands:?}"));
        }
    }

    /// A conversation's own event: its state before and after.
    fn turn(&mut self, seq: u64, kind: &str, payload: &Value, previous: &Value) -> Turn {
        let id = text(&payload["id"]);
        let before = self.standing.get(&id).cloned();
        match kind {
            "conversation.created" | "conversation.updated" => {
                let after = Arc::new(Facets::of(payload));
                if (kind == "conversation.created") == before.is_some() {
                    self.differ("coverage", format!("{seq} {kind} of {id}, which stood as {before:?}"));
                }
                if let Some(before) = before.as_deref().filter(|_| previous.is_object()) {
                    let mut overlaid = payload.clone();
                    for (member, value) in previous.as_object().into_iter().flatten() {
                        overlaid[member] = value.clone();
                    }
                    let told = Facets::of(&overlaid);
                    if told != *before {
                        self.differ("coverage", format!("{seq} {kind} of {id} was {told:?}, it stood as {before:?}"));
                    }
                }
                self.standing.insert(id, after.clone());
                (before, Some(after))
            }
            "conversation.deleted" => {
                self.standing.remove(&id);
                (before, None)
            }
            _ => (before.clone(), before),
        }
    }

    fn differ(&mut self, kind: &str, what: String) {
        self.differences.push(Difference { kind: kind.to_owned(), what });
    }
}
