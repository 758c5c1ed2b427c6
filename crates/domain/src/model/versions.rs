//! Versioned members (OB-10): a provider's partial updates in any order end alike, member by member.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    command::{Change, Version},
    json,
};

/// For each member that a versioned update has set, the version that set it, and a mark of the request that did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, (DateTime<Utc>, u8, u32)>);

/// A version as one request brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The version.
    pub version: Version,
    /// A mark of the request.
    pub writer: u32,
    /// Whether the request is replayed: what it wrote itself it may write anew.
    pub again: bool,
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
    /// The time of the version that set a member, if one did.
    #[must_use]
    pub fn told_at(&self, member: &str) -> Option<DateTime<Utc>> {
        self.0.get(member).map(|(at, _, _)| *at)
    }

    /// Whether a member takes the new value: the newest version wins; under equal versions the greater value does,
    /// and any value over none.
    pub fn accepts(&mut self, member: &str, stamp: Stamp, current: &Value, new: &Value) -> bool {
        let (rank, at) = stamp.order();
        if let Some((known_at, known_rank, writer)) = self.0.get(member) {
            match (ranked(*known_rank), *known_at).cmp(&(rank, at)) {
                Ordering::Greater => return false,
                Ordering::Equal if stamp.again && *writer == stamp.writer => {}
                Ordering::Equal if !is_greater(new, current) => return false,
                Ordering::Equal | Ordering::Less => {}
            }
        }
        self.0.insert(member.to_owned(), (at, rank, stamp.writer));
        true
    }

    /// Whether any version told this member.
    #[must_use]
    pub fn tells(&self, member: &str) -> bool {
        self.0.contains_key(member)
    }

    /// Notes that a member was still told at this time.
    pub fn note(&mut self, member: &str, at: DateTime<Utc>) {
        let at = self.told_at(member).map_or(at, |known| known.max(at));
        self.0.insert(member.to_owned(), (at, CREATED, 0));
    }

    /// Takes back what was noted of a member.
    pub fn forget(&mut self, member: &str) {
        self.0.remove(member);
    }

    /// Notes that a member of the staff wrote this member: no provider's version is taken from then on.
    pub fn pin(&mut self, member: &str, at: DateTime<Utc>) {
        self.0.insert(member.to_owned(), (at, STAFF, 0));
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
        self.0.get(member).is_some_and(|(_, rank, _)| *rank == STAFF)
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
                    let stamp = Stamp { version, writer: 0, again: false };
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
        let stamp = |writer, again| Stamp { version, writer, again };
        let mut versions = Versions::default();
        assert!(versions.accepts("m", stamp(1, false), &Value::Null, &json!("misread")));
        assert!(!versions.accepts("m", stamp(2, true), &json!("misread"), &json!("a lesser one")));
        assert!(versions.accepts("m", stamp(1, true), &json!("misread"), &json!("mended")));
        assert!(!versions.accepts("m", stamp(1, false), &json!("mended"), &json!("a lesser one")));
    }
}
