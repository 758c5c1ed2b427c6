//! Who posts to us.

use super::words::words;

words! {
    /// A messaging provider that Inlet has an adapter for.
    Provider {
        /// OneRoute.
        Oneroute = "oneroute",
        /// MobTexting and the white labels of it.
        Mobtexting = "mobtexting",
        /// Oblic.
        Oblic = "oblic",
    }
}

words! {
    /// How a source tells that a request is authentic.
    Verification {
        /// By a signature under the source's secret.
        Hmac = "hmac",
        /// Not at all: only where an operator set it so.
        None = "none",
    }
}
