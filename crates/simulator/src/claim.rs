//! What must stand once an event was answered 200: facts that are summed up, in whatever order they come.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

/// How far a sent message came: QUEUED < SENT < FAILED < DELIVERED < READ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rung {
    /// Not yet with the operator.
    Queued,
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
            Self::Queued => "QUEUED",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
        }
    }
}

/// The kinds of things that stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A message or a call.
    Message,
    /// A file of a message that has an id of its own.
    File,
    /// A person.
    Contact,
    /// A thread of messages.
    Conversation,
    /// A group of people.
    Group,
    /// A channel of ours.
    Channel,
    /// A refusal of further messages.
    OptOut,
    /// A check of a one-time code.
    Verification,
    /// A warning that credit runs out.
    Balance,
    /// A mass sending.
    Campaign,
}

/// Which of two claims on one member is the newer: the provider's version, then created before updated (OB-10).
pub type Stamp = (i64, u8);

/// What a member must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Must {
    /// This.
    Be(Value),
    /// A list that holds this.
    Hold(String),
    /// A time within the run: the provider told none, so the arrival stands in.
    BeArrival,
}

impl Must {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Be(Value::String(text.into()))
    }

    /// A time as GraphQL writes it.
    #[must_use]
    pub fn at(time: DateTime<Utc>) -> Self {
        Self::text(time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// Nothing.
    #[must_use]
    pub fn be_null() -> Self {
        Self::Be(Value::Null)
    }
}

/// What a report says became of a sent message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Of which part; empty where it has none.
    pub part: String,
    /// The provider's word.
    pub word: String,
    /// What it means; none where no document explains it, or where it tells of a deletion.
    pub rung: Option<Rung>,
    /// Whether the message was deleted.
    pub deleted: bool,
    /// When it was sent, delivered, read, failed, as far as the report tells.
    pub times: [Option<DateTime<Utc>>; 4],
    /// The provider's code and sentence of a failure.
    pub failure: (Option<String>, Option<String>),
    /// What else tells this report from others on the same part with the same word: its times, as they were posted.
    pub digest: String,
}

/// One thing that must stand. Names are the ways in which it is found again: two claims that share a name speak of one
/// thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is there once, with these members.
    Told {
        /// What it is.
        kind: Kind,
        /// Its names.
        names: Vec<String>,
        /// The version of what is told.
        stamp: Stamp,
        /// Each member and what it must be, unless a newer claim says otherwise.
        members: Vec<(&'static str, Must)>,
    },
    /// It was deleted: no list shows it, whatever else is told of it and when.
    Gone {
        /// What it is.
        kind: Kind,
        /// One of its names.
        name: String,
    },
    /// A report on a sent message.
    Reported {
        /// The message's names.
        names: Vec<String>,
        /// What it says.
        report: Box<Report>,
    },
    /// Exactly one event of this type tells of this token.
    Logged {
        /// The type.
        kind: &'static str,
        /// A text that no other event of the type holds.
        token: Token,
    },
}

impl Claim {
    /// A claim that no other contradicts.
    #[must_use]
    pub fn told(kind: Kind, name: impl Into<String>, members: Vec<(&'static str, Must)>) -> Self {
        Self::Told { kind, names: vec![name.into()], stamp: (0, 0), members }
    }

    /// One contact has all of these addresses.
    #[must_use]
    pub fn person(names: Vec<String>, members: Vec<(&'static str, Must)>) -> Self {
        Self::Told { kind: Kind::Contact, names, stamp: (0, 0), members }
    }
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
    pub fn all_in(run: &str, value: &Value) -> BTreeSet<Self> {
        let mut found = BTreeSet::new();
        collect(&format!("sim{run}x"), value, &mut found);
        found
    }
}

fn collect(prefix: &str, value: &Value, found: &mut BTreeSet<Token>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices(prefix) {
                if let Some(token) = text.get(at..at + prefix.len() + 8) {
                    found.insert(Token(token.to_owned()));
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(prefix, value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(prefix, value, found)),
        _ => {}
    }
}
