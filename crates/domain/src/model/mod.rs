//! The pure rules: no SQL, no time but what is passed in.

pub mod channel;
pub mod conversation;
pub mod message;
pub mod opt_out;
pub mod provider;
pub mod status;
pub mod versions;
mod words;

pub use words::UnknownWord;
pub(crate) use words::words;
