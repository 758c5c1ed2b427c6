//! Refusals of messages. Each binds an address; whose it is follows from that.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::{
    contacts::AddressKind,
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{
    database::Database,
    error::StoreError,
    ids::{ContactId, IdentityId, OptOutId},
    model::{channel::Medium, opt_out::OptOutScope},
    scope::Scope,
};

/// A refusal of messages.
#[derive(Debug, Clone)]
pub struct OptOut {
    /// Its id.
    pub id: OptOutId,
    /// The address that it binds.
    pub address: Address,
    /// Who has the address, if a contact has it.
    pub contact_id: Option<ContactId>,
    /// On which medium.
    pub medium: Medium,
    /// Of what.
    pub scope: OptOutScope,
    /// Which category, sender, tag ...; `*` or empty for all.
    pub value: String,
    /// The provider's id.
    pub external_id: Option<String>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// An address as a refusal names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Nil, or the provider account that it belongs to.
    pub scope_id: Uuid,
    /// What it is.
    pub kind: AddressKind,
    /// In its normal form.
    pub value: String,
}

impl OptOut {
    fn of(row: entity::opt_out::Model, contacts: &HashMap<Address, ContactId>) -> Result<Self, StoreError> {
        let id = OptOutId(row.id);
        let address = Address {
            scope_id: row.address_scope_id,
            kind: word("opt_out", "address_kind", id, &row.address_kind)?,
            value: row.address_value,
        };
        Ok(Self {
            id,
            contact_id: contacts.get(&address).copied(),
            address,
            medium: word("opt_out", "medium", id, &row.medium)?,
            scope: word("opt_out", "scope", id, &row.scope)?,
            value: row.value,
            external_id: row.external_id,
            created_at: row.created_at,
            withdrawn_at: row.withdrawn_at,
        })
    }
}

/// Standing refusals, newest first; with `withdrawn` those that were taken back too.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    withdrawn: bool,
    slice: &Slice,
) -> Result<Page<OptOut>, StoreError> {
    let mut select =
        entity::opt_out::Entity::find().filter(entity::opt_out::Column::WorkspaceId.eq(scope.workspace().0));
    if !withdrawn {
        select = select.filter(entity::opt_out::Column::WithdrawnAt.is_null());
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::opt_out::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    let contacts = contacts_of(database, scope, page.items.iter().map(|(_, row)| row)).await?;
    page.try_map(|row| OptOut::of(row, &contacts))
}

/// The refusals with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[OptOutId]) -> Result<Vec<OptOut>, StoreError> {
    let rows = entity::opt_out::Entity::find()
        .filter(entity::opt_out::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::opt_out::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    let contacts = contacts_of(database, scope, rows.iter()).await?;
    rows.into_iter().map(|row| OptOut::of(row, &contacts)).collect()
}

/// Who has the addresses of these refusals.
async fn contacts_of(
    database: &Database,
    scope: Scope,
    rows: impl Iterator<Item = &entity::opt_out::Model> + Clone,
) -> Result<HashMap<Address, ContactId>, StoreError> {
    let found = sqlx::query(
        "SELECT i.scope_id, i.kind, i.value, i.id, i.contact_id \
         FROM unnest($2::uuid[], $3::text[], $4::text[]) named(scope_id, kind, value) \
         JOIN identity i ON i.workspace_id = $1 AND i.scope_id = named.scope_id AND i.kind = named.kind \
           AND i.value = named.value WHERE i.contact_id IS NOT NULL",
    )
    .bind(scope.workspace())
    .bind(rows.clone().map(|row| row.address_scope_id).collect::<Vec<_>>())
    .bind(rows.clone().map(|row| row.address_kind.clone()).collect::<Vec<_>>())
    .bind(rows.map(|row| row.address_value.clone()).collect::<Vec<_>>())
    .fetch_all(&database.pool)
    .await?;
    let pair = |row: &sqlx::postgres::PgRow| {
        let id: IdentityId = row.try_get("id")?;
        let kind = word("identity", "kind", id, row.try_get("kind")?)?;
        let address = Address { scope_id: row.try_get("scope_id")?, kind, value: row.try_get("value")? };
        Ok::<_, StoreError>((address, row.try_get("contact_id")?))
    };
    found.iter().map(pair).collect()
}

/// Of which part of a contact a refusal speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binds {
    /// One of the contact's addresses.
    Address(IdentityId),
    /// A phone number or email address that the contact's profile names and that nobody wrote from: whether it is the
    /// contact's is not known.
    Profile,
}

/// A refusal that a message to a contact must heed.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The contact.
    pub contact_id: ContactId,
    /// By what it binds the contact.
    pub binds: Binds,
    /// The refusal.
    pub opt_out: OptOut,
}

#[derive(FromRow)]
struct BindingRow {
    contact_id: Uuid,
    identity_id: Option<Uuid>,
    opt_out_id: Uuid,
}

/// The standing refusals that bind these contacts, newest first: those of their addresses, and those of the phone number
/// and the email address that their profiles name.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn binding(database: &Database, scope: Scope, contacts: &[ContactId]) -> Result<Vec<Binding>, StoreError> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let rows: Vec<BindingRow> = sqlx::query_as(
        "SELECT i.contact_id, i.id AS identity_id, o.id AS opt_out_id \
         FROM identity i JOIN opt_out o ON o.workspace_id = i.workspace_id AND o.address_kind = i.kind \
           AND o.address_value = i.value AND o.address_scope_id = i.scope_id AND o.withdrawn_at IS NULL \
         WHERE i.workspace_id = $1 AND i.contact_id = ANY($2) \
         UNION ALL \
         SELECT c.id, NULL, o.id \
         FROM contact c CROSS JOIN LATERAL (VALUES ('phone', c.phone), ('email', c.email)) told(kind, value) \
         JOIN opt_out o ON o.workspace_id = c.workspace_id AND o.address_kind = told.kind \
           AND o.address_value = told.value AND o.address_scope_id = $3 AND o.withdrawn_at IS NULL \
         WHERE c.workspace_id = $1 AND c.id = ANY($2) AND c.merged_into_id IS NULL AND NOT EXISTS ( \
           SELECT FROM identity i WHERE i.workspace_id = $1 AND i.scope_id = $3 AND i.kind = told.kind \
             AND i.value = told.value AND i.contact_id = c.id)",
    )
    .bind(scope.workspace())
    .bind(ids)
    .bind(Uuid::nil())
    .fetch_all(&database.pool)
    .await?;
    let wanted: Vec<OptOutId> = rows.iter().map(|row| OptOutId(row.opt_out_id)).collect();
    let found: HashMap<OptOutId, OptOut> =
        by_ids(database, scope, &wanted).await?.into_iter().map(|opt_out| (opt_out.id, opt_out)).collect();
    let mut bindings: Vec<Binding> = rows
        .into_iter()
        .filter_map(|row| {
            let opt_out = found.get(&OptOutId(row.opt_out_id))?.clone();
            let binds = row.identity_id.map_or(Binds::Profile, |id| Binds::Address(IdentityId(id)));
            Some(Binding { contact_id: ContactId(row.contact_id), binds, opt_out })
        })
        .collect();
    bindings.sort_by_key(|binding| (std::cmp::Reverse(binding.opt_out.id), binding.binds));
    bindings.dedup_by_key(|binding| (binding.contact_id, binding.opt_out.id));
    Ok(bindings)
}
