//! The inbox in numbers, in the schema.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use inlet_domain::{ids::MemberId, scope::Actor};
use inlet_store::records::inbox_counts;

use super::enums::ConversationStatus;

/// The inbox in numbers. Closed conversations are counted nowhere in it.
#[derive(Clone)]
pub struct InboxCounts {
    counts: Arc<inbox_counts::InboxCounts>,
    member: Option<MemberId>,
}

/// How many conversations stand somewhere.
#[derive(SimpleObject, Clone)]
pub struct StatusCount {
    /// Where they stand.
    pub status: ConversationStatus,
    /// How many.
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

/// The inbox in numbers. Closed conversations are counted nowhere in it.
#[Object]
impl InboxCounts {
    /// Conversations that are not closed.
    async fn total(&self) -> i32 {
        int(self.counts.total())
    }

    /// The same by where they stand; a status that no conversation has is left out.
    async fn by_status(&self) -> Vec<StatusCount> {
        let counts = self.counts.by_status.iter();
        counts.map(|(status, count)| StatusCount { status: (*status).into(), count: int(*count) }).collect()
    }

    /// Those that no one has.
    async fn unassigned(&self) -> i32 {
        int(self.counts.unassigned())
    }

    /// Those that the viewer has; null for an API key.
    async fn mine(&self) -> Option<i32> {
        self.member.map(|member| int(self.counts.of(member)))
    }

    /// Those that hold inbound messages which the viewer has not read; for an API key, which no one has read.
    async fn unread(&self) -> i32 {
        int(self.counts.unread(self.member))
    }
}
