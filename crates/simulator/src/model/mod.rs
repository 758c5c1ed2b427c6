//! What must stand: the sum of the claims of everything that was answered 200, in whatever order and however often.

mod ladder;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

pub use self::ladder::Ladders;
use crate::claim::{Claim, Kind, Must, Stamp, Token};

/// A thing that must stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What it is.
    pub kind: Kind,
    /// The ways in which it is found.
    pub names: BTreeSet<String>,
    /// Each member with its newest version and what it may be.
    pub members: BTreeMap<&'static str, (Stamp, Vec<Must>)>,
    /// Whether it was told itself: a message that only reports tell of is stood in for (OR-9), a contact that they
    /// mention may be there.
    pub told: bool,
    /// Whether it was deleted.
    pub gone: bool,
    /// What was reported on it.
    pub ladders: Ladders,
}

impl Expected {
    fn new(kind: Kind) -> Self {
        let (names, members) = (BTreeSet::new(), BTreeMap::new());
        Self { kind, names, members, told: false, gone: false, ladders: Ladders::default() }
    }

    /// How people are told which one is meant.
    #[must_use]
    pub fn name(&self) -> String {
        self.names.iter().map(String::as_str).collect::<Vec<_>>().join(" = ")
    }

    /// The text that a member must be, where it must be one.
    #[must_use]
    pub fn text(&self, member: &str) -> Option<&str> {
        match self.members.get(member)?.1.as_slice() {
            [Must::Be(Value::String(text))] => Some(text),
            _ => None,
        }
    }

    /// The newest version wins; under equal versions any value beats none (OB-10), and of two values either will do.
    fn take(&mut self, member: &'static str, stamp: Stamp, must: &[Must]) {
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
        for (member, (stamp, must)) in other.members {
            self.take(member, stamp, &must);
        }
        self.ladders.absorb(other.ladders);
    }
}

/// Everything that must stand.
#[derive(Debug, Clone, Default)]
pub struct Model {
    places: HashMap<(Kind, String), usize>,
    /// One without names was found to be the same as another.
    entities: Vec<Expected>,
    logged: BTreeSet<(&'static str, Token)>,
}

impl Model {
    /// Takes in what an acknowledged event claims. Repeats and order make no difference.
    pub fn acknowledge(&mut self, claims: &[Claim]) {
        for claim in claims {
            match claim {
                Claim::Told { kind, names, stamp, members } => {
                    let entity = self.entity(*kind, names);
                    entity.told |= *stamp >= (0, 0);
                    for (member, must) in members {
                        entity.take(member, *stamp, std::slice::from_ref(must));
                    }
                }
                Claim::Gone { kind, name } => self.entity(*kind, std::slice::from_ref(name)).gone = true,
                Claim::Reported { names, report } => {
                    let entity = self.entity(Kind::Message, names);
                    entity.gone |= report.deleted;
                    entity.ladders.take(report);
                }
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

    /// Everything that must stand once, or must not be shown any more.
    pub fn entities(&self) -> impl Iterator<Item = &Expected> {
        self.entities.iter().filter(|entity| !entity.names.is_empty())
    }

    /// Those of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Expected> {
        self.entities().filter(move |entity| entity.kind == kind)
    }

    /// The events that must have been raised, each once.
    #[must_use]
    pub fn logged(&self) -> &BTreeSet<(&'static str, Token)> {
        &self.logged
    }
}

#[cfg(test)]
mod tests;
