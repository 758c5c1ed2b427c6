//! Steps of an upgrade that SQL alone cannot take: rows whose keys were made by former rules get those of today, chunk by
//! chunk. A step remembers how far it has come, so one that was broken off goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    command::{IdentityKind, IdentityScope},
    model::{channel::Medium, provider::Provider},
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// Addresses of one chunk, which is one transaction.
const CHUNK: i64 = 500;

/// The step that gives addresses the keys of today.
const ADDRESS_KEYS: &str = "address_keys";

/// An address as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAddress {
    /// What it is.
    pub kind: IdentityKind,
    /// In what it is unique.
    pub scope: IdentityScope,
    /// In the normal form of the rules that made it.
    pub value: String,
    /// As it was written, where that differs.
    pub original: Option<String>,
}

/// The key that an address has by the rules of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressKey {
    /// What it is.
    pub kind: IdentityKind,
    /// In what it is unique.
    pub scope: IdentityScope,
    /// In its normal form.
    pub value: String,
}

/// The rules of today: the key of a stored address, `None` where it has it already.
pub type Rekey<'a> = &'a (dyn Fn(&StoredAddress) -> Option<AddressKey> + Send + Sync);

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Addresses that the chunk looked at.
    pub looked_at: u64,
    /// Whether it was the last.
    pub is_done: bool,
}

/// Whether a step of an upgrade is still to be taken.
pub async fn is_pending(database: &Database) -> Result<bool, StoreError> {
    let pending = sqlx::query_scalar("SELECT EXISTS (SELECT FROM upgrade_step WHERE done_at IS NULL)");
    Ok(pending.fetch_one(&database.pool).await?)
}

/// How many addresses there are, about.
pub async fn addresses(database: &Database) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM identity").fetch_one(&database.upkeep).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The key of a row, and where a chunk ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct RowKey {
    workspace_id: Uuid,
    scope_id: Uuid,
    kind: String,
    value: String,
}

#[derive(Debug, Clone, FromRow)]
struct Row {
    workspace_id: Uuid,
    scope_id: Uuid,
    kind: String,
    value: String,
    id: Uuid,
    original: Option<String>,
    contact_id: Option<Uuid>,
}

impl Row {
    fn key(&self) -> RowKey {
        let (kind, value) = (self.kind.clone(), self.value.clone());
        RowKey { workspace_id: self.workspace_id, scope_id: self.scope_id, kind, value }
    }

    fn stored(&self) -> Option<StoredAddress> {
        Some(StoredAddress {
            kind: IdentityKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind)?,
            scope: if self.scope_id.is_nil() { IdentityScope::Workspace } else { IdentityScope::Account },
            value: self.value.clone(),
            original: self.original.clone(),
        })
    }
}

/// By which account's channels an address was written from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromRow)]
struct Use {
    account_id: Uuid,
    provider: Provider,
    medium: Medium,
}

/// Gives the next chunk of addresses the keys that the rules of today make.
///
/// What only one provider calls a person leaves the workspace's scope for the account's. What a profile once said of phone
/// and email, and nobody wrote from, joins nobody any more. Where two rows come to one key, the one that was written from
/// last has it; the other stays with its contact and its conversations, and a merge of the two contacts is suggested.
///
/// # Errors
/// Where the database fails. What the chunk did is rolled back then.
pub async fn rekey_addresses(database: &Database, ambient: &Ambient, rekey: Rekey<'_>) -> Result<Progress, StoreError> {
    let mut transaction = database.upkeep.begin().await?;
    let standing: Option<(Option<Json<RowKey>>,)> =
        sqlx::query_as("SELECT position FROM upgrade_step WHERE name = $1 AND done_at IS NULL FOR UPDATE")
            .bind(ADDRESS_KEYS)
            .fetch_optional(&mut *transaction)
            .await?;
    let Some((position,)) = standing else { return Ok(Progress { looked_at: 0, is_done: true }) };
    let rows = next(&mut transaction, position.map(|position| position.0)).await?;
    for row in &rows {
        rekey_one(&mut transaction, ambient, rekey, row).await?;
    }
    let is_done = i64::try_from(rows.len()).is_ok_and(|found| found < CHUNK);
    sqlx::query("UPDATE upgrade_step SET position = coalesce($2, position), done_at = $3 WHERE name = $1")
        .bind(ADDRESS_KEYS)
        .bind(rows.last().map(|row| Json(row.key())))
        .bind(is_done.then(|| ambient.now()))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Progress { looked_at: u64::try_from(rows.len()).unwrap_or(0), is_done })
}

