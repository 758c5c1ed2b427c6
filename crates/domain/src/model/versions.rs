//! Versioned members (OB-10): a provider's partial updates have one result in any order, member by member.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;

use crate::json;

/// A report's change of a provider's entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The provider created it.
    Created,
    /// The provider changed or created it (upsert).
    Updated,
    /// The provider deleted it: Inlet hides it and keeps its history.
    Deleted,
}

/// The version of a provider's entity in a report. For each member the greatest version wins, in the order of these
/// fields: deleted over updated over created, a reported time over none, then the time. An arrival is compared only
/// with other arrivals, never with the provider's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The change.
    pub change: Change,
    /// Whether the provider reported the time.
    pub told: bool,
    /// The reported time, else the arrival.
    pub at: DateTime<Utc>,
}

impl Version {
    /// The version of a change at the reported time, else at its arrival.
    #[must_use]
    pub fn new(change: Change, told: Option<DateTime<Utc>>, arrived: DateTime<Utc>) -> Self {
        Self { change, told: told.is_some(), at: told.unwrap_or(arrived) }
    }
}

/// For each member that a versioned update has set: the version that set it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, Set>);

/// The state of a set member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Set {
    at: DateTime<Utc>,
    rank: u8,
    /// A mark of the request that set it.
    writer: u32,
    /// Marks of the accounts that reported the current value, for members that need it. Rows of earlier versions have
    /// none.
    tellers: Vec<u32>,
    /// The value, for members without a column.
    kept: Option<String>,
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.tellers.as_slice(), &self.kept) {
            ([], None) => (self.at, self.rank, self.writer).serialize(serializer),
            (tellers, None) => (self.at, self.rank, self.writer, tellers).serialize(serializer),
            (tellers, kept) => (self.at, self.rank, self.writer, tellers, kept).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Stored)
    }
}

/// Reads the form that [`Set`] writes. The last two items may be missing.
struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Set;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a time, a rank and a writer")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Set, A::Error> {
        let missing = |place: usize| serde::de::Error::invalid_length(place, &Self);
        Ok(Set {
            at: seq.next_element()?.ok_or_else(|| missing(0))?,
            rank: seq.next_element()?.ok_or_else(|| missing(1))?,
            writer: seq.next_element()?.ok_or_else(|| missing(2))?,
            tellers: seq.next_element()?.unwrap_or_default(),
            kept: seq.next_element::<Option<String>>()?.flatten(),
        })
    }
}

/// The version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The version.
    pub version: Version,
    /// A mark of the request.
    pub writer: u32,
    /// Whether the request is a replay, which may overwrite its own values.
    pub again: bool,
    /// A mark of the account that reports, for members that need it.
    pub teller: Option<u32>,
}

impl Stamp {
    /// The order of [`Version`]: first the change and whether its time was reported, then the time.
    fn order(&self) -> (u8, DateTime<Utc>) {
        let rank = match self.version.change {
            Change::Created => CREATED,
            Change::Updated => UPDATED,
            Change::Deleted => DELETED,
        };
        (rank + u8::from(self.version.told), self.version.at)
    }
}

/// The ranks of changes at their arrival. A change with a reported time ranks one higher.
const CREATED: u8 = 10;
const UPDATED: u8 = 20;
const DELETED: u8 = 30;
/// The rank of a value that a member of the workspace wrote: above every provider's.
const STAFF: u8 = u8::MAX;

/// The rank in today's order. Ranks below 10 come from rows of earlier versions, which count as reported times.
fn ranked(stored: u8) -> u8 {
    if stored < CREATED { CREATED + 10 * stored + 1 } else { stored }
}

impl Versions {
    /// Whether a member takes the new value. The newest version wins. Under equal versions the greater value wins, and
    /// any value wins over none.
    pub fn accepts(&mut self, member: &str, stamp: Stamp, current: &Value, new: &Value) -> bool {
        let (rank, at) = stamp.order();
        let is_same = current == new;
        let mut tellers = Vec::new();
        if let Some(known) = self.0.get_mut(member) {
            let is_newer = match (ranked(known.rank), known.at).cmp(&(rank, at)) {
                Ordering::Greater => false,
                Ordering::Equal if stamp.again && known.writer == stamp.writer => true,
                Ordering::Equal => is_greater(new, current),
                Ordering::Less => true,
            };
            if is_same && known.rank != STAFF {
                // An account that reports the current value counts as its reporter too.
                known.tellers.extend(stamp.teller.filter(|teller| !known.tellers.contains(teller)));
                tellers.clone_from(&known.tellers);
            }
            if !is_newer {
                return false;
            }
        }
        if tellers.is_empty() {
            tellers.extend(stamp.teller);
        }
        self.0.insert(member.to_owned(), Set { at, rank, writer: stamp.writer, tellers, kept: None });
        true
    }

    /// Takes a value that has no column, as [`Versions::accepts`] does.
    pub fn keep(&mut self, member: &str, stamp: Stamp, new: Option<&str>) {
        let current = self.kept(member).map_or(Value::Null, Value::from);
        if self.accepts(member, stamp, &current, &new.map_or(Value::Null, Value::from))
            && let Some(set) = self.0.get_mut(member)
        {
            set.kept = new.map(str::to_owned);
        }
    }

    /// The value of a member without a column.
    #[must_use]
    pub fn kept(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.kept.as_deref()
    }

    /// Whether a value of this stamp would be news: its time is reported, or another account reported the current
    /// value.
    #[must_use]
    pub fn is_news(&self, member: &str, stamp: Stamp, is_same: bool) -> bool {
        let has_told =
            |teller| self.0.get(member).is_some_and(|set| set.rank == STAFF || set.tellers.contains(&teller));
        stamp.version.told || !is_same || !stamp.teller.is_none_or(has_told)
    }

