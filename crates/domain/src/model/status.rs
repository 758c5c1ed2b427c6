//! The ladder of a sent message (P3): QUEUED < SENT < FAILED < DELIVERED < READ.

use super::words::words;

words! {
    /// How far a sent message has come. The order of the values is the ladder.
    DeliveryStatus {
        /// With us.
        Queued = "queued",
        /// With the operator.
        Sent = "sent",
        /// It will not arrive; a delivery that is reported nevertheless is above this.
        Failed = "failed",
        /// On the handset.
        Delivered = "delivered",
        /// Read.
        Read = "read",
    }
}
