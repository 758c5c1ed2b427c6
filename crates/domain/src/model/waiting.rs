//! Events that arrive before the object they belong to, and wait for it (P4).

use crate::text_enum;

text_enum! {
    /// The kind of a waiting event.
    WaitingHalf {
        /// A status report without a receiver, on an unknown message.
        StatusReport = "status_report",
        /// A newer version of an unknown message, which does not name its conversation.
        Update = "update",
        /// A file of an unknown message.
        Attachment = "attachment",
        /// A reply to an unknown message.
        Quote = "quote",
        /// The deletion of an unknown object.
        Deletion = "deletion",
        /// A message that is known only from status reports.
        Placeholder = "placeholder",
    }
}
