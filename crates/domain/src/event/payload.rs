//! The payload of each event: the entity whole, as at the event, in snake case. Within one `api_version` members are
//! only added.

mod settings;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Map, Value, value::RawValue};

pub use self::settings::{
    AddressBrief, BalancePayload, CampaignPayload, OptOutPayload, ReadPayload, SettingsPayload, VerificationPayload,
    WebhookPayload,
};
pub use super::brief::{AttachmentBrief, AuthorBrief, ChannelBrief, ContactBrief, ConversationBrief};
use crate::{
    ids::{ContactId, ConversationId, GroupId, LabelId, MemberId, MessageId, TeamId},
    json,
    model::{
        conversation::{ConversationStatus, Priority},
        message::{Direction, MessageKind, Origin},
        status::{DeliveryStatus, Failure},
    },
};

/// UTC, RFC 3339, three decimals.
#[must_use]
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*time))
}

fn maybe_time<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(timestamp).serialize(serializer)
}

fn javascript<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(json::javascript(value)).map_err(S::Error::custom)?.serialize(serializer)
}

fn members<S: Serializer>(members: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    if members.is_empty() {
        return members.serialize(serializer);
    }
    javascript(&Value::Object(members.clone()), serializer)
}

/// Payload of `contact.created` and `contact.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContactPayload {
    /// Its id.
    pub id: ContactId,
    /// Its revision.
    pub revision: i64,
    /// The name to show.
    pub name: Option<String>,
    /// The phone number to show.
    pub phone: Option<String>,
    /// The email address to show.
    pub email: Option<String>,
    /// The username to show.
    pub username: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// What else is known.
    #[serde(serialize_with = "members")]
    pub attributes: Map<String, Value>,
    /// When the person was last seen at the provider.
    #[serde(serialize_with = "maybe_time")]
    pub last_active_at: Option<DateTime<Utc>>,
    /// The contact that this one was merged into.
    pub merged_into_id: Option<ContactId>,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of `contact.merged`: the contact that stays, and which one was merged into it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContactMergedPayload {
    /// The contact that stays, after the merge.
    #[serde(flatten)]
    pub contact: ContactPayload,
    /// The contact that was merged into it.
    pub merged_contact_id: ContactId,
}

/// Payload of `conversation.created` and `conversation.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConversationPayload {
    /// Its id.
    pub id: ConversationId,
    /// Its revision.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: ConversationStatus,
    /// The provider's word for where it stands.
    pub provider_status: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Who has it.
    pub assignee_id: Option<MemberId>,
    /// Which team has it.
    pub team_id: Option<TeamId>,
    /// Its labels.
    pub label_ids: Vec<LabelId>,
    /// What else is known.
    #[serde(serialize_with = "members")]
    pub attributes: Map<String, Value>,
    /// When its last message was written.
    #[serde(serialize_with = "maybe_time")]
    pub last_message_at: Option<DateTime<Utc>>,
    /// Since when the other side waits for an answer.
    #[serde(serialize_with = "maybe_time")]
    pub waiting_since: Option<DateTime<Utc>>,
    /// Until when it is put off.
    #[serde(serialize_with = "maybe_time")]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When it was closed.
    #[serde(serialize_with = "maybe_time")]
    pub closed_at: Option<DateTime<Utc>>,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
    /// With whom.
    pub contact: Option<ContactBrief>,
    /// In which group.
    pub group_id: Option<GroupId>,
    /// On which channel.
    pub channel: Option<ChannelBrief>,
}

/// Payload of `message.created`, `message.updated` and `call.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MessagePayload {
    /// Its id.
    pub id: MessageId,
    /// Its revision.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Which way it went.
    pub direction: Direction,
    /// What it is.
    pub kind: MessageKind,
    /// Who first had it.
    pub origin: Origin,
    /// The provider's word for its content.
    pub content_type: Option<String>,
    /// Text or caption.
    pub content: Option<String>,
    /// What has no member of its own.
    #[serde(serialize_with = "members")]
    pub details: Map<String, Value>,
    /// Its files.
    pub attachments: Vec<AttachmentBrief>,
    /// `{emoji: [username, ...]}`.
    #[serde(serialize_with = "members")]
    pub reactions: Map<String, Value>,
    /// The provider's id of the quoted message.
    pub quoted_external_id: Option<String>,
    /// The provider's id of the campaign.
    pub campaign_external_id: Option<String>,
    /// Who wrote it.
    pub author: AuthorBrief,
    /// The idempotency key of the send.
    pub client_key: Option<String>,
    /// When it was written.
    #[serde(serialize_with = "time")]
    pub occurred_at: DateTime<Utc>,
    /// How far it has come; null on inbound messages and notes.
    pub status: Option<DeliveryStatus>,
    /// When it was handed over.
    #[serde(serialize_with = "maybe_time")]
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was on the handset.
    #[serde(serialize_with = "maybe_time")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
    /// When it failed.
    #[serde(serialize_with = "maybe_time")]
    pub failed_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
    /// The conversation that it is in.
    pub conversation: Option<ConversationBrief>,
    /// The contact of the conversation.
    pub contact: Option<ContactBrief>,
    /// The channel of the conversation.
    pub channel: Option<ChannelBrief>,
}

