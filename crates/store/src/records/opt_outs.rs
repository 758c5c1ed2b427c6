//! Refusals of messages. A refusal binds an address; the contact follows from the address.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ContactId, OptOutId},
    model::{channel::Medium, opt_out::OptOutScope},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    contacts::AddressKind,
    entity::opt_out::{Column, Entity, Model},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// A refusal of messages.
#[derive(Debug, Clone)]
pub struct OptOut {
    /// The primary key, with the workspace.
    pub id: OptOutId,
    /// The address that the refusal binds.
    pub address: Address,
    /// The contact that has the address, if any.
    pub contact_id: Option<ContactId>,
    /// The refused medium.
    pub medium: Medium,
    /// The kind of `value`.
    pub scope: OptOutScope,
    /// The refused category, sender, tag and so on. `*` or empty: all.
    pub value: String,
    /// The provider's id of the refusal.
    pub external_id: Option<String>,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// The time of withdrawal.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// An address, as a refusal names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The provider account in which the address is valid. Nil: the address is valid everywhere.
    pub scope_id: Uuid,
    /// The kind of the address.
    pub kind: AddressKind,
    /// The address in its normal form.
    pub value: String,
}

impl OptOut {
    /// The row, with the contact that another table tells.
    fn of(row: Model, contacts: &HashMap<Address, ContactId>) -> Self {
        let address = Address { scope_id: row.address_scope_id, kind: row.address_kind, value: row.address_value };
        Self {
            id: row.id,
            contact_id: contacts.get(&address).copied(),
            address,
            medium: row.medium,
            scope: row.scope,
            value: row.value,
            external_id: row.external_id,
            created_at: row.created_at,
            withdrawn_at: row.withdrawn_at,
        }
    }
}

/// Refusals, newest first. Without `withdrawn`, withdrawn refusals are left out.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    withdrawn: bool,
    slice: &Slice,
) -> Result<Page<OptOut>, StoreError> {
    let mut select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    if !withdrawn {
        select = select.filter(Column::WithdrawnAt.is_null());
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    let page = page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    let contacts = contacts_of(database, scope, page.items.iter().map(|(_, row)| row)).await?;
    Ok(page.map(|row| OptOut::of(row, &contacts)))
}

/// The refusals with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[OptOutId]) -> Result<Vec<OptOut>, StoreError> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(scope.workspace()))
        .filter(Column::Id.eq_any(ids.iter().copied()))
        .all(&database.orm)
        .await?;
    let contacts = contacts_of(database, scope, rows.iter()).await?;
    Ok(rows.into_iter().map(|row| OptOut::of(row, &contacts)).collect())
}

/// The contacts that have the addresses of these refusals.
async fn contacts_of(
    database: &Database,
    scope: Scope,
    rows: impl Iterator<Item = &Model> + Clone,
) -> Result<HashMap<Address, ContactId>, StoreError> {
    let found: Vec<(Uuid, AddressKind, String, ContactId)> = sqlx::query_as(
        "SELECT i.scope_id, i.kind, i.value, i.contact_id \
         FROM unnest($2::uuid[], $3::text[], $4::text[]) named(scope_id, kind, value) \
         JOIN identity i ON i.workspace_id = $1 AND i.scope_id = named.scope_id AND i.kind = named.kind \
           AND i.value = named.value WHERE i.contact_id IS NOT NULL",
    )
    .bind(scope.workspace())
    .bind(rows.clone().map(|row| row.address_scope_id).collect::<Vec<_>>())
    .bind(rows.clone().map(|row| row.address_kind).collect::<Vec<_>>())
    .bind(rows.map(|row| row.address_value.clone()).collect::<Vec<_>>())
    .fetch_all(&database.pool)
    .await?;
    let pair = |(scope_id, kind, value, contact)| (Address { scope_id, kind, value }, contact);
    Ok(found.into_iter().map(pair).collect())
}

