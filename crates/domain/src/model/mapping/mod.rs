//! The mapping of a `custom` source: which event a request is, and where our fields stand in it. Written by an
//! operator as JSON, checked when it is saved. `docs/custom-provider.md` describes it for them.

mod fields;
mod read;

use std::collections::BTreeMap;

use serde_json::Value;

pub use fields::Field;
pub use read::MappingError;

use super::{status::DeliveryStatus, words::words};

words! {
    /// What a rule makes of a request.
    MappedKind {
        /// A message, in or out.
        Message = "message",
        /// What became of a sent message.
        Status = "status",
        /// Someone wants no more messages.
        OptOut = "opt_out",
        /// A contact was created, changed or deleted.
        Contact = "contact",
        /// A call.
        Call = "call",
    }
}

words! {
    /// How times are written.
    TimeFormat {
        /// As they look: with an offset, without one in the source's zone, or unix seconds or milliseconds by size.
        Auto = "auto",
        /// RFC 3339, with an offset.
        Rfc3339 = "rfc3339",
        /// Seconds since 1970.
        UnixSeconds = "unix_seconds",
        /// Milliseconds since 1970.
        UnixMilliseconds = "unix_milliseconds",
        /// `2026-11-20 10:00:00`, in the source's zone.
        Naive = "naive",
    }
}

/// What a word of a status vocabulary means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappedStatus {
    /// A step of the ladder.
    Step(DeliveryStatus),
    /// The message was deleted.
    Deleted,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// At a JSON pointer (RFC 6901) in the body.
    Pointer(String),
    /// The member of this name of a form body, or of a flat JSON body.
    Form(String),
    /// The parameter of this name of the query.
    Query(String),
    /// It is always this.
    Fixed(Value),
    /// The first of these that holds anything.
    FirstOf(Vec<Place>),
}

/// When a rule is the one for a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The value there is one of these, compared as text.
    Equals(Place, Vec<String>),
    /// There is a value there that is neither null nor empty, or there is none.
    Exists(Place, bool),
    /// The event's name in the URL is this.
    Event(String),
    /// All of them hold.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// What to make of the requests that a condition fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The event's name in the raw log; the kind where none is given.
    pub name: String,
    /// What it makes.
    pub kind: MappedKind,
    /// For which requests; none means all.
    pub when: Option<Condition>,
    /// What makes a repeat a repeat; empty where the kind's own rule decides.
    pub key: Vec<Place>,
    /// How times are written.
    pub times: TimeFormat,
    /// Where our fields stand.
    pub fields: BTreeMap<Field, Place>,
    /// What else is kept, by name: details of a message, attributes of a contact.
    pub details: BTreeMap<String, Place>,
}

/// A mapping that was checked. The first rule that fits a request counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// In order.
    pub rules: Vec<Rule>,
    /// Words of theirs, in lower case; `None` where Inlet's own vocabulary counts.
    pub statuses: Option<BTreeMap<String, MappedStatus>>,
    /// As it was written.
    pub document: Value,
}

/// The first placeholder of a composed webhook in the text, such as `@{{payload.id}}`, that was not replaced.
#[must_use]
pub fn placeholder(text: &str) -> Option<&str> {
    let start = text.find("@{{")?;
    let length = text[start..].find("}}")? + 2;
    Some(&text[start..start + length])
}
