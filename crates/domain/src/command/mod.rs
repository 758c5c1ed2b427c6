//! What a provider may ask of the model: a closed vocabulary in Inlet's own terms. Adapters make these;
//! [`inlet_store::apply`] gives them their effect.

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
    size::{weight, weight_of},
};
use crate::ids::{InboundEventId, ProviderAccountId, SourceId, WorkspaceId};
pub use crate::model::{
    status::StatusTimes,
    versions::{Change, Version},
};

/// An authentic request of a provider with what an adapter read in it: what is handed to apply.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Minted at receipt; stays through retries.
    pub id: InboundEventId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The URL it came to.
    pub source: SourceId,
    /// The account whose ids it speaks of.
    pub account: ProviderAccountId,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The event's name, as far as it could be told.
    pub event: Option<String>,
    /// The raw body and headers, before sealing.
    pub raw: RawRequest,
    /// What was read.
    pub reading: Reading,
    /// Whether it has just come or is applied once more.
    pub purpose: Purpose,
}

/// Why a request is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// It has just come.
    #[default]
    Receipt,
    /// It stands in the raw log and is read anew: it runs under the keys that it holds, and never reopens a
    /// conversation, marks one unread or sends.
    Replay,
}

/// A request as it came. Kept sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RawRequest {
    /// `POST`, `GET` or `PUT`.
    pub method: String,
    /// The query string, if any.
    pub query: Option<String>,
    /// Header names in lower case, in order.
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

/// What an adapter made of a request.
#[derive(Debug, Clone)]
pub enum Reading {
    /// It says these things. `lenient` where only JSON5 could read it.
    Commands {
        /// In the order of the body.
        commands: Vec<Command>,
        /// About how many bytes of memory they take: see [`weight_of`].
        weight: usize,
        /// Whether strict JSON failed.
        lenient: bool,
    },
    /// Authentic, readable, but no event that this adapter knows (OR-19): kept for a replay.
    Unrecognised {
        /// Why, for the operator.
        reason: String,
        /// Whether strict JSON failed.
        lenient: bool,
    },
    /// Authentic, but no reader can read it: kept in quarantine.
    Quarantined {
        /// What was wrong and where.
        reason: String,
    },
    /// Authentic and known, but it says more than one transaction may hold: kept as FAILED.
    Excessive {
        /// How much it says, and how much is taken.
        reason: String,
        /// Whether strict JSON failed.
        lenient: bool,
    },
}

impl Reading {
    /// What these commands are.
    #[must_use]
    pub fn of(commands: Vec<Command>, lenient: bool) -> Self {
        Self::Commands { weight: weight_of(&commands), commands, lenient }
    }
}

/// The most commands of one request: so many are applied well within the time of a statement.
pub const MOST_COMMANDS: usize = 1_000;

/// What a request may become at least, in bytes of memory, however short it is.
const LEAST_WEIGHT: usize = 4 * 1024 * 1024;
/// How many times its own weight a request may become.
const MOST_COPIES: usize = 3;

impl RawRequest {
    /// How much what is read of the request may weigh: three times what it weighs itself, and 4 MiB at least. An adapter
    /// that puts a member into several places makes as many copies of it.
    #[must_use]
    pub fn most_weight(&self) -> usize {
        let text = self.body.len() + self.query.as_ref().map_or(0, String::len);
        weight(text, crate::json::count_values(&self.body)).saturating_mul(MOST_COPIES).max(LEAST_WEIGHT)
    }
}

/// One thing that happened, and the key under which it happens once (P2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Command {
    /// Kind and id within the provider account.
    pub key: IdempotencyKey,
    /// What it does.
    pub effect: Effect,
}

/// What makes a repeat a repeat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdempotencyKey {
    /// A word for the kind of event, e.g. `newMessage`.
    pub kind: String,
    /// The provider's id of the event, or a hash of what stands for it.
    pub id: String,
    /// The id that an earlier version of the adapter gave the same event, where that was another: a repeat of what was
    /// kept under it is a repeat too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<String>,
    /// How long a repeat is a repeat; 30 days where nothing says otherwise.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub window: Option<TimeDelta>,
}

fn seconds<S: serde::Serializer>(window: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&window.map(|w| w.num_seconds()))
}

impl IdempotencyKey {
    /// A key for 30 days.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into(), former: None, window: None }
    }
}

/// The closed list of effects.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A message, or a change to one.
    Message(Box<MessageReport>),
    /// What became of a message that was sent.
    Status(Box<StatusReport>),
    /// A contact was created, changed or deleted.
    Contact(Box<ContactReport>),
    /// A conversation was created, changed or deleted.
    Conversation(Box<ConversationReport>),
    /// A group was created, changed or deleted.
    Group(Box<GroupReport>),
    /// A file of a message was created, changed or deleted.
    Attachment(Box<AttachmentReport>),
    /// Someone wants no more messages.
    OptOut(Box<OptOutReport>),
    /// An OTP was checked.
    Verification(Box<VerificationReport>),
    /// Credit runs out.
    Balance(BalanceReport),
    /// A campaign is finished.
    Campaign(CampaignReport),
}

/// What a provider calls one thing: several ids where it has several, the most telling first. All of them come to
/// name one entity of ours; one that is known decides.
pub type ExternalIds = Vec<String>;

/// A member of a partial update: absent is not null (OB-10).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch<T> {
    /// The update does not speak of it.
    #[default]
    Absent,
    /// The update says that there is none.
    Null,
    /// The update gives a value.
    Value(T),
}

impl<T> Patch<T> {
    /// Null where there is no value: for a document that always speaks of the member.
    pub fn told(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }

    /// Absent where there is no value: for a document in which null means "unknown".
    pub fn known(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }

    /// The value, if one is given.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether the update does not speak of it.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
