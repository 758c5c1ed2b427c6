//! Providers.

use crate::text_enum;

text_enum! {
    /// A provider, which selects the adapter of a source.
    Provider {
        /// OneRoute.
        Oneroute = "oneroute",
        /// MobTexting and its white-label products.
        Mobtexting = "mobtexting",
        /// Oblic.
        Oblic = "oblic",
        /// Any other provider: the source's mapping reads its requests.
        Custom = "custom",
    }
}

text_enum! {
    /// How a source verifies that a request is authentic.
    Verification {
        /// By a signature under the source's secret.
        Hmac = "hmac",
        /// Not at all, which only an operator can set.
        None = "none",
    }
}