/// The addresses after a position, under their locks. One that is moved ahead is looked at again, which changes nothing.
async fn next(conn: &mut PgConnection, after: Option<RowKey>) -> Result<Vec<Row>, sqlx::Error> {
    let after = after.unwrap_or_else(|| RowKey {
        workspace_id: Uuid::nil(),
        scope_id: Uuid::nil(),
        kind: String::new(),
        value: String::new(),
    });
    sqlx::query_as(
        "SELECT workspace_id, scope_id, kind, value, id, original, contact_id FROM identity \
         WHERE (workspace_id, scope_id, kind, value) > ($1, $2, $3, $4) \
         ORDER BY workspace_id, scope_id, kind, value LIMIT $5 FOR UPDATE",
    )
    .bind(after.workspace_id)
    .bind(after.scope_id)
    .bind(after.kind)
    .bind(after.value)
    .bind(CHUNK)
    .fetch_all(conn)
    .await
}

async fn rekey_one(conn: &mut PgConnection, ambient: &Ambient, rekey: Rekey<'_>, row: &Row) -> Result<(), StoreError> {
    let Some(stored) = row.stored() else { return Ok(()) };
    let is_shared = stored.scope == IdentityScope::Workspace;
    let uses = if is_shared { uses(conn, row).await? } else { Vec::new() };
    if is_shared && uses.is_empty() {
        forget_profile(conn, row).await?;
    }
    // What a provider calls a person in its account, by account.
    let mut own: BTreeMap<Uuid, AddressKey> = BTreeMap::new();
    for one in &uses {
        if let Some(key) = own_key(&stored, one) {
            own.insert(one.account_id, key);
        }
    }
    let owners: BTreeSet<Uuid> = uses.iter().map(|one| one.account_id).filter(|id| own.contains_key(id)).collect();
    let is_shared_by_others = uses.iter().any(|one| !owners.contains(&one.account_id));
    let mut is_moved = false;
    for account in owners {
        let Some(key) = own.remove(&account) else { continue };
        if is_shared_by_others || is_moved {
            part(conn, ambient, row, account, &key).await?;
        } else {
            move_to(conn, row, account, &key).await?;
            is_moved = true;
        }
    }
    if is_moved {
        return Ok(());
    }
    if let Some(key) = rekey(&stored) {
        let scope = match key.scope {
            IdentityScope::Workspace => Uuid::nil(),
            IdentityScope::Account => row.scope_id,
        };
        move_to(conn, row, scope, &key).await?;
    }
    Ok(())
}

/// The key within the account, where the use is one of an id that only the provider knows.
fn own_key(stored: &StoredAddress, of: &Use) -> Option<AddressKey> {
    let scope = IdentityScope::Account;
    if of.provider == Provider::Oneroute && stored.kind == IdentityKind::Email {
        return Some(AddressKey { kind: IdentityKind::Email, scope, value: stored.value.clone() });
    }
    let has_phones =
        !matches!(of.medium, Medium::Telegram | Medium::Messenger | Medium::Webchat | Medium::Email | Medium::Other);
    let is_mail = of.medium == Medium::Email && stored.kind == IdentityKind::Email;
    if of.provider != Provider::Custom || has_phones || is_mail {
        return None;
    }
    let written = stored.original.clone().unwrap_or_else(|| stored.value.clone());
    Some(AddressKey { kind: IdentityKind::ProviderUser, scope, value: written })
}

async fn uses(conn: &mut PgConnection, row: &Row) -> Result<Vec<Use>, sqlx::Error> {
    sqlx::query_as(
        "SELECT DISTINCT h.provider_account_id AS account_id, a.provider, h.medium \
         FROM conversation c JOIN channel h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id \
         JOIN provider_account a ON a.workspace_id = h.workspace_id AND a.id = h.provider_account_id \
         WHERE c.workspace_id = $1 AND c.address_id = $2",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .fetch_all(conn)
    .await
}

/// Takes an address that nobody wrote from off a contact that has another one which somebody wrote from: it came from the
/// contact's profile.
async fn forget_profile(conn: &mut PgConnection, row: &Row) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE identity i SET contact_id = NULL \
         WHERE i.workspace_id = $1 AND i.scope_id = $2 AND i.kind = $3 AND i.value = $4 AND EXISTS ( \
           SELECT FROM identity o JOIN conversation c ON c.workspace_id = o.workspace_id AND c.address_id = o.id \
           WHERE o.workspace_id = i.workspace_id AND o.contact_id = i.contact_id AND o.id <> i.id)",
    )
    .bind(row.workspace_id)
    .bind(row.scope_id)
    .bind(&row.kind)
    .bind(&row.value)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the account's part of an address that others use too a row of its own, with the same contact.
