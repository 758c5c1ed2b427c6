//! Credentials, requesters and rights.

pub mod credential;
pub mod requester;
mod rights_page;
pub mod visible;

pub use rights_page::rights_markdown;
