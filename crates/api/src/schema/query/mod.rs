//! The query root.

mod events;
mod filters;
mod inbox;
mod lists;
mod trace;
mod viewer;

use async_graphql::MergedObject;

/// Queries. A field other than `head` is null if it failed or does not exist; `errors` tells the difference.
///
/// Limits of an operation: 16 levels of depth, a cost of 200,000, 100 aliases, 10,000 fields after fragments are
/// expanded, 64 KiB of text, one `__schema` and 20 `__type`. Each field costs 1; a page costs its size times the cost
/// of an item. A page has at most 100 items. A request or a WebSocket message has at most 1 MiB and 20,000 values;
/// without a credential, 16 KiB. A WebSocket runs at most 100 operations at once. At most four operations of one
/// credential run at the same time; others wait. The limits apply to HTTP, WebSocket and event streams. An operation
/// that exceeds the server's time limit fails with `TIMEOUT`. A response that exceeds 8 MiB (configurable) fails with
/// `LIMIT_EXCEEDED`.
#[derive(MergedObject, Default)]
pub struct Query(
    inbox::Objects,
    lists::ConversationQueries,
    inbox::Counts,
    lists::InboxQueries,
    events::Events,
    lists::RawLogQueries,
    trace::Traces,
    viewer::Viewers,
    lists::SettingsQueries,
);
