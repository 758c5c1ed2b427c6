//! The rule for the events and messages that a viewer may see: in lists, by id, in the log, in live subscriptions and
//! in traces.

use inlet_domain::model::{message::MessageKind, right::Right};
use inlet_store::{log::LogEntry, records::messages::Message};

use crate::access::credential::Credential;

/// Whether a viewer may see an entry of the workspace's event log.
#[must_use]
pub fn may_see(credential: &Credential, entry: &LogEntry) -> bool {
    match entry.kind.as_str() {
        _ if entry.internal => credential.may(Right::ReadNotes),
        "conversation.read" => is_own(credential, entry),
        "settings.changed" => may_see_setting(credential, entry),
        _ => true,
    }
}

/// Whether a viewer may see a message of the workspace.
#[must_use]
pub fn may_see_message(credential: &Credential, message: &Message) -> bool {
    !matches!(message.kind, MessageKind::Note | MessageKind::Activity) || credential.may(Right::ReadNotes)
}

/// Whether the viewer is the actor.
fn is_own(credential: &Credential, entry: &LogEntry) -> bool {
    let actor = credential.viewer.actor;
    entry.actor_kind == actor.kind() && entry.actor_id == actor.id()
}

/// Settings whose lists need `read_inbox` only. Other settings need `read_settings`.
const SHOWN: &[&str] = &["member", "team", "label", "channel", "provider_account"];

/// Whether a viewer may learn that a setting changed.
fn may_see_setting(credential: &Credential, entry: &LogEntry) -> bool {
    #[derive(serde::Deserialize)]
    struct Setting {
        kind: String,
    }
    let setting: Result<Setting, _> = serde_json::from_str(entry.payload.get());
    setting.is_ok_and(|setting| SHOWN.contains(&setting.kind.as_str())) || credential.may(Right::ReadSettings)
}
