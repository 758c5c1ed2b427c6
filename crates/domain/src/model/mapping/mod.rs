//! The mapping of a `custom` source: which event a request is, and where our fields stand in it. Written by an
//! operator as JSON, checked when it is saved. `docs/custom-provider.md` describes it for them.

mod fields;
mod read;

use std::collections::BTreeMap;

use serde_json::Value;

pub use fields::Field;
pub use read::MappingError;

use super::status::DeliveryStatus;
use crate::text_enum;

text_enum! {
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

text_enum! {
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

/// Where a value stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// At a JSON pointer (RFC 6901): in the element where the rule has `items`, else in the body.
    Pointer(String),
    /// At a JSON pointer in the whole body, written `#/...`. Each `*` in it is the index that the element's way has there.
    Root(String),
    /// The member of this name of a form body, or of a flat JSON body.
    Form(String),
    /// The parameter of this name of the query.
    Query(String),
    /// It is always this.
    Fixed(Value),
    /// The first of these that holds anything.
    FirstOf(Vec<Place>),
}

/// A step of the way to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name, or the element of this index.
    Member(String),
    /// To each element of a list.
    Each,
}

/// Where files of a message stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files {
    /// A list of files: the other places are then relative to each element.
    pub items: Option<Place>,
    /// Where the file can be had. Without it, what stands in the element tells. With a `*` in it, and without `items`, there
    /// is a file for each number that can stand there.
    pub url: Option<Place>,
    /// The file's name.
    pub filename: Option<Place>,
    /// The file's media type.
    pub mime_type: Option<Place>,
    /// The file's size in bytes.
    pub size: Option<Place>,
}

impl Files {
    /// The places that it has.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.items, &self.url, &self.filename, &self.mime_type, &self.size].into_iter().flatten()
    }
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
    /// The way to a list in the body, each element of which is an event of its own.
    pub items: Option<Vec<Step>>,
    /// For which requests, or elements; none means all.
    pub when: Option<Condition>,
    /// What makes a repeat a repeat; empty where the kind's own rule decides.
    pub key: Vec<Place>,
    /// How times are written.
    pub times: TimeFormat,
    /// Where our fields stand.
    pub fields: BTreeMap<Field, Place>,
    /// Where the files of a message stand, beside the one of [`Field::AttachmentUrl`].
    pub attachments: Vec<Files>,
    /// What else is kept, by name: details of a message, attributes of a contact.
    pub details: BTreeMap<String, Place>,
}

/// A mapping that was checked. The first rule that fits a request counts, and for each element of a list the first that
/// fits the element.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// In order.
    pub rules: Vec<Rule>,
    /// Words of theirs, in lower case; `None` where Inlet's own vocabulary counts.
    pub statuses: Option<BTreeMap<String, DeliveryStatus>>,
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
