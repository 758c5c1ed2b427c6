//! Versioned members (OB-10): a provider's partial updates in any order end alike, member by member.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;

use crate::json;

/// What a report does to an entity that the provider keeps too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came to be.
    Created,
    /// It changed, or came to be: upsert.
    Updated,
    /// It is gone: hidden, with its history kept.
    Deleted,
}

/// The version of a provider's entity that a report gives. The greatest wins for each member, in the order of these
/// fields: deleted over updated over created, a told time over none, then the time. The arrival is compared with other
/// arrivals alone, never with the provider's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// What it does.
    pub change: Change,
    /// Whether the provider told the time.
    pub told: bool,
    /// The time that the provider told, else the arrival.
    pub at: DateTime<Utc>,
}

impl Version {
    /// The version of a change at the time that the provider told, else at its arrival.
    #[must_use]
    pub fn new(change: Change, told: Option<DateTime<Utc>>, arrived: DateTime<Utc>) -> Self {
        Self { change, told: told.is_some(), at: told.unwrap_or(arrived) }
    }
}

/// For each member that a versioned update has set, the version that set it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, Set>);

/// How a member was set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Set {
    at: DateTime<Utc>,
    rank: u8,
    /// A mark of the request.
    writer: u32,
    /// Marks of those who told the value that stands, where that counts. Rows from before hold none.
    tellers: Vec<u32>,
    /// The value, where the row has no column for it.
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

/// Reads what [`Set`] writes: its last two members may be missing.
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

/// A version as one request brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The version.
    pub version: Version,
    /// A mark of the request.
    pub writer: u32,
    /// Whether the request is replayed: what it wrote itself it may write anew.
    pub again: bool,
    /// A mark of who tells it, where it counts who told what.
    pub teller: Option<u32>,
}

impl Stamp {
    /// What [`Version`]'s order comes to: first what the change is and whether its time was told, then the time.
    fn order(&self) -> (u8, DateTime<Utc>) {
        let rank = match self.version.change {
            Change::Created => CREATED,
            Change::Updated => UPDATED,
            Change::Deleted => DELETED,
        };
        (rank + u8::from(self.version.told), self.version.at)
    }
}

/// The ranks of changes at the arrival; one more is that of the same change at a told time.
const CREATED: u8 = 10;
const UPDATED: u8 = 20;
const DELETED: u8 = 30;
/// The rank of what a member of the staff wrote: above every provider's.
const STAFF: u8 = u8::MAX;

/// A rank as it is compared today. Those below 10 are of rows from before ranks told whether the time was told, which is
/// taken for granted.
fn ranked(stored: u8) -> u8 {
    if stored < CREATED { CREATED + 10 * stored + 1 } else { stored }
}

impl Versions {
    /// Whether a member takes the new value: the newest version wins; under equal versions the greater value does,
    /// and any value over none.
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
                // Who says what another said too told it as well, whoever did so last.
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

    /// Takes a value in that has no column, as [`Versions::accepts`] does.
    pub fn keep(&mut self, member: &str, stamp: Stamp, new: Option<&str>) {
        let current = self.kept(member).map_or(Value::Null, Value::from);
        if self.accepts(member, stamp, &current, &new.map_or(Value::Null, Value::from))
            && let Some(set) = self.0.get_mut(member)
        {
            set.kept = new.map(str::to_owned);
        }
    }

    /// The value of a member that has no column.
    #[must_use]
    pub fn kept(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.kept.as_deref()
    }

    /// Whether what this stamp would say of the member is news: its time is told, or it was not this one who told the value
    /// that stands.
    #[must_use]
    pub fn is_news(&self, member: &str, stamp: Stamp, is_same: bool) -> bool {
        let has_told =
            |teller| self.0.get(member).is_some_and(|set| set.rank == STAFF || set.tellers.contains(&teller));
        stamp.version.told || !is_same || !stamp.teller.is_none_or(has_told)
    }

    /// Takes away that this one told the member until then. Whether nobody told the value besides: then it goes. Of rows from
    /// before, which do not know who told what, whoever asks told it.
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

    /// Notes who told a value that was taken without a version: alone where it stands `anew`, else besides others.
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

    /// Notes who told a time that only grows, and that it is the greatest told.
    pub fn advance(&mut self, member: &str, stamp: Stamp, at: DateTime<Utc>, anew: bool) {
        self.tell(member, stamp, anew);
        if let Some(set) = self.0.get_mut(member) {
            set.at = set.at.max(at);
        }
    }

    /// Whether any version told this member.
    #[must_use]
    pub fn tells(&self, member: &str) -> bool {
        self.0.contains_key(member)
    }

    /// Keeps a value that stands without having been kept.
    pub fn adopt(&mut self, member: &str, value: &str) {
        self.0.entry(member.to_owned()).or_default().kept = Some(value.to_owned());
    }

    /// Takes back what was noted of a member.
    pub fn forget(&mut self, member: &str) {
        self.0.remove(member);
    }

    /// Notes that a member of the staff wrote this member: no provider's version is taken from then on.
    pub fn pin(&mut self, member: &str, at: DateTime<Utc>) {
        self.0.insert(member.to_owned(), Set { at, rank: STAFF, ..Set::default() });
    }

    /// Gives a member, with all that was kept under its name, back to the providers: the next version is taken, whatever it
    /// is.
    pub fn give_back(&mut self, member: &str) {
        self.0
            .retain(|name, _| name.strip_prefix(member).is_none_or(|rest| !rest.is_empty() && !rest.starts_with('.')));
    }

    /// Takes away a value that came from another contact, where it was kept. What else was told of the member stays noted,
    /// that there is none too: so nothing older is taken.
    pub fn take_back(&mut self, member: &str, value: &str) {
        self.0.retain(|name, set| {
            let is_of = name.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if !is_of || set.kept.as_deref() != Some(value) {
                return true;
            }
            set.kept = None;
            // What nobody told was noted for the value alone.
            *set != Set::default()
        });
    }

    /// Gives a member that the staff wrote back to the providers: the next version is taken, whatever it is.
    pub fn unpin(&mut self, member: &str) {
        if self.is_pinned(member) {
            self.forget(member);
        }
    }

    /// Whether a member of the staff wrote this member.
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
