//! All that a user sees of a workspace, for tests that something changes nothing.

use serde_json::{Value, json};

use crate::TestServer;

pub(crate) const LISTS: &str = "{ head
    conversations(first: 100) { nodes { id revision status unread lastMessageAt externalId lastMessage { id }
      channel { id medium identifier revision } contact { id name phone email }
      messages(last: 50) { nodes { id revision direction kind contentType content details externalId occurredAt status
        sentAt deliveredAt readAt failedAt failure { code text } statusHistory { id part rawStatus }
        attachments { id url revision } reactions } } } }
    contacts(first: 100) { nodes { id revision name phone email identities { id kind value } attributes } }
    channels(first: 100) { nodes { id revision } }
    groups(first: 100) { nodes { id revision name participants } }
    optOuts(first: 100, withdrawn: true) { nodes { id scope value withdrawnAt } }
    verifications(first: 100) { nodes { id verified } }
    balanceAlerts(first: 100) { nodes { id units } }
    campaigns(first: 100) { nodes { id revision status } } }";

impl TestServer {
    /// The log's head and every list of the inbox; not the raw log.
    pub async fn state(&self) -> Value {
        self.graphql(LISTS, json!({})).await
    }
}
