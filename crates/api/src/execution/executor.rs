//! Runs operations on threads of their own, so that they do not delay providers' requests, and in turns, so that no
//! client takes all threads.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::IpAddr,
    num::NonZeroUsize,
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use inlet_domain::{ids::WorkspaceId, scope::Actor};
use inlet_store::records::audit::Origin;
use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    access::credential::Credential,
    error::{ApiError, ErrorCode},
};

/// Operations of one holder that run at once. Each operation also uses some pool connections.
const MOST_EACH: usize = 4;
/// Operations that run at once on each thread.
const MOST_A_THREAD: usize = 12;
/// Operations of one holder that wait for a turn.
const MOST_WAITING: usize = 256;
/// Nice value of the threads (`man 2 setpriority`): requests of providers come first.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Holder of turns: their operations are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// One member or API key.
    Credential(WorkspaceId, Actor),
    /// Clients without a credential from one address.
    Stranger(Option<IpAddr>),
}

impl Holder {
    /// The credential of a request, or the address of a request without one.
    #[must_use]
    pub fn of(credential: Option<&Credential>, origin: &Origin) -> Self {
        match credential {
            Some(credential) => Self::Credential(credential.viewer.scope.workspace(), credential.viewer.actor),
            None => Self::Stranger(origin.client),
        }
    }
}

/// The threads of a process. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    threads: Arc<Threads>,
    turns: Turns,
}

struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // Do not drop a runtime on a thread of another runtime: shut it down in the background.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Executor {
    /// Starts one thread less than there are cores, and at least one.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = cores.saturating_sub(1).max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("graphql")
            .on_thread_start(step_back)
            .enable_all()
            .build()?;
        Ok(Self { threads: Arc::new(Threads(Some(runtime))), turns: Turns::new(threads * MOST_A_THREAD, MOST_EACH) })
    }

    /// Runs work when its turn comes, if that is before the deadline. The work ends when its caller is dropped.
    ///
    /// # Errors
    /// `OVERLOADED` if too many operations of the holder wait, or no turn comes in time; `INTERNAL` if the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        holder: Holder,
        until: Instant,
        work: BoxFuture<'static, T>,
    ) -> Result<T, ApiError> {
        let no_turn = |_| {
            ApiError::overloaded(
                "the server is busy, and the operation did not start in time: retry after `retryAfter` seconds",
                1,
            )
        };
        let turn = timeout_at(until, self.turns.wait(holder)).await.map_err(no_turn)??;
        let in_turn = async move {
            let _turn = turn;
            work.await
        };
        self.spawn(in_turn.boxed()).await
    }

    /// Runs work at once: the rendering of events.
    ///
    /// # Errors
    /// `INTERNAL` if it panicked.
    pub async fn spawn<T: Send + 'static>(&self, work: BoxFuture<'static, T>) -> Result<T, ApiError> {
        let gone = || {
            ApiError::new(
                ErrorCode::Internal,
                "the server failed at this operation: its operator finds the cause in the server's log by `requestId`",
            )
        };
        let runtime = self.threads.0.as_ref().ok_or_else(gone)?;
        AbortOnDropHandle::new(runtime.spawn(work)).await.map_err(|_| gone())
    }
}

