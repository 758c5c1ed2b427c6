//! The statements that lock, count and write identities.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{IdentityKey, State};
use crate::rows::{
    Key,
    columns::{Insert, Update, columns, equals_given, given, given_in_order, names_in},
};

columns! {
    IdentityKey as key {
        workspace_id: "uuid" = key.workspace,
        scope_id: "uuid" = key.scope,
        kind: "text" = key.kind.as_str(),
        value: "text" = key.value.as_str(),
    }
}

columns! {
    State as state {
        contact_id: "uuid" = state.contact,
        original: "text" = state.original.as_deref(),
    }
}

/// The part of an identity that never changes, beside its key.
pub(super) struct Creation {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
}

columns! {
    Creation as creation {
        id: "uuid" = creation.id,
        created_at: "timestamptz" = creation.created_at,
    }
}

pub(super) static LOCK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, identity.id, identity.record_deleted_at FROM {} JOIN identity ON {} \
         ORDER BY given.place FOR NO KEY UPDATE OF identity",
        names_in::<(IdentityKey, State)>("identity"),
        given_in_order::<IdentityKey>(),
        equals_given::<IdentityKey>("identity")
    )
});

// How many addresses each contact has, up to `$3`.
pub(super) static COUNT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT given.id, (SELECT count(*) FROM (SELECT FROM identity WHERE identity.workspace_id = given.workspace_id \
           AND identity.contact_id = given.id LIMIT $3) counted) FROM {}",
        given::<Key>()
    )
});

pub(super) static INSERT: LazyLock<Insert> =
    LazyLock::new(|| Insert::of::<(IdentityKey, (State, Creation))>("identity", "ON CONFLICT DO NOTHING RETURNING id"));

pub(super) static UPDATE: LazyLock<Update> =
    LazyLock::new(|| Update::of::<IdentityKey, (IdentityKey, State)>("identity"));
