//! Versioned members (OB-10): a provider's partial updates in any order end alike, member by member.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    command::{Change, Version},
    json,
};

/// For each member that a versioned update has set, the version that set it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, (DateTime<Utc>, u8)>);

fn stamp(version: Version) -> (DateTime<Utc>, u8) {
    let rank = match version.change {
        Change::Created => 0,
        Change::Updated => 1,
        Change::Deleted => 2,
    };
    (version.at, rank)
}

impl Versions {
    /// Whether a member takes the new value: the newest version wins; under equal versions the greater value does,
    /// and any value over none.
    pub fn accepts(&mut self, member: &str, version: Version, current: &Value, new: &Value) -> bool {
        let stamp = stamp(version);
        match self.0.get(member) {
            Some(known) if *known > stamp => return false,
            Some(known) if *known == stamp && !is_greater(new, current) => return false,
            _ => {}
        }
        self.0.insert(member.to_owned(), stamp);
        true
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
                    let version = Version { at: DateTime::UNIX_EPOCH + chrono::Duration::seconds(*at), change };
                    let new = json!(new);
                    if versions.accepts("m", version, &value, &new) {
                        value = new;
                    }
                }
                value
            };
            prop_assert_eq!(run(&updates), run(&shuffled));
        }
    }
}
