//! How many sockets and streams are open, for each credential and in all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use inlet_domain::{scope::Actor, store::credentials::Viewer};

/// What a place is counted under: everything that one member or one key has open.
type Holder = (inlet_domain::ids::WorkspaceId, Actor);

/// The places of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    most_each: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<Holder, usize>,
}

/// A place in the process, and once it is known who holds it, one among theirs. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    holder: Option<Holder>,
}

impl Places {
    /// `most` in all, `most_each` for each member and each key.
    #[must_use]
    pub fn new(most: usize, most_each: usize) -> Self {
        Self { taken: Arc::default(), most, most_each }
    }

    /// One place, where there is one.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return None;
        }
        taken.all += 1;
        metrics::gauge!("inlet_live_connections").increment(1.0);
        Some(Place { places: self.clone(), holder: None })
    }
}

impl Place {
    /// Counts it under whom it belongs to. False where they have as many as they may.
    #[must_use]
    pub fn belongs_to(&mut self, viewer: &Viewer) -> bool {
        let holder = (viewer.scope.workspace(), viewer.actor);
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.each.entry(holder).or_default();
        if *theirs >= self.places.most_each {
            return false;
        }
        *theirs += 1;
        drop(taken);
        self.holder = Some(holder);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        metrics::gauge!("inlet_live_connections").decrement(1.0);
        if let Some(holder) = self.holder
            && let Some(theirs) = taken.each.get_mut(&holder)
        {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                taken.each.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use inlet_domain::{
        ids::{MemberId, WorkspaceId},
        scope::Scope,
        store::credentials::Grant,
    };
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
        let places = Places::new(3, 2);
        let mut held: Vec<Place> = (0..3).filter_map(|_| places.take()).collect();
        assert!(held.len() == 3 && places.take().is_none());
        assert!(held[0].belongs_to(&viewer(1)) && held[1].belongs_to(&viewer(1)) && !held[2].belongs_to(&viewer(1)));
        assert!(held[2].belongs_to(&viewer(2)), "another's are not counted with theirs");
        held.remove(0);
        let mut next = places.take().unwrap();
        assert!(next.belongs_to(&viewer(1)));
        drop((held, next));
        let taken = places.taken.lock().unwrap();
        assert!(taken.all == 0 && taken.each.is_empty());
    }
}
