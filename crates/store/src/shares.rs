//! Equal shares for each workspace, so that one workspace leaves the rest to the others (P11).

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use inlet_domain::ids::WorkspaceId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A semaphore for each workspace that uses its share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shares {
    permits: usize,
    by: Arc<Mutex<HashMap<WorkspaceId, Weak<Semaphore>>>>,
}

impl Shares {
    /// Shares of this many permits each.
    #[must_use]
    pub fn of_each(permits: usize) -> Self {
        Self { permits, by: Arc::default() }
    }

    /// The share of a workspace. It is forgotten with its last user. No share is ever closed.
    #[must_use]
    pub fn of(&self, workspace: WorkspaceId) -> Arc<Semaphore> {
        let mut by = self.by.lock();
        if let Some(share) = by.get(&workspace).and_then(Weak::upgrade) {
            return share;
        }
        by.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.permits));
        by.insert(workspace, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn p11_each_workspace_has_a_share_of_its_own_that_ends_with_its_last_user() {
        let (one, other) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let shares = Shares::of_each(3);
        let (first, second) = (shares.of(one), shares.of(one));
        let held = first.try_acquire().unwrap();
        assert_eq!((second.available_permits(), shares.of(other).available_permits()), (2, 3));
        drop(held);
        drop((first, second));
        assert_eq!(shares.of(other).available_permits(), 3);
        assert_eq!(shares.by.lock().len(), 1);
    }
}