/// Payload of `message.status_changed`: the message, and the step under the names that delivery reports use.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MessageStatusPayload {
    /// The message.
    #[serde(flatten)]
    pub message: MessagePayload,
    /// Our address.
    pub from: Option<String>,
    /// Theirs.
    pub to: Option<String>,
    /// Theirs, as delivery reports for text messages call it.
    pub mobile: Option<String>,
    /// The provider's sentence for the step.
    pub reason: Option<String>,
    /// When the provider processed it.
    #[serde(serialize_with = "maybe_time")]
    pub processed_at: Option<DateTime<Utc>>,
    /// When it went to the operator.
    #[serde(serialize_with = "maybe_time")]
    pub submit_time: Option<DateTime<Utc>>,
    /// The sender's own id for it.
    pub foreign_id: Option<String>,
    /// The report that told the step, as it stands in the message's history.
    pub report: ReportBrief,
}

/// What a provider reported on a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportBrief {
    /// Which part of a message in parts; empty for the whole.
    pub part: String,
    /// The step; null where the provider's word is unknown.
    pub status: Option<DeliveryStatus>,
    /// The provider's word.
    pub raw_status: String,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's sentence.
    pub reason: Option<String>,
    /// When the provider says that it happened.
    #[serde(serialize_with = "maybe_time")]
    pub reported_at: Option<DateTime<Utc>>,
    /// Units, credits, the sender's own fields and the like, by the provider's names.
    #[serde(serialize_with = "members")]
    pub details: Map<String, Value>,
}

/// Payload of `group.created` and `group.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupPayload {
    /// Its id.
    pub id: GroupId,
    /// Its revision.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Since when the provider has it in its archive; null where it is not there.
    #[serde(serialize_with = "maybe_time")]
    pub archived_at: Option<DateTime<Utc>>,
    /// Who takes part, as the provider writes it.
    #[serde(serialize_with = "javascript")]
    pub participants: Value,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of `attachment.created` and `attachment.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttachmentPayload {
    /// The file.
    #[serde(flatten)]
    pub attachment: AttachmentBrief,
    /// Its revision.
    pub revision: i64,
    /// The message that it is of, once that has come.
    pub message_id: Option<MessageId>,
    /// The provider's id of that message.
    pub message_external_id: Option<String>,
    /// The conversation of the message.
    pub conversation_id: Option<ConversationId>,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of every `*.deleted`: what it was, what it belonged to, since when it is gone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeletedPayload {
    /// Its id.
    pub id: String,
    /// The provider's id.
    pub external_id: Option<String>,
    /// The conversation that it was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// The message that it was of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// Since when.
    #[serde(serialize_with = "time")]
    pub deleted_at: DateTime<Utc>,
}

/// What is in a conversation, or was one, with the conversation as at the event: filters are held against it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Within<P> {
    /// The entity, or what is left of it.
    #[serde(flatten)]
    pub entity: P,
    /// The conversation; of one that is gone, as it stood before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationBrief>,
    /// The contact of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactBrief>,
    /// The channel of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelBrief>,
}

/// The members that differ, with their values in `before`: what `previous` holds. Housekeeping members are left out.
#[must_use]
pub fn previous<P: Serialize>(before: &P, after: &P) -> Option<String> {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return None;
    };
    let changed: Map<String, Value> = before
        .into_iter()
        .filter(|(member, old)| !matches!(member.as_str(), "revision" | "updated_at") && after.get(member) != Some(old))
        .collect();
    if changed.is_empty() { None } else { Some(json::javascript(&Value::Object(changed))) }
}
