//! How the API and the replay ask what an adapter makes of a request: the adapters are a sibling that they do not know.

use chrono::{DateTime, Utc};

use crate::{
    command::{RawRequest, Reading},
    model::source::Source,
};

/// What was read of a request.
#[derive(Debug)]
pub struct Readout {
    /// The event's name, as far as it could be told. As a replay's hint it leads to the same reading.
    pub event: Option<String>,
    /// What apply is to do.
    pub reading: Reading,
    /// The request as it is to be kept: with secrets masked.
    pub raw: RawRequest,
}

/// Reads requests as they come in: a pure function of the source, the arrival and the bytes.
pub trait Reader: Send + Sync {
    /// What a request counts as: where its body is an array, or holds lists that the source's mapping names, each element is
    /// a request of its own (P6).
    fn split(
        &self,
        source: &Source,
        received_at: DateTime<Utc>,
        hint: Option<&str>,
        raw: RawRequest,
    ) -> Vec<RawRequest>;

    /// Reads an authentic request. `hint` is the event's name in the URL.
    fn read(&self, source: &Source, received_at: DateTime<Utc>, hint: Option<&str>, raw: RawRequest) -> Readout;

    /// A kept request as it is shown to people: whatever is named like a secret is masked. What is kept stays, so that a
    /// replay reads all.
    fn shown(&self, raw: RawRequest) -> RawRequest;

    /// The phone number that a text with `+` and country code is, in E.164; `None` where it is none.
    fn phone(&self, text: &str) -> Option<String>;
}
