//! Messages and their files.

use crate::text_enum;

text_enum! {
    /// The direction of a message.
    Direction {
        /// From the contact.
        Inbound = "inbound",
        /// To the contact.
        Outbound = "outbound",
    }
}

text_enum! {
    /// The kind of an entry of a conversation.
    MessageKind {
        /// A message of a contact or a member.
        Message = "message",
        /// An agent's note, never sent.
        Note = "note",
        /// A call.
        Call = "call",
        /// A change of the conversation, shown between its messages.
        Activity = "activity",
    }
}

text_enum! {
    /// The system that an outbound message comes from.
    Origin {
        /// Inlet sent it.
        Inlet = "inlet",
        /// Inlet saw it at the provider.
        Provider = "provider",
    }
}

text_enum! {
    /// The kind of a file.
    AttachmentKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A sound.
        Audio = "audio",
        /// A document.
        Document = "document",
        /// Anything else.
        Other = "other",
    }
}
