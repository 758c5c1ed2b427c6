//! Contacts and their addresses.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ContactId, IdentityId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use serde_json::Value;
use uuid::Uuid;

use super::{
    children::{self, List},
    entity,
    lean::lean,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{database::Database, error::StoreError};

/// Who writes to us.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Their name.
    pub name: Option<String>,
    /// In E.164.
    pub phone: Option<String>,
    /// Their email address.
    pub email: Option<String>,
    /// At a provider.
    pub username: Option<String>,
    /// A picture; data to show, never fetched here.
    pub avatar_url: Option<String>,
    /// The provider's fields that have no name here.
    pub attributes: Value,
    /// When they last did something.
    pub last_active_at: Option<DateTime<Utc>>,
    /// The contact that this one was merged into.
    pub merged_into_id: Option<ContactId>,
    /// The contact that it was kept apart from: that had as many addresses as a contact may have.
    pub kept_apart_from_id: Option<ContactId>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::contact::Model> for Contact {
    type Error = StoreError;

    fn try_from(row: entity::contact::Model) -> Result<Self, StoreError> {
        let id = ContactId(row.id);
        Ok(Self {
            id,
            name: row.name,
            phone: row.phone,
            email: row.email,
            username: row.username,
            avatar_url: row.avatar_url,
            attributes: row.attributes,
            last_active_at: row.last_active_at,
            merged_into_id: row.merged_into_id.map(ContactId),
            kept_apart_from_id: row.kept_apart_from_id.map(ContactId),
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

inlet_domain::text_enum! {
    /// What an address is.
    AddressKind {
        /// A phone number.
        Phone = "phone",
        /// An email address.
        Email = "email",
        /// A name at a provider.
        Username = "username",
        /// A provider's id of a user.
        ProviderUser = "provider_user",
        /// A provider's id of a conversation.
        ProviderConversation = "provider_conversation",
        /// A provider's id of a group.
        Group = "group",
    }
}

/// An address of a contact or a group.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// Nil, or the provider account that it belongs to.
    pub scope_id: Uuid,
    /// What it is.
    pub kind: AddressKind,
    /// In its normal form.
    pub value: String,
    /// As the provider wrote it.
    pub original: Option<String>,
    /// Whose it is.
    pub contact_id: Option<ContactId>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::identity::Model> for Identity {
    type Error = StoreError;

    fn try_from(row: entity::identity::Model) -> Result<Self, StoreError> {
        let id = IdentityId(row.id);
        Ok(Self {
            id,
            scope_id: row.scope_id,
            kind: word("identity", "kind", id, &row.kind)?,
            value: row.value,
            original: row.original,
            contact_id: row.contact_id.map(ContactId),
            created_at: row.created_at,
        })
    }
}

/// Contacts, newest first, without those that were merged into others.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Contact>, StoreError> {
    let select = entity::contact::Entity::find()
        .filter(entity::contact::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::contact::Column::DeletedAt.is_null())
        .filter(entity::contact::Column::MergedIntoId.is_null());

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::contact::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Contact::try_from)
}

/// The contacts with these ids as a list shows them, in no order; what is not in the workspace or was deleted is left
/// out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[ContactId]) -> Result<Vec<Contact>, StoreError> {
    let rows = lean(select(scope, ids)).all(&database.orm).await?;
    rows.into_iter().map(Contact::try_from).collect()
}

/// One contact with all of its attributes; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn whole(database: &Database, scope: Scope, id: ContactId) -> Result<Option<Contact>, StoreError> {
    select(scope, &[id]).one(&database.orm).await?.map(Contact::try_from).transpose()
}

fn select(scope: Scope, ids: &[ContactId]) -> Select<entity::contact::Entity> {
    entity::contact::Entity::find()
        .filter(entity::contact::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::contact::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .filter(entity::contact::Column::DeletedAt.is_null())
}

/// One address; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn identity(database: &Database, scope: Scope, id: IdentityId) -> Result<Option<Identity>, StoreError> {
    let row = entity::identity::Entity::find()
        .filter(entity::identity::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::identity::Column::Id.eq(id.0))
        .one(&database.orm)
        .await?;
    row.map(Identity::try_from).transpose()
}

/// The same part of the addresses of each of these contacts, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn identities_of(
    database: &Database,
    scope: Scope,
    contacts: &[ContactId],
    slice: &Slice,
) -> Result<Vec<(ContactId, Page<Identity>)>, StoreError> {
    use entity::identity::Column;
    let list = List { parent: Column::ContactId, sort: Sort::Id, at: None, id: Column::Id, only: "" };
    let place = |row: &entity::identity::Model| (row.contact_id, Position::of_id(row.id));
    children::fetch::<entity::identity::Entity, _>(database, scope, list, contacts, slice, place)
        .await?
        .into_iter()
        .map(|(contact, page)| Ok((contact, page.try_map(Identity::try_from)?)))
        .collect()
}

