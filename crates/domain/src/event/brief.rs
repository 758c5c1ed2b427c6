//! Entities as the payloads of other entities show them, and the schemas of ids.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    ids::{
        AttachmentId, BalanceAlertId, CampaignId, ChannelId, ContactId, ConversationId, GroupId, LabelId, MemberId,
        MessageId, OptOutId, TeamId, VerificationId, WebhookId,
    },
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
        message::AttachmentKind,
    },
};

macro_rules! id_schema {
    ($($name:ident)*) => {
        $(
            impl JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    super::schema::id($name::PREFIX).try_into().unwrap_or_default()
                }
            }
        )*
    };
}
id_schema! {
    AttachmentId BalanceAlertId CampaignId ChannelId ContactId ConversationId GroupId LabelId MemberId MessageId
    OptOutId TeamId VerificationId WebhookId
}

/// A contact as other entities show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContactBrief {
    /// Global id.
    pub id: ContactId,
    /// Display name.
    pub name: Option<String>,
    /// Phone number that Inlet shows.
    pub phone: Option<String>,
    /// Email address that Inlet shows.
    pub email: Option<String>,
}

/// A channel as other entities show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChannelBrief {
    /// Global id.
    pub id: ChannelId,
    /// Medium of the channel.
    pub medium: Medium,
    /// Our address on the channel.
    pub identifier: Option<String>,
    /// Our phone number on the channel.
    pub phone: Option<String>,
    /// Display name.
    pub name: Option<String>,
}

/// A conversation as other entities show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConversationBrief {
    /// Global id.
    pub id: ConversationId,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Lifecycle status.
    pub status: ConversationStatus,
    /// The subject.
    pub subject: Option<String>,
    /// Member that the conversation is assigned to.
    pub assignee_id: Option<MemberId>,
    /// Team that the conversation is assigned to.
    pub team_id: Option<TeamId>,
    /// Priority.
    pub priority: Priority,
    /// Labels of the conversation.
    pub label_ids: Vec<LabelId>,
}

/// Author of a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AuthorBrief {
    /// `contact`, `member`, `api_key`, `system` or `provider`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the author, if it has one.
    pub id: Option<String>,
    /// Display name, if it is known.
    pub name: Option<String>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttachmentBrief {
    /// Global id.
    pub id: AttachmentId,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Kind of file.
    pub kind: AttachmentKind,
    /// URL of the file.
    pub url: Option<String>,
    /// Name of the file.
    pub filename: Option<String>,
    /// Media type.
    pub mime_type: Option<String>,
    /// Size in bytes.
    pub size_bytes: Option<i64>,
}
