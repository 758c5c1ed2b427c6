//! Shares the sockets fairly by workspace, and within a workspace by webhook (P9).
//!
//! A workspace may use as many sockets as it leaves free, and a webhook as many as it leaves to its workspace. So one
//! workspace that hangs with all its sockets leaves half of the sockets free, and two leave a third.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use inlet_domain::ids::{WebhookId, WorkspaceId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

/// The sockets of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sockets(Arc<Mutex<State>>);

/// One socket. A drop returns it.
pub(crate) struct Socket {
    sockets: Sockets,
    workspace: WorkspaceId,
    webhook: WebhookId,
}

#[derive(Default)]
struct State {
    free: usize,
    workspaces: HashMap<WorkspaceId, Workspace>,
    /// Workspaces with waiting requests, each once; the first is next.
    turns: VecDeque<WorkspaceId>,
}

#[derive(Default)]
struct Workspace {
    used: usize,
    webhooks: HashMap<WebhookId, Webhook>,
    /// Webhooks with waiting requests, each once.
    turns: VecDeque<WebhookId>,
}

#[derive(Default)]
struct Webhook {
    used: usize,
    waiting: VecDeque<oneshot::Sender<Socket>>,
}

impl Sockets {
    /// `count` sockets.
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: count, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Waits for a socket.
    pub(crate) async fn acquire(&self, workspace: WorkspaceId, webhook: WebhookId) -> Socket {
        loop {
            let waiting = {
                let (sender, waiting) = oneshot::channel();
                self.state().line_up(workspace, webhook, sender);
                waiting
            };
            self.give_out();
            // The sender is dropped only after it has sent a socket.
            if let Ok(socket) = waiting.await {
                return socket;
            }
        }
    }

    /// Gives the free sockets to waiting requests that may have one.
    fn give_out(&self) {
        let mut given = Vec::new();
        {
            let mut state = self.state();
            while let Some((workspace, webhook, sender)) = state.next() {
                given.push((Socket { sockets: self.clone(), workspace, webhook }, sender));
            }
        }
        // A request that has stopped waiting returns its socket at once, which takes the lock.
        for (socket, sender) in given {
            let _ = sender.send(socket);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.sockets.state().give_back(self.workspace, self.webhook);
        self.sockets.give_out();
    }
}

impl State {
    fn line_up(&mut self, workspace: WorkspaceId, webhook: WebhookId, sender: oneshot::Sender<Socket>) {
        let share = self.workspaces.entry(workspace).or_default();
        if share.turns.is_empty() {
            self.turns.push_back(workspace);
        }
        let waiting = &mut share.webhooks.entry(webhook).or_default().waiting;
        if waiting.is_empty() {
            share.turns.push_back(webhook);
        }
        waiting.push_back(sender);
    }

    /// Takes the next socket for a waiting request that may have it.
    fn next(&mut self) -> Option<(WorkspaceId, WebhookId, oneshot::Sender<Socket>)> {
        for _ in 0..self.turns.len() {
            let workspace = self.turns.pop_front()?;
            let Some(share) = self.workspaces.get_mut(&workspace) else { continue };
            let taken = share.next(self.free);
            if !share.turns.is_empty() {
                self.turns.push_back(workspace);
            }
            if let Some((webhook, sender)) = taken {
                self.free -= 1;
                return Some((workspace, webhook, sender));
            }
        }
        None
    }

    fn give_back(&mut self, workspace: WorkspaceId, webhook: WebhookId) {
        self.free += 1;
        let Some(share) = self.workspaces.get_mut(&workspace) else { return };
        share.used = share.used.saturating_sub(1);
        if let Some(of_webhook) = share.webhooks.get_mut(&webhook) {
            of_webhook.used = of_webhook.used.saturating_sub(1);
            if of_webhook.used == 0 && of_webhook.waiting.is_empty() {
                share.webhooks.remove(&webhook);
            }
        }
        if share.webhooks.is_empty() {
            self.workspaces.remove(&workspace);
        }
    }
}

impl Workspace {
    fn next(&mut self, free: usize) -> Option<(WebhookId, oneshot::Sender<Socket>)> {
        let room = free.saturating_sub(self.used);
        for _ in 0..self.turns.len() {
            let webhook = self.turns.pop_front()?;
            let Some(of_webhook) = self.webhooks.get_mut(&webhook) else { continue };
            // Requests that have stopped waiting are skipped.
            while of_webhook.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                of_webhook.waiting.pop_front();
            }
            let sender = if of_webhook.used < room { of_webhook.waiting.pop_front() } else { None };
            if !of_webhook.waiting.is_empty() {
                self.turns.push_back(webhook);
            }
            if let Some(sender) = sender {
                of_webhook.used += 1;
                self.used += 1;
                return Some((webhook, sender));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    /// Takes sockets until none is to be had, at most `most`.
    fn take(sockets: &Sockets, workspace: u128, webhook: u128, most: usize) -> Vec<Socket> {
        let (workspace, webhook) = (WorkspaceId(Uuid::from_u128(workspace)), WebhookId(Uuid::from_u128(webhook)));
        (0..most).filter_map(|_| sockets.acquire(workspace, webhook).now_or_never()).collect()
    }

    #[test]
    fn p9_whoever_takes_all_it_may_leaves_as_much_to_the_next() {
        let sockets = Sockets::new(60);
        let first = take(&sockets, 1, 1, 100);
        assert_eq!(first.len(), 20, "a webhook takes what it leaves to the next of its workspace, and that to others");
        let others: Vec<Socket> = (2..100).flat_map(|webhook| take(&sockets, 1, webhook, 100)).collect();
        assert_eq!(first.len() + others.len(), 30, "a workspace takes half");
        let second: Vec<Socket> = (0..100).flat_map(|webhook| take(&sockets, 2, webhook, 100)).collect();
        assert_eq!(second.len(), 15, "the next one half of the rest");
        drop((first, others, second));
        assert_eq!(take(&sockets, 3, 1, 100).len(), 20, "all are free again");
        assert_eq!(sockets.state().free, 60);
    }

    #[tokio::test]
    async fn p9_who_waits_gets_what_is_given_back_and_who_is_gone_keeps_nothing() {
        let sockets = Sockets::new(2);
        let (workspace, webhook) = (WorkspaceId(Uuid::from_u128(1)), WebhookId(Uuid::from_u128(1)));
        let held = sockets.acquire(workspace, webhook).await;
        assert!(sockets.acquire(workspace, webhook).now_or_never().is_none(), "the other is for another workspace");
        let waiting = tokio::spawn({
            let sockets = sockets.clone();
            async move { sockets.acquire(workspace, webhook).await }
        });
        tokio::task::yield_now().await;
        drop(held);
        let held = waiting.await.unwrap();
        assert_eq!(take(&sockets, 2, 1, 5).len(), 1, "the other one is still there");
        drop(held);
    }
}
