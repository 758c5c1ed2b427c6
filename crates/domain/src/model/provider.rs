//! Who posts to us.

use crate::text_enum;

text_enum! {
    /// Who posts to a source, and so which adapter reads it.
    Provider {
        /// OneRoute.
        Oneroute = "oneroute",
        /// MobTexting and the white labels of it.
        Mobtexting = "mobtexting",
        /// Oblic.
        Oblic = "oblic",
        /// Anyone: the source carries a mapping from what comes to our fields.
        Custom = "custom",
    }
}

text_enum! {
    /// How a source tells that a request is authentic.
    Verification {
        /// By a signature under the source's secret.
        Hmac = "hmac",
        /// Not at all: only where an operator set it so.
        None = "none",
    }
}
