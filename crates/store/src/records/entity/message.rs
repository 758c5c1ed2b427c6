//! The table `message`.

use inlet_domain::{
    ids::{ConversationId, MessageId, ProviderAccountId, WorkspaceId},
    model::{
        message::{Direction, MessageKind, Origin},
        status::DeliveryStatus,
    },
};
use sea_orm::entity::prelude::*;

/// An entry of a conversation.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    /// The conversation that holds the message.
    pub conversation_id: ConversationId,
    /// The account whose provider gave the message its ids.
    pub provider_account_id: Option<ProviderAccountId>,
    /// Inbound or outbound.
    pub direction: Direction,
    /// A message, a note, a call or an activity.
    pub kind: MessageKind,
    /// The side that first had the message.
    pub origin: Origin,
    /// Only reports on the message have arrived, not the message.
    pub placeholder: bool,
    /// The provider's word for the type, such as `text`.
    pub content_type: Option<String>,
    /// The text. A list reads one character more than [`lean::MOST_CHARACTERS`](crate::records::lean::MOST_CHARACTERS) at most.
    pub content: Option<String>,
    /// Postback payloads, call details, and fields of the provider that have no column here. Null where a list left
    /// them out.
    pub details: Json,
    /// `contact`, `member`, `api_key`, `system` or `provider`.
    pub author_kind: String,
    /// The author's id, of the kind in `author_kind`.
    pub author_id: Option<Uuid>,
    /// The author's name, as the provider writes it.
    pub author_name: Option<String>,
    /// The provider's id of the message.
    pub external_id: Option<String>,
    /// The provider's id of the message that this message answers.
    pub quoted_external_id: Option<String>,
    /// The provider's id of the campaign that sent the message.
    pub campaign_external_id: Option<String>,
    /// The idempotency key of the send.
    pub client_key: Option<String>,
    /// When the author wrote or sent the message.
    pub occurred_at: DateTimeUtc,
    /// `occurred_at` is the time of arrival, because the provider gave none.
    pub occurred_at_assumed: bool,
    /// How far a sent message has come. Only outbound messages have a status.
    pub status: Option<DeliveryStatus>,
    /// The time of sending.
    pub sent_at: Option<DateTimeUtc>,
    /// The time of delivery.
    pub delivered_at: Option<DateTimeUtc>,
    /// When the recipient read the message.
    pub read_at: Option<DateTimeUtc>,
    /// The time of failure.
    pub failed_at: Option<DateTimeUtc>,
    /// The cause of failure: `{code, text, retryable}`.
    pub failure: Option<Json>,
    /// The reactions, each with its author.
    pub reactions: Json,
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
