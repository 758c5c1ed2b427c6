//! Leases of pages. A living process renews them, a stopping process releases them, and another process takes over
//! those of a dead one.

use std::{collections::HashSet, time::Duration};

use uuid::Uuid;

use super::{Outbox, seconds};
use crate::error::StoreError;

impl Outbox {
    /// Renews these page leases. Returns those that this process still holds.
    pub async fn renew(&self, leases: &[Uuid], lease_for: Duration) -> Result<HashSet<Uuid>, StoreError> {
        let renewed: Vec<Uuid> = sqlx::query_scalar(
            "UPDATE dispatch_lease SET leased_until = inlet_now() + make_interval(secs => $3) \
             WHERE id = ANY($1) AND owner = $2 RETURNING id",
        )
        .bind(leases)
        .bind(self.owner)
        .bind(seconds(lease_for))
        .fetch_all(&self.pool)
        .await?;
        Ok(renewed.into_iter().collect())
    }

    /// Makes the unfinished deliveries of expired pages due again, of up to `limit` pages. Returns the number of
    /// deliveries.
    pub async fn recover(&self, limit: i64) -> Result<u64, StoreError> {
        let freed: i64 = sqlx::query_scalar(
            "WITH gone AS MATERIALIZED ( \
               SELECT id, workspace_id, first_id, last_id FROM dispatch_lease \
               WHERE leased_until < (SELECT inlet_now()) LIMIT $1 FOR UPDATE SKIP LOCKED \
             ), freed AS ( \
               UPDATE delivery d SET due_at = inlet_now(), lease_owner = NULL FROM gone g \
               WHERE d.workspace_id = g.workspace_id AND d.id BETWEEN g.first_id AND g.last_id \
                 AND d.lease_owner = g.id AND d.status = 'pending' \
               RETURNING 1 \
             ), closed AS ( \
               DELETE FROM dispatch_lease l USING gone g WHERE l.id = g.id \
             ) \
             SELECT count(*) FROM freed",
        )
        .bind(limit)
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(freed).unwrap_or(0))
    }

    /// Releases every page of this process. Its unfinished deliveries are due at once, for any process.
    pub async fn release(&self) -> Result<(), StoreError> {
        sqlx::query(
            "WITH mine AS MATERIALIZED ( \
               SELECT id, workspace_id, first_id, last_id FROM dispatch_lease WHERE owner = $1 FOR UPDATE \
             ), freed AS ( \
               UPDATE delivery d SET due_at = inlet_now(), lease_owner = NULL FROM mine g \
               WHERE d.workspace_id = g.workspace_id AND d.id BETWEEN g.first_id AND g.last_id \
                 AND d.lease_owner = g.id AND d.status = 'pending' \
             ) \
             DELETE FROM dispatch_lease l USING mine WHERE l.id = mine.id",
        )
        .bind(self.owner)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
