//! The queue of a lane. Workspaces take turns, so that the backlog of one delays no other (P11). Within a workspace the
//! queue is first come, first served.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use inlet_domain::ids::WorkspaceId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// An item of a queue.
pub(crate) trait Waiting {
    /// The workspace whose turn the item takes.
    fn workspace(&self) -> WorkspaceId;
    /// The bytes that the item adds to a batch; 0 for a light item, because the number of items bounds those.
    fn weight(&self) -> usize;
}

/// The queue of one lane. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    line_up: Mutex<LineUp<T>>,
    news: Notify,
}

#[derive(Debug)]
struct LineUp<T> {
    by: HashMap<WorkspaceId, VecDeque<T>>,
    /// Each workspace that has items, once. The first has the next turn.
    turns: VecDeque<WorkspaceId>,
    /// Workspaces whose rows are locked. Each gets batches of its own, so that only it waits for the rows.
    apart: HashSet<WorkspaceId>,
    /// Whether the last batch was for one of `apart`: the others are next then.
    apart_was_last: bool,
    closed: bool,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Waiting> Queue<T> {
    pub(crate) fn new() -> Self {
        let line_up = LineUp {
            by: HashMap::new(),
            turns: VecDeque::new(),
            apart: HashSet::new(),
            apart_was_last: false,
            closed: false,
        };
        Self { shared: Arc::new(Shared { line_up: Mutex::new(line_up), news: Notify::new() }) }
    }

    fn line_up(&self) -> MutexGuard<'_, LineUp<T>> {
        self.shared.line_up.lock()
    }

    /// Adds an item. Gives the item back if the queue is closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut line_up = self.line_up();
        if line_up.closed {
            return Err(item);
        }
        line_up.entry(item.workspace()).push_back(item);
        drop(line_up);
        self.shared.news.notify_one();
        Ok(())
    }

    /// Puts taken items back, in their order, in front of the other items of their workspaces.
    pub(crate) fn put_back(&self, items: Vec<T>) {
        let mut line_up = self.line_up();
        for item in items.into_iter().rev() {
            line_up.entry(item.workspace()).push_front(item);
        }
        drop(line_up);
        self.shared.news.notify_one();
    }

    /// Gives the workspace batches of its own until [`Queue::rejoin`].
    pub(crate) fn set_apart(&self, workspace: WorkspaceId) {
        self.line_up().apart.insert(workspace);
    }

    /// Ends [`Queue::set_apart`].
    pub(crate) fn rejoin(&self, workspaces: impl IntoIterator<Item = WorkspaceId>) {
        let mut line_up = self.line_up();
        if !line_up.apart.is_empty() {
            workspaces.into_iter().for_each(|workspace| {
                line_up.apart.remove(&workspace);
            });
        }
    }

    /// Removes the items for which `is_due` is true.
    pub(crate) fn remove(&self, is_due: impl Fn(&T) -> bool) -> Vec<T> {
        let mut line_up = self.line_up();
        let mut removed = Vec::new();
        for items in line_up.by.values_mut() {
            let (due, rest): (Vec<T>, Vec<T>) = std::mem::take(items).into_iter().partition(&is_due);
            removed.extend(due);
            *items = rest.into();
        }
        line_up.by.retain(|_, items| !items.is_empty());
        let LineUp { by, turns, .. } = &mut *line_up;
        turns.retain(|workspace| by.contains_key(workspace));
        removed
    }

    /// Waits for an item; false once the queue is closed and empty.
    pub(crate) async fn news(&self) -> bool {
        loop {
            {
                let line_up = self.line_up();
                if !line_up.turns.is_empty() || line_up.closed {
                    return !line_up.turns.is_empty();
                }
            }
            self.shared.news.notified().await;
        }
    }

    /// Waits for the next batch, of at most `most` items and about `heaviest` bytes, but of at least one item. `None`
    /// once the queue is closed and empty.
    pub(crate) async fn take(&self, most: usize, heaviest: usize) -> Option<Vec<T>> {
        self.news().await.then(|| self.line_up().batch(most, heaviest))
    }

    /// Refuses new items. The waiting ones can still be taken.
    pub(crate) fn close(&self) {
        self.line_up().closed = true;
        self.shared.news.notify_one();
    }
}

impl<T: Waiting> LineUp<T> {
    fn entry(&mut self, workspace: WorkspaceId) -> &mut VecDeque<T> {
        let items = self.by.entry(workspace).or_default();
        if items.is_empty() {
            self.turns.push_back(workspace);
        }
        items
    }

