//! What those who watch are told of settings: that one changed, and which. It stands in the log with the change itself.

use super::acts::Asked;
use crate::{
    ambient::Ambient,
    event::{EventType, payload::SettingsPayload},
    ids::AnyId,
    log::Draft,
};

/// Mutations that name a setting and change nothing that anyone sees.
const UNSEEN: &[&str] = &["changePassword", "setAvailability", "testWebhook", "redeliver", "recoverWebhook"];

/// The event of a mutation, if its subject is a setting.
pub(super) fn changed(asked: &Asked<'_>, ambient: &Ambient, subject: Option<AnyId>) -> Option<Draft> {
    let subject = subject.filter(|_| !UNSEEN.contains(&asked.mutation))?;
    let kind = match subject {
        AnyId::MemberId(_) => "member",
        AnyId::ApiKeyId(_) => "api_key",
        AnyId::SourceId(_) => "source",
        AnyId::ProviderAccountId(_) => "provider_account",
        AnyId::ChannelId(_) => "channel",
        AnyId::WebhookId(_) => "webhook",
        AnyId::TeamId(_) => "team",
        AnyId::LabelId(_) => "label",
        _ => return None,
    };
    let payload = SettingsPayload { kind: kind.to_owned(), id: subject.to_string() };
    Some(Draft {
        workspace: asked.scope.workspace(),
        kind: EventType::SettingsChanged,
        occurred_at: ambient.now(),
        actor: asked.actor,
        revision: None,
        conversation_id: None,
        message_id: None,
        contact_id: None,
        channel_id: None,
        medium: None,
        direction: None,
        internal: false,
        payload: serde_json::to_string(&payload).unwrap_or_else(|_| "{}".to_owned()),
        previous: None,
    })
}
