//! Reads every page of every list, with the queries of the contract's examples (section 2).

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::{
    SimulatorError,
    graphql::{Client, items},
};

/// The lists as GraphQL answered them.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Conversations, each with all its messages in `messages.nodes`.
    pub conversations: Vec<Value>,
    pub contacts: Vec<Value>,
    /// Requests that could not be applied, or not be understood.
    pub stuck: Vec<Value>,
    /// The other lists, by name.
    pub others: Vec<(&'static str, Vec<Value>)>,
}

const MESSAGE: &str =
    "id direction kind contentType content externalId details occurredAt occurredAtAssumed placeholder status sentAt
    deliveredAt readAt failedAt failure { code text } reactions quoted { externalId } campaign { externalId }
    author { __typename ... on Contact { id } } statusHistory(first: 20) { nodes { part rawStatus details } pageInfo { hasNextPage } }
    attachments { nodes { externalId kind url filename } pageInfo { hasNextPage } }";

/// Conversations are read by medium, so that several connections have work.
const MEDIA: [&str; 6] =
    ["[WHATSAPP]", "[SMS]", "[RCS, VOICE]", "[VIBER]", "[VMN, WEBCHAT]", "[EMAIL, OTHER, MESSENGER, TELEGRAM]"];

const OTHERS: [(&str, &str); 7] = [
    (
        "contacts",
        "id name phone email username identities(first: 100) { nodes { kind value original } pageInfo { hasNextPage } }",
    ),
    ("groups", "id externalId name description archivedAt participants"),
    ("channels", "id medium identifier phone name"),
    ("optOuts", "id medium scope value externalId createdAt contact { id } address { kind value }"),
    ("verifications", "id externalId identifier verified expiresAt createdAt"),
    ("balanceAlerts", "id firm units"),
    ("campaigns", "id externalId status"),
];

/// How many lists are read at the same time.
const AT_ONCE: usize = 4;

pub(super) async fn all(client: &Client) -> Result<Pages, SimulatorError> {
    let conversations = stream::iter(MEDIA.map(|media| conversations(client, media))).buffered(AT_ONCE);
    let conversations: Vec<Vec<Value>> = conversations.try_collect().await?;
    let others = stream::iter(OTHERS.map(|(list, fields)| async move {
        let query = format!(
            "query($first: Int!, $after: Cursor) {{ {list}(first: $first, after: $after) {{
                nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        Ok::<_, SimulatorError>((list, client.all(list, &query, 100).await?))
    }));
    let mut others: Vec<(&'static str, Vec<Value>)> = others.buffered(AT_ONCE).try_collect().await?;
    const STUCK: &str = "query($first: Int!, $after: Cursor) { inboundEvents(first: $first, after: $after,
        filter: { outcome: [FAILED, UNRECOGNISED, QUARANTINED] }) {
        nodes { id event outcome error receivedAt request { body } } pageInfo { hasNextPage endCursor } } }";
    // Bodies are large, so the pages are small.
    let stuck = client.all("inboundEvents", STUCK, 10).await?;
    let contacts = if others.is_empty() { Vec::new() } else { others.remove(0).1 };
    Ok(Pages { conversations: conversations.into_iter().flatten().collect(), contacts, stuck, others })
}

async fn conversations(client: &Client, media: &str) -> Result<Vec<Value>, SimulatorError> {
    let query = format!(
        "query($first: Int!, $after: Cursor) {{ conversations(first: $first, after: $after,
            filter: {{ medium: {media} }}, orderBy: {{ field: CREATED, direction: ASC }}) {{
            nodes {{ id status externalId unread lastMessageAt waitingSince closedAt lastMessage {{ id }}
                channel {{ id medium }} contact {{ id }} group {{ externalId }}
                messages(first: 25) {{ nodes {{ {MESSAGE} }} pageInfo {{ hasNextPage endCursor }} }} }}
            pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let mut nodes = client.all("conversations", &query, 20).await?;
    for node in &mut nodes {
        while node["messages"]["pageInfo"]["hasNextPage"] == json!(true) {
            let query = format!(
                "query($id: ID!, $after: Cursor) {{ conversation(id: $id) {{ messages(first: 100, after: $after) {{
                    nodes {{ {MESSAGE} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
            );
            let variables = json!({ "id": node["id"], "after": node["messages"]["pageInfo"]["endCursor"] });
            let mut more = client.ask("more messages", &query, variables).await?;
            let more = &mut more["conversation"]["messages"];
            let mut messages = items(&node["messages"]["nodes"]).to_vec();
            messages.extend(items(&more["nodes"]).iter().cloned());
            node["messages"] = json!({ "nodes": messages, "pageInfo": more["pageInfo"] });
        }
    }
    Ok(nodes)
}
