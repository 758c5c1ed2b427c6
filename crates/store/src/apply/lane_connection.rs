//! A lane's own connection, with plans that keep up with the tables.

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

/// One connection, kept from batch to batch.
///
/// Its plans are generic, so they are made once. One that was made while a table had fewer than some four hundred rows
/// may take any index whose first column fits, and read the whole workspace through it ever after. So the plans are made
/// anew after 2, 4, 8 ... batches: before such a table has grown much, and hardly ever later.
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

    /// Closes the connection: it may be broken, or lead to a server that takes no writes any more. A new one, which proves
    /// itself, is had when it is next needed.
    pub(crate) fn hang_up(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.connection.close_on_drop();
        }
        self.wire = None;
    }

    /// A line of its own over the same pool, for what goes on while this one hangs.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.pool.clone())
    }
}
