//! Limits on open WebSockets and event streams, for each credential and in all, and on WebSockets that wait for
//! `connection_init`.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use inlet_domain::{model::network, scope::Actor};
use inlet_store::records::credentials::Viewer;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// WebSockets that wait for `connection_init`. They have no permit yet; a credential gets one.
const MOST_WAITING: usize = 1_000;
/// Waiting WebSockets from one address.
const MOST_FROM_ONE: usize = 500;

/// The holder of permits: one member or API key.
type Occupant = (inlet_domain::ids::WorkspaceId, Actor);

/// Counts the connections of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    most_each: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<Occupant, usize>,
    waiting: usize,
    /// Waiting WebSockets by address, the oldest first.
    doors: HashMap<Option<IpAddr>, VecDeque<(u64, CancellationToken)>>,
    knocks: u64,
}

/// Reason why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The process has its maximum.
    All,
    /// The holder has its maximum.
    Holder,
}

/// A permit of the process and of its holder. It is free again when this is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limits: ConnectionLimits,
    holder: Occupant,
}

/// A WebSocket that waits for `connection_init`.
#[derive(Debug)]
pub struct Knock {
    limits: ConnectionLimits,
    from: Option<IpAddr>,
    number: u64,
    turned_away: CancellationToken,
}

impl ConnectionLimits {
    /// A limit for the process, and one for each member and API key.
    #[must_use]
    pub fn new(most: usize, most_each: usize) -> Self {
        Self { taken: Arc::default(), most, most_each }
    }

    /// Takes one permit.
    ///
    /// # Errors
    /// If the process or the holder has its maximum.
    pub fn take(&self, viewer: &Viewer) -> Result<ConnectionPermit, Full> {
        let holder = (viewer.scope.workspace(), viewer.actor);
        let mut taken = self.taken.lock();
        if taken.all >= self.most {
            return Err(Full::All);
        }
        let theirs = taken.each.entry(holder).or_default();
        if *theirs >= self.most_each {
            return Err(Full::Holder);
        }
        *theirs += 1;
        taken.all += 1;
        metrics::gauge!("inlet_live_connections").increment(1.0);
        Ok(ConnectionPermit { limits: self.clone(), holder })
    }

    /// Lets a WebSocket wait for `connection_init`. If too many wait, the oldest of the largest group by address is
    /// turned away: so a crowd delays only itself.
    #[must_use]
    pub fn knock(&self, client: Option<IpAddr>) -> Knock {
        let from = client.map(network::of);
        let mut taken = self.taken.lock();
        let same = taken.doors.get(&from).map_or(0, VecDeque::len);
        let crowd = if same >= MOST_FROM_ONE {
            Some(from)
        } else if taken.waiting >= MOST_WAITING {
            taken.doors.iter().max_by_key(|(_, waiting)| waiting.len()).map(|(from, _)| *from)
        } else {
            None
        };
        if let Some((_, first)) = crowd.and_then(|from| taken.doors.get_mut(&from)?.pop_front()) {
            first.cancel();
            taken.waiting -= 1;
            taken.doors.retain(|_, waiting| !waiting.is_empty());
        }
        taken.knocks += 1;
        taken.waiting += 1;
        let (number, turned_away) = (taken.knocks, CancellationToken::new());
        taken.doors.entry(from).or_default().push_back((number, turned_away.clone()));
        Knock { limits: self.clone(), from, number, turned_away }
    }
}

impl Knock {
    /// Resolves when the WebSocket must close.
    pub fn turned_away(&self) -> impl Future<Output = ()> + use<> {
        self.turned_away.clone().cancelled_owned()
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        let mut taken = self.limits.taken.lock();
        let Some(waiting) = taken.doors.get_mut(&self.from) else { return };
        let Ok(at) = waiting.binary_search_by_key(&self.number, |(number, _)| *number) else { return };
        waiting.remove(at);
        if waiting.is_empty() {
            taken.doors.remove(&self.from);
        }
        taken.waiting -= 1;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.limits.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        metrics::gauge!("inlet_live_connections").decrement(1.0);
        if let Some(theirs) = taken.each.get_mut(&self.holder) {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                taken.each.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use inlet_domain::{
        ids::{MemberId, WorkspaceId},
        scope::Scope,
    };
    use inlet_store::records::credentials::Grant;
    use uuid::Uuid;

    use super::*;

    fn viewer(number: u128) -> Viewer {
        Viewer {
            scope: Scope::of(WorkspaceId(Uuid::from_u128(1))),
            actor: Actor::Member(MemberId(Uuid::from_u128(number))),
            grant: Grant::Scopes(Vec::new()),
            session: None,
            expires_at: None,
        }
    }

    #[test]
    fn p11_places_are_bounded_and_come_back() {
        let limits = ConnectionLimits::new(3, 2);
        let mut held = vec![limits.take(&viewer(1)).unwrap(), limits.take(&viewer(1)).unwrap()];
        assert_eq!(limits.take(&viewer(1)).unwrap_err(), Full::Holder);
        held.push(limits.take(&viewer(2)).unwrap());
        assert_eq!(limits.take(&viewer(3)).unwrap_err(), Full::All);
        held.remove(0);
        held.push(limits.take(&viewer(1)).unwrap());
        drop(held);
        let taken = limits.taken.lock();
        assert!(taken.all == 0 && taken.each.is_empty());
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn b3_who_waits_takes_no_place_and_a_crowd_turns_itself_away() {
        let limits = ConnectionLimits::new(1, 1);
        let crowd: Vec<Knock> = (0..2 * MOST_FROM_ONE).map(|_| limits.knock(address(1))).collect();
        let is_gone = |knock: &Knock| knock.turned_away.is_cancelled();
        assert_eq!(crowd.iter().filter(|knock| is_gone(knock)).count(), MOST_FROM_ONE);
        assert!(is_gone(&crowd[0]) && !is_gone(crowd.last().unwrap()), "those who wait longest");
        let others: Vec<Knock> = (0..MOST_WAITING).map(|number| limits.knock(address(2 + number as u32))).collect();
        assert!(crowd.iter().all(is_gone) || others.iter().filter(|knock| is_gone(knock)).count() <= MOST_FROM_ONE);
        assert!(!is_gone(others.last().unwrap()));
        assert!(limits.take(&viewer(1)).is_ok());
        drop((crowd, others));
        let taken = limits.taken.lock();
        assert!(taken.waiting == 0 && taken.doors.is_empty());
    }
}
