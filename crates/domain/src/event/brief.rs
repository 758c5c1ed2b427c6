//! Entities as the payloads of others show them, and how ids stand in schemas.

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
    /// Its id.
    pub id: ContactId,
    /// The name to show.
    pub name: Option<String>,
    /// The phone number to show.
    pub phone: Option<String>,
    /// The email address to show.
    pub email: Option<String>,
}

/// A channel as other entities show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChannelBrief {
    /// Its id.
    pub id: ChannelId,
    /// What it carries.
    pub medium: Medium,
    /// Our address on it.
    pub identifier: Option<String>,
    /// Our phone number on it.
    pub phone: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// A conversation as other entities show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConversationBrief {
    /// Its id.
    pub id: ConversationId,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: ConversationStatus,
    /// The subject.
    pub subject: Option<String>,
    /// Who has it.
    pub assignee_id: Option<MemberId>,
    /// Which team has it.
    pub team_id: Option<TeamId>,
    /// How urgent it is.
    pub priority: Priority,
    /// Its labels.
    pub label_ids: Vec<LabelId>,
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AuthorBrief {
    /// `contact`, `member`, `api_key`, `system` or `provider`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id, where there is one.
    pub id: Option<String>,
    /// The name, where it is told.
    pub name: Option<String>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttachmentBrief {
    /// Its id.
    pub id: AttachmentId,
    /// The provider's id.
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
