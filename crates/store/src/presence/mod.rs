//! Presence: which members are available, and who types in which conversation. No table holds it. Processes tell each
//! other by NOTIFY alone, and an entry that nobody renews runs out (docs/adr/0011).
//!
//! A process takes its own signals in only when it hears them back, so that all processes take in the signals in one
//! order.

mod board;
mod wire;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{Stream, stream};
use inlet_domain::{
    ambient::Ambient,
    ids::{ConversationId, MemberId, WorkspaceId},
    model::member::Availability,
    scope::Scope,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{
    Notify,
    broadcast::{self, error::RecvError},
};
use tokio_util::sync::CancellationToken;

use self::board::Board;
use crate::{database::Database, error::StoreError};

/// The NOTIFY channel.
pub const CHANNEL: &str = "inlet_presence";

/// How often a process looks for entries that have run out, and the longest time that it gathers signals.
const TICK: Duration = Duration::from_millis(250);

/// The shortest time that a process gathers signals.
const GATHER: Duration = Duration::from_millis(25);

/// How many changes a follower may be behind. Beyond it the follower gets a new snapshot.
const FAN_OUT: usize = 256;

/// How long presence lasts, and how much of it a process remembers.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// How long typing lasts without a renewal.
    pub typing: TimeDelta,
    /// How long an availability lasts without a renewal.
    pub availability: TimeDelta,
    /// How often a process renews the availability of the members who follow it.
    pub heartbeat: TimeDelta,
    /// The most entries of all workspaces. The board refuses new entries beyond it.
    pub most: usize,
    /// How many signals a member may send through one process within [`PresenceConfig::window`].
    pub budget: u32,
    /// The time within which `budget` counts.
    pub window: TimeDelta,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            typing: TimeDelta::seconds(6),
            availability: TimeDelta::seconds(60),
            heartbeat: TimeDelta::seconds(20),
            most: 100_000,
            budget: 30,
            window: TimeDelta::seconds(10),
        }
    }
}

/// A message between processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Declared { workspace: WorkspaceId, member: MemberId, status: Availability, id: u64 },
    Renewed { workspace: WorkspaceId, member: MemberId, status: Availability, id: u64 },
    Typing { workspace: WorkspaceId, member: MemberId, conversation: ConversationId, is_typing: bool },
}

/// The key of a signal. A process sends only the last of the gathered signals of one key.
type Key = (WorkspaceId, MemberId, Option<ConversationId>);

impl Signal {
    fn key(self) -> Key {
        match self {
            Self::Declared { workspace, member, .. } | Self::Renewed { workspace, member, .. } => {
                (workspace, member, None)
            }
            Self::Typing { workspace, member, conversation, .. } => (workspace, member, Some(conversation)),
        }
    }
}

/// A change that followers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A member is online, away or offline now.
    Availability {
        /// The member.
        member: MemberId,
        /// The new availability.
        status: Availability,
    },
    /// A member has begun or ceased to type.
    Typing {
        /// The member.
        member: MemberId,
        /// The conversation that the member types in.
        conversation: ConversationId,
        /// Whether the member types now.
        is_typing: bool,
    },
}

impl Change {
    fn of_availability(member: MemberId, before: Option<Availability>, status: Availability) -> Vec<Self> {
        match before.unwrap_or(Availability::Offline) == status {
            true => Vec::new(),
            false => vec![Self::Availability { member, status }],
        }
    }
}

/// The presence of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The members who are online or away.
    pub available: Vec<(MemberId, Availability)>,
    /// The members who type, each with the conversation.
    pub typing: Vec<(MemberId, ConversationId)>,
}

/// An update for a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The whole presence: it replaces all earlier updates.
    Snapshot(Snapshot),
    /// A change of the last snapshot.
    Change(Change),
}

