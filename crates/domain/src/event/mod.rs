//! What happened: the closed list of event types and the payload of each, as webhooks and the log carry it.

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
        /// A type of event. The names are fixed by the contract; one may be added, none renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
        }

        impl EventType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, e.g. `message.created`.
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
                    _ => Err(UnknownText(name.to_owned())),
                }
            }
        }
    };
}

event_types! {
    /// A contact came to be.
    ContactCreated = "contact.created",
    /// A contact changed.
    ContactUpdated = "contact.updated",
    /// A contact is gone.
    ContactDeleted = "contact.deleted",
    /// A contact was merged into another.
    ContactMerged = "contact.merged",
    /// A conversation came to be.
    ConversationCreated = "conversation.created",
    /// A conversation changed, other than by what a message brings.
    ConversationUpdated = "conversation.updated",
    /// A conversation is gone.
    ConversationDeleted = "conversation.deleted",
    /// Someone read a conversation, or marked it unread. Live only: no webhook gets it.
    ConversationRead = "conversation.read",
    /// A message came to be.
    MessageCreated = "message.created",
    /// A message changed, other than in its status.
    MessageUpdated = "message.updated",
    /// A message is gone.
    MessageDeleted = "message.deleted",
    /// A sent message came further.
    MessageStatusChanged = "message.status_changed",
    /// A group came to be.
    GroupCreated = "group.created",
    /// A group changed.
    GroupUpdated = "group.updated",
    /// A group is gone.
    GroupDeleted = "group.deleted",
    /// A file came after its message.
    AttachmentCreated = "attachment.created",
    /// A file changed.
    AttachmentUpdated = "attachment.updated",
    /// A file is gone.
    AttachmentDeleted = "attachment.deleted",
    /// A call ended.
    CallCompleted = "call.completed",
    /// An OTP was checked.
    VerificationVerified = "verification.verified",
    /// Credit runs out.
    BalanceLow = "balance.low",
    /// A campaign is finished.
    CampaignCompleted = "campaign.completed",
    /// A contact refuses messages.
    OptOutCreated = "opt_out.created",
    /// A contact refuses them no more.
    OptOutWithdrawn = "opt_out.withdrawn",
    /// A webhook was disabled after nothing but failure.
    WebhookDisabled = "webhook.disabled",
    /// A disabled webhook works again.
    WebhookRecovered = "webhook.recovered",
    /// A setting was made, changed or deleted. Live only: no webhook gets it.
    SettingsChanged = "settings.changed",
}
