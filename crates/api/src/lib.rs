//! GraphQL over HTTP and WebSocket, and who may do what.

mod batch;
mod context;
mod error;
mod live;
mod loaders;
mod mutation;
mod query;
mod schema;
mod subscription;
mod types;

pub use schema::schema_sdl;
