//! The memory of composed bodies in flight.
//!
//! The receivers of one event share its body. A composed body belongs to one request alone, and stays in memory for as long as its
//! receiver takes. So the composed bodies of one workspace have a budget.

use inlet_domain::ids::WorkspaceId;
use inlet_store::shares::Shares;
use tokio::sync::OwnedSemaphorePermit;

/// The maximum memory of the composed bodies of one workspace, in KiB. A body has at most 1 MiB.
const MOST: u32 = 16 << 10;

/// The budgets of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget(Shares);

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Shares::of_each(usize::try_from(MOST).unwrap_or(usize::MAX)))
    }
}

impl BodyBudget {
    /// Waits until the workspace may have so many bytes more in flight. A drop of the permit gives them back.
    pub(crate) async fn reserve(&self, workspace: WorkspaceId, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kibibytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(MOST).min(MOST);
        // A share is never closed.
        self.0.of(workspace).acquire_many_owned(kibibytes).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    const ONE: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
    const OTHER: WorkspaceId = WorkspaceId(Uuid::from_u128(2));

    #[tokio::test]
    async fn d3_the_composed_bodies_of_a_workspace_have_a_budget_of_their_own() {
        let budget = BodyBudget::default();
        let mut held = Vec::new();
        while let Some(permit) = budget.reserve(ONE, 1 << 20).now_or_never() {
            held.push(permit);
        }
        assert_eq!(held.len(), 16);
        assert!(budget.reserve(OTHER, 1 << 20).now_or_never().is_some(), "another workspace does not wait");
        held.pop();
        assert!(budget.reserve(ONE, 1 << 20).now_or_never().is_some());
        drop(held);
        assert!(budget.reserve(ONE, usize::MAX).now_or_never().is_some(), "a body beyond the budget goes alone");
    }
}