fn step_back() {
    // Linux has a priority for each thread. If the system refuses it, the threads keep the normal one.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Permits to run: a maximum in all and for each holder. Waiting holders take turns.
#[derive(Debug, Clone)]
struct Turns {
    state: Arc<Mutex<State>>,
    most: usize,
    most_each: usize,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    shares: HashMap<Holder, Share>,
    /// The holders with waiting operations, the next one first.
    line: VecDeque<Holder>,
}

#[derive(Debug, Default)]
struct Share {
    running: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// A turn. It ends when this is dropped.
#[derive(Debug)]
struct Turn {
    turns: Turns,
    holder: Holder,
}

impl Turns {
    fn new(most: usize, most_each: usize) -> Self {
        Self { state: Arc::default(), most, most_each }
    }

    async fn wait(&self, holder: Holder) -> Result<Turn, ApiError> {
        let turn = {
            let mut state = self.state.lock();
            let State { running, shares, line } = &mut *state;
            let share = shares.entry(holder).or_default();
            if *running < self.most && share.running < self.most_each && share.waiting.is_empty() {
                *running += 1;
                share.running += 1;
                return Ok(Turn { turns: self.clone(), holder });
            }
            if share.waiting.len() >= MOST_WAITING {
                return Err(ApiError::overloaded("too many operations of this credential wait: send fewer at once", 1));
            }
            let (sender, turn) = oneshot::channel();
            if share.waiting.is_empty() {
                line.push_back(holder);
            }
            share.waiting.push_back(sender);
            turn
        };
        // The sender is dropped only with the executor.
        turn.await.map_err(|_| ApiError::overloaded("the server is shutting down: retry", 1))
    }

    /// Takes the operations whose turn it is out of the line.
    fn next(&self) -> Vec<(oneshot::Sender<Turn>, Holder)> {
        let mut state = self.state.lock();
        let State { running, shares, line } = &mut *state;
        let mut called = Vec::new();
        for _ in 0..line.len() {
            if *running >= self.most {
                break;
            }
            let Some(holder) = line.pop_front() else { break };
            let Some(share) = shares.get_mut(&holder) else { continue };
            if share.running < self.most_each
                && let Some(sender) = share.waiting.pop_front()
            {
                *running += 1;
                share.running += 1;
                called.push((sender, holder));
            }
            if !share.waiting.is_empty() {
                line.push_back(holder);
            }
        }
        called
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = self.turns.state.lock();
            state.running = state.running.saturating_sub(1);
            if let Some(share) = state.shares.get_mut(&self.holder) {
                share.running = share.running.saturating_sub(1);
                if share.running == 0 && share.waiting.is_empty() {
                    state.shares.remove(&self.holder);
                }
            }
        }
        // If the waiter is gone, the turn returns by itself.
        for (sender, holder) in self.turns.next() {
            let _ = sender.send(Turn { turns: self.turns.clone(), holder });
        }
    }
}

#[cfg(test)]
mod tests {
    use inlet_domain::ids::ApiKeyId;
    use uuid::Uuid;

    use super::*;

    fn holder(number: u128) -> Holder {
        Holder::Credential(WorkspaceId(Uuid::from_u128(1)), Actor::ApiKey(ApiKeyId(Uuid::from_u128(number))))
    }

    #[tokio::test]
    async fn b2_p11_nobody_takes_all_turns_and_those_who_wait_come_one_after_the_other() {
        let turns = Turns::new(3, 2);
        let mut held = vec![turns.wait(holder(1)).await.unwrap(), turns.wait(holder(1)).await.unwrap()];
        let mut greedy: Vec<_> = (0..4).map(|_| Box::pin(turns.wait(holder(1)))).collect();
        for waiting in &mut greedy {
            assert!(waiting.now_or_never().is_none(), "it has its share");
        }
        let other = turns.wait(holder(2)).await.unwrap();
        let mut modest = Box::pin(turns.wait(holder(2)));
        assert!((&mut modest).now_or_never().is_none(), "all are taken");

        held.pop();
        let first = (&mut greedy[0]).now_or_never().expect("who waited longest").unwrap();
        assert!((&mut modest).now_or_never().is_none());
        drop(first);
        let second = (&mut modest).now_or_never().expect("then the other").unwrap();
        drop((held, other, second));
        for waiting in &mut greedy[1..3] {
            assert!(waiting.now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn c2_who_gets_no_turn_in_time_is_told_so() {
        let executor = Executor::start().unwrap();
        let far = Instant::now() + std::time::Duration::from_secs(3_600);
        let all = executor.turns.most;
        let endless = |number| executor.run::<()>(holder(number), far, std::future::pending().boxed());
        let mut running: Vec<_> = (0..all as u128).map(|number| Box::pin(endless(number))).collect();
        for one in &mut running {
            assert!(one.now_or_never().is_none());
        }
        let late = executor.run(holder(9_999), Instant::now(), async {}.boxed()).await;
        assert_eq!(late.unwrap_err().code(), ErrorCode::Overloaded);
        running.pop();
        assert!(executor.run(holder(9_999), far, async {}.boxed()).await.is_ok());
    }

    #[tokio::test]
    async fn b2_who_goes_while_they_wait_takes_no_turn_along() {
        let turns = Turns::new(1, 1);
        let held = turns.wait(holder(1)).await.unwrap();
        let mut gone = Box::pin(turns.wait(holder(2)));
        assert!((&mut gone).now_or_never().is_none());
        let mut next = Box::pin(turns.wait(holder(3)));
        assert!((&mut next).now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!((&mut next).now_or_never().is_some());
        let state = turns.state.lock();
        assert!(state.line.is_empty() && !state.shares.contains_key(&holder(2)));
    }

    #[tokio::test]
    async fn p11_what_waits_is_bounded() {
        let turns = Turns::new(1, 1);
        let _held = turns.wait(holder(1)).await.unwrap();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| Box::pin(turns.wait(holder(1)))).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert_eq!(turns.wait(holder(1)).await.unwrap_err().code(), ErrorCode::Overloaded);
        assert!(turns.wait(holder(2)).now_or_never().is_none(), "another's place in the line is its own");
    }
}
