//! Opt-outs.

use crate::text_enum;

text_enum! {
    /// The kind of messages that a contact refuses.
    OptOutScope {
        /// All messages.
        All = "all",
        /// Messages of one category.
        Category = "category",
        /// Messages of one sender.
        Sender = "sender",
        /// Messages with one tag.
        Tag = "tag",
        /// Messages of one service.
        Service = "service",
        /// Messages about one product.
        Product = "product",
    }
}
