//! Conversations.

use crate::text_enum;

text_enum! {
    /// The lifecycle status of a conversation.
    ConversationStatus {
        /// No member has it yet.
        InQueue = "in_queue",
        /// A member works on it.
        Open = "open",
        /// It waits for the contact.
        Pending = "pending",
        /// It is hidden until a time or the next message.
        Snoozed = "snoozed",
        /// It is done.
        Closed = "closed",
    }
}

text_enum! {
    /// The priority of a conversation.
    Priority {
        /// It can wait.
        Low = "low",
        /// The default.
        Normal = "normal",
        /// Before most others.
        High = "high",
        /// At once.
        Urgent = "urgent",
    }
}

impl ConversationStatus {
    /// The status after an inbound message. PENDING, SNOOZED and CLOSED conversations go to OPEN if a member is
    /// assigned who can answer (`assigned`), else to the queue.
    #[must_use]
    pub fn woken(self, assigned: bool) -> Self {
        match self {
            Self::Pending | Self::Snoozed | Self::Closed if assigned => Self::Open,
            Self::Pending | Self::Snoozed | Self::Closed => Self::InQueue,
            Self::InQueue | Self::Open => self,
        }
    }

    /// Whether members may set the status `next`. Any change is allowed, except from CLOSED, which must be reopened
    /// first. The current status is allowed too, and changes nothing.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self != Self::Closed || matches!(next, Self::Closed | Self::InQueue | Self::Open)
    }
}
