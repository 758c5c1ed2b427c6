//! Creates workspaces, and finds a workspace by its slug.

use inlet_domain::{ambient::Ambient, ids::WorkspaceId, model::name};
use sqlx::PgConnection;

use crate::error::StoreError;

/// Creates a workspace with an empty log. `slug` is its short name: lower-case letters, digits and hyphens, unique in
/// the database.
///
/// # Errors
/// [`StoreError::Invalid`] where the slug is malformed or taken, or the name is not valid.
pub async fn create_workspace(
    conn: &mut PgConnection,
    ambient: &Ambient,
    name: &str,
    slug: &str,
) -> Result<WorkspaceId, StoreError> {
    let name = name::checked(name, name::LONGEST)
        .map_err(|refusal| StoreError::Invalid { path: "name", message: refusal.to_string() })?;
    let well_formed = !slug.is_empty()
        && slug.len() <= 63
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !well_formed {
        return Err(StoreError::Invalid {
            path: "slug",
            message: format!("`{slug}` is not a slug: use 1 to 63 lower-case letters, digits and hyphens"),
        });
    }
    let id = WorkspaceId(ambient.uuid());
    let made = sqlx::query(
        "INSERT INTO workspace (id, name, slug, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING",
    )
    .bind(id)
    .bind(name)
    .bind(slug)
    .bind(ambient.now())
    .execute(&mut *conn)
    .await?;
    if made.rows_affected() == 0 {
        return Err(StoreError::Invalid {
            path: "slug",
            message: format!("the slug `{slug}` is taken: choose another one"),
        });
    }
    sqlx::query("INSERT INTO log_state (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    sqlx::query("INSERT INTO dispatch_cursor (workspace_id, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    Ok(id)
}

/// The workspace with this slug.
pub async fn workspace_by_slug(conn: &mut PgConnection, slug: &str) -> Result<Option<WorkspaceId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM workspace WHERE slug = $1").bind(slug).fetch_optional(conn).await?)
}

/// Whether a workspace has this id.
pub async fn exists(conn: &mut PgConnection, id: WorkspaceId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM workspace WHERE id = $1)").bind(id).fetch_one(conn).await?)
}
