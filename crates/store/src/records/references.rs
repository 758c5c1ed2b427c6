//! What providers call our entities: the way from their ids to ours.

use inlet_domain::{ids::ProviderAccountId, scope::Scope};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// Which entities of this kind (`message`, `campaign`, ...) the providers' ids stand for, as far as those have come.
///
/// # Errors
/// Where the database fails.
pub async fn resolve<I: From<Uuid>>(
    database: &Database,
    scope: Scope,
    kind: &str,
    external: &[(ProviderAccountId, String)],
) -> Result<Vec<((ProviderAccountId, String), I)>, StoreError> {
    let (accounts, ids): (Vec<Uuid>, Vec<String>) =
        external.iter().map(|(account, id)| (account.0, id.clone())).unzip();
    let rows: Vec<(ProviderAccountId, String, Uuid)> = sqlx::query_as(
        "SELECT r.provider_account_id, r.external_id, r.target_id \
         FROM unnest($2::uuid[], $3::text[]) AS q(account, id) \
         JOIN external_ref r ON r.workspace_id = $1 AND r.provider_account_id = q.account AND r.kind = $4 \
           AND r.external_id = q.id AND r.target_id IS NOT NULL",
    )
    .bind(scope.workspace())
    .bind(accounts)
    .bind(ids)
    .bind(kind)
    .fetch_all(&database.pool)
    .await?;
    Ok(rows.into_iter().map(|(account, id, target)| ((account, id), I::from(target))).collect())
}
