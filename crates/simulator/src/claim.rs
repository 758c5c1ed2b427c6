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

/// Which of two claims on one member is the newer (OB-10): the rank of the change, then the provider's time in seconds. A
/// change that tells no time is older than each of its rank that tells one.
pub type Stamp = (i8, i64);

/// Told by a report alone: something stands in for the thing itself (OR-9).
pub const STOOD_IN: Stamp = (-2, 0);
/// Told, but it gives way to whatever else is told: a name that only stands in for one.
pub const GIVES_WAY: Stamp = (-1, 0);
/// Told without a version.
pub const TOLD: Stamp = (0, 0);

/// The stamp of what came to be.
#[must_use]
pub fn created(at: Option<i64>) -> Stamp {
    (1, at.unwrap_or(i64::MIN))
}

/// The stamp of what was changed.
#[must_use]
pub fn updated(at: Option<i64>) -> Stamp {
    (2, at.unwrap_or(i64::MIN))
}

/// What a member must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Must {
    /// This.
    Be(Value),
    /// A list that holds this.
    Hold(String),
    /// A time within the run: the provider told none that can be, so the arrival stands in.
    BeArrival,
    /// A text, whatever it says.
    BeShown,
    /// The earliest of all the times that are claimed, whatever their versions; nothing where none is.
    BeEarliest(Option<DateTime<Utc>>),
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
    /// What it means; none where no document explains it.
    pub rung: Option<Rung>,
    /// When it was sent, delivered, read, failed, as far as the report tells.
    pub times: [Option<DateTime<Utc>>; 4],
    /// Of which of these steps it tells a time that is yet to come: then the arrival stands in.
    pub early: [bool; 4],
    /// The provider's code and sentence of a failure.
    pub failure: (Option<String>, Option<String>),
    /// What else tells this report from others on the same part with the same word: its times, as they were posted.
    pub digest: String,
    /// The provider's fields that are shown with it, see [`told_beside`].
    pub details: String,
}

/// The fields of reports that are compared.
const BESIDE: [&str; 6] = ["cid", "custom", "credits", "units", "foreign_id", "template_category"];

/// What a report tells beside its message, status and times.
#[must_use]
pub fn told_beside(details: &Value) -> String {
    let told = BESIDE.into_iter().filter_map(|name| Some((name, details.get(name).filter(|value| !value.is_null())?)));
    told.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
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
    /// The provider deleted its record of a person. What occurred until then is nobody's; who writes later is somebody.
    Forgotten {
        /// The person's address.
        name: String,
        /// When; none where the event tells no time, so that nothing that is played comes later.
        until: Option<DateTime<Utc>>,
    },
    /// Someone wrote from an address.
    Wrote {
        /// The address.
        name: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The event names nothing: it is kept as it came, and changes nothing.
    Unrecognised {
        /// A text that no other event holds.
        token: Token,
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
        Self::Told { kind, names: vec![name.into()], stamp: TOLD, members }
    }

    /// One contact has all of these addresses.
    #[must_use]
    pub fn person(names: Vec<String>, members: Vec<(&'static str, Must)>) -> Self {
        Self::Told { kind: Kind::Contact, names, stamp: TOLD, members }
    }
}

/// The name of the contact that a message of someone who hides makes, by a name of the message.
#[must_use]
pub fn hidden(message: &str) -> String {
    format!("HIDDEN/{message}")
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
