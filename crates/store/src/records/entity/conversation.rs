//! The table `conversation`.

use inlet_domain::{
    ids::{
        ChannelId, ContactId, ConversationId, GroupId, IdentityId, LabelId, MemberId, MessageId, TeamId, WorkspaceId,
    },
    model::conversation::{ConversationStatus, Priority},
};
use sea_orm::entity::prelude::*;

/// A thread of messages with one address on one channel.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationId,
    /// The channel of ours.
    pub channel_id: ChannelId,
    /// The address of the other side.
    pub address_id: IdentityId,
    /// The contact on the other side.
    pub contact_id: Option<ContactId>,
    /// The group, in a conversation with one.
    pub group_id: Option<GroupId>,
    /// The lifecycle status.
    pub status: ConversationStatus,
    /// The provider's own word for the status.
    pub provider_status: Option<String>,
    /// The provider's id of the conversation.
    pub external_id: Option<String>,
    /// The subject, such as that of an email thread.
    pub subject: Option<String>,
    /// The urgency.
    pub priority: Priority,
    /// The member who handles the conversation.
    pub assignee_id: Option<MemberId>,
    /// The team that handles the conversation.
    pub team_id: Option<TeamId>,
    /// The labels, in no order.
    pub label_ids: Vec<LabelId>,
    /// Fields of the provider that have no column here.
    pub attributes: Json,
    /// The number of inbound messages.
    pub inbound_count: i64,
    /// The number of inbound messages that at least one member has read.
    pub read_count: i64,
    /// The newest message.
    pub last_message_id: Option<MessageId>,
    /// The time of the newest message.
    pub last_message_at: Option<DateTimeUtc>,
    /// The time of the last activity of any kind.
    pub last_activity_at: DateTimeUtc,
    /// Since when the other side waits for an answer.
    pub waiting_since: Option<DateTimeUtc>,
    /// The time of the first answer.
    pub first_response_at: Option<DateTimeUtc>,
    /// The end of the snooze.
    pub snoozed_until: Option<DateTimeUtc>,
    /// The time of the last close.
    pub closed_at: Option<DateTimeUtc>,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
    /// The time of the last change.
    pub updated_at: DateTimeUtc,
    /// The time of deletion.
    pub deleted_at: Option<DateTimeUtc>,
}

no_relations!();
