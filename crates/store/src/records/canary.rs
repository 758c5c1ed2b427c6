//! A sealed row that must open under the configured keys. A process with the wrong key never starts (P12).

use inlet_domain::{
    ids::WorkspaceId,
    secrets::{Place, Sealer},
};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

const PLAIN: &[u8] = b"inlet";

fn place() -> Place {
    Place { workspace: WorkspaceId(Uuid::nil()), table: "seal_canary", id: Uuid::nil(), column: "sealed" }
}

/// Creates the canary if there is none, then opens it. The canary stays sealed under the key that created it. A process
/// with a new key must keep the old key until [`upkeep`](super::upkeep) has sealed everything anew.
///
/// # Errors
/// [`StoreError::Open`] where the keys belong to another database.
pub async fn check(database: &Database, sealer: &Sealer) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO seal_canary (sealed) VALUES ($1) ON CONFLICT (only_row) DO NOTHING")
        .bind(sealer.seal(&place(), PLAIN))
        .execute(&database.pool)
        .await?;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM seal_canary").fetch_one(&database.pool).await?;
    sealer.open(&place(), &sealed)?;
    Ok(())
}

/// Seals the canary under the newest key. From then on, a process without this key does not start.
pub(super) async fn renew(database: &Database, sealer: &Sealer) -> Result<(), StoreError> {
    sqlx::query("UPDATE seal_canary SET sealed = $1")
        .bind(sealer.seal(&place(), PLAIN))
        .execute(&database.pool)
        .await?;
    Ok(())
}
