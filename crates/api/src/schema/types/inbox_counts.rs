//! Inbox counts in the schema.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use inlet_domain::{ids::MemberId, scope::Actor};
use inlet_store::records::inbox_counts;

use super::enums::ConversationStatus;

/// Numbers of conversations in the inbox. Closed conversations do not count.
#[derive(Clone)]
pub struct InboxCounts {
    counts: Arc<inbox_counts::InboxCounts>,
    member: Option<MemberId>,
}

/// Number of conversations with one status.
#[derive(SimpleObject, Clone)]
pub struct StatusCount {
    /// Lifecycle status.
    pub status: ConversationStatus,
    /// Number of conversations.
    pub count: i32,
}

impl InboxCounts {
    /// As this viewer sees them.
    #[must_use]
    pub fn of(counts: Arc<inbox_counts::InboxCounts>, viewer: Actor) -> Self {
        let member = match viewer {
            Actor::Member(member) => Some(member),
            Actor::ApiKey(_) | Actor::Provider | Actor::System => None,
        };
        Self { counts, member }
    }
}

fn int(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Numbers of conversations in the inbox. Closed conversations do not count.
#[Object]
impl InboxCounts {
    /// Number of conversations that are not closed.
    async fn total(&self) -> i32 {
        int(self.counts.total())
    }

    /// Number of conversations by status. A status without conversations is left out.
    async fn by_status(&self) -> Vec<StatusCount> {
        let counts = self.counts.by_status.iter();
        counts.map(|(status, count)| StatusCount { status: (*status).into(), count: int(*count) }).collect()
    }

    /// Number of conversations without an assignee.
    async fn unassigned(&self) -> i32 {
        int(self.counts.unassigned())
    }

    /// Number of conversations assigned to the viewer. Null for an API key.
    async fn mine(&self) -> Option<i32> {
        self.member.map(|member| int(self.counts.of(member)))
    }

    /// Number of conversations with inbound messages that the viewer has not read. For an API key: that no one has
    /// read.
    async fn unread(&self) -> i32 {
        int(self.counts.unread(self.member))
    }
}
