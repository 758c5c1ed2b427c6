//! Claims: facts that must hold after an event was answered 200. They are summed up in any order.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

/// The delivery status of a sent message: QUEUED < SENT < FAILED < DELIVERED < READ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rung {
    /// The operator does not have it yet.
    Queued,
    /// The operator has it.
    Sent,
    /// The delivery failed.
    Failed,
    /// It reached the handset.
    Delivered,
    /// The receiver read it.
    Read,
}

impl Rung {
    /// The value in GraphQL.
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

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A message or a call.
    Message,
    /// A file with an id of its own.
    File,
    /// A contact.
    Contact,
    /// A conversation.
    Conversation,
    /// A group of people.
    Group,
    /// A channel of the workspace.
    Channel,
    /// An opt-out.
    OptOut,
    /// A check of a one-time password.
    Verification,
    /// A warning about low credit.
    Balance,
    /// A campaign.
    Campaign,
}

/// The version of a claim on a member (OB-10): the rank of the change, then the provider's time in seconds. A change
/// without a time is older than changes of its rank with one.
pub type Stamp = (i8, i64);

/// The version of a placeholder that is known only from a report (OR-9).
pub const STOOD_IN: Stamp = (-2, 0);
/// The version of a placeholder name, which gives way to any other value.
pub const GIVES_WAY: Stamp = (-1, 0);
/// The version of a value without a version.
pub const TOLD: Stamp = (0, 0);

/// The version of a creation.
#[must_use]
pub fn created(at: Option<i64>) -> Stamp {
    (1, at.unwrap_or(i64::MIN))
}

/// The version of a change.
#[must_use]
pub fn updated(at: Option<i64>) -> Stamp {
    (2, at.unwrap_or(i64::MIN))
}

/// The expected value of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Must {
    /// This value.
    Be(Value),
    /// A list that contains this.
    Hold(String),
    /// A time within the run: the provider reported no plausible time, so Inlet uses the arrival.
    BeArrival,
    /// Any text.
    BeShown,
    /// The earliest of all claimed times, whatever their versions; null without any.
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

    /// Null.
    #[must_use]
    pub fn be_null() -> Self {
        Self::Be(Value::Null)
    }
}

/// A report on a sent message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The part; empty for the whole message.
    pub part: String,
    /// The provider's status word.
    pub word: String,
    /// The meaning of the word; `None` if no document explains it.
    pub rung: Option<Rung>,
    /// When the message was sent, delivered, read, failed, as far as the report tells.
    pub times: [Option<DateTime<Utc>>; 4],
    /// The steps whose reported time is in the future. Inlet then uses the arrival.
    pub early: [bool; 4],
    /// The provider's code and reason of a failure.
    pub failure: (Option<String>, Option<String>),
    /// The times as they were posted. They distinguish this report from others on the part with the same word.
    pub digest: String,
    /// The provider's further fields that Inlet shows, see [`told_beside`].
    pub details: String,
}

/// The compared fields of reports.
const BESIDE: [&str; 6] = ["cid", "custom", "credits", "units", "foreign_id", "template_category"];

/// The further fields of a report, beside message, status and times.
#[must_use]
pub fn told_beside(details: &Value) -> String {
    let told = BESIDE.into_iter().filter_map(|name| Some((name, details.get(name).filter(|value| !value.is_null())?)));
    told.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// A fact. Names identify an object: two claims with a common name are about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The object exists once, with these members.
    Told {
        /// The kind.
        kind: Kind,
        /// Its names.
        names: Vec<String>,
        /// The version.
        stamp: Stamp,
        /// Each member with its expected value, unless a newer claim replaces it.
        members: Vec<(&'static str, Must)>,
    },
    /// The object was deleted: no list shows it, whatever other claims say.
    Gone {
        /// The kind.
        kind: Kind,
        /// One of its names.
        name: String,
    },
    /// The provider deleted its record of a person. Messages until then belong to no contact; a later message makes a
    /// new contact.
    Forgotten {
        /// The person's address.
        name: String,
        /// The time; `None` if the event has none, so that every message in the run is earlier.
        until: Option<DateTime<Utc>>,
    },
    /// A person wrote from an address.
    Wrote {
        /// The address.
        name: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The event identifies nothing: it is kept unchanged, and changes nothing.
    Unrecognised {
        /// A text that no other event contains.
        token: Token,
    },
    /// A report on a sent message.
    Reported {
        /// The message's names.
        names: Vec<String>,
        /// The report.
        report: Box<Report>,
    },
    /// Exactly one event of this type contains this token.
    Logged {
        /// The event type.
        kind: &'static str,
        /// A text that no other event of the type contains.
        token: Token,
    },
}

impl Claim {
    /// A claim without a version.
    #[must_use]
    pub fn told(kind: Kind, name: impl Into<String>, members: Vec<(&'static str, Must)>) -> Self {
        Self::Told { kind, names: vec![name.into()], stamp: TOLD, members }
    }

    /// One contact has all these addresses.
    #[must_use]
    pub fn person(names: Vec<String>, members: Vec<(&'static str, Must)>) -> Self {
        Self::Told { kind: Kind::Contact, names, stamp: TOLD, members }
    }
}

/// The name of the contact of a hidden sender's message, by a name of the message.
#[must_use]
pub fn hidden(message: &str) -> String {
    format!("HIDDEN/{message}")
}

/// A text of fixed form that is found in any JSON value: `sim`, the run, and a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

impl Token {
    /// The token number `number` of a run.
    #[must_use]
    pub fn new(run: &str, number: usize) -> Self {
        Self(format!("sim{run}x{number:08x}"))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens of a run in a JSON value.
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
