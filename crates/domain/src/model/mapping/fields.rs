//! The fields that a mapping may fill, and which of them each kind of event knows and needs.

use super::MappedKind;
use crate::text_enum;

text_enum! {
    /// A field of ours that a mapping fills.
    Field {
        /// The provider's id of the message, refusal, contact or call.
        Id = "id",
        /// The other side's address: a phone number, an email address, else an id.
        Address = "address",
        /// Our address, which names our channel.
        Channel = "channel",
        /// What the channel carries: `sms`, `whatsapp` and so on.
        Medium = "medium",
        /// `inbound` or `outbound`.
        Direction = "direction",
        /// Text or caption.
        Content = "content",
        /// `text`, `image`, or any word.
        ContentType = "content_type",
        /// Where a file can be had.
        AttachmentUrl = "attachment_url",
        /// The file's name.
        Filename = "filename",
        /// The file's media type.
        MimeType = "mime_type",
        /// The provider's id of the person.
        PersonId = "person_id",
        /// The person's name.
        Name = "name",
        /// The person's phone number.
        Phone = "phone",
        /// The person's email address.
        Email = "email",
        /// The person's username.
        Username = "username",
        /// The person's picture.
        AvatarUrl = "avatar_url",
        /// When the person was last seen.
        LastActiveAt = "last_active_at",
        /// The provider's id of the conversation.
        ConversationId = "conversation_id",
        /// The conversation's subject.
        Subject = "subject",
        /// The provider's id of the quoted message.
        QuotedId = "quoted_id",
        /// Who wrote an outbound message.
        AuthorName = "author_name",
        /// When it happened.
        OccurredAt = "occurred_at",
        /// The provider's word for what became of the message or call.
        Status = "status",
        /// Which part of a message in parts.
        Part = "part",
        /// The code of a failure.
        Code = "code",
        /// The sentence of a failure.
        Reason = "reason",
        /// When the operator had it.
        SentAt = "sent_at",
        /// When it was on the handset.
        DeliveredAt = "delivered_at",
        /// When it was read.
        ReadAt = "read_at",
        /// When it failed.
        FailedAt = "failed_at",
        /// The provider's id of the campaign.
        CampaignId = "campaign_id",
        /// `all`, `category`, `sender`, `tag`, `service` or `product`.
        Scope = "scope",
        /// Which category, sender and so on; `*` for all.
        Value = "value",
        /// `created`, `updated` or `deleted`.
        Change = "change",
        /// The version of the contact.
        UpdatedAt = "updated_at",
        /// When the call ended.
        EndedAt = "ended_at",
        /// How long the call took.
        DurationSeconds = "duration_seconds",
        /// Where the recording can be had.
        RecordingUrl = "recording_url",
    }
}

impl MappedKind {
    /// The fields that it knows.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        use Field::*;
        match self {
            Self::Message => &[
                Id,
                Address,
                Channel,
                Medium,
                Direction,
                Content,
                ContentType,
                AttachmentUrl,
                Filename,
                MimeType,
                PersonId,
                Name,
                Phone,
                Email,
                Username,
                AvatarUrl,
                LastActiveAt,
                ConversationId,
                Subject,
                QuotedId,
                AuthorName,
                OccurredAt,
            ],
            Self::Status => &[
                Id,
                Status,
                Address,
                Channel,
                Medium,
                Part,
                Code,
                Reason,
                OccurredAt,
                SentAt,
                DeliveredAt,
                ReadAt,
                FailedAt,
                CampaignId,
            ],
            Self::OptOut => &[Id, Address, Medium, Scope, Value, OccurredAt],
            Self::Contact => &[Id, Address, Name, Phone, Email, Username, AvatarUrl, LastActiveAt, Change, UpdatedAt],
            Self::Call => {
                &[Id, Address, Channel, Direction, Name, Status, OccurredAt, EndedAt, DurationSeconds, RecordingUrl]
            }
        }
    }

    /// Of each group, at least one must be mapped, and must hold something in a request.
    #[must_use]
    pub fn needs(self) -> &'static [&'static [Field]] {
        match self {
            Self::Message => &[&[Field::Address, Field::ConversationId]],
            Self::Status => &[&[Field::Id], &[Field::Status]],
            Self::OptOut | Self::Call => &[&[Field::Address]],
            Self::Contact => &[&[Field::Id, Field::Address, Field::Phone, Field::Email]],
        }
    }
}
