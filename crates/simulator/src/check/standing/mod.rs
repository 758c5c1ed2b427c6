//! What stands, as the outside sees it.

mod pages;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    SimulatorError,
    claim::{Kind, Token},
    graphql::{Client, LogEvent},
};

/// Something that GraphQL shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// Inlet's id.
    pub id: String,
    /// The names by which the model may know it.
    pub names: Vec<String>,
    /// What it shows, by the names of the model.
    pub members: BTreeMap<&'static str, Value>,
}

impl Entity {
    /// A member's text; empty where it has none.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// An entry of the event log, as far as it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The event's id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The tokens of the run that it tells of.
    pub tokens: BTreeSet<Token>,
    /// Inlet's id of what it is about.
    pub subject: Option<String>,
    /// The names of the message that it is about.
    pub names: Vec<String>,
}

impl Entry {
    /// What an event tells of a run.
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
    /// When it came.
    pub at: String,
    /// Whether it is authentic and names nothing that is known.
    pub is_unrecognised: bool,
    /// Why, in words for people.
    pub why: String,
    /// The tokens of the run that it holds.
    pub tokens: BTreeSet<Token>,
}

/// Everything that stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// All that is shown.
    pub entities: Vec<Entity>,
    /// Requests that could not be applied or not be understood.
    pub stuck: Vec<Stuck>,
    /// The event log since the run began.
    pub log: Vec<Entry>,
    /// How often each event came to the sink, by the event's id; none where there was no sink.
    pub delivered: Option<HashMap<String, u32>>,
}

impl Standing {
    /// Asks the server for everything but the log and the sink, over several connections at once.
    ///
    /// # Errors
    /// Where the server does not answer.
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