    fn batch(&mut self, most: usize, heaviest: usize) -> Vec<T> {
        let apart = &self.apart;
        let (alone, together): (VecDeque<_>, VecDeque<_>) =
            self.turns.drain(..).partition(|workspace| apart.contains(workspace));
        let one_of_them = together.is_empty() || (!alone.is_empty() && !self.apart_was_last);
        self.apart_was_last = one_of_them;
        let (mut turns, mut resting) = if one_of_them {
            let mut alone = alone;
            let first = alone.pop_front();
            (first.into_iter().collect(), alone.into_iter().chain(together).collect())
        } else {
            (together, alone)
        };
        let batch = take_in_turns(&mut self.by, &mut turns, most, heaviest);
        if one_of_them {
            // The workspace that just had its turn comes last.
            resting.append(&mut turns);
            self.turns = resting;
        } else {
            turns.append(&mut resting);
            self.turns = turns;
        }
        batch
    }
}

fn take_in_turns<T: Waiting>(
    by: &mut HashMap<WorkspaceId, VecDeque<T>>,
    turns: &mut VecDeque<WorkspaceId>,
    most: usize,
    heaviest: usize,
) -> Vec<T> {
    let (mut batch, mut weight) = (Vec::new(), 0_usize);
    while batch.len() < most
        && let Some(workspace) = turns.pop_front()
    {
        let Some(items) = by.get_mut(&workspace) else { continue };
        let next = items.front().map_or(0, Waiting::weight);
        if !batch.is_empty() && weight.saturating_add(next) > heaviest {
            turns.push_front(workspace);
            break;
        }
        weight = weight.saturating_add(next);
        batch.extend(items.pop_front());
        if items.is_empty() {
            by.remove(&workspace);
        } else {
            turns.push_back(workspace);
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Item(u128, usize);

    impl Waiting for Item {
        fn workspace(&self) -> WorkspaceId {
            WorkspaceId(Uuid::from_u128(self.0))
        }

        fn weight(&self) -> usize {
            10
        }
    }

    fn queue(items: impl IntoIterator<Item = Item>) -> Queue<Item> {
        let queue = Queue::new();
        items.into_iter().for_each(|item| queue.push(item).unwrap());
        queue
    }

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn p11_a_long_backlog_of_one_delays_no_other() {
        let queue = queue((0..1000).map(|n| Item(1, n)).chain([Item(2, 0), Item(3, 0), Item(2, 1)]));
        let batch = queue.take(6, usize::MAX).await.unwrap();
        assert_eq!(batch, [Item(1, 0), Item(2, 0), Item(3, 0), Item(1, 1), Item(2, 1), Item(1, 2)]);
        assert_eq!(queue.take(2, usize::MAX).await.unwrap(), [Item(1, 3), Item(1, 4)]);
    }

    #[tokio::test]
    async fn p11_a_batch_has_a_weight_but_is_never_empty() {
        let queue = queue((0..5).map(|n| Item(1, n)));
        assert_eq!(queue.take(9, 25).await.unwrap().len(), 2);
        assert_eq!(queue.take(9, 1).await.unwrap(), [Item(1, 2)]);
        assert_eq!(queue.take(9, 20).await.unwrap(), [Item(1, 3), Item(1, 4)]);
    }

    #[tokio::test]
    async fn p11_who_waits_for_rows_goes_alone_and_every_other_time() {
        let queue = queue((0..4).flat_map(|n| [Item(1, n), Item(2, n), Item(3, n)]));
        queue.set_apart(workspace(1));
        queue.set_apart(workspace(2));
        assert_eq!(queue.take(2, usize::MAX).await.unwrap(), [Item(1, 0), Item(1, 1)]);
        assert_eq!(queue.take(2, usize::MAX).await.unwrap(), [Item(3, 0), Item(3, 1)]);
        assert_eq!(queue.take(2, usize::MAX).await.unwrap(), [Item(2, 0), Item(2, 1)]);
        queue.rejoin([workspace(1), workspace(2)]);
        assert_eq!(queue.take(9, usize::MAX).await.unwrap().len(), 6);
    }

    #[tokio::test]
    async fn what_is_put_back_is_first_again_and_what_is_removed_is_gone() {
        let queue = queue([Item(1, 0), Item(1, 1), Item(2, 0), Item(1, 2)]);
        let taken = queue.take(3, usize::MAX).await.unwrap();
        assert_eq!(taken, [Item(1, 0), Item(2, 0), Item(1, 1)]);
        queue.put_back(taken);
        assert_eq!(queue.remove(|item| item.1 == 0).len(), 2);
        queue.close();
        assert_eq!(queue.push(Item(1, 9)), Err(Item(1, 9)));
        assert_eq!(queue.take(9, usize::MAX).await.unwrap(), [Item(1, 1), Item(1, 2)]);
        assert_eq!(queue.take(9, usize::MAX).await, None);
    }
}
