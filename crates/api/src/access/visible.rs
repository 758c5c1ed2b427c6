//! Which events and messages a viewer may see: the one rule for lists, objects by their id, the log, live subscriptions
//! and traces.

use inlet_domain::model::{message::MessageKind, right::Right};
use inlet_store::{log::LogEntry, records::messages::Message};

use crate::access::credential::Credential;

/// Whether a viewer may see an entry of their workspace's log.
#[must_use]
pub fn may_see(credential: &Credential, entry: &LogEntry) -> bool {
    match entry.kind.as_str() {
        _ if entry.internal => credential.may(Right::ReadNotes),
        "conversation.read" => is_own(credential, entry),
        "settings.changed" => may_see_setting(credential, entry),
        _ => true,
    }
}

/// Whether a viewer may see a message of their workspace.
#[must_use]
pub fn may_see_message(credential: &Credential, message: &Message) -> bool {
    !matches!(message.kind, MessageKind::Note | MessageKind::Activity) || credential.may(Right::ReadNotes)
}

/// Whether it is the viewer's own doing.
fn is_own(credential: &Credential, entry: &LogEntry) -> bool {
    let actor = credential.viewer.actor;
    entry.actor_kind == actor.kind() && entry.actor_id == actor.id()
}

/// Settings of which whoever reads the inbox is shown lists; of the others only who reads settings.
const SHOWN: &[&str] = &["member", "team", "label", "channel", "provider_account"];

/// Whether a viewer may know that a setting changed.
fn may_see_setting(credential: &Credential, entry: &LogEntry) -> bool {
    #[derive(serde::Deserialize)]
    struct Setting {
        kind: String,
    }
    let setting: Result<Setting, _> = serde_json::from_str(entry.payload.get());
    setting.is_ok_and(|setting| SHOWN.contains(&setting.kind.as_str())) || credential.may(Right::ReadSettings)
}
