//! The connections that one operation, and all operations of one workspace, may hold at once.
//!
//! The resolvers of an operation run side by side. Without a gate, one operation with many lists would hold every
//! connection of the pool, and all others would wait for it. Many operations of one workspace would do the same to the other
//! workspaces, and would keep the database too busy to take in what providers post.

use std::{ops::Deref, sync::Arc};

use inlet_domain::ids::WorkspaceId;
use inlet_store::{database::Database, shares};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of connections of the pool for one operation.
const CONNECTIONS: usize = 4;

/// Shares the connections of the pool: a workspace has half of them at most, and an operation half of that. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shares {
    of_workspaces: shares::Shares,
    of_operation: usize,
}

impl Shares {
    /// The shares of a pool of so many connections.
    #[must_use]
    pub fn of(connections: usize) -> Self {
        let of_workspace = connections.div_ceil(2).max(1);
        Self {
            of_workspaces: shares::Shares::of_each(of_workspace),
            of_operation: of_workspace.div_ceil(2).min(CONNECTIONS),
        }
    }

    /// The gate of an operation of this workspace; without a workspace, of an operation of a stranger.
    #[must_use]
    pub fn gate(&self, workspace: Option<WorkspaceId>) -> Gate {
        Gate {
            operation: Arc::new(Semaphore::new(self.of_operation)),
            workspace: workspace.map(|id| self.of_workspaces.of(id)),
        }
    }
}

/// The gate of one operation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    operation: Arc<Semaphore>,
    workspace: Option<Arc<Semaphore>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { operation: Arc::new(Semaphore::new(CONNECTIONS)), workspace: None }
    }
}

impl Gate {
    /// Waits until the operation may use one connection more. The caller holds the result for one statement. Meanwhile the
    /// caller must not wait for a look-up of the loaders, which come through this gate too.
    pub async fn enter(&self, database: &Database) -> Entered {
        // The semaphores are never closed, so each gives a permit in the end.
        let of_operation = Arc::clone(&self.operation).acquire_owned().await.ok();
        let of_workspace = match &self.workspace {
            Some(share) => Arc::clone(share).acquire_owned().await.ok(),
            None => None,
        };
        Entered { database: database.clone(), _permits: [of_operation, of_workspace] }
    }
}

/// The database, for one statement.
pub struct Entered {
    database: Database,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Deref for Entered {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn workspace(number: u128) -> Option<WorkspaceId> {
        Some(WorkspaceId(Uuid::from_u128(number)))
    }

    fn free(gate: &Gate) -> usize {
        gate.workspace.as_ref().map_or(0, |share| share.available_permits())
    }

    #[test]
    fn p11_operations_of_one_workspace_share_half_of_the_connections() {
        let shares = Shares::of(6);
        let (one, two, other) = (shares.gate(workspace(1)), shares.gate(workspace(1)), shares.gate(workspace(2)));
        let _held = one.workspace.as_ref().map(|share| Arc::clone(share).try_acquire_owned().unwrap());
        assert_eq!((free(&one), free(&two), free(&other)), (2, 2, 3));
        assert_eq!(one.operation.available_permits(), 2);
        assert!(shares.gate(None).workspace.is_none());
    }
}
