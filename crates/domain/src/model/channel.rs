//! Channels of a workspace.

use crate::text_enum;

text_enum! {
    /// The medium of a channel.
    Medium {
        /// WhatsApp.
        Whatsapp = "whatsapp",
        /// Text messages.
        Sms = "sms",
        /// Rich Communication Services.
        Rcs = "rcs",
        /// Viber.
        Viber = "viber",
        /// Calls.
        Voice = "voice",
        /// Virtual mobile numbers: text messages to a rented number.
        Vmn = "vmn",
        /// Email.
        Email = "email",
        /// A chat on a web page.
        Webchat = "webchat",
        /// Facebook Messenger.
        Messenger = "messenger",
        /// Telegram.
        Telegram = "telegram",
        /// Anything else.
        Other = "other",
    }
}

impl Medium {
    /// The medium of a provider's word, in any case; [`Medium::Other`] for an unknown word.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        word.trim().to_ascii_lowercase().parse().unwrap_or(Self::Other)
    }
}
