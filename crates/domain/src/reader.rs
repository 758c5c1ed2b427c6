//! The interface by which the API and the replay call the adapters without depending on their crate.

use chrono::{DateTime, Utc};

use crate::{
    command::{RawRequest, Reading},
    model::source::Source,
};

/// The reading of a request.
#[derive(Debug)]
pub struct Readout {
    /// The event's name, if it could be told. As a hint to a replay it leads to this reading again.
    pub event: Option<String>,
    /// The input of apply.
    pub reading: Reading,
    /// The request in the form that is stored, with the members masked that the adapter declares secret.
    pub raw: RawRequest,
}

/// Reads requests: a pure function of the source, the arrival and the bytes.
pub trait Reader: Send + Sync {
    /// Splits a request with several events: an array, or lists that the source's mapping names. Each element counts as
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

    /// A stored request for display, with members masked whose names look like secrets. The stored request stays
    /// complete, so that a replay can read all of it.
    fn shown(&self, raw: RawRequest) -> RawRequest;

    /// The phone number of a text with `+` and country code, in E.164; `None` for any other text.
    fn phone(&self, text: &str) -> Option<String>;
}
