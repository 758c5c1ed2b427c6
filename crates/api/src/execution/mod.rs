//! Executes well-formed parameters.

pub mod context;
pub mod deadline;
pub mod engine;
pub mod executable;
pub mod executor;
pub mod limits;
mod nesting;
pub mod parameters;
pub mod render;
pub mod response_shape;
pub mod streaming;
pub mod subscription_memory;