    /// Removes an account's report of the member up to then. Returns whether no other account reported the value, which
    /// then must go. Rows of earlier versions do not know their reporters: there every account counts as the reporter.
    pub fn untell(&mut self, member: &str, teller: u32, until: DateTime<Utc>) -> bool {
        let Some(set) = self.0.get_mut(member).filter(|set| set.rank != STAFF) else { return false };
        if set.at > until && set.tellers.iter().all(|other| *other == teller) {
            return false;
        }
        let knows = !set.tellers.is_empty();
        set.tellers.retain(|other| *other != teller);
        let goes = set.tellers.is_empty() && (knows || set.at <= until);
        if goes {
            self.forget(member);
        }
        goes
    }

    /// Records the account that reported a value without a version: as the only one if the value is `anew`, else beside
    /// others.
    pub fn tell(&mut self, member: &str, stamp: Stamp, anew: bool) {
        let Some(teller) = stamp.teller else { return };
        let set = self.0.entry(member.to_owned()).or_default();
        if anew {
            set.tellers.clear();
        }
        if set.rank != STAFF && !set.tellers.contains(&teller) {
            set.tellers.push(teller);
        }
    }

    /// Records the account that reported a time that only grows, and that this is the greatest time.
    pub fn advance(&mut self, member: &str, stamp: Stamp, at: DateTime<Utc>, anew: bool) {
        self.tell(member, stamp, anew);
        if let Some(set) = self.0.get_mut(member) {
            set.at = set.at.max(at);
        }
    }

    /// Whether any version set this member.
    #[must_use]
    pub fn tells(&self, member: &str) -> bool {
        self.0.contains_key(member)
    }

    /// Keeps the current value of a member that had no kept value.
    pub fn adopt(&mut self, member: &str, value: &str) {
        self.0.entry(member.to_owned()).or_default().kept = Some(value.to_owned());
    }

    /// Removes all records of a member.
    pub fn forget(&mut self, member: &str) {
        self.0.remove(member);
    }

    /// Records that a member of the workspace wrote this value. No provider's version replaces it from then on.
    pub fn pin(&mut self, member: &str, at: DateTime<Utc>) {
        self.0.insert(member.to_owned(), Set { at, rank: STAFF, ..Set::default() });
    }

    /// Releases a member and all values kept under its name to the providers: the next version wins, whatever it is.
    pub fn give_back(&mut self, member: &str) {
        self.0
            .retain(|name, _| name.strip_prefix(member).is_none_or(|rest| !rest.is_empty() && !rest.starts_with('.')));
    }

    /// Removes a kept value that came from another contact. Other records of the member stay, also that it has no
    /// value, so that no older version wins.
    pub fn take_back(&mut self, member: &str, value: &str) {
        self.0.retain(|name, set| {
            let is_of = name.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if !is_of || set.kept.as_deref() != Some(value) {
                return true;
            }
            set.kept = None;
            // A record without a version was only for the value.
            *set != Set::default()
        });
    }

    /// Releases a value of a workspace member to the providers: the next version wins, whatever it is.
    pub fn unpin(&mut self, member: &str) {
        if self.is_pinned(member) {
            self.forget(member);
        }
    }

    /// Whether a member of the workspace wrote this value.
    #[must_use]
    pub fn is_pinned(&self, member: &str) -> bool {
        self.0.get(member).is_some_and(|set| set.rank == STAFF)
    }
}

fn is_greater(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, _) => false,
        (_, Value::Null) => true,
        (Value::Number(a), Value::Number(b)) => a.as_f64() > b.as_f64(),
        (Value::String(a), Value::String(b)) => a > b,
        (a, b) => json::javascript(a) > json::javascript(b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn ob_10_updates_in_any_order_end_alike(
            (updates, shuffled) in prop::collection::vec((0..4_i64, 0..2_u8, prop::option::of(0..4_i32)), 0..7)
                .prop_flat_map(|updates| (Just(updates.clone()), Just(updates).prop_shuffle()))
        ) {
            let run = |updates: &[(i64, u8, Option<i32>)]| {
                let (mut versions, mut value) = (Versions::default(), Value::Null);
                for (at, change, new) in updates {
                    let change = if *change == 0 { Change::Created } else { Change::Updated };
                    let at = DateTime::UNIX_EPOCH + chrono::Duration::seconds(*at);
                    let version = Version::new(change, Some(at), at);
                    let new = json!(new);
                    let stamp = Stamp { version, writer: 0, again: false, teller: None };
                    if versions.accepts("m", stamp, &value, &new) {
                        value = new;
                    }
                }
                value
            };
            prop_assert_eq!(run(&updates), run(&shuffled));
        }
    }

    #[test]
    fn what_is_replayed_writes_anew_only_what_it_wrote() {
        let version = Version::new(Change::Updated, None, DateTime::UNIX_EPOCH);
        let stamp = |writer, again| Stamp { version, writer, again, teller: None };
        let mut versions = Versions::default();
        assert!(versions.accepts("m", stamp(1, false), &Value::Null, &json!("misread")));
        assert!(!versions.accepts("m", stamp(2, true), &json!("misread"), &json!("a lesser one")));
        assert!(versions.accepts("m", stamp(1, true), &json!("misread"), &json!("mended")));
        assert!(!versions.accepts("m", stamp(1, false), &json!("mended"), &json!("a lesser one")));
    }
}
