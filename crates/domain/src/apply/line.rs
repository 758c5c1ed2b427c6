//! A lane's own connection, with plans that keep up with the tables.

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

/// One connection, kept from batch to batch.
///
/// Its plans are generic, so they are made once. One that was made while a table had fewer than some four hundred rows
/// may take any index whose first column fits, and read the whole workspace through it ever after. So the plans are made
/// anew after 2, 4, 8 ... batches: before such a table has grown much, and hardly ever later.
pub(crate) struct Line {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
    used: u64,
    replan_at: u64,
}

impl Line {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, connection: None, used: 0, replan_at: 2 }
    }

    /// The connection for one more batch.
    pub(crate) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        if self.connection.is_none() {
            (self.used, self.replan_at) = (0, 2);
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        self.used += 1;
        if self.used == self.replan_at {
            self.replan_at *= 2;
            sqlx::query("DISCARD PLANS").execute(&mut *connection).await?;
        }
        Ok(self.connection.insert(connection))
    }

    /// Gives the connection up: it may be broken, and a new one is had when it is next needed.
    pub(crate) fn hang_up(&mut self) {
        self.connection = None;
    }
}
