//! The closed list of event types, and the payload of each, as webhooks and the log carry it.

use crate::text_enum::UnknownText;

mod brief;
pub mod pattern;
pub mod payload;
pub mod sample;
pub mod schema;
pub mod webhook_filter;

/// The version of the webhook contract: the shape of the envelope and of every payload.
pub const API_VERSION: &str = "2026-11";

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A type of event. The contract fixes the names: a new one may be added, none renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
        }

        impl EventType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, e.g. `message.created`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl std::str::FromStr for EventType {
            type Err = UnknownText;
            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownText { text: name.to_owned(), known: &[$($name,)*] }),
                }
            }
        }
    };
}

event_types! {
    /// A contact was created.
    ContactCreated = "contact.created",
    /// A contact changed.
    ContactUpdated = "contact.updated",
    /// A contact was deleted.
    ContactDeleted = "contact.deleted",
    /// A contact was merged into another.
    ContactMerged = "contact.merged",
    /// A conversation was created.
    ConversationCreated = "conversation.created",
    /// A conversation changed, except by a message.
    ConversationUpdated = "conversation.updated",
    /// A conversation was deleted.
    ConversationDeleted = "conversation.deleted",
    /// A member read a conversation, or marked it unread. Live only: no webhook gets it.
    ConversationRead = "conversation.read",
    /// A message was created.
    MessageCreated = "message.created",
    /// A message changed, except in its status.
    MessageUpdated = "message.updated",
    /// A message was deleted.
    MessageDeleted = "message.deleted",
    /// The status of a sent message advanced.
    MessageStatusChanged = "message.status_changed",
    /// A group was created.
    GroupCreated = "group.created",
    /// A group changed.
    GroupUpdated = "group.updated",
    /// A group was deleted.
    GroupDeleted = "group.deleted",
    /// A file arrived after its message.
    AttachmentCreated = "attachment.created",
    /// A file changed.
    AttachmentUpdated = "attachment.updated",
    /// A file was deleted.
    AttachmentDeleted = "attachment.deleted",
    /// A call ended.
    CallCompleted = "call.completed",
    /// A one-time password was checked.
    VerificationVerified = "verification.verified",
    /// The credit at a provider is low.
    BalanceLow = "balance.low",
    /// A campaign is completed.
    CampaignCompleted = "campaign.completed",
    /// A contact refuses messages.
    OptOutCreated = "opt_out.created",
    /// A contact accepts messages again.
    OptOutWithdrawn = "opt_out.withdrawn",
    /// A webhook was disabled, because its deliveries only failed.
    WebhookDisabled = "webhook.disabled",
    /// A disabled webhook works again.
    WebhookRecovered = "webhook.recovered",
    /// A setting was created, changed or deleted. Live only: no webhook gets it.
    SettingsChanged = "settings.changed",
}
