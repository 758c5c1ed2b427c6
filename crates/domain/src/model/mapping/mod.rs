//! The mapping of a `custom` source. It tells which event a request is, and where the values of Inlet's fields are. An
//! operator writes it as JSON, and Inlet checks it when it is saved. `docs/custom-provider.md` describes it for
//! operators.

mod fields;
mod read;

use std::collections::BTreeMap;

use serde_json::Value;

pub use fields::Field;
pub use read::MappingError;

use super::status::DeliveryStatus;
use crate::text_enum;

text_enum! {
    /// The kind of event that a rule makes.
    MappedKind {
        /// A message, in or out.
        Message = "message",
        /// A delivery status of a sent message.
        Status = "status",
        /// A person refuses messages.
        OptOut = "opt_out",
        /// A contact was created, changed or deleted.
        Contact = "contact",
        /// A call.
        Call = "call",
    }
}

text_enum! {
    /// The format of times.
    TimeFormat {
        /// Detected: with an offset; without an offset, in the source's zone; or unix seconds or milliseconds by their
        /// size.
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

/// The place of a value in a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// A JSON pointer (RFC 6901), in the element if the rule has `items`, else in the body.
    Pointer(String),
    /// A JSON pointer in the whole body, written `#/...`. Each `*` is the index of the element at that position of
    /// `items`.
    Root(String),
    /// The member of this name of a form body, or of a flat JSON body.
    Form(String),
    /// The parameter of this name of the query.
    Query(String),
    /// A fixed value.
    Fixed(Value),
    /// The first of these places that holds a value.
    FirstOf(Vec<Place>),
}

/// A step of the pointer to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of this name, or the element of this index.
    Member(String),
    /// Each element of a list.
    Each,
}

/// The places of the files of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files {
    /// A list of files. The other places are then relative to each element.
    pub items: Option<Place>,
    /// The URL of a file. Without it, the usual member names are tried. With a `*` in the place and without `items`,
    /// there is a file for each number that the `*` can have.
    pub url: Option<Place>,
    /// The file's name.
    pub filename: Option<Place>,
    /// The file's media type.
    pub mime_type: Option<Place>,
    /// The file's size in bytes.
    pub size: Option<Place>,
}

impl Files {
    /// All its places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.items, &self.url, &self.filename, &self.mime_type, &self.size].into_iter().flatten()
    }
}

/// The condition of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The value at the place is one of these, compared as text.
    Equals(Place, Vec<String>),
    /// Whether the place holds a value that is neither null nor empty.
    Exists(Place, bool),
    /// The event's name in the URL.
    Event(String),
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// The condition does not hold.
    Not(Box<Condition>),
}

/// A rule: its condition, and the event that it makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The event's name in the raw log; the default is the kind.
    pub name: String,
    /// The kind of event.
    pub kind: MappedKind,
    /// The pointer of a list in the body. Each element is an event of its own.
    pub items: Option<Vec<Step>>,
    /// The condition on requests or elements; `None` means all.
    pub when: Option<Condition>,
    /// The places of the idempotency key; empty means the default of the kind.
    pub key: Vec<Place>,
    /// The format of times.
    pub times: TimeFormat,
    /// The places of Inlet's fields.
    pub fields: BTreeMap<Field, Place>,
    /// The places of the files of a message, beside [`Field::AttachmentUrl`].
    pub attachments: Vec<Files>,
    /// The places of further values, by name: details of a message, attributes of a contact.
    pub details: BTreeMap<String, Place>,
}

/// A checked mapping. The first rule that fits takes a request, or an element of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The provider's words for statuses, in lower case; `None` means Inlet's own vocabulary.
    pub statuses: Option<BTreeMap<String, DeliveryStatus>>,
    /// The JSON as its author wrote it.
    pub document: Value,
}

/// The first unreplaced placeholder of a composed webhook in the text, such as `@{{payload.id}}`.
#[must_use]
pub fn placeholder(text: &str) -> Option<&str> {
    let start = text.find("@{{")?;
    let length = text[start..].find("}}")? + 2;
    Some(&text[start..start + length])
}
