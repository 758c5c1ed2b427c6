//! Who is there, and who types in which conversation. It is of the moment and stands in no table: processes tell each
//! other by NOTIFY alone, and what is not renewed runs out (docs/adr/0011).
//!
//! What a process says it too takes in only as it hears it, so that all processes take in the same signals in the same
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

/// How often it looks for what has run out, and how long signals are gathered at the most.
const TICK: Duration = Duration::from_millis(250);

/// How long signals are gathered at the least.
const GATHER: Duration = Duration::from_millis(25);

/// Changes that a follower may be behind; beyond it, it gets all anew.
const FAN_OUT: usize = 256;

/// How long it is remembered, and how much of it.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// How long typing lasts unless it is said again.
    pub typing: TimeDelta,
    /// How long an availability lasts unless it is renewed.
    pub availability: TimeDelta,
    /// How often a process renews it for the members who follow there.
    pub heartbeat: TimeDelta,
    /// The most that is remembered, of all workspaces; what is new beyond it is refused.
    pub most: usize,
    /// How often a member may say something within [`PresenceConfig::window`], through one process.
    pub budget: u32,
    /// See there.
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

/// What processes tell each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Declared { workspace: WorkspaceId, member: MemberId, status: Availability, id: u64 },
    Renewed { workspace: WorkspaceId, member: MemberId, status: Availability, id: u64 },
    Typing { workspace: WorkspaceId, member: MemberId, conversation: ConversationId, is_typing: bool },
}

/// What a later signal makes up for: of the same key only the last is sent.
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

/// What is to be seen of a signal, or of its running out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A member came, went, or is away.
    Availability {
        /// Who.
        member: MemberId,
        /// What they are now.
        status: Availability,
    },
    /// A member began or ceased to type.
    Typing {
        /// Who.
        member: MemberId,
        /// Where.
        conversation: ConversationId,
        /// Whether they type.
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

/// All that is known of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Who is online or away.
    pub available: Vec<(MemberId, Availability)>,
    /// Who types where.
    pub typing: Vec<(MemberId, ConversationId)>,
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// All there is: what was told before counts no more.
    Snapshot(Snapshot),
    /// A change.
    Change(Change),
}

/// What this process knows. Cheap to clone.
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
    /// How many follow for each member: those are renewed.
    held: HashMap<(WorkspaceId, MemberId), usize>,
    /// What was declared through this process, and until when it lasts by itself: it answers for that.
    own: HashMap<(WorkspaceId, MemberId), (u64, DateTime<Utc>)>,
    followers: HashMap<WorkspaceId, broadcast::Sender<Change>>,
    spent: HashMap<(WorkspaceId, MemberId), (DateTime<Utc>, u32)>,
    beat_at: Option<DateTime<Utc>>,
}

impl Presence {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(ambient: Ambient, config: PresenceConfig) -> Self {
        Self { inner: Arc::new(Inner { ambient, config, state: Mutex::default(), news: Notify::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock()
    }

    /// A member says whether they can be reached. It lasts for a minute, and as long as they follow somewhere.
    ///
    /// # Errors
    /// `RateLimited` where they say too much.
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

    /// A member types, or ceases to. It lasts for some seconds.
    ///
    /// # Errors
    /// `RateLimited` where they say too much.
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

    /// Takes one from what a member may say.
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
        // A renewal never stands in for what was declared anew and has not left yet.
        match (signal, state.pending.get(&signal.key())) {
            (Signal::Renewed { .. }, Some(_)) => {}
            _ => {
                state.pending.insert(signal.key(), signal);
            }
        }
        self.inner.news.notify_one();
    }

    /// What a member is now.
    #[must_use]
    pub fn of(&self, scope: Scope, member: MemberId) -> Availability {
        let declared = self.state().board.declared(scope.workspace(), member);
        declared.map_or(Availability::Offline, |declared| declared.status)
    }

    /// All that is known, then every change. While it is followed for a member, what they declared is renewed.
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
                // What was missed, or has not been told yet, is in it.
                Some(Err(RecvError::Lagged(_))) | None => {
                    let state = hold.presence.state();
                    changes = changes.resubscribe();
                    Update::Snapshot(state.board.snapshot(workspace))
                }
            };
            Some((update, (hold, changes, false)))
        })
    }

    /// Reads a NOTIFY payload; what does not parse is passed over.
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

    /// Asks the other processes for what they know: nothing was heard for some time.
    pub fn ask(&self) {
        self.state().asks = true;
        self.inner.news.notify_one();
    }

    /// Tells what was declared here, and of whom it holds.
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

    /// Forgets what has run out, renews what is due, and gives what is to be sent.
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

    /// Sends what is said here, gathered, and lets run out what is not renewed, until `stop`.
    pub async fn run(self, database: Database, stop: CancellationToken) {
        loop {
            let payloads = self.tick();
            if !payloads.is_empty() {
                let told = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
                    .bind(CHANNEL)
                    .bind(payloads)
                    .execute(&database.pool)
                    .await;
                if let Err(error) = told {
                    tracing::warn!(%error, "could not tell who is there and who types; it is said again or runs out");
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
            // Without followers there is no one to tell.
            let _ = followers.send(change);
        }
    }
}

/// That someone follows for a member.
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
