//! Refusals of messages.

use crate::text_enum;

text_enum! {
    /// Of what a contact wants no more.
    OptOutScope {
        /// Of anything.
        All = "all",
        /// Of one category.
        Category = "category",
        /// From one sender.
        Sender = "sender",
        /// Of one tag.
        Tag = "tag",
        /// Of one service.
        Service = "service",
        /// Of one product.
        Product = "product",
    }
}
