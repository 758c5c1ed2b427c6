//! The memory of subscriptions. Each keeps its document and variables; their bytes are limited for each WebSocket, and
//! for each member or API key.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use inlet_domain::{ids::WorkspaceId, scope::Actor};
use inlet_store::records::credentials::Viewer;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::error::{ApiError, ErrorCode};

/// Maximum bytes that the subscriptions of one WebSocket keep.
const MOST_OF_SOCKET: usize = 8 << 20;
/// Maximum bytes that the subscriptions of one member or API key keep, on all connections. Subscriptions with equal
/// documents and variables share them.
const MOST_OF_HOLDER: usize = 16 << 20;
/// Bytes of a parsed document for each byte of its text.
const PARSED: usize = 32;
/// Bytes of a JSON value in addition to its text.
const OF_A_VALUE: usize = 128;

/// The subscriptions of one WebSocket. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<AtomicUsize>);

/// The subscriptions of a process, by member or API key.
#[derive(Debug, Default)]
pub struct Standing(Mutex<HashMap<(WorkspaceId, Actor), Shelf>>);

/// Bytes of a shelf. They are free again when this is dropped.
#[derive(Debug)]
pub struct Kept {
    shelf: Shelf,
    bytes: usize,
}

impl Shelf {
    /// Keeps the bytes of a WebSocket's subscription.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if its subscriptions keep too much.
    pub fn keep(&self, bytes: usize) -> Result<Kept, ApiError> {
        self.take(bytes, MOST_OF_SOCKET).ok_or_else(|| full("socket", MOST_OF_SOCKET))
    }

    fn take(&self, bytes: usize, most: usize) -> Option<Kept> {
        let more = |kept: usize| kept.checked_add(bytes).filter(|all| *all <= most);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Kept { shelf: self.clone(), bytes })
    }
}

impl Standing {
    /// Keeps the bytes of a member's or API key's subscription.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if their subscriptions keep too much.
    pub fn keep(&self, viewer: &Viewer, bytes: usize) -> Result<Kept, ApiError> {
        let mut shelves = self.0.lock();
        if shelves.len() >= 64 && shelves.len().is_power_of_two() {
            shelves.retain(|_, shelf| Arc::strong_count(&shelf.0) > 1);
        }
        let shelf = shelves.entry((viewer.scope.workspace(), viewer.actor)).or_default();
        shelf.take(bytes, MOST_OF_HOLDER).ok_or_else(|| full("credential", MOST_OF_HOLDER))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shelf.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

fn full(whose: &str, most: usize) -> ApiError {
    let message = format!(
        "the subscriptions of this {whose} hold more than {most} bytes of documents and variables: end one, or pass \
         shorter variables"
    );
    ApiError::new(ErrorCode::LimitExceeded, message)
}

/// Bytes that a document and its variables take.
#[must_use]
pub fn weight(document: &str, variables: &Map<String, Value>) -> usize {
    let members = variables.iter().map(|(name, value)| name.len() + of_value(value)).sum::<usize>();
    document.len() * PARSED + members
}

fn of_value(value: &Value) -> usize {
    let within = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(of_value).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + of_value(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    OF_A_VALUE + within
}

#[cfg(test)]
mod tests {
    use inlet_domain::{ids::MemberId, scope::Scope};
    use inlet_store::records::credentials::Grant;
    use serde_json::json;
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
    fn c3_what_subscriptions_keep_is_bounded_and_comes_back() {
        let standing = Standing::default();
        let first = standing.keep(&viewer(1), MOST_OF_HOLDER).unwrap();
        assert!(standing.keep(&viewer(1), 1).is_err());
        assert!(standing.keep(&viewer(2), 1).is_ok(), "another member has their own");
        drop(first);
        assert!(standing.keep(&viewer(1), 1).is_ok());
        let shelf = Shelf::default();
        let kept = shelf.keep(MOST_OF_SOCKET - 1).unwrap();
        assert!(shelf.keep(2).is_err());
        drop(kept);
        assert!(shelf.keep(2).is_ok());
    }

    #[test]
    fn c3_values_weigh_what_they_take_and_not_what_they_are_written_with() {
        let of = |value: Value| weight("", value.as_object().unwrap());
        assert!(of(json!({"a": "x".repeat(1000)})) >= 1000);
        assert!(of(json!({"a": vec![1; 1000]})) >= 1000 * OF_A_VALUE);
        assert_eq!(weight("{ a }", &Map::new()), 5 * PARSED);
    }
}
