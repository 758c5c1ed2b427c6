//! The closed list of effects that a provider's request may have, in Inlet's own terms. Adapters make commands;
//! [`inlet_store::apply`] executes them.

mod channel;
mod entity;
mod message;
mod notice;
mod person;
mod size;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    channel::{ChannelRef, ChannelReport},
    entity::{AttachmentReport, ContactReport, ConversationReport, GroupReport},
    message::{AttachmentPart, MessageReport, StatusReport, ThreadReport},
    notice::{BalanceReport, CampaignReport, OptOutReport, Secret, VerificationReport},
    person::{IdentityKind, IdentityRef, IdentityScope, PersonReport},
    size::{text_length, weight, weight_of},
};
use crate::ids::{InboundEventId, ProviderAccountId, SourceId, WorkspaceId};
pub use crate::model::{
    status::StatusTimes,
    versions::{Change, Version},
};

/// An authentic request of a provider with an adapter's reading of it: the input of apply.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The id of the request, made at receipt. It stays through retries.
    pub id: InboundEventId,
    /// The workspace of the source.
    pub workspace: WorkspaceId,
    /// The source that received the request.
    pub source: SourceId,
    /// The provider account that the request's ids belong to.
    pub account: ProviderAccountId,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The event's name, if the adapter could tell it.
    pub event: Option<String>,
    /// The body and headers, not yet sealed.
    pub raw: RawRequest,
    /// The adapter's reading.
    pub reading: Reading,
    /// Receipt or replay.
    pub purpose: Purpose,
}

/// The reason why a request is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// The request has just been received.
    #[default]
    Receipt,
    /// The request is in the raw log and is read anew. It uses the idempotency keys that it holds. It never reopens a
    /// conversation, marks one unread, or sends a message.
    Replay,
}

/// A request as it was received. The store keeps it sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RawRequest {
    /// The HTTP method: `POST`, `GET` or `PUT`.
    pub method: String,
    /// The query string, if any.
    pub query: Option<String>,
    /// Names in lower case, in the order of the request.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}

mod base64_bytes {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// An adapter's reading of a request.
#[derive(Debug, Clone)]
pub enum Reading {
    /// The request has effects.
    Commands {
        /// In the order of the body.
        commands: Vec<Command>,
        /// The approximate memory of the commands in bytes: see [`weight_of`].
        weight: usize,
        /// Whether the body was JSON5 but not strict JSON.
        lenient: bool,
    },
    /// The request is authentic and readable, but not an event that this adapter knows (OR-19). It is kept for a
    /// replay.
    Unrecognised {
        /// The reason, for the operator.
        reason: String,
        /// Whether the body was JSON5 but not strict JSON.
        lenient: bool,
    },
    /// The request is authentic, but no reader can read it. It is kept in quarantine.
    Quarantined {
        /// The problem and its position.
        reason: String,
    },
    /// The request has more effects than one transaction may hold. It is kept as FAILED.
    Excessive {
        /// The size of the result, and the bound.
        reason: String,
        /// Whether the body was JSON5 but not strict JSON.
        lenient: bool,
    },
}

impl Reading {
    /// The reading with these commands, or [`Reading::Excessive`] if they exceed a bound.
    #[must_use]
    pub fn of(commands: Vec<Command>, lenient: bool) -> Self {
        Self::Commands { weight: weight_of(&commands), commands, lenient }
    }
}

/// The most commands of one request. A transaction can apply this many well within a statement's timeout.
pub const MOST_COMMANDS: usize = 1_000;

/// The least bound on the weight of the commands of a request, in bytes of memory.
const LEAST_WEIGHT: usize = 4 * 1024 * 1024;
/// How many times its own weight the commands of a request may weigh.
const MOST_COPIES: usize = 3;

impl RawRequest {
    /// The bound on the weight of the commands of a request: three times the weight of the request, and at least 4 MiB.
    /// An adapter that puts one member into several places copies it as many times.
    #[must_use]
    pub fn most_weight(&self) -> usize {
        let text = self.body.len() + self.query.as_ref().map_or(0, String::len);
        weight(text, crate::json::count_values(&self.body)).saturating_mul(MOST_COPIES).max(LEAST_WEIGHT)
    }
}

/// One effect, with the idempotency key that lets it happen once (P2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Command {
    /// The key, unique within the provider account.
    pub key: IdempotencyKey,
    /// The effect.
    pub effect: Effect,
}

/// The idempotency key of a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdempotencyKey {
    /// The kind of event, e.g. `newMessage`.
    pub kind: String,
    /// The provider's id of the event, or a hash of the values that identify it.
    pub id: String,
    /// The id that an earlier version of the adapter gave this event. A repeat of an event with that id is a repeat
    /// too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<String>,
    /// How long the key is kept; `None` means 30 days.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub window: Option<TimeDelta>,
}

fn seconds<S: serde::Serializer>(window: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&window.map(|w| w.num_seconds()))
}

impl IdempotencyKey {
    /// A key that is kept for 30 days.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into(), former: None, window: None }
    }
}

/// The closed list of effects.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A new message, or a change of one.
    Message(Box<MessageReport>),
    /// A delivery status of a sent message.
    Status(Box<StatusReport>),
    /// A contact was created, changed or deleted.
    Contact(Box<ContactReport>),
    /// A conversation was created, changed or deleted.
    Conversation(Box<ConversationReport>),
    /// A group was created, changed or deleted.
    Group(Box<GroupReport>),
    /// A file of a message was created, changed or deleted.
    Attachment(Box<AttachmentReport>),
    /// A person refuses messages.
    OptOut(Box<OptOutReport>),
    /// A one-time password was checked.
    Verification(Box<VerificationReport>),
    /// The credit at the provider is low.
    Balance(BalanceReport),
    /// A campaign is completed.
    Campaign(CampaignReport),
}

/// A provider's ids of one thing, the most specific first. All of them refer to one entity of Inlet; any known id finds
/// it.
pub type ExternalIds = Vec<String>;

/// A member of a partial update. Absent and null differ (OB-10).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch<T> {
    /// The update does not mention the member.
    #[default]
    Absent,
    /// The update clears the member.
    Null,
    /// The update sets the member.
    Value(T),
}

impl<T> Patch<T> {
    /// Null for `None`: for documents that always mention the member.
    pub fn told(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }

    /// Absent for `None`: for documents in which null means "unknown".
    pub fn known(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }

    /// The value, if the update sets one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether the update does not mention the member.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
