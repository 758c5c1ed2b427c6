//! References that wait: objects that arrived before the object they belong to (P4).

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{MessageId, ProviderAccountId, WaitingReferenceId},
    model::waiting::WaitingHalf,
    scope::Scope,
};
use sqlx::FromRow;
use uuid::Uuid;

use super::page::{Page, Position, Slice, Sort};
use crate::{database::Database, error::StoreError};

/// A provider's id of an object that has not arrived, while an object that belongs to it has.
#[derive(Debug, Clone, FromRow)]
pub struct WaitingReference {
    /// The primary key, with the workspace. It tells the time.
    pub id: WaitingReferenceId,
    /// The account whose provider gave the id.
    pub provider_account_id: Option<ProviderAccountId>,
    /// The kind of the missing object: `message`, `conversation`, `group` or `attachment`.
    pub kind: String,
    /// The provider's id of the missing object.
    pub external_id: Option<String>,
    /// The object that has arrived.
    pub half: WaitingHalf,
    /// The placeholder of a missing message.
    pub message_id: Option<MessageId>,
}

impl WaitingReference {
    /// The time of arrival.
    #[must_use]
    pub fn since(&self) -> DateTime<Utc> {
        let minted = self.id.0.get_timestamp().map(|at| at.to_unix());
        minted
            .and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos))
            .unwrap_or_default()
    }
}

// A mark may stay although the missing object arrived under another id. So check the object itself.
const REFERENCES: &str = "SELECT r.waiting_id AS id, r.provider_account_id, r.kind, r.external_id, r.waiting AS half, \
      NULL::uuid AS message_id \
    FROM external_ref r WHERE r.workspace_id = $1 AND r.waiting_id IS NOT NULL \
      AND NOT EXISTS (SELECT FROM message m WHERE m.workspace_id = r.workspace_id AND m.id = r.target_id)";

const PLACEHOLDERS: &str = "SELECT m.id, m.provider_account_id, 'message', m.external_id, 'placeholder', m.id \
    FROM message m WHERE m.workspace_id = $1 AND m.placeholder";

/// The waiting references, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<WaitingReference>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "DESC" } else { "ASC" };
    let part = |select: &str, id: &str| {
        format!(
            "({select} AND ($2::uuid IS NULL OR {id} > $2) AND ($3::uuid IS NULL OR {id} < $3) \
             ORDER BY {id} {order} LIMIT $4)"
        )
    };
    let sql = format!(
        "{} UNION ALL {} ORDER BY id {order} LIMIT $4",
        part(REFERENCES, "r.waiting_id"),
        part(PLACEHOLDERS, "m.id")
    );
    let rows: Vec<WaitingReference> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.workspace())
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    Ok(Page::of_rows(rows.into_iter().map(|row| (Position::of_id(row.id.0), row)).collect(), slice))
}

/// The waiting reference with this id. `None` where it waits no more, or the workspace has none.
pub async fn by_id(
    database: &Database,
    scope: Scope,
    id: WaitingReferenceId,
) -> Result<Option<WaitingReference>, StoreError> {
    let sql = format!("{REFERENCES} AND r.waiting_id = $2 UNION ALL {PLACEHOLDERS} AND m.id = $2");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(scope.workspace()).bind::<Uuid>(id.0);
    Ok(found.fetch_optional(&database.pool).await?)
}
