//! Conversations.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ChannelId, ContactId, ConversationId, GroupId, IdentityId, LabelId, MemberId, MessageId, TeamId},
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
    },
    scope::Scope,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, Select,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr, extension::postgres::PgBinOper},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    entity,
    lean::lean,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{database::Database, error::StoreError};

/// A thread of messages with one address on one channel.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The other side's address.
    pub address_id: IdentityId,
    /// Who it is with.
    pub contact_id: Option<ContactId>,
    /// The group, of a conversation of many.
    pub group_id: Option<GroupId>,
    /// Where it stands.
    pub status: ConversationStatus,
    /// The provider's own word for its status.
    pub provider_status: Option<String>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Who has it.
    pub assignee_id: Option<MemberId>,
    /// Whose it is.
    pub team_id: Option<TeamId>,
    /// Its labels.
    pub label_ids: Vec<LabelId>,
    /// The provider's fields that have no name here.
    pub attributes: Value,
    /// Inbound messages so far.
    pub inbound_count: i64,
    /// How many of them anyone has read.
    pub read_count: i64,
    /// The newest message.
    pub last_message_id: Option<MessageId>,
    /// When that was.
    pub last_message_at: Option<DateTime<Utc>>,
    /// When anything last happened in it.
    pub last_activity_at: DateTime<Utc>,
    /// Since when the other side waits for an answer.
    pub waiting_since: Option<DateTime<Utc>>,
    /// When it was first answered.
    pub first_response_at: Option<DateTime<Utc>>,
    /// Until when it is put off.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::conversation::Model> for Conversation {
    type Error = StoreError;

    fn try_from(row: entity::conversation::Model) -> Result<Self, StoreError> {
        let id = ConversationId(row.id);
        Ok(Self {
            id,
            channel_id: ChannelId(row.channel_id),
            address_id: IdentityId(row.address_id),
            contact_id: row.contact_id.map(ContactId),
            group_id: row.group_id.map(GroupId),
            status: word("conversation", "status", id, &row.status)?,
            provider_status: row.provider_status,
            external_id: row.external_id,
            subject: row.subject,
            priority: word("conversation", "priority", id, &row.priority)?,
            assignee_id: row.assignee_id.map(MemberId),
            team_id: row.team_id.map(TeamId),
            label_ids: row.label_ids.into_iter().map(LabelId).collect(),
            attributes: row.attributes,
            inbound_count: row.inbound_count,
            read_count: row.read_count,
            last_message_id: row.last_message_id.map(MessageId),
            last_message_at: row.last_message_at,
            last_activity_at: row.last_activity_at,
            waiting_since: row.waiting_since,
            first_response_at: row.first_response_at,
            snoozed_until: row.snoozed_until,
            closed_at: row.closed_at,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

/// The conversations with these ids as a list shows them, in no order; what is not in the workspace or was deleted is left
/// out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[ConversationId],
) -> Result<Vec<Conversation>, StoreError> {
    let rows = lean(select(scope, ids)).all(&database.orm).await?;
    rows.into_iter().map(Conversation::try_from).collect()
}

/// One conversation with all of its attributes; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn whole(database: &Database, scope: Scope, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    select(scope, &[id]).one(&database.orm).await?.map(Conversation::try_from).transpose()
}

fn select(scope: Scope, ids: &[ConversationId]) -> Select<entity::conversation::Entity> {
    entity::conversation::Entity::find()
        .filter(entity::conversation::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::conversation::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .filter(entity::conversation::Column::DeletedAt.is_null())
}

/// Which conversations are wanted. Of each list any; an empty one means all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Where they stand.
    pub statuses: Vec<ConversationStatus>,
    /// How urgent they are.
    pub priorities: Vec<Priority>,
    /// Who has them.
    pub assignees: Vec<MemberId>,
    /// Those that no one has, beside those of `assignees`.
    pub unassigned: bool,
    /// Which teams have them.
    pub teams: Vec<TeamId>,
    /// On which channels.
    pub channels: Vec<ChannelId>,
    /// On which media.
    pub media: Vec<Medium>,
    /// With whom.
    pub contacts: Vec<ContactId>,
    /// With one of these labels.
    pub labels: Vec<LabelId>,
    /// Those that hold what no one has read.
    pub unread: bool,
    /// Those in which something happened at this time or later.
    pub active_since: Option<DateTime<Utc>>,
    /// Those in which nothing happened at this time or later.
    pub active_before: Option<DateTime<Utc>>,
}

impl Filter {
    fn condition(&self, scope: Scope) -> Condition {
        use entity::conversation::Column;
        fn any(column: Column, ids: impl ExactSizeIterator<Item = Uuid>) -> Option<SimpleExpr> {
            (ids.len() > 0).then(|| column.eq_any(ids))
        }
        let statuses = self.statuses.iter().map(|status| status.as_str());
        let on_media = || {
            let channels = Query::select()
                .column(entity::channel::Column::Id)
                .from(entity::channel::Entity)
                .and_where(entity::channel::Column::WorkspaceId.eq(scope.workspace().0))
                .and_where(entity::channel::Column::Medium.is_in(self.media.iter().map(|medium| medium.as_str())))
                .to_owned();
            Column::ChannelId.in_subquery(channels)
        };
        let priorities = self.priorities.iter().map(|priority| priority.as_str());
        let assignees = any(Column::AssigneeId, self.assignees.iter().map(|id| id.0));
        let assigned = match assignees {
            Some(assignees) if self.unassigned => Some(assignees.or(Column::AssigneeId.is_null())),
            None if self.unassigned => Some(Column::AssigneeId.is_null()),
            assignees => assignees,
        };
        let unread = || Column::InboundCount.into_expr().gt(Column::ReadCount.into_expr());
        let labels: Vec<Uuid> = self.labels.iter().map(|id| id.0).collect();
        Condition::all()
            .add_option((statuses.len() > 0).then(|| Column::Status.is_in(statuses)))
            .add_option((priorities.len() > 0).then(|| Column::Priority.is_in(priorities)))
            .add_option(assigned)
            .add_option(any(Column::TeamId, self.teams.iter().map(|id| id.0)))
            .add_option(self.unread.then(unread))
            .add_option(self.active_since.map(|time| Column::LastActivityAt.gte(time)))
            .add_option(self.active_before.map(|time| Column::LastActivityAt.lt(time)))
            .add_option(any(Column::ChannelId, self.channels.iter().map(|id| id.0)))
            .add_option(any(Column::ContactId, self.contacts.iter().map(|id| id.0)))
            .add_option((!self.media.is_empty()).then(on_media))
            .add_option(
                (!labels.is_empty())
                    .then(|| Column::LabelIds.into_expr().binary(PgBinOper::Overlap, Expr::value(labels))),
            )
    }
}

/// What a list of conversations is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    /// When anything last happened.
    LastActivity,
    /// When they came to be.
    Created,
}

