//! The fields that a mapping may fill, and the fields that each kind of event has and needs.

use super::MappedKind;
use crate::text_enum;

text_enum! {
    /// A field that a mapping fills.
    Field {
        /// The provider's id of the message, opt-out, contact or call.
        Id = "id",
        /// The contact's address: a phone number, an email address, else an id.
        Address = "address",
        /// Our address, which names the channel.
        Channel = "channel",
        /// The medium: `sms`, `whatsapp` and so on.
        Medium = "medium",
        /// `inbound` or `outbound`.
        Direction = "direction",
        /// The text or the caption.
        Content = "content",
        /// `text`, `image`, or any other word.
        ContentType = "content_type",
        /// The URL of a file.
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
        /// The URL of the person's picture.
        AvatarUrl = "avatar_url",
        /// When the person was last seen.
        LastActiveAt = "last_active_at",
        /// The provider's id of the conversation.
        ConversationId = "conversation_id",
        /// The conversation's subject.
        Subject = "subject",
        /// The provider's id of the quoted message.
        QuotedId = "quoted_id",
        /// The author of an outbound message.
        AuthorName = "author_name",
        /// The time of the event.
        OccurredAt = "occurred_at",
        /// The provider's status of the message or call.
        Status = "status",
        /// The part of a multipart message.
        Part = "part",
        /// The code of a failure.
        Code = "code",
        /// The reason of a failure.
        Reason = "reason",
        /// When the operator took the message.
        SentAt = "sent_at",
        /// When the message reached the handset.
        DeliveredAt = "delivered_at",
        /// When the receiver read the message.
        ReadAt = "read_at",
        /// When the delivery failed.
        FailedAt = "failed_at",
        /// The provider's id of the campaign.
        CampaignId = "campaign_id",
        /// `all`, `category`, `sender`, `tag`, `service` or `product`.
        Scope = "scope",
        /// The category, sender and so on; `*` for all.
        Value = "value",
        /// `created`, `updated` or `deleted`.
        Change = "change",
        /// The version of the contact.
        UpdatedAt = "updated_at",
        /// When the call ended.
        EndedAt = "ended_at",
        /// How long the call took.
        DurationSeconds = "duration_seconds",
        /// The URL of the recording.
        RecordingUrl = "recording_url",
    }
}

impl MappedKind {
    /// The fields of this kind.
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

    /// Groups of fields. A mapping must fill at least one field of each group, and a request must have a value for it.
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
