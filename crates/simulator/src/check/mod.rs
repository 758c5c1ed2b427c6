//! The checker: compares the expected state with the state that GraphQL and the sink show.

mod compare;
mod standing;

pub(crate) use compare::is_sent;
pub use compare::{Difference, Extent, compare, compare_log};
pub use standing::{Entity, Entry, Standing, Stuck};
