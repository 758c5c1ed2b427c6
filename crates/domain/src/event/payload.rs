//! The payload of each event: the whole entity at the time of the event, in snake case. Within one `api_version`
//! members are only added.

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
    /// Global id.
    pub id: ContactId,
    /// Revision of the contact; each change raises it.
    pub revision: i64,
    /// Display name.
    pub name: Option<String>,
    /// Phone number that Inlet shows.
    pub phone: Option<String>,
    /// Email address that Inlet shows.
    pub email: Option<String>,
    /// Username that Inlet shows.
    pub username: Option<String>,
    /// URL of a picture.
    pub avatar_url: Option<String>,
    /// Further values, by name.
    #[serde(serialize_with = "members")]
    pub attributes: Map<String, Value>,
    /// When the person was last seen at the provider.
    #[serde(serialize_with = "maybe_time")]
    pub last_active_at: Option<DateTime<Utc>>,
    /// The contact that this one was merged into.
    pub merged_into_id: Option<ContactId>,
    /// When Inlet created the contact.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the contact last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of `contact.merged`: the contact that stays, and the id of the contact that was merged into it.
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
    /// Global id.
    pub id: ConversationId,
    /// Revision of the conversation; each change raises it.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Lifecycle status.
    pub status: ConversationStatus,
    /// The provider's own word for the status.
    pub provider_status: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// Priority.
    pub priority: Priority,
    /// Member that the conversation is assigned to.
    pub assignee_id: Option<MemberId>,
    /// Team that the conversation is assigned to.
    pub team_id: Option<TeamId>,
    /// Labels of the conversation.
    pub label_ids: Vec<LabelId>,
    /// Further values, by name.
    #[serde(serialize_with = "members")]
    pub attributes: Map<String, Value>,
    /// When the last message was written.
    #[serde(serialize_with = "maybe_time")]
    pub last_message_at: Option<DateTime<Utc>>,
    /// Since when the contact has waited for an answer.
    #[serde(serialize_with = "maybe_time")]
    pub waiting_since: Option<DateTime<Utc>>,
    /// End of the snooze.
    #[serde(serialize_with = "maybe_time")]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When the conversation was closed.
    #[serde(serialize_with = "maybe_time")]
    pub closed_at: Option<DateTime<Utc>>,
    /// When Inlet created the conversation.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the conversation last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
    /// Contact of the conversation.
    pub contact: Option<ContactBrief>,
    /// Group of the conversation.
    pub group_id: Option<GroupId>,
    /// Channel of the conversation.
    pub channel: Option<ChannelBrief>,
}

/// Payload of `message.created`, `message.updated` and `call.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MessagePayload {
    /// Global id.
    pub id: MessageId,
    /// Revision of the message; each change raises it.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Inbound or outbound.
    pub direction: Direction,
    /// Message, note, call or activity.
    pub kind: MessageKind,
    /// Whether Inlet sent the message, or saw it at the provider.
    pub origin: Origin,
    /// The provider's content type.
    pub content_type: Option<String>,
    /// Text or caption.
    pub content: Option<String>,
    /// Further values, by name.
    #[serde(serialize_with = "members")]
    pub details: Map<String, Value>,
    /// Files of the message.
    pub attachments: Vec<AttachmentBrief>,
    /// `{emoji: [username, ...]}`.
    #[serde(serialize_with = "members")]
    pub reactions: Map<String, Value>,
    /// The provider's id of the quoted message.
    pub quoted_external_id: Option<String>,
    /// The provider's id of the campaign.
    pub campaign_external_id: Option<String>,
    /// Author of the message.
    pub author: AuthorBrief,
    /// Idempotency key of the mutation that sent the message.
    pub client_key: Option<String>,
    /// When the message was written.
    #[serde(serialize_with = "time")]
    pub occurred_at: DateTime<Utc>,
    /// Delivery status; null on inbound messages and notes.
    pub status: Option<DeliveryStatus>,
    /// When the provider took the message.
    #[serde(serialize_with = "maybe_time")]
    pub sent_at: Option<DateTime<Utc>>,
    /// When the message reached the handset.
    #[serde(serialize_with = "maybe_time")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the receiver read the message.
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
    /// When the delivery failed.
    #[serde(serialize_with = "maybe_time")]
    pub failed_at: Option<DateTime<Utc>>,
    /// Reason of the failure.
    pub failure: Option<Failure>,
    /// When Inlet created the message.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the message last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
    /// Conversation of the message.
    pub conversation: Option<ConversationBrief>,
    /// Contact of the conversation.
    pub contact: Option<ContactBrief>,
    /// Channel of the conversation.
    pub channel: Option<ChannelBrief>,
}

