//! Look-ups in batches, within a budget of connections.

pub mod batch;
pub mod connection_budget;
pub mod loaders;
