//! The checker: what stands, asked over GraphQL and seen at the sink, against what must stand.

mod compare;
mod standing;

pub(crate) use compare::is_sent;
pub use compare::{Difference, compare, compare_log};
pub use standing::{Contact, Entry, Message, Standing};
