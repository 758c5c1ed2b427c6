//! How much of the database one operation may take at once.
//!
//! The resolvers of an operation run side by side. Without a gate, one operation with many lists would hold every
//! connection of the pool, and all others would wait for it.

use std::{ops::Deref, sync::Arc};

use inlet_store::database::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections of the pool that one operation holds at once.
pub const CONNECTIONS: usize = 4;

/// The gate of one operation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONNECTIONS)))
    }
}

impl Gate {
    /// Waits until the operation may use one connection more. What is returned is held for the one statement: who holds
    /// it must not wait for a look-up of the loaders, which come through this gate too.
    pub async fn enter(&self, database: &Database) -> Entered {
        // It is never closed, so there is always a permit in the end.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        Entered { database: database.clone(), _permit: permit }
    }
}

/// The database, for one statement.
pub struct Entered {
    database: Database,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Deref for Entered {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}
