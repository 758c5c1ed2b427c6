//! The attributes of contacts and conversations: the provider's fields that have no name in Inlet.

use inlet_domain::{
    command::text_length,
    model::versions::{Stamp, Versions},
};
use serde_json::{Map, Value};

/// The maximum number of attributes of one contact or conversation.
const MOST: usize = 256;
/// The maximum size of all attributes of one contact or conversation, as JSON in bytes. Each event about the entity carries them.
const MOST_BYTES: usize = 64 << 10;

/// Takes each attribute of a versioned update as a member of its own. The raw log alone keeps the attributes beyond the bounds.
pub(super) fn take_attributes(
    versions: &mut Versions,
    stamp: Stamp,
    attributes: &mut Map<String, Value>,
    update: &Map<String, Value>,
) {
    set(attributes, update, |name, current, new| {
        let current = current.cloned().unwrap_or_default();
        versions.accepts(&format!("attributes.{name}"), stamp, &current, new)
    });
}

/// Sets attributes that have no version. The raw log alone keeps the attributes beyond the bounds.
pub(super) fn set_attributes(attributes: &mut Map<String, Value>, update: &Map<String, Value>) {
    set(attributes, update, |_, _, _| true);
}

fn set(
    attributes: &mut Map<String, Value>,
    update: &Map<String, Value>,
    mut accepts: impl FnMut(&str, Option<&Value>, &Value) -> bool,
) {
    if update.is_empty() {
        return;
    }
    let mut bytes: usize = attributes.iter().map(|(name, value)| size(name, value)).sum();
    for (name, new) in update {
        let current = attributes.get(name);
        let others = bytes - current.map_or(0, |current| size(name, current));
        let has_place = current.is_some() || attributes.len() < MOST;
        if has_place && others + size(name, new) <= MOST_BYTES && accepts(name, current, new) {
            bytes = others + size(name, new);
            attributes.insert(name.clone(), new.clone());
        }
    }
}

fn size(name: &str, value: &Value) -> usize {
    name.len() + text_length(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn c1_attributes_are_bounded_in_number_and_in_bytes() {
        let mut attributes = Map::new();
        for number in 0..300 {
            let update = json!({ format!("k{number}"): "v".repeat(100) });
            set_attributes(&mut attributes, update.as_object().unwrap());
        }
        assert_eq!(attributes.len(), MOST);
        let too_long = json!({ "k0": "v".repeat(MOST_BYTES), "k1": "new" });
        set_attributes(&mut attributes, too_long.as_object().unwrap());
        assert_eq!((&attributes["k0"], &attributes["k1"]), (&json!("v".repeat(100)), &json!("new")));
        let mut large = Map::new();
        for number in 0..12 {
            let update = json!({ format!("k{number}"): "v".repeat(20_000) });
            set_attributes(&mut large, update.as_object().unwrap());
        }
        assert_eq!(large.keys().collect::<Vec<_>>(), ["k0", "k1", "k2"]);
    }
}
