//! The checker: what stands, asked over GraphQL and seen at the sink, against what must stand.

mod compare;
mod standing;

pub(crate) use compare::is_sent;
pub use compare::{Difference, Extent, compare, compare_log};
pub use standing::{Entity, Entry, Standing, Stuck};
