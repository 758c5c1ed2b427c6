//! The server's state, as GraphQL and the sink show it.

mod pages;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    SimulatorError,
    claim::{Kind, Token},
    graphql::{Client, LogEvent},
};

/// An object that GraphQL shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The kind.
    pub kind: Kind,
    /// Inlet's id.
    pub id: String,
    /// The names by which the model may know the object.
    pub names: Vec<String>,
    /// The shown values, by the names of the model.
    pub members: BTreeMap<&'static str, Value>,
}

impl Entity {
    /// The text of a member; empty without one.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The compared parts of an entry of the event log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The event's id.
    pub id: String,
    /// The event type.
    pub kind: String,
    /// The tokens of the run in the entry.
    pub tokens: BTreeSet<Token>,
    /// Inlet's id of the subject.
    pub subject: Option<String>,
    /// The names of the message of the event.
    pub names: Vec<String>,
}

impl Entry {
    /// The entry of an event, for a run.
    #[must_use]
    pub fn read(run: &str, event: LogEvent) -> Self {
        let LogEvent { id, kind, payload } = event;
        let subject = payload["id"].as_str().map(str::to_owned);
        let medium = payload["channel"]["medium"].as_str().unwrap_or_default().to_uppercase();
        let names = read::message_names(&medium, payload["external_id"].as_str(), payload["content"].as_str());
        Self { id, kind, tokens: Token::all_in(run, &payload), subject, names }
    }
}

/// A request that could not be applied or not be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stuck {
    /// When the request arrived.
    pub at: String,
    /// Whether it is authentic but unrecognised.
    pub is_unrecognised: bool,
    /// The reason.
    pub why: String,
    /// The tokens of the run in the request.
    pub tokens: BTreeSet<Token>,
}

/// The whole state.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Every shown object.
    pub entities: Vec<Entity>,
    /// Requests that could not be applied or not be understood.
    pub stuck: Vec<Stuck>,
    /// The event log since the begin of the run.
    pub log: Vec<Entry>,
    /// How often the sink received each event, by the event's id; `None` without a sink.
    pub delivered: Option<HashMap<String, u32>>,
}

impl Standing {
    /// Reads everything but the log and the sink, over several connections at once.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn ask(
        client: &Client,
        run: &str,
        log: Vec<Entry>,
        delivered: Option<HashMap<String, u32>>,
    ) -> Result<Self, SimulatorError> {
        let pages = pages::all(client).await?;
        Ok(Self { entities: read::entities(run, &pages), stuck: read::stuck(run, &pages), log, delivered })
    }
}

#[cfg(test)]
mod tests;
