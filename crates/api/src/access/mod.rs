//! Who asks, and what they may see and do.

pub mod credential;
pub mod requester;
mod rights_page;
pub mod visible;

pub use rights_page::rights_markdown;
