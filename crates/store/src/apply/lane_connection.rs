//! The connection of a lane, with plans that keep up with the growth of the tables.

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

/// A connection that a lane keeps from batch to batch.
///
/// Postgres makes its generic plans once. A plan made while a table has fewer than some four hundred rows may use any
/// index whose first column fits, and then reads the whole workspace through it. So the lane discards the plans after
/// 2, 4, 8 ... batches: often while a table is young, and seldom later.
pub(crate) struct LaneConnection {
    pool: PgPool,
    wire: Option<Wire>,
}

struct Wire {
    connection: PoolConnection<Postgres>,
    used: u64,
    replan_at: u64,
}

impl LaneConnection {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, wire: None }
    }

    /// The connection for one more batch.
    pub(crate) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire { connection: self.pool.acquire().await?, used: 0, replan_at: 2 },
        };
        wire.used += 1;
        if wire.used == wire.replan_at {
            wire.replan_at *= 2;
            sqlx::query("DISCARD PLANS").execute(&mut *wire.connection).await?;
        }
        Ok(&mut self.wire.insert(wire).connection)
    }

    /// Closes the connection, which may be broken or lead to a server that takes no writes. The next batch takes a new
    /// connection.
    pub(crate) fn hang_up(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.connection.close_on_drop();
        }
        self.wire = None;
    }

    /// Another connection over the same pool, for use while this one hangs.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.pool.clone())
    }
}
