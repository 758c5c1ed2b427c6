//! The payloads of events about settings, webhooks and reads.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::brief::{ContactBrief, ConversationBrief},
    maybe_time, time,
};

use crate::{
    command::IdentityKind,
    ids::{BalanceAlertId, CampaignId, ConversationId, MemberId, OptOutId, VerificationId, WebhookId},
    model::{channel::Medium, opt_out::OptOutScope, webhook::WebhookStatus},
};

/// Payload of `verification.verified`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VerificationPayload {
    /// Global id.
    pub id: VerificationId,
    /// The provider's id.
    pub external_id: String,
    /// Verified identifier.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// When the code expires.
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the code was created.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `balance.low`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BalancePayload {
    /// Global id.
    pub id: BalanceAlertId,
    /// Firm that owns the credit.
    pub firm: Option<String>,
    /// Remaining credit, a decimal number as text.
    pub units: Option<String>,
    /// When the provider reported it.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `campaign.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CampaignPayload {
    /// Global id.
    pub id: CampaignId,
    /// The provider's id.
    pub external_id: String,
    /// `running` or `completed`.
    pub status: String,
    /// URL of the report.
    pub report_url: Option<String>,
    /// When the campaign was completed.
    #[serde(serialize_with = "maybe_time")]
    pub completed_at: Option<DateTime<Utc>>,
    /// When Inlet created the campaign.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `opt_out.created` and `opt_out.withdrawn`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OptOutPayload {
    /// Global id.
    pub id: OptOutId,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Medium of the refused messages.
    pub medium: Medium,
    /// Kind of the refused messages.
    pub scope: OptOutScope,
    /// Refused category or sender; `*` for all.
    pub value: String,
    /// Begin of the refusal.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// End of the refusal.
    #[serde(serialize_with = "maybe_time")]
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Address that the opt-out binds.
    pub address: AddressBrief,
    /// Contact with this address; null if no contact has it.
    pub contact: Option<ContactBrief>,
}

/// An address, as the payloads of other entities show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AddressBrief {
    /// Kind of address.
    pub kind: IdentityKind,
    /// Normalised form.
    pub value: String,
}

/// Payload of `conversation.read`. Only live subscribers get it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReadPayload {
    /// The conversation.
    pub id: ConversationId,
    /// Member whose read mark moved. Null for an API key, which has no mark: the counts are then of the messages that
    /// any member has read.
    pub member_id: Option<MemberId>,
    /// Number of inbound messages that the member has read.
    pub read_count: i64,
    /// Number of inbound messages that the member has not read.
    pub unread: i64,
    /// When the mark moved.
    #[serde(serialize_with = "time")]
    pub read_at: DateTime<Utc>,
    /// Conversation at the time of the event. Filters use it.
    pub conversation: ConversationBrief,
}

/// Payload of `settings.changed`. Only live subscribers get it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SettingsPayload {
    /// Kind of the changed object: `member`, `invitation`, `api_key`, `source`, `provider_account`, `channel`,
    /// `webhook`, `team` or `label`.
    pub kind: String,
    /// Id of the changed object.
    pub id: String,
}

/// Payload of `webhook.disabled` and `webhook.recovered`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WebhookPayload {
    /// Global id.
    pub id: WebhookId,
    /// Revision of the webhook; each change raises it.
    pub revision: i64,
    /// Display name.
    pub name: String,
    /// URL that Inlet posts to.
    pub url: String,
    /// Status of the webhook.
    pub status: WebhookStatus,
    /// `gone`: the endpoint answered 410. `failing`: no delivery succeeded for long. Null: the webhook is not disabled.
    pub disabled_reason: Option<String>,
}
