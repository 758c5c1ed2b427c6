//! How many conversations stand where: the numbers beside a dashboard's lists.

use std::collections::HashMap;

use sqlx::Row;

use super::words::word;
use crate::{
    database::Database, error::StoreError, ids::MemberId, model::conversation::ConversationStatus, scope::Scope,
};

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

// The statuses one by one, as the index `conversation_status` has them: what is closed is not looked at.
const COUNTS: &str = "SELECT c.status, c.assignee_id, count(*) AS conversations, \
      count(*) FILTER (WHERE c.inbound_count > 0) AS heard, \
      count(*) FILTER (WHERE c.inbound_count > c.read_count) AS unread \
    FROM conversation c WHERE c.workspace_id = $1 AND c.status = ANY($2) AND c.deleted_at IS NULL GROUP BY 1, 2";

const READ: &str = "SELECT r.member_id, count(*) AS conversations \
    FROM conversation c JOIN conversation_read r ON r.workspace_id = c.workspace_id AND r.conversation_id = c.id \
    WHERE c.workspace_id = $1 AND c.status = ANY($2) AND c.deleted_at IS NULL \
      AND c.inbound_count > 0 AND r.read_count >= c.inbound_count GROUP BY 1";

/// Counts now: two statements, whatever the number of members.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn inbox_counts(database: &Database, scope: Scope) -> Result<InboxCounts, StoreError> {
    let statuses: Vec<&str> = ConversationStatus::ALL
        .iter()
        .filter(|status| **status != ConversationStatus::Closed)
        .map(|status| status.as_str())
        .collect();
    let mut by_status: HashMap<ConversationStatus, i64> = HashMap::new();
    let mut counts = InboxCounts::default();
    let rows = sqlx::query(COUNTS).bind(scope.workspace()).bind(&statuses).fetch_all(&database.pool).await?;
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
    let read = sqlx::query_as(READ).bind(scope.workspace()).bind(&statuses).fetch_all(&database.pool).await?;
    counts.read = read.into_iter().collect();
    let in_order = ConversationStatus::ALL.iter().filter_map(|status| Some((*status, *by_status.get(status)?)));
    counts.by_status = in_order.collect();
    Ok(counts)
}
