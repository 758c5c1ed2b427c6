//! The expected state: the sum of the claims of all events that were answered 200, in any order and number.

mod ladder;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::ladder::Ladders;
use crate::claim::{Claim, Kind, Must, STOOD_IN, Stamp, TOLD, Token};

/// An expected object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The kind.
    pub kind: Kind,
    /// The names by which it is found.
    pub names: BTreeSet<String>,
    /// Each member with its newest version and its possible values.
    pub members: BTreeMap<&'static str, (Stamp, Vec<Must>)>,
    /// Whether an event described the object itself. A message that is known only from reports is a placeholder (OR-9).
    pub told: bool,
    /// Whether it was deleted.
    pub gone: bool,
    /// Until when the provider has deleted the person.
    pub forgotten: Option<DateTime<Utc>>,
    /// When the person wrote last, if a deletion could be later.
    pub wrote: Option<DateTime<Utc>>,
    /// The reports on the message.
    pub ladders: Ladders,
}

impl Expected {
    fn new(kind: Kind) -> Self {
        let (names, members) = (BTreeSet::new(), BTreeMap::new());
        let (forgotten, wrote) = (None, None);
        Self { kind, names, members, told: false, gone: false, forgotten, wrote, ladders: Ladders::default() }
    }

    /// Whether nothing shows it: it was deleted, or the provider deleted a person who did not write later.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone || self.forgotten.is_some_and(|until| self.wrote.is_none_or(|at| at <= until))
    }

    /// A description of the object for people.
    #[must_use]
    pub fn name(&self) -> String {
        self.names.iter().map(String::as_str).collect::<Vec<_>>().join(" = ")
    }

    /// The expected text of a member, if it is a fixed text.
    #[must_use]
    pub fn text(&self, member: &str) -> Option<&str> {
        match self.members.get(member)?.1.as_slice() {
            [Must::Be(Value::String(text))] => Some(text),
            _ => None,
        }
    }

    /// Records a value. The newest version wins. Under equal versions any value beats null (OB-10), and of two values
    /// either is right.
    fn take(&mut self, member: &'static str, stamp: Stamp, must: &[Must]) {
        if let [Must::BeEarliest(time)] = must {
            let known = self.members.entry(member).or_insert_with(|| (TOLD, vec![Must::BeEarliest(None)]));
            if let [Must::BeEarliest(known)] = known.1.as_mut_slice() {
                *known = [*known, *time].into_iter().flatten().min();
            }
            return;
        }
        let known = self.members.entry(member).or_insert_with(|| (stamp, Vec::new()));
        if stamp > known.0 {
            *known = (stamp, Vec::new());
        }
        if stamp < known.0 {
            return;
        }
        let is_null = |must: &Must| *must == Must::be_null();
        for must in must {
            if known.1.contains(must) || (is_null(must) && !known.1.is_empty()) {
                continue;
            }
            known.1.retain(|known| !is_null(known));
            known.1.push(must.clone());
        }
        known.1.sort_by_key(|must| format!("{must:?}"));
    }

    fn absorb(&mut self, other: Self) {
        self.names.extend(other.names);
        self.told |= other.told;
        self.gone |= other.gone;
        self.forgotten = self.forgotten.max(other.forgotten);
        self.wrote = self.wrote.max(other.wrote);
        for (member, (stamp, must)) in other.members {
            self.take(member, stamp, &must);
        }
        self.ladders.absorb(other.ladders);
    }
}

/// The whole expected state.
#[derive(Debug, Clone, Default)]
pub struct Model {
    places: HashMap<(Kind, String), usize>,
    /// An entry without names was merged into another.
    entities: Vec<Expected>,
    logged: BTreeSet<(&'static str, Token)>,
    unrecognised: BTreeSet<Token>,
}

impl Model {
    /// Adds the claims of an acknowledged event. Repeats and order make no difference.
    pub fn acknowledge(&mut self, claims: &[Claim]) {
        for claim in claims {
            match claim {
                Claim::Told { kind, names, stamp, members } => {
                    let entity = self.entity(*kind, names);
                    entity.told |= *stamp > STOOD_IN;
                    for (member, must) in members {
                        entity.take(member, *stamp, std::slice::from_ref(must));
                    }
                }
                Claim::Gone { kind, name } => self.entity(*kind, std::slice::from_ref(name)).gone = true,
                Claim::Forgotten { name, until } => {
                    let entity = self.entity(Kind::Contact, std::slice::from_ref(name));
                    entity.forgotten = entity.forgotten.max(Some(until.unwrap_or(DateTime::<Utc>::MAX_UTC)));
                }
                Claim::Wrote { name, at } => {
                    let entity = self.entity(Kind::Contact, std::slice::from_ref(name));
                    entity.wrote = entity.wrote.max(Some(*at));
                }
                Claim::Unrecognised { token } => {
                    self.unrecognised.insert(token.clone());
                }
                Claim::Reported { names, report } => self.entity(Kind::Message, names).ladders.take(report),
                Claim::Logged { kind, token } => {
                    self.logged.insert((kind, token.clone()));
                }
            }
        }
    }

    fn entity(&mut self, kind: Kind, names: &[String]) -> &mut Expected {
        let mut found: Vec<usize> =
            names.iter().filter_map(|name| self.places.get(&(kind, name.clone())).copied()).collect();
        found.sort_unstable();
        found.dedup();
        let place = *found.first().unwrap_or(&self.entities.len());
        if found.is_empty() {
            self.entities.push(Expected::new(kind));
        }
        for other in found.into_iter().skip(1) {
            let other = std::mem::replace(&mut self.entities[other], Expected::new(kind));
            for name in &other.names {
                self.places.insert((kind, name.clone()), place);
            }
            self.entities[place].absorb(other);
        }
        for name in names {
            self.places.insert((kind, name.clone()), place);
        }
        let entity = &mut self.entities[place];
        entity.names.extend(names.iter().cloned());
        entity
    }

    /// Every object that must exist once, or must be hidden.
    pub fn entities(&self) -> impl Iterator<Item = &Expected> {
        self.entities.iter().filter(|entity| !entity.names.is_empty())
    }

    /// The objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Expected> {
        self.entities().filter(move |entity| entity.kind == kind)
    }

    /// The events that must be raised once each.
    #[must_use]
    pub fn logged(&self) -> &BTreeSet<(&'static str, Token)> {
        &self.logged
    }

    /// The events that must be kept as unrecognised.
    #[must_use]
    pub fn unrecognised(&self) -> &BTreeSet<Token> {
        &self.unrecognised
    }
}

#[cfg(test)]
mod tests;
