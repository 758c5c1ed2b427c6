//! A GraphQL client, by the examples of the contract, section 2.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{SimulatorError, sink::Secret, target::Target};

/// Entries of the log in one page.
const PAGE: usize = 100;

/// How many times a busy server is asked again, each time after a second.
const PATIENCE: usize = 30;

/// A caller with an API key.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// An entry of the event log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// `evt_...`
    pub id: String,
    /// The event type.
    pub kind: String,
    /// The payload.
    pub payload: Value,
}

impl Client {
    /// A client with the server's API key.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(target: &Target) -> Result<Self, SimulatorError> {
        Self::at(&target.graphql_url, &target.api_key)
    }

    /// A client of any server and key.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn at(graphql_url: &str, api_key: &str) -> Result<Self, SimulatorError> {
        // Fails if another part of the process has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build();
        let http = http.map_err(|source| SimulatorError::Unanswered { what: "anything".into(), source })?;
        Ok(Self { http, url: graphql_url.to_owned(), key: api_key.to_owned() })
    }

    /// Sends an operation, again while the server is busy, and returns its `data`.
    ///
    /// # Errors
    /// The server does not answer, or answers with errors.
    pub async fn ask(&self, what: &str, query: &str, variables: Value) -> Result<Value, SimulatorError> {
        for _ in 0..PATIENCE {
            match self.ask_once(what, query, &variables).await {
                Err(SimulatorError::Refused { answer, .. }) if is_busy(&answer) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                answered => return answered,
            }
        }
        self.ask_once(what, query, &variables).await
    }

    /// Sends an operation once, and returns its `data`.
    ///
    /// # Errors
    /// As [`Client::ask`], or the server is busy.
    pub async fn try_once(&self, what: &str, query: &str, variables: Value) -> Result<Value, SimulatorError> {
        self.ask_once(what, query, &variables).await
    }

    async fn ask_once(&self, what: &str, query: &str, variables: &Value) -> Result<Value, SimulatorError> {
        let unanswered = |source| SimulatorError::Unanswered { what: what.to_owned(), source };
        let body = json!({ "query": query, "variables": variables });
        let answer = self.http.post(&self.url).bearer_auth(&self.key).json(&body).send().await.map_err(unanswered)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unanswered)?;
        let refused = |said: &str| SimulatorError::Refused {
            what: what.to_owned(),
            answer: format!("{status} {}", said.chars().take(2_000).collect::<String>()),
        };
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| refused(&text))?;
        // The data beside an error may be longer than the shown part of the answer.
        if let Some(errors) = answer.get("errors") {
            return Err(refused(&json!({ "errors": errors }).to_string()));
        }
        match answer.get_mut("data").map(Value::take) {
            Some(data) if !data.is_null() => Ok(data),
            _ => Err(refused(&text)),
        }
    }

    /// The cursor of the end of the event log.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn head(&self) -> Result<String, SimulatorError> {
        Ok(text(&self.ask("head", "query { head }", json!({})).await?["head"]))
    }

    /// The event log after a cursor, each entry as `read` returns it, with the cursor of its end.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn events_after<T>(
        &self,
        cursor: &str,
        read: impl Fn(LogEvent) -> T,
    ) -> Result<(Vec<T>, String), SimulatorError> {
        const QUERY: &str = "query($first: Int!, $after: Cursor) { events(first: $first, after: $after) {
            edges { cursor node { id type payload } } pageInfo { endCursor hasNextPage } } }";
        let mut after = cursor.to_owned();
        let mut events = Vec::new();
        loop {
            let data = self.ask("the event log", QUERY, json!({ "first": PAGE, "after": after })).await?;
            let page = &data["events"];
            for edge in items(&page["edges"]) {
                let node = &edge["node"];
                after = text(&edge["cursor"]);
                events.push(read(LogEvent {
                    id: text(&node["id"]),
                    kind: text(&node["type"]),
                    payload: node["payload"].clone(),
                }));
            }
            if page["pageInfo"]["hasNextPage"] != json!(true) || items(&page["edges"]).is_empty() {
                return Ok((events, after));
            }
        }
    }

    /// All nodes of a connection, in pages of `first`. `query` takes `$first` and `$after`; `field` is the connection's
    /// name.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn all(&self, field: &str, query: &str, first: usize) -> Result<Vec<Value>, SimulatorError> {
        let mut after = Value::Null;
        let mut nodes = Vec::new();
        loop {
            let mut data = self.ask(field, query, json!({ "first": first, "after": after })).await?;
            let page = &mut data[field];
            if let Value::Array(more) = page["nodes"].take() {
                nodes.extend(more);
            }
            after = page["pageInfo"]["endCursor"].take();
            if page["pageInfo"]["hasNextPage"] != json!(true) || after.is_null() {
                return Ok(nodes);
            }
        }
    }

    /// Registers a webhook, and returns its id and its secret. Empty `kinds` means all.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn register_webhook(
        &self,
        name: &str,
        url: &str,
        kinds: Option<&[&str]>,
    ) -> Result<(String, Secret), SimulatorError> {
        let kinds = kinds.map(|kinds| format!(", eventTypes: {}", json!(kinds))).unwrap_or_default();
        let mutation = format!(
            "mutation {{ registerWebhook(input: {{name: {}, url: {}{kinds}, idempotencyKey: {}}}) {{
                webhook {{ id url status }} secret }} }}",
            json!(name),
            json!(url),
            json!(name),
        );
        let data = self.ask("registerWebhook", &mutation, json!({})).await?;
        let answer = &data["registerWebhook"];
        let secret = Secret::parse(&text(&answer["secret"])).ok_or_else(|| SimulatorError::Refused {
            what: "registerWebhook".into(),
            answer: "without a secret that begins with whsec_".into(),
        })?;
        Ok((text(&answer["webhook"]["id"]), secret))
    }

    /// Deletes a webhook.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn delete_webhook(&self, id: &str) -> Result<(), SimulatorError> {
        let mutation = format!("mutation {{ deleteWebhook(input: {{id: {}}}) {{ deletedWebhookId }} }}", json!(id));
        self.ask("deleteWebhook", &mutation, json!({})).await.map(drop)
    }
}

/// Whether an answer asks the client to try again (contract, section 2).
fn is_busy(answer: &str) -> bool {
    ["UNAVAILABLE", "OVERLOADED"].iter().any(|code| answer.contains(&format!("\"code\":\"{code}\"")))
}

/// A JSON text; empty for any other value.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The items of a JSON array; empty for any other value.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_is_asked_again_and_who_refuses_is_not() {
        assert!(is_busy(r#"200 OK {"data":null,"errors":[{"extensions":{"code":"UNAVAILABLE","retryAfter":1}}]}"#));
        assert!(is_busy(r#"503 {"errors":[{"extensions":{"code":"OVERLOADED"}}]}"#));
        assert!(!is_busy(r#"200 OK {"data":null,"errors":[{"extensions":{"code":"NOT_FOUND"}}]}"#));
    }
}
