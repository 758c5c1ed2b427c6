//! The statements that lock, count and write identities.

use std::sync::LazyLock;

use uuid::Uuid;

use super::IdentityKey;

use crate::rows;

pub(super) const LOCK: &str = "SELECT i.workspace_id, i.scope_id, i.kind, i.value, i.id, i.original, i.contact_id, i.record_deleted_at \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY k(w, s, k, v, n) \
    JOIN identity i ON i.workspace_id = k.w AND i.scope_id = k.s AND i.kind = k.k AND i.value = k.v \
    ORDER BY k.n FOR NO KEY UPDATE OF i";

/// How many addresses these contacts have, as far as it matters.
pub(super) const COUNT: &str = "SELECT k.c, (SELECT count(*) FROM (SELECT FROM identity i WHERE i.workspace_id = k.w \
      AND i.contact_id = k.c LIMIT $3) t) FROM unnest($1::uuid[], $2::uuid[]) k(w, c)";

pub(super) const INSERT: &str = "INSERT INTO identity (workspace_id, scope_id, kind, value, id, original, contact_id, created_at) \
    SELECT k.*, $8 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[]) k \
    ON CONFLICT DO NOTHING RETURNING id";

pub(super) static FEW: LazyLock<Vec<String>> = LazyLock::new(|| {
    let columns = [
        ("workspace_id", "uuid"),
        ("scope_id", "uuid"),
        ("kind", "text"),
        ("value", "text"),
        ("id", "uuid"),
        ("original", "text"),
        ("contact_id", "uuid"),
        ("created_at", "timestamptz"),
    ];
    rows::insert_few("identity", &columns, "ON CONFLICT DO NOTHING RETURNING id")
});

pub(super) const UPDATE: &str = "UPDATE identity i SET contact_id = k.c, original = k.o \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[]) k(w, s, k, v, c, o) \
    WHERE i.workspace_id = k.w AND i.scope_id = k.s AND i.kind = k.k AND i.value = k.v";

type Columns = (Vec<Uuid>, Vec<Uuid>, Vec<&'static str>, Vec<String>);

pub(super) fn columns<'a>(keys: impl Iterator<Item = &'a IdentityKey>) -> Columns {
    let mut columns = Columns::default();
    for key in keys {
        columns.0.push(key.workspace);
        columns.1.push(key.scope);
        columns.2.push(key.kind.as_str());
        columns.3.push(key.value.clone());
    }
    columns
}
