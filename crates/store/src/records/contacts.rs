//! Contacts and their addresses.

use std::collections::HashMap;

use inlet_domain::{
    ids::{ContactId, IdentityId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{
    children::{self, List},
    entity::{
        contact::{Column, Entity},
        identity,
    },
    lean::lean,
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::{
    contact::Model as Contact,
    identity::{AddressKind, Model as Identity},
};

/// Contacts, newest first. Contacts that were merged into others are left out.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Contact>, StoreError> {
    let select = existing(scope).filter(Column::MergedIntoId.is_null());
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The contacts with these ids, each as a list shows it, in no order. Deleted contacts and ids of other workspaces are
/// left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[ContactId]) -> Result<Vec<Contact>, StoreError> {
    let select = existing(scope).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(lean(select).all(&database.orm).await?)
}

/// One contact with all attributes. `None` where the workspace has no such contact.
pub async fn whole(database: &Database, scope: Scope, id: ContactId) -> Result<Option<Contact>, StoreError> {
    Ok(existing(scope).filter(Column::Id.eq_any([id])).one(&database.orm).await?)
}

fn existing(scope: Scope) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::DeletedAt.is_null())
}

/// One address. `None` where the workspace has no such address.
pub async fn identity(database: &Database, scope: Scope, id: IdentityId) -> Result<Option<Identity>, StoreError> {
    Ok(identity::Entity::find_by_id((scope.workspace(), id)).one(&database.orm).await?)
}

/// The same part of the addresses of each contact, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn identities_of(
    database: &Database,
    scope: Scope,
    contacts: &[ContactId],
    slice: &Slice,
) -> Result<Vec<(ContactId, Page<Identity>)>, StoreError> {
    use identity::{Column, Entity};
    let list = List { parent: Column::ContactId, sort: Sort::Id, at: None, id: Column::Id, only: "" };
    let place = |row: &Identity| (row.contact_id, Position::of_id(row.id));
    children::fetch::<Entity, _>(database, scope, list, contacts, slice, place).await
}

inlet_domain::text_enum! {
    /// Why two contacts may be one person.
    MergeReason {
        /// The profile of one contact names the phone number from which the other writes, or both profiles name one number.
        SamePhone = "same_phone",
        /// The profile of one contact names the email address from which the other writes, or both profiles name one
        /// address.
        SameEmail = "same_email",
    }
}

/// A contact that may be the same person as another.
#[derive(Debug, Clone)]
pub struct SuggestedMerge {
    /// The contact that the suggestion is for.
    pub of: ContactId,
    /// The contact that may be the same person.
    pub contact_id: ContactId,
    /// Why the two may be one person.
    pub reason: MergeReason,
    /// The phone number or email address that both contacts have.
    pub value: String,
}

/// The most suggestions for one contact.
const MOST_SUGGESTIONS: i64 = 20;

/// Contacts that may be the same person as one of `contacts`, by [`MergeReason`]: at most 20 for each, the oldest first.
/// Inlet never merges contacts itself; a member does. A merged contact is never suggested and has no suggestions.
pub async fn suggested_merges(
    database: &Database,
    scope: Scope,
    contacts: &[ContactId],
) -> Result<Vec<SuggestedMerge>, StoreError> {
    let rows: Vec<(ContactId, ContactId, MergeReason, String)> =
        sqlx::query_as(include_str!("contacts/suggested_merges.sql"))
            .bind(scope.workspace())
            .bind(contacts)
            .bind(Uuid::nil())
            .bind(MOST_SUGGESTIONS + 1)
            .fetch_all(&database.pool)
            .await?;
    let mut found: Vec<SuggestedMerge> = Vec::with_capacity(rows.len());
    let mut counts = HashMap::<ContactId, i64>::new();
    for (of, contact_id, reason, value) in rows {
        if found.last().is_some_and(|last| (last.of, last.contact_id) == (of, contact_id)) {
            continue;
        }
        let count = counts.entry(of).or_default();
        *count += 1;
        if *count <= MOST_SUGGESTIONS {
            found.push(SuggestedMerge { of, contact_id, reason, value });
        }
    }
    Ok(found)
}