inlet_domain::text_enum! {
    /// Why two contacts may be one person.
    MergeReason {
        /// One names the phone number that the other writes from, or both name the same.
        SamePhone = "same_phone",
        /// One names the email address that the other writes from, or both name the same.
        SameEmail = "same_email",
    }
}

/// A contact that may be the same person as another.
#[derive(Debug, Clone)]
pub struct SuggestedMerge {
    /// For whom it is suggested.
    pub of: ContactId,
    /// Who may be the same.
    pub contact_id: ContactId,
    /// Why.
    pub reason: MergeReason,
    /// The phone number or email address that both have.
    pub value: String,
}

/// The most contacts that are suggested for one.
const MOST_SUGGESTIONS: i64 = 20;

/// Contacts that may be the same person as one of these: their profiles name the address that the other writes from, or
/// the same phone number or email address. Nothing joins them but a person who merges them. At most 20 for each, those
/// first that have been there longest. A contact that was merged has none, and is none.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn suggested_merges(
    database: &Database,
    scope: Scope,
    contacts: &[ContactId],
) -> Result<Vec<SuggestedMerge>, StoreError> {
    let rows: Vec<(Uuid, Uuid, String, String)> = sqlx::query_as(
        "WITH told AS ( \
           SELECT c.id, v.kind, v.value FROM contact c \
           CROSS JOIN LATERAL (VALUES ('phone', c.phone), ('email', c.email)) v(kind, value) \
           WHERE c.workspace_id = $1 AND c.id = ANY($2) AND c.merged_into_id IS NULL AND v.value IS NOT NULL \
           UNION \
           SELECT i.contact_id, i.kind, coalesce(i.canonical, i.value) FROM identity i \
           WHERE i.workspace_id = $1 AND i.contact_id = ANY($2) AND i.kind IN ('phone', 'email')) \
         SELECT t.id, s.contact_id, 'same_' || t.kind, t.value FROM told t CROSS JOIN LATERAL ( \
           SELECT i.contact_id FROM identity i WHERE i.workspace_id = $1 AND i.scope_id = $3 AND i.kind = t.kind \
             AND i.value = t.value \
           UNION \
           SELECT i.contact_id FROM identity i WHERE i.workspace_id = $1 AND i.kind = t.kind AND i.canonical = t.value \
           UNION \
           (SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.phone = t.value AND t.kind = 'phone' \
              AND length(c.phone) <= 320 AND c.deleted_at IS NULL AND c.merged_into_id IS NULL LIMIT $4) \
           UNION \
           (SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.email = t.value AND t.kind = 'email' \
              AND length(c.email) <= 320 AND c.deleted_at IS NULL AND c.merged_into_id IS NULL LIMIT $4)) s(contact_id) \
         JOIN contact c ON c.workspace_id = $1 AND c.id = s.contact_id \
         WHERE c.id <> t.id AND c.deleted_at IS NULL AND c.merged_into_id IS NULL ORDER BY 1, 2, 3",
    )
    .bind(scope.workspace())
    .bind(contacts.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind(Uuid::nil())
    .bind(MOST_SUGGESTIONS + 1)
    .fetch_all(&database.pool)
    .await?;
    let mut found: Vec<SuggestedMerge> = Vec::with_capacity(rows.len());
    let mut counts = std::collections::HashMap::<ContactId, i64>::new();
    for (of, contact, reason, value) in rows {
        let (of, contact_id) = (ContactId(of), ContactId(contact));
        if found.last().is_some_and(|last| (last.of, last.contact_id) == (of, contact_id)) {
            continue;
        }
        let count = counts.entry(of).or_default();
        *count += 1;
        if *count <= MOST_SUGGESTIONS {
            let reason = word("contact", "reason", contact_id, &reason)?;
            found.push(SuggestedMerge { of, contact_id, reason, value });
        }
    }
    Ok(found)
}
