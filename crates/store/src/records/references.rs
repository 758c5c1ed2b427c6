//! Maps the providers' ids of entities to ours.

use inlet_domain::{ids::ProviderAccountId, scope::Scope};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// The entities of this kind (`message`, `campaign`, ...) behind the providers' ids. Ids of entities that have not arrived
/// are left out.
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
         FROM unnest($2::uuid[], $3::text[]) AS asked(provider_account_id, external_id) \
         JOIN external_ref r ON r.workspace_id = $1 AND r.provider_account_id = asked.provider_account_id \
           AND r.kind = $4 AND r.external_id = asked.external_id AND r.target_id IS NOT NULL",
    )
    .bind(scope.workspace())
    .bind(accounts)
    .bind(ids)
    .bind(kind)
    .fetch_all(&database.pool)
    .await?;
    Ok(rows.into_iter().map(|(account, id, target)| ((account, id), I::from(target))).collect())
}
