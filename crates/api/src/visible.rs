//! Which events and messages a viewer may see: the one rule for lists, objects by their id, the log, live subscriptions
//! and traces.

use inlet_domain::{log::LogEntry, model::right::Right, scope::Actor};

use crate::context::Session;

/// Whether a viewer may see an entry of their workspace's log.
#[must_use]
pub fn may_see(session: &Session, entry: &LogEntry) -> bool {
    match entry.kind.as_str() {
        _ if entry.internal => session.may(Right::ReadNotes),
        "conversation.read" => is_own(session, entry),
        "settings.changed" => session.may(Right::ReadSettings) || is_about(session, entry),
        _ => true,
    }
}

/// Whether it is the viewer's own doing.
fn is_own(session: &Session, entry: &LogEntry) -> bool {
    let actor = session.viewer.actor;
    entry.actor_kind == actor.kind() && entry.actor_id == actor.id()
}

/// Whether it is the viewer that a setting was changed of.
fn is_about(session: &Session, entry: &LogEntry) -> bool {
    #[derive(serde::Deserialize)]
    struct Subject {
        id: String,
    }
    let Ok(Subject { id }) = serde_json::from_str(entry.payload.get()) else { return false };
    match session.viewer.actor {
        Actor::Member(member) => id == member.to_string(),
        Actor::ApiKey(key) => id == key.to_string(),
        Actor::Provider | Actor::System => false,
    }
}