async fn part(
    conn: &mut PgConnection,
    ambient: &Ambient,
    row: &Row,
    account: Uuid,
    key: &AddressKey,
) -> Result<(), sqlx::Error> {
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO identity AS known (workspace_id, scope_id, kind, value, id, original, contact_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, nullif($6, $4), $7, $8) \
         ON CONFLICT (workspace_id, scope_id, kind, value) DO UPDATE SET original = known.original RETURNING id",
    )
    .bind(row.workspace_id)
    .bind(account)
    .bind(key.kind.as_str())
    .bind(&key.value)
    .bind(ambient.uuid())
    .bind(&row.original)
    .bind(row.contact_id)
    .bind(ambient.now())
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE conversation c SET address_id = $3 FROM channel h \
         WHERE c.workspace_id = $1 AND c.address_id = $2 AND h.workspace_id = $1 AND h.id = c.channel_id \
           AND h.provider_account_id = $4",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(id)
    .bind(account)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a row another key. Where that is another row's, whichever was written from last has it.
async fn move_to(conn: &mut PgConnection, row: &Row, scope: Uuid, key: &AddressKey) -> Result<(), sqlx::Error> {
    let wanted = RowKey {
        workspace_id: row.workspace_id,
        scope_id: scope,
        kind: key.kind.as_str().to_owned(),
        value: key.value.clone(),
    };
    if wanted == row.key() {
        return Ok(());
    }
    let other: Option<Row> = sqlx::query_as(
        "SELECT workspace_id, scope_id, kind, value, id, original, contact_id FROM identity \
         WHERE workspace_id = $1 AND scope_id = $2 AND kind = $3 AND value = $4 FOR UPDATE",
    )
    .bind(wanted.workspace_id)
    .bind(wanted.scope_id)
    .bind(&wanted.kind)
    .bind(&wanted.value)
    .fetch_optional(&mut *conn)
    .await?;
    match other {
        None => set_key(conn, row, &wanted, None).await?,
        Some(other) if last_written(conn, row).await? > last_written(conn, &other).await? => {
            // Both rows change places by way of a key that no row has.
            let aside = RowKey { value: format!("{} {}", wanted.value, other.id), ..wanted.clone() };
            let form = other.original.clone().or_else(|| Some(other.value.clone()));
            set_key(conn, &other, &aside, None).await?;
            set_key(conn, row, &wanted, None).await?;
            let other = Row { value: aside.value, original: form, ..other };
            set_key(conn, &other, &row.key(), Some(&wanted.value)).await?;
        }
        Some(_) => set_key(conn, row, &row.key(), Some(&wanted.value)).await?,
    }
    move_refusals(conn, &row.key(), &wanted).await
}

async fn set_key(
    conn: &mut PgConnection,
    row: &Row,
    key: &RowKey,
    canonical: Option<&String>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE identity SET scope_id = $5, kind = $6, value = $7, canonical = $8, \
           original = nullif($9, $7) \
         WHERE workspace_id = $1 AND scope_id = $2 AND kind = $3 AND value = $4",
    )
    .bind(row.workspace_id)
    .bind(row.scope_id)
    .bind(&row.kind)
    .bind(&row.value)
    .bind(key.scope_id)
    .bind(&key.kind)
    .bind(&key.value)
    .bind(canonical)
    .bind(row.original.as_ref().unwrap_or(&row.value))
    .execute(conn)
    .await?;
    Ok(())
}

async fn last_written(conn: &mut PgConnection, row: &Row) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar("SELECT max(last_activity_at) FROM conversation WHERE workspace_id = $1 AND address_id = $2")
        .bind(row.workspace_id)
        .bind(row.id)
        .fetch_one(conn)
        .await
}

/// A refusal binds the address by whatever key it has. One that the other row refused already stays where it is.
async fn move_refusals(conn: &mut PgConnection, from: &RowKey, to: &RowKey) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE opt_out o SET address_scope_id = $5, address_kind = $6, address_value = $7 \
         WHERE o.workspace_id = $1 AND o.address_scope_id = $2 AND o.address_kind = $3 AND o.address_value = $4 \
           AND NOT EXISTS (SELECT FROM opt_out p WHERE p.workspace_id = $1 AND p.address_scope_id = $5 \
             AND p.address_kind = $6 AND p.address_value = $7 AND p.medium = o.medium AND p.scope = o.scope \
             AND p.value = o.value AND p.withdrawn_at IS NULL)",
    )
    .bind(from.workspace_id)
    .bind(from.scope_id)
    .bind(&from.kind)
    .bind(&from.value)
    .bind(to.scope_id)
    .bind(&to.kind)
    .bind(&to.value)
    .execute(conn)
    .await?;
    Ok(())
}
