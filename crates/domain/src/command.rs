//! What a provider may ask of the model: a closed vocabulary in Inlet's own terms. Adapters make these;
//! [`crate::apply`] gives them their effect.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ids::{ChannelId, InboundEventId, ProviderAccountId, SourceId, WorkspaceId},
    model::{
        channel::Medium,
        conversation::ConversationStatus,
        message::{AttachmentKind, Direction, MessageKind},
        opt_out::OptOutScope,
        status::DeliveryStatus,
    },
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
        Self { kind: kind.into(), id: id.into(), window: None }
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

/// What a report does to an entity that the provider keeps too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came to be.
    Created,
    /// It changed, or came to be: upsert.
    Updated,
    /// It is gone: hidden, with its history kept.
    Deleted,
}

/// The version of a provider's entity that a report gives. The greatest wins for each member: by time, then
/// deleted over updated over created. Where the provider gives no time, the arrival is the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version {
    /// The provider's `updated_at`, or the arrival.
    pub at: DateTime<Utc>,
    /// What it does.
    pub change: Change,
}

/// One of our channels, as far as an event tells. Found by any of `ids`, else created.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRef {
    /// The source's own channel.
    Known(ChannelId),
    /// By what the provider calls it.
    Reported(Box<ChannelReport>),
}

/// A channel as a provider describes it (OR-5). Members that are `None` change nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelReport {
    /// The provider's channel id if it has one, and `<medium>:<identifier or phone>` for each address that it shows:
    /// a delivery report's `from` finds the channel by these. Use [`ChannelReport::address_id`].
    pub ids: ExternalIds,
    /// The medium.
    pub medium: Medium,
    /// Our address on it, as the provider writes it.
    pub identifier: Option<String>,
    /// Our phone number on it.
    pub phone: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// `LIVE`, `TEST`: the provider's word.
    pub env: Option<String>,
    /// The provider's word.
    pub status: Option<String>,
    /// Data, never a target of ours.
    pub webhook_url: Option<String>,
}

impl ChannelReport {
    /// A channel of which nothing is known but its medium and address.
    #[must_use]
    pub fn at_address(medium: Medium, address: &str) -> Self {
        Self {
            ids: vec![Self::address_id(medium, address)],
            medium,
            identifier: Some(address.to_owned()),
            phone: None,
            name: None,
            description: None,
            country: None,
            env: None,
            status: None,
            webhook_url: None,
        }
    }

    /// The id by which an address finds its channel: a phone number without its leading `+`, all else as it is.
    #[must_use]
    pub fn address_id(medium: Medium, address: &str) -> String {
        format!("{}:{}", medium.as_str(), address.strip_prefix('+').unwrap_or(address))
    }
}

/// What kind of address an identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A phone number in E.164 with its `+`, or the digits as written where it cannot be normalised. The workspace's.
    Phone,
    /// An email address in lower case. The workspace's.
    Email,
    /// A name that is unique at the provider.
    Username,
    /// The provider's id of a person.
    ProviderUser,
    /// The provider's id of a conversation: the last resort (OR-3).
    ProviderConversation,
    /// The provider's id of a group. It has no contact.
    Group,
}

impl IdentityKind {
    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Username => "username",
            Self::ProviderUser => "provider_user",
            Self::ProviderConversation => "provider_conversation",
            Self::Group => "group",
        }
    }

    /// Whether it leads a new address to a contact that is known by it.
    #[must_use]
    pub fn joins(self) -> bool {
        self.is_shared() || self == Self::ProviderConversation
    }

    /// Whether it joins providers: only a phone number and an email address do.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Phone | Self::Email)
    }
}

/// An address, normalised, beside what was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdentityRef {
    /// What it is.
    pub kind: IdentityKind,
    /// Normalised.
    pub value: String,
    /// As written, where that differs.
    pub original: Option<String>,
}

/// A person as far as an event tells. The first identity is the address that the message came from.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PersonReport {
    /// The address first, then what else is known of the person.
    pub identities: Vec<IdentityRef>,
    /// The name to show.
    pub name: Option<String>,
    /// A phone number to show.
    pub phone: Option<String>,
    /// An email address to show.
    pub email: Option<String>,
    /// A username to show.
    pub username: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// When the person was last seen.
    pub last_active_at: Option<DateTime<Utc>>,
    /// All else that the provider tells of the person.
    pub attributes: Map<String, Value>,
}

/// A provider's thread, as a message mentions it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ThreadReport {
    /// The provider's conversation id: an alias of ours.
    pub id: Option<String>,
    /// Seeds our status when the conversation is created; kept beside it afterwards (OR-6).
    pub status: Option<ConversationStatus>,
    /// The provider's own word for it.
    pub provider_status: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// All else.
    pub attributes: Map<String, Value>,
}

