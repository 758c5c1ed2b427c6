//! GraphQL over HTTP, event streams and WebSocket.

pub mod accept;
pub mod connection;
pub mod connection_limits;
pub mod graphiql;
pub mod graphql_ws;
pub mod http;
pub mod intake;
pub mod origin;
pub mod outgoing;
pub mod request;
mod spans;
pub mod sse;
pub mod state;
pub mod websocket;
