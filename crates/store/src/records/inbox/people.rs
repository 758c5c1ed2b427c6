//! Locks contacts with their addresses and conversations; changes and deletes contacts.

use std::time::Duration;

use inlet_domain::{
    event::{EventType, payload::DeletedPayload},
    ids::{ContactId, ConversationId},
    model::{email, name},
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Held, InboxWriter, changed, check_revision, contact_draft, merges::hand_over, refuse, write};
use crate::{
    error::StoreError,
    records::mutation_tx::MutationRequest,
    rows::{ContactRow, payloads},
};

/// The most conversations that one transaction moves.
const MOST_CONVERSATIONS: usize = 2_000;

/// The attempts to lock a contact before it counts as too busy.
const LOOKS: usize = 5;

/// In the order in which `apply` locks addresses: that of `command::IdentityKind`.
const ORDER: &str = "ORDER BY scope_id, array_position(ARRAY['phone', 'email', 'username', 'provider_user', \
                     'provider_conversation', 'group'], kind), value COLLATE \"C\" FOR NO KEY UPDATE";

/// Locks all addresses of a contact, then these contacts. Returns the ids of the addresses, and the existing contacts.
/// From then on no one can add to the contact, because an addition locks one of its addresses.
pub(super) async fn hold(
    conn: &mut PgConnection,
    scope: Scope,
    contact: ContactId,
    contacts: &[ContactId],
) -> Result<(Vec<Uuid>, Vec<ContactRow>), StoreError> {
    for _ in 0..LOOKS {
        sqlx::query("SAVEPOINT held").execute(&mut *conn).await?;
        let sql = format!("SELECT id FROM identity WHERE workspace_id = $1 AND contact_id = $2 {ORDER}");
        let held: Vec<Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(scope.workspace())
            .bind(contact)
            .fetch_all(&mut *conn)
            .await
            .map_err(StoreError::or_busy)?;
        let rows = lock_contacts(conn, scope, contacts).await?;
        // An address may have arrived during the wait for the locks. It must be locked before the contacts, so begin
        // again.
        let all: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM identity WHERE workspace_id = $1 AND contact_id = $2")
            .bind(scope.workspace())
            .bind(contact)
            .fetch_all(&mut *conn)
            .await?;
        if all.iter().all(|id| held.contains(id)) {
            return Ok((held, rows));
        }
        sqlx::query("ROLLBACK TO SAVEPOINT held").execute(&mut *conn).await?;
    }
    Err(StoreError::Overloaded { retry_after: Duration::from_secs(1) })
}

/// Locks the addresses that belong to a contact, then these contacts.
pub(super) async fn hold_some(
    conn: &mut PgConnection,
    scope: Scope,
    contact: ContactId,
    identities: &[Uuid],
    contacts: &[ContactId],
) -> Result<(Vec<Uuid>, Vec<ContactRow>), StoreError> {
    let sql = format!("SELECT id FROM identity WHERE workspace_id = $1 AND contact_id = $2 AND id = ANY($3) {ORDER}");
    let held: Vec<Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(scope.workspace())
        .bind(contact)
        .bind(identities)
        .fetch_all(&mut *conn)
        .await
        .map_err(StoreError::or_busy)?;
    Ok((held, lock_contacts(conn, scope, contacts).await?))
}

async fn lock_contacts(
    conn: &mut PgConnection,
    scope: Scope,
    contacts: &[ContactId],
) -> Result<Vec<ContactRow>, StoreError> {
    let mut keys: Vec<_> = contacts.iter().map(|id| (scope.workspace().0, id.0)).collect();
    keys.sort_unstable();
    ContactRow::lock(conn, &keys).await.map_err(StoreError::or_busy)
}

/// Locks the conversations of a locked contact.
pub(super) async fn conversations_of(
    conn: &mut PgConnection,
    scope: Scope,
    contact: ContactId,
) -> Result<Vec<Held>, StoreError> {
    let ids: Vec<ConversationId> = sqlx::query_scalar(
        "SELECT id FROM conversation WHERE workspace_id = $1 AND contact_id = $2 AND deleted_at IS NULL \
         ORDER BY id LIMIT $3",
    )
    .bind(scope.workspace())
    .bind(contact)
    .bind(i64::try_from(MOST_CONVERSATIONS + 1).unwrap_or(i64::MAX))
    .fetch_all(&mut *conn)
    .await?;
    if ids.len() > MOST_CONVERSATIONS {
        let message =
            format!("this contact has more than {MOST_CONVERSATIONS} conversations, too many to move at once");
        return refuse("input", message);
    }
    let mut held = Held::lock_all(conn, scope, &ids).await?;
    held.retain(|held| held.row.contact_id == Some(contact.0));
    Ok(held)
}

