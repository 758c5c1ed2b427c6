//! Turns the bytes of a request into JSON.

pub mod batch;
pub(crate) mod charset;
pub mod javascript;
pub mod lenient;
pub(crate) mod multipart;
