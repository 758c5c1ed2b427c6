//! What came before what it belongs to, and waits for it (P4).

use crate::text_enum;

text_enum! {
    /// The half that is here.
    WaitingHalf {
        /// A report on a message that is not known, and that names no receiver.
        StatusReport = "status_report",
        /// A newer version of a message that is not known, which does not tell where that belongs.
        Update = "update",
        /// A file of a message that is not known.
        Attachment = "attachment",
        /// A reply to a message that is not known.
        Quote = "quote",
        /// The deletion of what is not known.
        Deletion = "deletion",
        /// A message of which only reports have come.
        Placeholder = "placeholder",
    }
}
