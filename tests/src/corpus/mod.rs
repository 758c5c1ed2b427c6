//! What no provider should send and some do: bodies that are made to break a reader, a parser, an index or a lock.

mod bodies;
mod members;

use std::fmt::Write;

pub use self::{
    bodies::{Body, bodies, event},
    members::{Case, members, values},
};

/// Texts that do not shrink, for Postgres packs what goes into an index entry before it measures it.
#[must_use]
pub fn noise(length: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Writing to a text cannot fail.
        let _ = write!(text, "{state:x}");
    }
    text.truncate(length);
    text
}

/// `depth` of `open`, then as many of `close`.
#[must_use]
pub fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}
