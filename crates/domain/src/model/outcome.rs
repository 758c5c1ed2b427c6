//! What came of a provider's request.

use crate::text_enum;

text_enum! {
    /// What came of an inbound event.
    Outcome {
        /// It had an effect.
        Accepted = "accepted",
        /// All that it says had its effect already.
        Duplicate = "duplicate",
        /// Authentic, but no event that the adapter knows.
        Unrecognised = "unrecognised",
        /// It cannot be applied; it can be replayed.
        Failed = "failed",
        /// Authentic, but unreadable.
        Quarantined = "quarantined",
    }
}
