//! What stands, as the outside sees it.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::{
    SimulatorError,
    claim::Token,
    graphql::{Client, LogEvent, items, text},
};

/// A message as GraphQL shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Inlet's id.
    pub id: String,
    /// The provider's.
    pub external_id: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// Whether the customer sent it.
    pub inbound: bool,
    /// How far it came.
    pub status: Option<String>,
    /// In which conversation it is.
    pub conversation: String,
}

/// A contact as GraphQL shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Inlet's id.
    pub id: String,
    /// Each address it has, phone numbers without their `+`.
    pub addresses: BTreeSet<String>,
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
    /// The provider's id of what it is about.
    pub external_id: Option<String>,
    /// The text of the message that it is about.
    pub text: Option<String>,
}

impl Entry {
    /// What an event tells of a run.
    #[must_use]
    pub fn read(run: &str, event: LogEvent) -> Self {
        let LogEvent { id, kind, payload } = event;
        let member = |name: &str| payload[name].as_str().map(str::to_owned);
        let (external_id, text) = (member("external_id"), member("content"));
        Self { id, kind, tokens: Token::all_in(run, &payload), external_id, text }
    }
}

/// Everything that stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// All messages of all conversations.
    pub messages: Vec<Message>,
    /// All contacts.
    pub contacts: Vec<Contact>,
    /// The event log since the run began.
    pub log: Vec<Entry>,
    /// How often each event came to the sink, by the event's id.
    pub delivered: HashMap<String, u32>,
}

const MESSAGE: &str = "id direction content externalId status";

impl Standing {
    /// Asks the server for everything but the log and the sink.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn ask(
        client: &Client,
        log: Vec<Entry>,
        delivered: HashMap<String, u32>,
    ) -> Result<Self, SimulatorError> {
        let messages = all_messages(client).await?;
        let contacts = all_contacts(client).await?;
        Ok(Self { messages, contacts, log, delivered })
    }
}

async fn all_messages(client: &Client) -> Result<Vec<Message>, SimulatorError> {
    let query = format!(
        "query($first: Int!, $after: Cursor) {{ conversations(first: $first, after: $after) {{
            nodes {{ id messages(last: 50) {{ nodes {{ {MESSAGE} }} pageInfo {{ hasPreviousPage startCursor }} }} }}
            pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let mut messages = Vec::new();
    for node in client.all("conversations", &query, 20).await? {
        let conversation = text(&node["id"]);
        messages.extend(items(&node["messages"]["nodes"]).iter().map(|node| message(&conversation, node)));
        let mut page = node["messages"]["pageInfo"].clone();
        while page["hasPreviousPage"] == json!(true) {
            let query = format!(
                "query($id: ID!, $before: Cursor) {{ conversation(id: $id) {{ messages(last: 100, before: $before) {{
                    nodes {{ {MESSAGE} }} pageInfo {{ hasPreviousPage startCursor }} }} }} }}"
            );
            let variables = json!({ "id": conversation, "before": page["startCursor"] });
            let data = client.ask("older messages", &query, variables).await?;
            let older = &data["conversation"]["messages"];
            messages.extend(items(&older["nodes"]).iter().map(|node| message(&conversation, node)));
            page = older["pageInfo"].clone();
        }
    }
    Ok(messages)
}

fn message(conversation: &str, node: &Value) -> Message {
    let optional = |name: &str| node[name].as_str().map(str::to_owned);
    Message {
        id: text(&node["id"]),
        external_id: optional("externalId"),
        text: optional("content"),
        inbound: node["direction"] == json!("INBOUND"),
        status: optional("status"),
        conversation: conversation.to_owned(),
    }
}

async fn all_contacts(client: &Client) -> Result<Vec<Contact>, SimulatorError> {
    const QUERY: &str = "query($first: Int!, $after: Cursor) { contacts(first: $first, after: $after) {
        nodes { id phone email identities { kind value } } pageInfo { hasNextPage endCursor } } }";
    let nodes = client.all("contacts", QUERY, 100).await?;
    Ok(nodes.iter().map(contact).collect())
}

fn contact(node: &Value) -> Contact {
    let identities = items(&node["identities"]).iter().map(|identity| &identity["value"]);
    let addresses = identities.chain([&node["phone"], &node["email"]]).filter_map(Value::as_str);
    let addresses = addresses.map(|address| address.strip_prefix('+').unwrap_or(address).to_owned()).collect();
    Contact { id: text(&node["id"]), addresses }
}

#[cfg(test)]
mod tests;
