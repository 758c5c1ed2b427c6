//! The payloads of events about settings, consumers and reads.

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
    /// Its id.
    pub id: VerificationId,
    /// The provider's id.
    pub external_id: String,
    /// What was verified.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// When the code ends.
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `balance.low`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BalancePayload {
    /// Its id.
    pub id: BalanceAlertId,
    /// Whose credit.
    pub firm: Option<String>,
    /// What remains, a decimal number as text.
    pub units: Option<String>,
    /// When it was told.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `campaign.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CampaignPayload {
    /// Its id.
    pub id: CampaignId,
    /// The provider's id.
    pub external_id: String,
    /// `running` or `completed`.
    pub status: String,
    /// Where its report can be had.
    pub report_url: Option<String>,
    /// When it was finished.
    #[serde(serialize_with = "maybe_time")]
    pub completed_at: Option<DateTime<Utc>>,
    /// When it came to be here.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Payload of `opt_out.created` and `opt_out.withdrawn`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OptOutPayload {
    /// Its id.
    pub id: OptOutId,
    /// The provider's id.
    pub external_id: Option<String>,
    /// On which medium.
    pub medium: Medium,
    /// Of what.
    pub scope: OptOutScope,
    /// Which category or sender; `*` for all.
    pub value: String,
    /// Since when.
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// Until when.
    #[serde(serialize_with = "maybe_time")]
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// The address that it binds.
    pub address: AddressBrief,
    /// Who has the address; null where no contact has it.
    pub contact: Option<ContactBrief>,
}

/// An address, as far as others show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AddressBrief {
    /// What it is.
    pub kind: IdentityKind,
    /// In its normal form.
    pub value: String,
}

/// Payload of `conversation.read`, which live subscribers alone see.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReadPayload {
    /// The conversation.
    pub id: ConversationId,
    /// Whose mark moved; null of an API key, which has none: then it is what anyone has read.
    pub member_id: Option<MemberId>,
    /// How many inbound messages they have read.
    pub read_count: i64,
    /// How many they have not.
    pub unread: i64,
    /// When it moved.
    #[serde(serialize_with = "time")]
    pub read_at: DateTime<Utc>,
    /// The conversation as at the event: filters are held against it.
    pub conversation: ConversationBrief,
}

/// Payload of `settings.changed`, which live subscribers alone see.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SettingsPayload {
    /// What changed: `member`, `invitation`, `api_key`, `source`, `provider_account`, `channel`, `webhook`, `team` or
    /// `label`.
    pub kind: String,
    /// Which.
    pub id: String,
}

/// Payload of `webhook.disabled` and `webhook.recovered`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WebhookPayload {
    /// Its id.
    pub id: WebhookId,
    /// Its revision.
    pub revision: i64,
    /// What people call it.
    pub name: String,
    /// Where events are posted.
    pub url: String,
    /// Whether it is sent to.
    pub status: WebhookStatus,
    /// `gone` where the endpoint answered 410, `failing` where nothing succeeded for long; null where it is not disabled.
    pub disabled_reason: Option<String>,
}
