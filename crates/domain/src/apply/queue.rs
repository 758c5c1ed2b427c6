//! How much may wait: so many in all, and no workspace more than half of them (P11).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::ids::WorkspaceId;

/// The places of the queue. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<WorkspaceId, usize>,
}

/// A place in the queue, free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    workspace: WorkspaceId,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place, if the queue is not full and the workspace does not hold its half.
    pub(crate) fn take(&self, workspace: WorkspaceId) -> Option<Slot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_workspace = taken.by.get(&workspace).copied().unwrap_or(0);
        if taken.all >= self.most || of_workspace >= self.most.div_ceil(2) {
            return None;
        }
        taken.all += 1;
        taken.by.insert(workspace, of_workspace + 1);
        Some(Slot { workspace, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_workspace) = taken.by.get_mut(&self.workspace) {
            *of_workspace -= 1;
            if *of_workspace == 0 {
                taken.by.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn p11_a_workspace_holds_at_most_half_and_places_come_free() {
        let places = Places::new(4);
        let (greedy, modest) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let held: Vec<_> = (0..4).map_while(|_| places.take(greedy)).collect();
        assert_eq!(held.len(), 2);
        let other = places.take(modest);
        assert!(other.is_some());
        drop(held);
        assert!(places.take(greedy).is_some());
    }
}