/// The same part of the standing refusals that bind each contact, newest first: by an address of the contact, or by the
/// phone number or the email address in the contact's profile.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn binding(
    database: &Database,
    scope: Scope,
    contacts: &[ContactId],
    slice: &Slice,
) -> Result<Vec<(ContactId, Page<OptOut>)>, StoreError> {
    const BINDING: &str = "SELECT o.id FROM identity i JOIN opt_out o ON o.workspace_id = i.workspace_id \
         AND o.address_kind = i.kind AND o.address_value = i.value AND o.address_scope_id = i.scope_id \
         AND o.withdrawn_at IS NULL \
       WHERE i.workspace_id = $1 AND i.contact_id = p.id \
       UNION \
       SELECT o.id FROM contact c CROSS JOIN LATERAL (VALUES ('phone', c.phone), ('email', c.email)) told(kind, value) \
       JOIN opt_out o ON o.workspace_id = c.workspace_id AND o.address_kind = told.kind \
         AND o.address_value = told.value AND o.address_scope_id = '00000000-0000-0000-0000-000000000000' \
         AND o.withdrawn_at IS NULL \
       WHERE c.workspace_id = $1 AND c.id = p.id AND c.merged_into_id IS NULL";
    let parents = Parents { ids: contacts.iter().map(|id| id.0).collect(), ..Parents::default() };
    Ok(contacts.iter().copied().zip(pages(database, scope, BINDING, parents, slice).await?).collect())
}

/// The same part of the standing refusals of each address, newest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn of_addresses(
    database: &Database,
    scope: Scope,
    addresses: &[Address],
    slice: &Slice,
) -> Result<Vec<(Address, Page<OptOut>)>, StoreError> {
    const NAMING: &str = "SELECT o.id FROM opt_out o WHERE o.workspace_id = $1 AND o.address_scope_id = p.id \
       AND o.address_kind = p.kind AND o.address_value = p.value AND o.withdrawn_at IS NULL";
    let parents = Parents {
        ids: addresses.iter().map(|address| address.scope_id).collect(),
        kinds: addresses.iter().map(|address| address.kind.as_str()).collect(),
        values: addresses.iter().map(|address| address.value.as_str()).collect(),
    };
    Ok(addresses.iter().cloned().zip(pages(database, scope, NAMING, parents, slice).await?).collect())
}

/// The objects that own the lists: contacts by their ids, or addresses by scope, kind and value.
#[derive(Default)]
struct Parents<'a> {
    ids: Vec<Uuid>,
    kinds: Vec<&'a str>,
    values: Vec<&'a str>,
}

#[derive(FromRow)]
struct Found {
    /// The number of the parent, from 1.
    parent: i64,
    opt_out_id: OptOutId,
}

/// The same part of the refusals that the statement `refusals` finds for each parent `p`, newest first. The pages stand
/// in the order of the parents.
async fn pages(
    database: &Database,
    scope: Scope,
    refusals: &'static str,
    parents: Parents<'_>,
    slice: &Slice,
) -> Result<Vec<Page<OptOut>>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT p.number AS parent, t.id AS opt_out_id \
         FROM unnest($2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY AS p(id, kind, value, number) \
         CROSS JOIN LATERAL (SELECT f.id FROM ({refusals}) f \
           WHERE ($5::uuid IS NULL OR f.id < $5) AND ($6::uuid IS NULL OR f.id > $6) ORDER BY f.id {order} LIMIT $7) t \
         ORDER BY p.number, t.id {order}"
    );
    let count = parents.ids.len();
    let found: Vec<Found> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.workspace())
        .bind(parents.ids)
        .bind(parents.kinds)
        .bind(parents.values)
        .bind(slice.after.map(|after| after.id))
        .bind(slice.before.map(|before| before.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    let wanted: Vec<OptOutId> = found.iter().map(|row| row.opt_out_id).collect();
    let known: HashMap<OptOutId, OptOut> =
        by_ids(database, scope, &wanted).await?.into_iter().map(|opt_out| (opt_out.id, opt_out)).collect();
    let mut rows_of: Vec<Vec<(Position, OptOut)>> = vec![Vec::new(); count];
    for row in found {
        let parent = usize::try_from(row.parent - 1).ok().and_then(|parent| rows_of.get_mut(parent));
        if let (Some(rows), Some(opt_out)) = (parent, known.get(&row.opt_out_id)) {
            rows.push((Position::of_id(row.opt_out_id), opt_out.clone()));
        }
    }
    Ok(rows_of.into_iter().map(|rows| Page::of_rows(rows, slice)).collect())
}