/// Conversations that match, in this order.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another order.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    order: OrderBy,
    descending: bool,
    slice: &Slice,
) -> Result<Page<Conversation>, StoreError> {
    use entity::conversation::Column;
    let select = entity::conversation::Entity::find()
        .filter(Column::WorkspaceId.eq(scope.workspace().0))
        .filter(Column::DeletedAt.is_null())
        .filter(filter.condition(scope));
    let (sort, at) = match order {
        OrderBy::LastActivity => (Sort::LastActivity, Some(Column::LastActivityAt)),
        OrderBy::Created => (Sort::Id, None),
    };
    let keyset = Keyset { sort, at, id: Column::Id, descending };
    let position = |row: &entity::conversation::Model| match order {
        OrderBy::LastActivity => Position { sort, at: row.last_activity_at, id: row.id },
        OrderBy::Created => Position::of_id(row.id),
    };
    super::page::fetch(database, select, keyset, slice, position).await?.try_map(Conversation::try_from)
}

/// How many inbound messages of a conversation a member has read, for each of these pairs; those without a mark are left
/// out.
///
/// # Errors
/// Where the database fails.
pub async fn read_marks(
    database: &Database,
    scope: Scope,
    pairs: &[(MemberId, ConversationId)],
) -> Result<Vec<(MemberId, ConversationId, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT r.member_id, r.conversation_id, r.read_count FROM unnest($2::uuid[], $3::uuid[]) k(m, c) \
         JOIN conversation_read r ON r.workspace_id = $1 AND r.conversation_id = k.c AND r.member_id = k.m",
    )
    .bind(scope.workspace())
    .bind(pairs.iter().map(|(member, _)| member.0).collect::<Vec<Uuid>>())
    .bind(pairs.iter().map(|(_, conversation)| conversation.0).collect::<Vec<Uuid>>())
    .fetch_all(&database.pool)
    .await?;
    Ok(rows)
}
