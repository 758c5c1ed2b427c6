//! Conversations.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ChannelId, ContactId, ConversationId, LabelId, MemberId, TeamId},
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
    },
    scope::Scope,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, Select, Value,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr, extension::postgres::PgBinOper, postgres_array::NotU8},
};

use super::{
    entity::{
        channel,
        conversation::{Column, Entity},
    },
    lean::lean,
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::conversation::Model as Conversation;

/// The conversations with these ids, each as a list shows it, in no order. Deleted conversations and ids of other
/// workspaces are left out.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[ConversationId],
) -> Result<Vec<Conversation>, StoreError> {
    let select = existing(scope).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(lean(select).all(&database.orm).await?)
}

/// One conversation with all attributes. `None` where the workspace has no such conversation.
pub async fn whole(database: &Database, scope: Scope, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    Ok(existing(scope).filter(Column::Id.eq_any([id])).one(&database.orm).await?)
}

fn existing(scope: Scope) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::DeletedAt.is_null())
}

/// The filter of a list of conversations. A conversation passes if it matches one value of each list; an empty list
/// matches all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The lifecycle statuses.
    pub statuses: Vec<ConversationStatus>,
    /// The priorities.
    pub priorities: Vec<Priority>,
    /// The assigned members.
    pub assignees: Vec<MemberId>,
    /// Conversations without an assignee pass too, beside those of `assignees`.
    pub unassigned: bool,
    /// The assigned teams.
    pub teams: Vec<TeamId>,
    /// The channels.
    pub channels: Vec<ChannelId>,
    /// The media of the channels.
    pub media: Vec<Medium>,
    /// The contacts.
    pub contacts: Vec<ContactId>,
    /// The labels: a conversation needs one of them.
    pub labels: Vec<LabelId>,
    /// Only conversations with inbound messages that no member has read.
    pub unread: bool,
    /// Only conversations whose last activity is at this time or later.
    pub active_since: Option<DateTime<Utc>>,
    /// Only conversations whose last activity is before this time.
    pub active_before: Option<DateTime<Utc>>,
}

impl Filter {
    fn condition(&self, scope: Scope) -> Condition {
        fn any<T: Copy + Into<Value> + NotU8>(column: Column, ids: &[T]) -> Option<SimpleExpr> {
            (!ids.is_empty()).then(|| column.eq_any(ids.iter().copied()))
        }
        let on_media = || {
            let channels = Query::select()
                .column(channel::Column::Id)
                .from(channel::Entity)
                .and_where(channel::Column::WorkspaceId.eq(scope.workspace()))
                .and_where(channel::Column::Medium.is_in(self.media.iter().copied()))
                .to_owned();
            Column::ChannelId.in_subquery(channels)
        };
        let assigned = match any(Column::AssigneeId, &self.assignees) {
            Some(assignees) if self.unassigned => Some(assignees.or(Column::AssigneeId.is_null())),
            None if self.unassigned => Some(Column::AssigneeId.is_null()),
            assignees => assignees,
        };
        let statuses = || Column::Status.is_in(self.statuses.iter().copied());
        let priorities = || Column::Priority.is_in(self.priorities.iter().copied());
        let unread = || Column::InboundCount.into_expr().gt(Column::ReadCount.into_expr());
        let labels = || Column::LabelIds.into_expr().binary(PgBinOper::Overlap, Expr::value(self.labels.clone()));
        Condition::all()
            .add_option((!self.statuses.is_empty()).then(statuses))
            .add_option((!self.priorities.is_empty()).then(priorities))
            .add_option(assigned)
            .add_option(any(Column::TeamId, &self.teams))
            .add_option(self.unread.then(unread))
            .add_option(self.active_since.map(|time| Column::LastActivityAt.gte(time)))
            .add_option(self.active_before.map(|time| Column::LastActivityAt.lt(time)))
            .add_option(any(Column::ChannelId, &self.channels))
            .add_option(any(Column::ContactId, &self.contacts))
            .add_option((!self.media.is_empty()).then(on_media))
            .add_option((!self.labels.is_empty()).then(labels))
    }
}

/// The order of a list of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    /// The time of the last activity.
    LastActivity,
    /// The time of creation.
    Created,
}

/// The conversations that pass the filter, in this order.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another order.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    order: OrderBy,
    descending: bool,
    slice: &Slice,
) -> Result<Page<Conversation>, StoreError> {
    let select = existing(scope).filter(filter.condition(scope));
    let (sort, at) = match order {
        OrderBy::LastActivity => (Sort::LastActivity, Some(Column::LastActivityAt)),
        OrderBy::Created => (Sort::Id, None),
    };
    let keyset = Keyset { sort, at, id: Column::Id, descending };
    let position = |row: &Conversation| match order {
        OrderBy::LastActivity => Position { sort, at: row.last_activity_at, id: row.id.0 },
        OrderBy::Created => Position::of_id(row.id),
    };
    page::fetch(database, select, keyset, slice, position).await
}

/// For each pair, the number of inbound messages of the conversation that the member has read. Pairs without a mark are
/// left out.
pub async fn read_marks(
    database: &Database,
    scope: Scope,
    pairs: &[(MemberId, ConversationId)],
) -> Result<Vec<(MemberId, ConversationId, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT r.member_id, r.conversation_id, r.read_count \
         FROM unnest($2::uuid[], $3::uuid[]) asked(member_id, conversation_id) \
         JOIN conversation_read r ON r.workspace_id = $1 AND r.conversation_id = asked.conversation_id \
           AND r.member_id = asked.member_id",
    )
    .bind(scope.workspace())
    .bind(pairs.iter().map(|(member, _)| *member).collect::<Vec<_>>())
    .bind(pairs.iter().map(|(_, conversation)| *conversation).collect::<Vec<_>>())
    .fetch_all(&database.pool)
    .await?;
    Ok(rows)
}
