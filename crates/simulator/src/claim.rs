//! What must stand once an event was answered 200.

use std::collections::BTreeSet;

use serde::Serialize;

/// How far a sent message came: QUEUED < SENT < FAILED < DELIVERED < READ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rung {
    /// On its way to the operator.
    Sent,
    /// It will not come.
    Failed,
    /// It came.
    Delivered,
    /// It was read.
    Read,
}

impl Rung {
    /// The word over GraphQL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
        }
    }
}

/// How a message is found again: by its provider's ids, any of them, else by its text, which no other message has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKey {
    /// The first is the one that every event about it bears.
    External(String, Option<String>),
    /// Where the provider gives no id (OR-1).
    Text(String),
}

/// One thing that must stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A message, once.
    Message {
        /// How it is found.
        key: MessageKey,
        /// Whether the customer sent it.
        inbound: bool,
        /// Its text, and the version that the text is of: the newest wins.
        text: (i64, String),
        /// Messages of one thread are in one conversation. It names channel and address.
        thread: String,
    },
    /// A sent message came at least this far.
    Status {
        /// Of which message.
        key: MessageKey,
        /// Of which part of it; 0 where it has none.
        part: usize,
        /// How far.
        rung: Rung,
    },
    /// There is exactly one contact with this phone number, email address or provider's id.
    Contact(String),
    /// Exactly one event of this type tells of this token.
    Logged {
        /// The type.
        kind: &'static str,
        /// A text that no other event of the type holds.
        token: Token,
    },
}

/// A text of fixed shape that is found again wherever it is put: `sim`, the run, and a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

impl Token {
    /// The `number`th of a run.
    #[must_use]
    pub fn new(run: &str, number: usize) -> Self {
        Self(format!("sim{run}x{number:08x}"))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens of a run that stand anywhere in a JSON value.
    #[must_use]
    pub fn all_in(run: &str, value: &serde_json::Value) -> BTreeSet<Self> {
        let mut found = BTreeSet::new();
        collect(&format!("sim{run}x"), value, &mut found);
        found
    }
}

fn collect(prefix: &str, value: &serde_json::Value, found: &mut BTreeSet<Token>) {
    match value {
        serde_json::Value::String(text) => {
            for (at, _) in text.match_indices(prefix) {
                if let Some(token) = text.get(at..at + prefix.len() + 8) {
                    found.insert(Token(token.to_owned()));
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(prefix, value, found)),
        serde_json::Value::Object(members) => members.values().for_each(|value| collect(prefix, value, found)),
        _ => {}
    }
}
