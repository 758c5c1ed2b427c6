//! What the engine needs of a schema. A schema of async-graphql is a type of its own for each set of roots; behind this trait it
//! is compiled once, and the engine does not know the roots.

use async_graphql::{Request, Response};
use futures::{future::BoxFuture, stream::BoxStream};

/// A schema that executes operations.
pub trait Executable: Send + Sync {
    /// Answers a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Answers an operation of any kind.
    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response>;

    /// The schema as text.
    fn sdl(&self) -> String;
}
