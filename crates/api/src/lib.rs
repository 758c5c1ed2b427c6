//! GraphQL over HTTP and WebSocket, and who may do what.
