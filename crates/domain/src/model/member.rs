//! The availability of members.

use crate::text_enum;

text_enum! {
    /// The availability of a member.
    Availability {
        /// At work.
        Online = "online",
        /// Away for a moment.
        Away = "away",
        /// Not at work.
        Offline = "offline",
    }
}