/// A message, or a change to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageReport {
    /// The provider's ids of the message; none where it gives none.
    pub ids: ExternalIds,
    /// The id to show as `externalId`.
    pub external_id: Option<String>,
    /// The version, where the provider sends versions (Oblic). `None` means that the message never changes.
    pub version: Option<Version>,
    /// Our channel.
    pub channel: ChannelRef,
    /// The other side: the sender of an inbound message, the receiver of an outbound one. `None` only where a
    /// change names the message alone.
    pub person: Option<PersonReport>,
    /// The provider's thread.
    pub thread: ThreadReport,
    /// Which way.
    pub direction: Direction,
    /// A message or a call.
    pub kind: MessageKind,
    /// Who wrote an outbound message at the provider, if told.
    pub author_name: Option<String>,
    /// The provider's word: `text`, `image`, or anything.
    pub content_type: Patch<String>,
    /// Text or caption.
    pub content: Patch<String>,
    /// What has no column of its own, by name.
    pub details: Map<String, Value>,
    /// The files, where the event speaks of them.
    pub attachments: Option<Vec<AttachmentPart>>,
    /// `{emoji: [username, ...]}`, where the event speaks of them.
    pub reactions: Patch<Map<String, Value>>,
    /// The provider's id of the quoted message.
    pub quoted_id: Option<String>,
    /// When it was written, if told.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it was read, as an entity update tells it.
    pub read_at: Patch<DateTime<Utc>>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttachmentPart {
    /// The provider's id of the file, if it has one.
    pub external_id: Option<String>,
    /// What it is.
    pub kind: AttachmentKind,
    /// Where it can be had.
    pub url: Option<String>,
    /// Its name.
    pub filename: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<i64>,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// The provider's ids of the message.
    pub ids: ExternalIds,
    /// The id to show as `externalId` if the message is not known yet.
    pub external_id: Option<String>,
    /// Which part of a message in parts; empty for the whole (MT-3).
    pub part: String,
    /// Our word, or none where theirs is unknown: kept, and changes nothing (MT-11).
    pub status: Option<DeliveryStatus>,
    /// Whether the word means that the message was deleted.
    pub deleted: bool,
    /// Their word.
    pub raw_status: String,
    /// Their code for a failure.
    pub code: Option<String>,
    /// Their sentence.
    pub reason: Option<String>,
    /// When this step happened, if told.
    pub reported_at: Option<DateTime<Utc>>,
    /// The times of steps that the report names, whatever its own step is.
    pub times: StatusTimes,
    /// Our channel that it was sent from.
    pub channel: ChannelRef,
    /// To whom.
    pub person: Option<PersonReport>,
    /// The campaign that it was part of, by the provider's id.
    pub campaign_id: Option<String>,
    /// Units, credits, template category and the like.
    pub details: Map<String, Value>,
}

/// Times that a report names, each of which a later null never erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StatusTimes {
    /// Handed to the operator.
    pub sent_at: Option<DateTime<Utc>>,
    /// On the handset.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Read.
    pub read_at: Option<DateTime<Utc>>,
    /// Failed.
    pub failed_at: Option<DateTime<Utc>>,
}

/// A contact was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactReport {
    /// The version.
    pub version: Version,
    /// The provider's id first, then phone and email.
    pub identities: Vec<IdentityRef>,
    /// The name to show.
    pub name: Patch<String>,
    /// A phone number to show.
    pub phone: Patch<String>,
    /// An email address to show.
    pub email: Patch<String>,
    /// A username to show.
    pub username: Patch<String>,
    /// A picture.
    pub avatar_url: Patch<String>,
    /// When the person was last seen.
    pub last_active_at: Patch<DateTime<Utc>>,
    /// Each attribute is a member of its own.
    pub attributes: Map<String, Value>,
}

/// A conversation was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationReport {
    /// The provider's id.
    pub id: String,
    /// The version.
    pub version: Version,
    /// Our channel.
    pub channel: ChannelRef,
    /// With whom, if told.
    pub person: Option<PersonReport>,
    /// In which group, by the provider's id, if told.
    pub group_id: Option<String>,
    /// The subject.
    pub subject: Patch<String>,
    /// `pinned`, `muted`, `archived_at` and the like: each is a member of its own.
    pub attributes: Map<String, Value>,
}

/// A group was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupReport {
    /// The provider's id.
    pub id: String,
    /// The version.
    pub version: Version,
    /// The name to show.
    pub name: Patch<String>,
    /// A picture.
    pub avatar_url: Patch<String>,
    /// Who takes part, as the provider writes it.
    pub participants: Patch<Vec<Value>>,
}

/// A file of a message was created, changed or deleted at the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttachmentReport {
    /// The provider's id of the file.
    pub id: String,
    /// The provider's id of the message, if told.
    pub message_id: Option<String>,
    /// The version.
    pub version: Version,
    /// What it is, if that can be told.
    pub kind: Patch<AttachmentKind>,
    /// Where it can be had.
    pub url: Patch<String>,
    /// Its name.
    pub filename: Patch<String>,
    /// Its media type.
    pub mime_type: Patch<String>,
    /// Its size in bytes.
    pub size_bytes: Patch<i64>,
}

/// Someone wants no more messages (MT-4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptOutReport {
    /// The provider's id of the refusal.
    pub external_id: Option<String>,
    /// Who.
    pub person: PersonReport,
    /// On which medium.
    pub medium: Medium,
    /// Of what.
    pub scope: OptOutScope,
    /// Which category or sender; `*` for all.
    pub value: String,
    /// Since when, if told.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// An OTP was checked (OR-8).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationReport {
    /// The provider's id.
    pub id: String,
    /// What was verified: a phone number, a key.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// The code: never stored, only hashed with a key.
    #[serde(skip)]
    pub code: Option<Secret>,
    /// When the code ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(pub secrecy::SecretString);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        use subtle::ConstantTimeEq;
        self.0.expose_secret().as_bytes().ct_eq(other.0.expose_secret().as_bytes()).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Credit runs out (OR-7).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BalanceReport {
    /// The firm whose credit it is.
    pub firm: Option<String>,
    /// What remains, a decimal number as text.
    pub units: Option<String>,
}

/// A campaign is finished (OR-11).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignReport {
    /// The provider's id.
    pub id: String,
    /// Where its report can be had.
    pub report_url: Option<String>,
}
