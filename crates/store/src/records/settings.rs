//! Events that tell subscribers which setting changed. The log holds each event with its change.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    event::{EventType, payload::SettingsPayload},
    ids::{AnyId, WorkspaceId},
    scope::{Actor, Scope},
};
use sqlx::PgConnection;

use super::mutation_tx::MutationRequest;
use crate::{
    error::StoreError,
    log::{self, NewEvent},
};

/// Mutations whose subject is a setting, but which change nothing that a subscriber sees.
const UNSEEN: &[&str] = &["changePassword", "setAvailability", "testWebhook", "redeliver", "recoverWebhook"];

/// The event of a mutation whose subject is a setting. `None` for other mutations.
pub(super) fn changed(asked: &MutationRequest<'_>, ambient: &Ambient, subject: Option<AnyId>) -> Option<NewEvent> {
    let subject = subject.filter(|_| !UNSEEN.contains(&asked.mutation))?;
    draft(asked.scope.workspace(), asked.actor, ambient.now(), subject)
}

/// The event for a change of `subject`. `None` where `subject` is no setting.
pub(crate) fn draft(workspace: WorkspaceId, actor: Actor, at: DateTime<Utc>, subject: AnyId) -> Option<NewEvent> {
    let kind = match subject {
        AnyId::MemberId(_) => "member",
        AnyId::InvitationId(_) => "invitation",
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
    Some(NewEvent {
        workspace,
        kind: EventType::SettingsChanged,
        occurred_at: at,
        actor,
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

/// Writes the event for a change of `subject` outside a mutation, if `subject` is a setting. Call this last before the
/// commit.
pub async fn tell(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    actor: Actor,
    subject: AnyId,
) -> Result<(), StoreError> {
    let Some(draft) = draft(scope.workspace(), actor, ambient.now(), subject) else { return Ok(()) };
    let appended = log::append(conn, ambient, &[draft]).await?;
    log::notify(conn, &appended.heads).await
}
