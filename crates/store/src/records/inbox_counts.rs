//! How many conversations stand where: the numbers beside a dashboard's lists.

use std::collections::HashMap;

use inlet_domain::{ids::MemberId, model::conversation::ConversationStatus, scope::Scope};
use sqlx::Row;

use super::words::word;
use crate::{database::Database, error::StoreError};

/// The conversations of a workspace that are not closed, counted for all of its members at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// By where they stand; what is missing is none.
    pub by_status: Vec<(ConversationStatus, i64)>,
    /// Those that someone wrote in.
    heard: i64,
    /// Those that hold what no one has read.
    unread_by_all: i64,
    unassigned: i64,
    /// Of each member.
    assigned: HashMap<MemberId, i64>,
    /// Of each member: of those that someone wrote in, how many they have read to the end.
    read: HashMap<MemberId, i64>,
}

impl InboxCounts {
    /// All that are not closed.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.by_status.iter().map(|(_, count)| count).sum()
    }

    /// Those that no one has.
    #[must_use]
    pub fn unassigned(&self) -> i64 {
        self.unassigned
    }

    /// Those that a member has.
    #[must_use]
    pub fn of(&self, member: MemberId) -> i64 {
        self.assigned.get(&member).copied().unwrap_or(0)
    }

    /// Those that hold what this member has not read; without a member, what no one has.
    #[must_use]
    pub fn unread(&self, member: Option<MemberId>) -> i64 {
        match member {
            Some(member) => self.heard - self.read.get(&member).copied().unwrap_or(0),
            None => self.unread_by_all,
        }
    }
}

// Each status is looked up by itself, and `OFFSET 0` holds the order of the look-ups: without statistics any index whose
// first column fits seems as good, and then all that is closed is read too.
const COUNTS: &str = "SELECT s.status, c.assignee_id, count(*) AS conversations, \
      count(*) FILTER (WHERE c.inbound_count > 0) AS heard, \
      count(*) FILTER (WHERE c.inbound_count > c.read_count) AS unread \
    FROM unnest(ARRAY['in_queue', 'open', 'pending', 'snoozed']) s(status) \
    CROSS JOIN LATERAL ( \
      SELECT v.assignee_id, v.inbound_count, v.read_count FROM conversation v \
      WHERE v.workspace_id = $1 AND v.status = s.status AND v.deleted_at IS NULL OFFSET 0) c GROUP BY 1, 2";

const READ: &str = "SELECT r.member_id, count(*) AS conversations \
    FROM unnest(ARRAY['in_queue', 'open', 'pending', 'snoozed']) s(status) \
    CROSS JOIN LATERAL ( \
      SELECT v.id, v.inbound_count FROM conversation v \
      WHERE v.workspace_id = $1 AND v.status = s.status AND v.deleted_at IS NULL AND v.inbound_count > 0 OFFSET 0) c \
    CROSS JOIN LATERAL ( \
      SELECT m.member_id FROM conversation_read m \
      WHERE m.workspace_id = $1 AND m.conversation_id = c.id AND m.read_count >= c.inbound_count OFFSET 0) r GROUP BY 1";

/// Counts now: two statements, whatever the number of members.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn inbox_counts(database: &Database, scope: Scope) -> Result<InboxCounts, StoreError> {
    let mut by_status: HashMap<ConversationStatus, i64> = HashMap::new();
    let mut counts = InboxCounts::default();
    let rows = sqlx::query(COUNTS).bind(scope.workspace()).fetch_all(&database.pool).await?;
    for row in &rows {
        let status = word("conversation", "status", scope.workspace(), row.try_get("status")?)?;
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
