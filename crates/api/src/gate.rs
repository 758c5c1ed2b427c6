//! How much of the database one operation may take at once.
//!
//! The resolvers of an operation run side by side. Without a gate, one operation with many lists would hold every
//! connection of the pool, and all others would wait for it.

use std::{ops::Deref, sync::Arc};

use async_graphql::Context;
use inlet_domain::database::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::context::{Caller, Shared};

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

/// The database for one statement of a resolver: `list(&*reads(ctx).await, ...)`.
pub async fn reads(ctx: &Context<'_>) -> Entered {
    let gate = ctx.data_opt::<Caller>().map(|caller| caller.gate.clone()).unwrap_or_default();
    gate.enter(&ctx.data_unchecked::<Arc<Shared>>().database).await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn p11_no_resolver_of_a_query_goes_round_the_gate() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut looked_at = 0;
        for folder in ["query", "types"] {
            for file in fs::read_dir(sources.join(folder)).unwrap() {
                let path = file.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains(".database"), "{}: read by `reads(ctx).await`", path.display());
                looked_at += 1;
            }
        }
        assert!(looked_at > 15, "{looked_at}");
    }
}
