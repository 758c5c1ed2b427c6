//! Whether a member can be reached.

use crate::text_enum;

text_enum! {
    /// Whether a member can be reached.
    Availability {
        /// At work.
        Online = "online",
        /// Not just now.
        Away = "away",
        /// Not at work.
        Offline = "offline",
    }
}
