//! All that a user sees of a workspace, for tests that something changes nothing.

use serde_json::{Value, json};

use crate::TestServer;

pub(crate) const LISTS: &str = "{ head
    conversations(first: 40) { nodes { id revision status unread lastMessageAt externalId lastMessage { id }
      channel { id medium identifier revision } contact { id name phone email }
      messages(last: 30) { nodes { id revision direction kind contentType content details externalId occurredAt status
        sentAt deliveredAt readAt failedAt failure { code text } statusHistory(first: 5) { nodes { id part rawStatus } pageInfo { hasNextPage } }
        attachments(first: 5) { nodes { id url revision } pageInfo { hasNextPage } } reactions } } } pageInfo { hasNextPage } }
    contacts(first: 100) { nodes { id revision name phone email identities { nodes { id kind value } } attributes } }
    channels(first: 100) { nodes { id revision } }
    groups(first: 100) { nodes { id revision name participants } }
    optOuts(first: 100, withdrawn: true) { nodes { id scope value withdrawnAt } }
    verifications(first: 100) { nodes { id verified } }
    balanceAlerts(first: 100) { nodes { id units } }
    campaigns(first: 100) { nodes { id revision status } } }";

impl TestServer {
    /// Every list of the inbox and the ids of its events; neither the raw log, nor what the log tells of settings.
    pub async fn state(&self) -> Value {
        let mut state = self.graphql(LISTS, json!({})).await;
        assert!(!state.to_string().contains("\"hasNextPage\":true"), "there is more than one page: {state}");
        let page = "query ($after: Cursor) { events(first: 100, after: $after) { nodes { id type } \
                    pageInfo { hasNextPage endCursor } } }";
        let (mut events, mut after) = (Vec::new(), Value::Null);
        loop {
            let mut log = self.graphql(page, json!({ "after": after })).await["events"].take();
            let Value::Array(entries) = log["nodes"].take() else { panic!("the log cannot be read: {log}") };
            events.extend(entries.into_iter().filter(|entry| entry["type"] != "settings.changed"));
            after = log["pageInfo"]["endCursor"].take();
            if log["pageInfo"]["hasNextPage"] != true {
                break;
            }
        }
        state["head"] = events.into();
        state
    }
}
