//! Bounds the requests and the bytes that a process holds at once. No workspace holds more than half of either (P11).
//! The queue of apply bounds its requests this way, and the door bounds the bodies that it receives.

use std::{collections::HashMap, sync::Arc};

use inlet_domain::{
    command::{Inbound, Reading},
    ids::WorkspaceId,
};
use parking_lot::Mutex;

/// The most memory of waiting requests, by [`weight`]. It is enough for a full queue of the requests that providers
/// document.
pub(crate) const MOST_BYTES: usize = 256 << 20;

/// Admits requests while there is room. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    most: Load,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    requests: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: Load,
    by: HashMap<WorkspaceId, Load>,
}

/// The room of an admitted request. Dropping the permit frees the room.
#[derive(Debug)]
pub struct Permit {
    workspace: WorkspaceId,
    bytes: usize,
    most: Load,
    taken: Arc<Mutex<Taken>>,
}

impl Admission {
    /// Admits up to this many requests and bytes.
    #[must_use]
    pub fn new(requests: usize, bytes: usize) -> Self {
        Self { most: Load { requests, bytes }, taken: Arc::default() }
    }

    /// Takes room for a request of `bytes`; `None` if there is none, or the workspace holds its half.
    #[must_use]
    pub fn take(&self, workspace: WorkspaceId, bytes: usize) -> Option<Permit> {
        // A request heavier than the half of its workspace is admitted if nothing else of the workspace waits.
        let load = Load { requests: 1, bytes: bytes.min(self.most.half().bytes) };
        let held = reserve(&self.taken, self.most, workspace, load);
        held.then(|| Permit { workspace, bytes: load.bytes, most: self.most, taken: Arc::clone(&self.taken) })
    }
}

impl Permit {
    /// The bytes that the permit holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more bytes; `false` if there is no room.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let held = reserve(&self.taken, self.most, self.workspace, Load { requests: 0, bytes });
        if held {
            self.bytes += bytes;
        }
        held
    }
}

fn reserve(taken: &Mutex<Taken>, most: Load, workspace: WorkspaceId, load: Load) -> bool {
    let mut taken = taken.lock();
    let of_workspace = taken.by.get(&workspace).copied().unwrap_or_default().with(load);
    let all = taken.all.with(load);
    if all.exceeds(most) || of_workspace.exceeds(most.half()) {
        return false;
    }
    taken.all = all;
    taken.by.insert(workspace, of_workspace);
    true
}

impl Load {
    fn half(self) -> Self {
        Self { requests: self.requests.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }

    fn with(self, more: Self) -> Self {
        Self { requests: self.requests.saturating_add(more.requests), bytes: self.bytes.saturating_add(more.bytes) }
    }

    fn without(self, bytes: usize) -> Self {
        Self { requests: self.requests - 1, bytes: self.bytes - bytes }
    }

    fn exceeds(self, most: Self) -> bool {
        self.requests > most.requests || self.bytes > most.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all = taken.all.without(self.bytes);
        if let Some(of_workspace) = taken.by.get_mut(&self.workspace) {
            *of_workspace = of_workspace.without(self.bytes);
            if of_workspace.requests == 0 {
                taken.by.remove(&self.workspace);
            }
        }
    }
}

/// About how much memory a request takes until its commit: the body as it came, serialised for the raw log, sealed, and
/// in the buffer to Postgres; and the commands, with the rows and events that come of them.
pub(crate) fn weight(inbound: &Inbound) -> usize {
    const COPIES_OF_RAW: usize = 5;
    const COPIES_OF_READ: usize = 2;
    let raw = &inbound.raw;
    let text: usize = raw.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let read = match &inbound.reading {
        Reading::Commands { weight, .. } => *weight,
        Reading::Unrecognised { .. } | Reading::Quarantined { .. } | Reading::Excessive { .. } => 0,
    };
    let raw = raw.body.len() + text + raw.query.as_ref().map_or(0, String::len);
    raw.saturating_mul(COPIES_OF_RAW).saturating_add(read.saturating_mul(COPIES_OF_READ))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use inlet_domain::{
        command::{BalanceReport, Command, Effect, IdempotencyKey, Purpose, RawRequest},
        ids::{InboundEventId, ProviderAccountId, SourceId},
    };

    const GREEDY: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
    const MODEST: WorkspaceId = WorkspaceId(Uuid::from_u128(2));

    #[test]
    fn p11_a_workspace_holds_at_most_half_and_places_come_free() {
        let admission = Admission::new(4, 100);
        let held: Vec<_> = (0..4).map_while(|_| admission.take(GREEDY, 1)).collect();
        assert_eq!(held.len(), 2);
        let other = admission.take(MODEST, 1);
        assert!(other.is_some());
        drop(held);
        assert!(admission.take(GREEDY, 1).is_some());
    }

    #[test]
    fn c4_a_request_weighs_what_it_became() {
        let inbound = |reading| Inbound {
            id: InboundEventId(Uuid::nil()),
            workspace: MODEST,
            source: SourceId(Uuid::nil()),
            account: ProviderAccountId(Uuid::nil()),
            received_at: DateTime::UNIX_EPOCH,
            event: None,
            raw: RawRequest { method: "POST".to_owned(), query: None, headers: Vec::new(), body: vec![b'x'; 1_000] },
            reading,
            purpose: Purpose::Receipt,
        };
        let balance = |firm: String| {
            let effect = Effect::Balance(BalanceReport { firm: Some(firm), units: None });
            Reading::of(vec![Command { key: IdempotencyKey::new("k", "1"), effect }], false)
        };
        let light = weight(&inbound(balance(String::new())));
        let heavy = weight(&inbound(balance("x".repeat(1_000_000))));
        assert_eq!(heavy - light, 2_000_000);
        assert_eq!(weight(&inbound(Reading::Quarantined { reason: String::new() })), 5_000);
    }

    #[test]
    fn p11_bytes_are_bounded_as_requests_are() {
        let admission = Admission::new(100, 100);
        let held: Vec<_> = (0..9).map_while(|_| admission.take(GREEDY, 20)).collect();
        assert_eq!(held.len(), 2);
        let heavy = admission.take(MODEST, 1_000_000);
        assert_eq!(heavy.as_ref().map(Permit::bytes), Some(50), "alone it goes through");
        assert!(admission.take(MODEST, 1).is_none());
        drop(heavy);
        assert!(admission.take(MODEST, 50).is_some());
    }

    #[test]
    fn p11_a_place_grows_as_long_as_there_is_room_and_gives_back_all() {
        let admission = Admission::new(usize::MAX, 100);
        let mut permit = admission.take(GREEDY, 0).unwrap();
        assert!(permit.grow(30) && permit.grow(20) && !permit.grow(1));
        let mut other = admission.take(MODEST, 0).unwrap();
        assert!(other.grow(50));
        assert!(!admission.take(MODEST, 0).unwrap().grow(1));
        drop(permit);
        assert!(admission.take(GREEDY, 0).unwrap().grow(50));
    }
}
