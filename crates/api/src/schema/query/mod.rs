//! What can be read.

mod events;
mod inbox;
mod raw_log;
mod settings;
mod waiting;

use async_graphql::MergedObject;

/// All queries. Each field but `head` is null where it failed or is not there; `errors` tells which.
///
/// Limits: an operation is at most 16 levels deep, costs at most 200,000 (each field one, a page as many times what
/// is asked of its items), has at most 100 aliases, 10,000 fields with its fragments written out, and 64 KiB of text; a
/// page has at most 100 items; a request or a socket's message has at most 1 MiB and 20,000 values, without a credential
/// 16 KiB; an operation asks for `__schema` once and for `__type` 20 times at most; a socket runs at most 100 operations
/// at once, and four operations of one credential run at the same time while the others wait. The limits hold over HTTP,
/// WebSocket and event streams alike. An operation that takes longer than the server allows is given up with `TIMEOUT`,
/// one whose answer grows beyond 8 MiB (settable) with `LIMIT_EXCEEDED`.
#[derive(MergedObject, Default)]
pub struct Query(inbox::Inbox, events::Events, raw_log::RawLog, settings::Settings, waiting::Waiting);
