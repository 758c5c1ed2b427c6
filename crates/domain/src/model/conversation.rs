//! Conversations.

use crate::text_enum;

text_enum! {
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

text_enum! {
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
    /// What an inbound message makes of it: PENDING, SNOOZED and CLOSED conversations go to whoever has them, else to the
    /// queue. `assigned` says whether a member has it who can answer.
    #[must_use]
    pub fn woken(self, assigned: bool) -> Self {
        match self {
            Self::Pending | Self::Snoozed | Self::Closed if assigned => Self::Open,
            Self::Pending | Self::Snoozed | Self::Closed => Self::InQueue,
            Self::InQueue | Self::Open => self,
        }
    }

    /// Whether people may put it there: anything may become anything, but what is CLOSED is reopened first. The same again
    /// is no change, and may be.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self != Self::Closed || matches!(next, Self::Closed | Self::InQueue | Self::Open)
    }
}
