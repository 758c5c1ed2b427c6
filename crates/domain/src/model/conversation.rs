//! Conversations.

use super::words::words;

words! {
    /// Where a conversation stands with the agents.
    ConversationStatus {
        /// No one has it yet.
        InQueue = "in_queue",
        /// An agent has it.
        Open = "open",
        /// Waiting for the other side.
        Pending = "pending",
        /// Put off until a time or the next message.
        Snoozed = "snoozed",
        /// Done.
        Closed = "closed",
    }
}

words! {
    /// How urgent it is.
    Priority {
        /// Can wait.
        Low = "low",
        /// As most.
        Normal = "normal",
        /// Before most.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

impl ConversationStatus {
    /// What an inbound message makes of it: CLOSED and SNOOZED wake, to whoever has it.
    #[must_use]
    pub fn woken(self, assigned: bool) -> Self {
        match self {
            Self::Closed | Self::Snoozed if assigned => Self::Open,
            Self::Closed | Self::Snoozed => Self::InQueue,
            other => other,
        }
    }
}