/// Payload of `message.status_changed`: the message, and the step under the names of delivery reports.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MessageStatusPayload {
    /// The message.
    #[serde(flatten)]
    pub message: MessagePayload,
    /// Our address.
    pub from: Option<String>,
    /// The receiver's address.
    pub to: Option<String>,
    /// The receiver's address, under the name of delivery reports for text messages.
    pub mobile: Option<String>,
    /// The provider's reason for the step.
    pub reason: Option<String>,
    /// When the provider processed the message.
    #[serde(serialize_with = "maybe_time")]
    pub processed_at: Option<DateTime<Utc>>,
    /// When the provider passed the message to the operator.
    #[serde(serialize_with = "maybe_time")]
    pub submit_time: Option<DateTime<Utc>>,
    /// The sender's own id of the message.
    pub foreign_id: Option<String>,
    /// The report of the step, as in the message's history.
    pub report: ReportBrief,
}

/// A provider's report on a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportBrief {
    /// Part of a multipart message; empty for the whole message.
    pub part: String,
    /// Delivery status; null for an unknown word of the provider.
    pub status: Option<DeliveryStatus>,
    /// The provider's own word for the status.
    pub raw_status: String,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's reason.
    pub reason: Option<String>,
    /// Time of the step, by the provider.
    #[serde(serialize_with = "maybe_time")]
    pub reported_at: Option<DateTime<Utc>>,
    /// Units, credits, the sender's own fields and the like, by the provider's names.
    #[serde(serialize_with = "members")]
    pub details: Map<String, Value>,
}

/// Payload of `group.created` and `group.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupPayload {
    /// Global id.
    pub id: GroupId,
    /// Revision of the group; each change raises it.
    pub revision: i64,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// URL of a picture.
    pub avatar_url: Option<String>,
    /// Description at the provider.
    pub description: Option<String>,
    /// When the provider archived the group; null if it is not archived.
    #[serde(serialize_with = "maybe_time")]
    pub archived_at: Option<DateTime<Utc>>,
    /// Participants, as the provider writes them.
    #[serde(serialize_with = "javascript")]
    pub participants: Value,
    /// When Inlet created the group.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the group last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of `attachment.created` and `attachment.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttachmentPayload {
    /// The file.
    #[serde(flatten)]
    pub attachment: AttachmentBrief,
    /// Revision of the file; each change raises it.
    pub revision: i64,
    /// Message of the file, once it has arrived.
    pub message_id: Option<MessageId>,
    /// The provider's id of that message.
    pub message_external_id: Option<String>,
    /// Conversation of the message.
    pub conversation_id: Option<ConversationId>,
    /// When Inlet created the file.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the file last changed.
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

/// Payload of every `*.deleted`: the deleted entity, its parents, and the time of the deletion.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeletedPayload {
    /// Global id.
    pub id: String,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Conversation of the deleted entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// Message of the deleted entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// When the entity was deleted.
    #[serde(serialize_with = "time")]
    pub deleted_at: DateTime<Utc>,
}

/// An entity of a conversation, or the conversation itself, with the conversation at the time of the event. Filters use
/// the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Within<P> {
    /// The entity, or the rest of a deleted one.
    #[serde(flatten)]
    pub entity: P,
    /// The conversation; of a deleted one its last state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationBrief>,
    /// The contact of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactBrief>,
    /// The channel of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelBrief>,
}

/// The members that differ, with their values in `before`: the content of `previous`. Housekeeping members are left
/// out.
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
