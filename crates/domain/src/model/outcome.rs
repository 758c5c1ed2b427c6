//! Outcomes of providers' requests.

use crate::text_enum;

text_enum! {
    /// The outcome of an inbound event.
    Outcome {
        /// It was applied.
        Accepted = "accepted",
        /// All its commands were applied before.
        Duplicate = "duplicate",
        /// Authentic, but not an event that the adapter knows.
        Unrecognised = "unrecognised",
        /// It cannot be applied. It can be replayed.
        Failed = "failed",
        /// Authentic, but unreadable.
        Quarantined = "quarantined",
    }
}