/// Writes the columns that people change.
pub(super) async fn save(conn: &mut PgConnection, rows: &[&ContactRow]) -> Result<(), StoreError> {
    for row in rows {
        sqlx::query(
            "UPDATE contact SET name = $3, phone = $4, email = $5, username = $6, avatar_url = $7, merged_into_id = $8, \
               deleted_at = $9, revision = $10, updated_at = $11, provider_members = $12 \
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(row.workspace_id)
        .bind(row.id)
        .bind(&row.name)
        .bind(&row.phone)
        .bind(&row.email)
        .bind(&row.username)
        .bind(&row.avatar_url)
        .bind(row.merged_into_id)
        .bind(row.deleted_at)
        .bind(row.revision)
        .bind(row.updated_at)
        .bind(&row.provider_members)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// A change of a contact by the staff. `None` leaves a value as it is. The inner `None` removes the value, and lets
/// providers write it again.
#[derive(Debug, Clone, Default)]
pub struct ContactChange {
    /// The name.
    pub name: Option<Option<String>>,
    /// The phone number in E.164.
    pub phone: Option<Option<String>>,
    /// The email address.
    pub email: Option<Option<String>>,
    /// The revision that the caller read. Another revision in the database is a conflict.
    pub if_revision: Option<i64>,
}

/// A column of a contact with its change: none, a removal, or a value.
type Written = (&'static str, Option<Option<String>>);

impl ContactChange {
    fn checked(&self) -> Result<[Written; 3], StoreError> {
        let name = |name: &str| {
            name::checked(name, name::LONGEST).or_else(|refusal| refuse("input.name", refusal.to_string()))
        };
        let email = |email: &str| match email::checked(email) {
            Some(email) => Ok(email),
            None => refuse("input.email", "this is no email address: write one as ada@example.com"),
        };
        let of = |member: &Option<Option<String>>, check: &dyn Fn(&str) -> Result<String, StoreError>| {
            member.as_ref().map(|value| value.as_deref().map(check).transpose()).transpose()
        };
        Ok([("name", of(&self.name, &name)?), ("phone", self.phone.clone()), ("email", of(&self.email, &email)?)])
    }
}

/// Changes a contact, once for each key. From then on no provider overwrites the values (B6). The change merges no
/// contacts: only an address that a contact wrote from can do that.
///
/// # Errors
/// `Missing` where the workspace has no such contact; `Conflict` where the contact has another revision; `Invalid`
/// where a value is not valid, or the contact was merged into another; `Overloaded` where rows stay locked for too
/// long; those of [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn update(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: ContactId,
    change: &ContactChange,
) -> Result<(), StoreError> {
    let written = change.checked()?;
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    let found = lock_contacts(act.conn(), asked.scope, &[id]).await?.pop().filter(|row| row.deleted_at.is_none());
    let mut row = found.ok_or(StoreError::missing("contact", "input.id"))?;
    check_revision("contact", change.if_revision, row.revision)?;
    if let Some(other) = row.merged_into_id.map(ContactId) {
        return refuse("input.id", format!("this contact was merged into {other}: change that contact"));
    }
    let (before, now) = (payloads::contact(&row), writer.ambient.now());
    for (member, value) in written {
        let Some(value) = value else { continue };
        match &value {
            Some(_) => row.provider_members.0.pin(member, now),
            None => row.provider_members.0.give_back(member),
        }
        match member {
            "name" => row.name = value,
            "phone" => row.phone = value,
            _ => row.email = value,
        }
    }
    let event = changed(&writer, asked.actor, &mut row, &before, now);
    save(act.conn(), &[&row]).await?;
    writer.finish(act, id, event.as_slice()).await
}

/// Deletes a contact, once for each key. Its conversations stay without a contact. A later message from one of its
/// addresses makes a new contact. Refusals still bind their addresses.
///
/// # Errors
/// `Missing` where the workspace has no such contact; `Conflict` where the contact has another revision; `Invalid`
/// where the contact was merged into another or has too many conversations; `Overloaded` where rows stay locked for too
/// long; those of [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn delete(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: ContactId,
    if_revision: Option<i64>,
) -> Result<(), StoreError> {
    let scope = asked.scope;
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    let (identities, mut rows) = hold(act.conn(), scope, id, &[id]).await?;
    let found = rows.pop().filter(|row| row.deleted_at.is_none());
    let mut row = found.ok_or(StoreError::missing("contact", "input.id"))?;
    check_revision("contact", if_revision, row.revision)?;
    if let Some(other) = row.merged_into_id.map(ContactId) {
        let message = format!("this contact was merged into {other}: undo the merge first, or delete that contact");
        return refuse("input.id", message);
    }
    let mut held = conversations_of(act.conn(), scope, id).await?;
    let now = writer.ambient.now();
    row.revision += 1;
    row.updated_at = now;
    row.deleted_at = Some(now);
    save(act.conn(), &[&row]).await?;
    let sql = "UPDATE identity SET contact_id = NULL WHERE workspace_id = $1 AND contact_id = $2 AND id = ANY($3)";
    sqlx::query(sql).bind(scope.workspace()).bind(id).bind(&identities).execute(act.conn()).await?;
    let payload = DeletedPayload {
        id: id.to_string(),
        external_id: None,
        conversation_id: None,
        message_id: None,
        deleted_at: now,
    };
    let payload = payloads::bytes(&payload);
    let mut events = vec![contact_draft(&writer, asked.actor, EventType::ContactDeleted, &row, payload)];
    events.extend(hand_over(&writer, asked.actor, &mut held, None));
    write(act.conn(), &held.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    writer.finish(act, id, &events).await
}
