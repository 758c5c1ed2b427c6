//! Counts of conversations, for the numbers beside a dashboard's lists.

use std::collections::HashMap;

use inlet_domain::{ids::MemberId, model::conversation::ConversationStatus, scope::Scope};
use sqlx::Row;

use crate::{database::Database, error::StoreError};

/// The counts of the open conversations of one workspace, for all members at once. Closed conversations never count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// The conversations by status. A missing status means zero.
    pub by_status: Vec<(ConversationStatus, i64)>,
    /// The conversations with inbound messages.
    heard: i64,
    /// The conversations with messages that no member has read.
    unread_by_all: i64,
    unassigned: i64,
    /// The conversations assigned to each member.
    assigned: HashMap<MemberId, i64>,
    /// For each member, the conversations with inbound messages that the member has read to the end.
    read: HashMap<MemberId, i64>,
}

impl InboxCounts {
    /// All conversations that are not closed.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.by_status.iter().map(|(_, count)| count).sum()
    }

    /// The conversations without an assignee.
    #[must_use]
    pub fn unassigned(&self) -> i64 {
        self.unassigned
    }

    /// The conversations assigned to a member.
    #[must_use]
    pub fn of(&self, member: MemberId) -> i64 {
        self.assigned.get(&member).copied().unwrap_or(0)
    }

    /// The conversations with messages that this member has not read. Without a member: that no member has read.
    #[must_use]
    pub fn unread(&self, member: Option<MemberId>) -> i64 {
        match member {
            Some(member) => self.heard - self.read.get(&member).copied().unwrap_or(0),
            None => self.unread_by_all,
        }
    }
}

// Look up each status by itself. `OFFSET 0` keeps the order of the look-ups: without statistics, the planner may choose
// any index with a fitting first column, and then reads all closed conversations too.
const COUNTS: &str = "SELECT opened.status, c.assignee_id, count(*) AS conversations, \
      count(*) FILTER (WHERE c.inbound_count > 0) AS heard, \
      count(*) FILTER (WHERE c.inbound_count > c.read_count) AS unread \
    FROM unnest(ARRAY['in_queue', 'open', 'pending', 'snoozed']) opened(status) \
    CROSS JOIN LATERAL ( \
      SELECT v.assignee_id, v.inbound_count, v.read_count FROM conversation v \
      WHERE v.workspace_id = $1 AND v.status = opened.status AND v.deleted_at IS NULL OFFSET 0) c GROUP BY 1, 2";

const READ: &str = "SELECT r.member_id, count(*) AS conversations \
    FROM unnest(ARRAY['in_queue', 'open', 'pending', 'snoozed']) opened(status) \
    CROSS JOIN LATERAL ( \
      SELECT v.id, v.inbound_count FROM conversation v \
      WHERE v.workspace_id = $1 AND v.status = opened.status AND v.deleted_at IS NULL AND v.inbound_count > 0 OFFSET 0) c \
    CROSS JOIN LATERAL ( \
      SELECT m.member_id FROM conversation_read m \
      WHERE m.workspace_id = $1 AND m.conversation_id = c.id AND m.read_count >= c.inbound_count OFFSET 0) r GROUP BY 1";

/// Counts with two statements, for any number of members.
pub async fn inbox_counts(database: &Database, scope: Scope) -> Result<InboxCounts, StoreError> {
    let mut by_status: HashMap<ConversationStatus, i64> = HashMap::new();
    let mut counts = InboxCounts::default();
    let rows = sqlx::query(COUNTS).bind(scope.workspace()).fetch_all(&database.pool).await?;
    for row in &rows {
        let status = row.try_get("status")?;
        let conversations: i64 = row.try_get("conversations")?;
        *by_status.entry(status).or_default() += conversations;
        match row.try_get::<Option<MemberId>, _>("assignee_id")? {
            Some(member) => *counts.assigned.entry(member).or_default() += conversations,
            None => counts.unassigned += conversations,
        }
        counts.heard += row.try_get::<i64, _>("heard")?;
        counts.unread_by_all += row.try_get::<i64, _>("unread")?;
    }
    let read = sqlx::query_as(READ).bind(scope.workspace()).fetch_all(&database.pool).await?;
    counts.read = read.into_iter().collect();
    let in_order = ConversationStatus::ALL.iter().filter_map(|status| Some((*status, *by_status.get(status)?)));
    counts.by_status = in_order.collect();
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_but_closed_is_counted() {
        for status in ConversationStatus::ALL {
            let word = format!("'{status}'");
            let is_counted = COUNTS.contains(&word) && READ.contains(&word);
            assert_eq!(is_counted, *status != ConversationStatus::Closed, "{status}");
        }
    }
}
