//! Turns of webhooks with a rate limit. The limit holds for all processes together.

use std::time::Duration;

use inlet_domain::ids::{WebhookId, WorkspaceId};

use super::Outbox;
use crate::error::StoreError;

impl Outbox {
    /// Takes the next `count` turns of a webhook with `rate` turns a second. Returns the time until the first of them;
    /// the others follow evenly. Untaken turns are lost.
    ///
    /// # Errors
    /// Where the database fails. Then there are no turns.
    pub async fn take_turns(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        rate: u32,
        count: u32,
    ) -> Result<Duration, StoreError> {
        let seconds: f64 = sqlx::query_scalar(
            "INSERT INTO webhook_pace AS p (workspace_id, webhook_id, next_at) \
             VALUES ($1, $2, inlet_now() + make_interval(secs => $3)) \
             ON CONFLICT (workspace_id, webhook_id) \
             DO UPDATE SET next_at = greatest(p.next_at, inlet_now()) + make_interval(secs => $3) \
             RETURNING extract(epoch FROM next_at - make_interval(secs => $3) - inlet_now())::float8",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(f64::from(count) / f64::from(rate.max(1)))
        .fetch_one(&self.pool)
        .await?;
        Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
    }
}