/// The presence as this process knows it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Presence {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ambient: Ambient,
    config: PresenceConfig,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    board: Board,
    pending: HashMap<Key, Signal>,
    asks: bool,
    /// How many followers each member has: the process renews these members.
    held: HashMap<(WorkspaceId, MemberId), usize>,
    /// The declarations made through this process, and until when each lasts without a renewal. The process answers for
    /// them when another one asks.
    own: HashMap<(WorkspaceId, MemberId), (u64, DateTime<Utc>)>,
    followers: HashMap<WorkspaceId, broadcast::Sender<Change>>,
    spent: HashMap<(WorkspaceId, MemberId), (DateTime<Utc>, u32)>,
    beat_at: Option<DateTime<Utc>>,
}

impl Presence {
    /// Begins without any presence.
    #[must_use]
    pub fn new(ambient: Ambient, config: PresenceConfig) -> Self {
        Self { inner: Arc::new(Inner { ambient, config, state: Mutex::default(), news: Notify::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock()
    }

    /// Declares the availability of a member. It lasts for a minute, and as long as the member follows a process.
    ///
    /// # Errors
    /// `RateLimited` if the member sends too many signals.
    pub fn declare(&self, scope: Scope, member: MemberId, status: Availability) -> Result<(), StoreError> {
        let workspace = scope.workspace();
        let [.., a, b, c, d, e, f, g, h] = *self.inner.ambient.uuid().as_bytes();
        let id = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let mut state = self.spend(workspace, member)?;
        let until = self.inner.ambient.now() + self.inner.config.availability;
        state.own.insert((workspace, member), (id, until));
        self.send(&mut state, Signal::Declared { workspace, member, status, id });
        Ok(())
    }

    /// Says that a member types, or has ceased to type. Typing lasts for some seconds.
    ///
    /// # Errors
    /// `RateLimited` if the member sends too many signals.
    pub fn type_in(
        &self,
        scope: Scope,
        member: MemberId,
        conversation: ConversationId,
        is_typing: bool,
    ) -> Result<(), StoreError> {
        let workspace = scope.workspace();
        let mut state = self.spend(workspace, member)?;
        self.send(&mut state, Signal::Typing { workspace, member, conversation, is_typing });
        Ok(())
    }

    /// Takes one signal from the budget of a member.
    fn spend(&self, workspace: WorkspaceId, member: MemberId) -> Result<MutexGuard<'_, State>, StoreError> {
        let (now, config) = (self.inner.ambient.now(), &self.inner.config);
        let mut state = self.state();
        let (since, spent) = state.spent.entry((workspace, member)).or_insert((now, 0));
        if now - *since >= config.window {
            (*since, *spent) = (now, 0);
        }
        if *spent >= config.budget {
            let left = (*since + config.window - now).to_std().unwrap_or_default();
            return Err(StoreError::RateLimited { retry_after: left });
        }
        *spent += 1;
        Ok(state)
    }

    fn send(&self, state: &mut State, signal: Signal) {
        // A renewal must not replace a new declaration that waits to be sent.
        match (signal, state.pending.get(&signal.key())) {
            (Signal::Renewed { .. }, Some(_)) => {}
            _ => {
                state.pending.insert(signal.key(), signal);
            }
        }
        self.inner.news.notify_one();
    }

    /// The availability of a member now.
    #[must_use]
    pub fn of(&self, scope: Scope, member: MemberId) -> Availability {
        let declared = self.state().board.declared(scope.workspace(), member);
        declared.map_or(Availability::Offline, |declared| declared.status)
    }

    /// A snapshot, then every change. While the stream of a member lives, the process renews what the member declared.
    pub fn follow(&self, scope: Scope, member: Option<MemberId>) -> impl Stream<Item = Update> + Send + use<> {
        let workspace = scope.workspace();
        let mut state = self.state();
        if let Some(member) = member {
            *state.held.entry((workspace, member)).or_default() += 1;
        }
        let changes = state.followers.entry(workspace).or_insert_with(|| broadcast::Sender::new(FAN_OUT)).subscribe();
        let hold = Hold { presence: self.clone(), held: member.map(|member| (workspace, member)) };
        drop(state);
        stream::unfold((hold, changes, true), move |(hold, mut changes, is_first)| async move {
            let update = if is_first { None } else { Some(changes.recv().await) };
            let update = match update {
                Some(Ok(change)) => Update::Change(change),
                Some(Err(RecvError::Closed)) => return None,
                // The snapshot holds the changes that the follower missed.
                Some(Err(RecvError::Lagged(_))) | None => {
                    let state = hold.presence.state();
                    changes = changes.resubscribe();
                    Update::Snapshot(state.board.snapshot(workspace))
                }
            };
            Some((update, (hold, changes, false)))
        })
    }

    /// Takes in the signals of a NOTIFY payload. Skips a signal that does not parse.
    pub fn hear(&self, payload: &str) {
        let now = self.inner.ambient.now();
        let mut state = self.state();
        if payload == wire::ASK {
            self.answer(&mut state);
            return;
        }
        for signal in payload.split(',').filter_map(wire::read) {
            for change in state.board.hear(signal, now, &self.inner.config) {
                state.tell(signal.key().0, change);
            }
        }
    }

    /// Asks the other processes for their presence. Call it after a time without NOTIFYs.
    pub fn ask(&self) {
        self.state().asks = true;
        self.inner.news.notify_one();
    }

    /// Answers another process: renews the members that this process answers for.
    fn answer(&self, state: &mut State) {
        let of: Vec<_> = state.own.keys().chain(state.held.keys()).copied().collect();
        self.renew(state, &of);
    }

    fn renew(&self, state: &mut State, of: &[(WorkspaceId, MemberId)]) {
        for (workspace, member) in of.iter().copied() {
            if let Some(known) = state.board.declared(workspace, member)
                && known.status != Availability::Offline
            {
                self.send(state, Signal::Renewed { workspace, member, status: known.status, id: known.id });
            }
        }
    }

    /// Forgets the entries that have run out, and renews those that are due. Returns the payloads to send.
    fn tick(&self) -> Vec<String> {
        let (now, config) = (self.inner.ambient.now(), &self.inner.config);
        let mut state = self.state();
        for (workspace, change) in state.board.expire(now) {
            state.tell(workspace, change);
        }
        if state.beat_at.is_none_or(|at| now >= at) {
            state.beat_at = Some(now + config.heartbeat);
            let held: Vec<_> = state.held.keys().copied().collect();
            self.renew(&mut state, &held);
            let State { own, board, spent, followers, .. } = &mut *state;
            own.retain(|(workspace, member), (id, until)| {
                now < *until || board.declared(*workspace, *member).is_some_and(|it| it.id == *id)
            });
            spent.retain(|_, (since, _)| now - *since < config.window);
            followers.retain(|_, sender| sender.receiver_count() > 0);
        }
        let asks = std::mem::take(&mut state.asks).then(|| wire::ASK.to_owned());
        let signals: Vec<String> = state.pending.drain().map(|(_, signal)| wire::write(signal)).collect();
        asks.into_iter().chain(wire::payloads(signals.into_iter())).collect()
    }

    /// Sends the gathered signals of this process, and forgets the entries that have run out, until `stop`.
    pub async fn run(self, database: Database, stop: CancellationToken) {
        loop {
            let payloads = self.tick();
            if !payloads.is_empty() {
                let told = sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) given(payload)")
                    .bind(CHANNEL)
                    .bind(payloads)
                    .execute(&database.pool)
                    .await;
                if let Err(error) = told {
                    tracing::warn!(%error, "could not tell the other processes who is available and who types; members renew it, or it runs out");
                }
            }
            let rest = async {
                let _ = tokio::time::timeout(TICK, self.inner.news.notified()).await;
                tokio::time::sleep(GATHER).await;
            };
            if stop.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }
}

impl State {
    fn tell(&self, workspace: WorkspaceId, change: Change) {
        if let Some(followers) = self.followers.get(&workspace) {
            // The send fails if nobody follows; ignore it.
            let _ = followers.send(change);
        }
    }
}

/// Counts a follower of a member until it is dropped.
struct Hold {
    presence: Presence,
    held: Option<(WorkspaceId, MemberId)>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(held) = self.held else { return };
        let mut state = self.presence.state();
        if let Some(count) = state.held.get_mut(&held) {
            *count -= 1;
            if *count == 0 {
                state.held.remove(&held);
            }
        }
    }
}

#[cfg(test)]
mod tests;
