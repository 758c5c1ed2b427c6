//! The engine's view of a schema. async-graphql has another schema type for each set of roots. Behind this trait, the
//! schema is compiled once, and the engine does not know the roots.

use async_graphql::{Request, Response};
use futures::{future::BoxFuture, stream::BoxStream};

/// A schema that executes operations.
pub trait Executable: Send + Sync {
    /// Executes a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Executes an operation of any kind.
    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response>;

    /// The schema definition language of the schema.
    fn sdl(&self) -> String;
}
