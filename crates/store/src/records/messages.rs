//! Messages, their files and the reports on them.

use inlet_domain::{
    ids::{AttachmentId, ConversationId, MessageId, StatusReportId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

use super::{
    children::{self, List},
    entity::{
        attachment,
        message::{Column, Entity},
        status_report,
    },
    lean::lean,
    page::{Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::{
    attachment::Model as Attachment, message::Model as Message, status_report::Model as StatusReport,
};

/// The messages with these ids, each as a list shows it, in no order. Deleted messages and ids of other workspaces are
/// left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
    Ok(lean(select(scope, ids)).all(&database.orm).await?)
}

/// One message with all of its content. `None` where the workspace has no such message.
pub async fn whole(database: &Database, scope: Scope, id: MessageId) -> Result<Option<Message>, StoreError> {
    Ok(select(scope, &[id]).one(&database.orm).await?)
}

fn select(scope: Scope, ids: &[MessageId]) -> Select<Entity> {
    Entity::find()
        .filter(Column::WorkspaceId.eq(scope.workspace()))
        .filter(Column::Id.eq_any(ids.iter().copied()))
        .filter(Column::DeletedAt.is_null())
}

/// The same part of the messages of each conversation, by ascending (occurred_at, id), in one statement. Without
/// `with_notes`, notes and activities are left out.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn of_conversations(
    database: &Database,
    scope: Scope,
    conversations: &[ConversationId],
    slice: &Slice,
    with_notes: bool,
) -> Result<Vec<(ConversationId, Page<Message>)>, StoreError> {
    let only =
        if with_notes { "deleted_at IS NULL" } else { "deleted_at IS NULL AND kind NOT IN ('note', 'activity')" };
    let (parent, at) = (Column::ConversationId, Some(Column::OccurredAt));
    let list = List { parent, sort: Sort::OccurredAt, at, id: Column::Id, only };
    let place = |row: &Message| {
        let position = Position { sort: Sort::OccurredAt, at: row.occurred_at, id: row.id.0 };
        (Some(row.conversation_id), position)
    };
    children::fetch::<Entity, _>(database, scope, list, conversations, slice, place).await
}

/// The same part of the files of each message, in their order.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn attachments_of(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
    slice: &Slice,
) -> Result<Vec<(MessageId, Page<Attachment>)>, StoreError> {
    use attachment::{Column, Entity};
    let (parent, at) = (Column::MessageId, Some(Column::Position));
    let list = List { parent, sort: Sort::Number, at, id: Column::Id, only: "deleted_at IS NULL" };
    let place = |row: &Attachment| (row.message_id, Position::of_number(row.position, row.id));
    children::fetch::<Entity, _>(database, scope, list, messages, slice, place).await
}

/// One file. `None` where the workspace has no such file.
pub async fn attachment(database: &Database, scope: Scope, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
    let row = attachment::Entity::find_by_id((scope.workspace(), id)).one(&database.orm).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()))
}

/// One report with all details. `None` where the workspace has no such report.
pub async fn report(database: &Database, scope: Scope, id: StatusReportId) -> Result<Option<StatusReport>, StoreError> {
    Ok(status_report::Entity::find_by_id((scope.workspace(), id)).one(&database.orm).await?)
}

/// The same part of the reports on each message, in the order of their arrival.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn reports_on(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
    slice: &Slice,
) -> Result<Vec<(MessageId, Page<StatusReport>)>, StoreError> {
    use status_report::{Column, Entity};
    let list = List { parent: Column::MessageId, sort: Sort::Id, at: None, id: Column::Id, only: "" };
    let place = |row: &StatusReport| (Some(row.message_id), Position::of_id(row.id));
    children::fetch::<Entity, _>(database, scope, list, messages, slice, place).await
}
