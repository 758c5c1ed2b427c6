//! Messages and their files.

use crate::text_enum;

text_enum! {
    /// Which way a message goes.
    Direction {
        /// To us.
        Inbound = "inbound",
        /// From us.
        Outbound = "outbound",
    }
}

text_enum! {
    /// What an entry of a conversation is.
    MessageKind {
        /// Something written or sent.
        Message = "message",
        /// An agent's note, never sent.
        Note = "note",
        /// A call.
        Call = "call",
        /// Something that happened in the conversation.
        Activity = "activity",
    }
}

text_enum! {
    /// Who first had an outbound message.
    Origin {
        /// Sent through Inlet.
        Inlet = "inlet",
        /// Seen at the provider.
        Provider = "provider",
    }
}

text_enum! {
    /// What a file is.
    AttachmentKind {
        /// A picture.
        Image = "image",
        /// Moving pictures.
        Video = "video",
        /// Sound.
        Audio = "audio",
        /// A document.
        Document = "document",
        /// Anything else.
        Other = "other",
    }
}
