//! Changes of the inbox by people and programs. Each change is one transaction with its idempotency key, its audit
//! entry and its events. A change locks rows in the order of `apply` (see `apply/batch.rs`): first the members, teams
//! and labels that it names, then identities, contacts, conversations, and the log.

mod assignees;
mod decisions;
pub mod labels;
mod merges;
mod people;
mod reads;
mod snoozes;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    event::{
        EventType,
        payload::{ContactPayload, ConversationPayload, previous},
    },
    ids::{AnyId, ContactId, ConversationId},
    model::channel::Medium,
    scope::{Actor, Scope},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

pub use self::{
    assignees::{give_back, give_back_due},
    decisions::{decide, strip_label},
    merges::{merge, unmerge},
    people::{ContactChange, delete as delete_contact, update as update_contact},
    reads::{Mark, mark},
    snoozes::wake_due,
};
use super::mutation_tx::{Begun, MutationRequest, MutationTx};
use crate::{
    database::Database,
    error::StoreError,
    log::{Heads, NewEvent},
    rows::{ChannelRow, ContactRow, ConversationRow, payloads},
};

/// Writes changes of the inbox.
#[derive(Clone, Copy)]
pub struct InboxWriter<'a> {
    /// The database.
    pub database: &'a Database,
    /// The readers to notify of new log entries.
    pub heads: &'a Heads,
    /// The source of time and ids.
    pub ambient: &'a Ambient,
}

/// The stored answer of a change. A retry answers with the object in its current state.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Kept {}

impl InboxWriter<'_> {
    /// Begins a change. `None` where an earlier call with the key has made it.
    async fn begin<'a>(&'a self, asked: &'a MutationRequest<'a>) -> Result<Option<MutationTx<'a>>, StoreError> {
        Ok(match MutationTx::begin::<Kept>(self.database, self.ambient, asked).await? {
            Begun::First(act) => Some(act),
            Begun::Repeat(Kept {}) => None,
        })
    }

    /// Commits the change with its events, and notifies the readers.
    async fn finish(
        &self,
        act: MutationTx<'_>,
        subject: impl Into<AnyId>,
        events: &[NewEvent],
    ) -> Result<(), StoreError> {
        let heads = act.raise(Some(subject.into()), &Kept {}, events).await?;
        self.heads.tell(self.database, &heads).await;
        Ok(())
    }
}

/// A locked conversation, with the objects that its events show.
pub(super) struct Held {
    pub row: ConversationRow,
    pub contact: Option<ContactRow>,
    pub channel: Option<ChannelRow>,
}

impl Held {
    /// Locks the conversation. `Missing` where the workspace has no such conversation, or it was deleted.
    pub(super) async fn lock(conn: &mut PgConnection, scope: Scope, id: ConversationId) -> Result<Self, StoreError> {
        Self::lock_all(conn, scope, &[id]).await?.pop().ok_or(StoreError::missing("conversation", "input.id"))
    }

    /// Locks the existing ones of these conversations, in the order of their ids.
    pub(super) async fn lock_all(
        conn: &mut PgConnection,
        scope: Scope,
        ids: &[ConversationId],
    ) -> Result<Vec<Self>, StoreError> {
        let mut keys: Vec<_> = ids.iter().map(|id| (scope.workspace().0, id.0)).collect();
        keys.sort_unstable();
        keys.dedup();
        let rows = ConversationRow::lock(conn, &keys).await.map_err(StoreError::or_busy)?;
        Self::with_names(conn, rows.into_iter().filter(|row| row.deleted_at.is_none()).collect()).await
    }

    async fn with_names(conn: &mut PgConnection, rows: Vec<ConversationRow>) -> Result<Vec<Self>, StoreError> {
        let mut contacts: Vec<_> = rows.iter().filter_map(|row| Some((row.workspace_id, row.contact_id?))).collect();
        let mut channels: Vec<_> = rows.iter().map(|row| (row.workspace_id, row.channel_id)).collect();
        for keys in [&mut contacts, &mut channels] {
            keys.sort_unstable();
            keys.dedup();
        }
        let contacts = ContactRow::read(conn, &contacts).await?;
        let channels = ChannelRow::read(conn, &channels).await?;
        let named = |row: ConversationRow| Self {
            contact: contacts.iter().find(|contact| Some(contact.id) == row.contact_id).cloned(),
            channel: channels.iter().find(|channel| channel.id == row.channel_id).cloned(),
            row,
        };
        Ok(rows.into_iter().map(named).collect())
    }

    fn medium(&self) -> Option<Medium> {
        self.channel.as_ref().map(|channel| channel.medium)
    }

    pub(super) fn payload(&self) -> ConversationPayload {
        let contact = self.contact.as_ref().filter(|contact| contact.deleted_at.is_none());
        let channel = self.channel.as_ref().map(payloads::channel_brief);
        payloads::conversation(&self.row, contact.map(payloads::contact_brief), channel)
    }

    /// The event of a change from `before`, with the next revision. `None` where nothing differs.
    pub(super) fn changed(
        &mut self,
        writer: &InboxWriter<'_>,
        actor: Actor,
        before: &ConversationPayload,
    ) -> Option<NewEvent> {
        let previous = previous(before, &self.payload())?;
        self.row.revision += 1;
        self.row.updated_at = writer.ambient.now();
        let mut draft = self.draft(writer, actor, EventType::ConversationUpdated, payloads::bytes(&self.payload()));
        draft.previous = Some(previous);
        Some(draft)
    }

    fn draft(&self, writer: &InboxWriter<'_>, actor: Actor, kind: EventType, payload: String) -> NewEvent {
        NewEvent {
            workspace: self.row.workspace_id.into(),
            kind,
            occurred_at: writer.ambient.now(),
            actor,
            revision: Some(self.row.revision),
            conversation_id: Some(self.row.id),
            message_id: None,
            contact_id: self.row.contact_id,
            channel_id: Some(self.row.channel_id),
            medium: self.medium(),
            direction: None,
            internal: false,
            payload,
            previous: None,
        }
    }
}

/// Writes the columns that people decide, and the contacts.
pub(super) async fn write(conn: &mut PgConnection, rows: &[&ConversationRow]) -> Result<(), StoreError> {
    for row in rows {
        sqlx::query(
            "UPDATE conversation SET status = $3, assignee_id = $4, team_id = $5, priority = $6, label_ids = $7, \
               snoozed_until = $8, closed_at = $9, contact_id = $10, revision = $11, updated_at = $12 \
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(row.workspace_id)
        .bind(row.id)
        .bind(row.status)
        .bind(row.assignee_id)
        .bind(row.team_id)
        .bind(row.priority)
        .bind(&row.label_ids)
        .bind(row.snoozed_until)
        .bind(row.closed_at)
        .bind(row.contact_id)
        .bind(row.revision)
        .bind(row.updated_at)
        .execute(&mut *conn)
        .await
        .map_err(StoreError::or_busy)?;
    }
    Ok(())
}

/// Refuses a change that was based on another revision.
pub(super) fn check_revision(kind: &'static str, read: Option<i64>, revision: i64) -> Result<(), StoreError> {
    match read {
        Some(read) if read != revision => Err(StoreError::Conflict { kind, revision }),
        _ => Ok(()),
    }
}

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

/// The event of a contact that differs from `before`, with the next revision. `None` where nothing differs.
fn changed(
    writer: &InboxWriter<'_>,
    actor: Actor,
    row: &mut ContactRow,
    before: &ContactPayload,
    now: DateTime<Utc>,
) -> Option<NewEvent> {
    let previous = previous(before, &payloads::contact(row))?;
    row.revision += 1;
    row.updated_at = now;
    let payload = payloads::bytes(&payloads::contact(row));
    let mut draft = contact_draft(writer, actor, EventType::ContactUpdated, row, payload);
    draft.previous = Some(previous);
    Some(draft)
}

/// An event of a contact.
pub(super) fn contact_draft(
    writer: &InboxWriter<'_>,
    actor: Actor,
    kind: EventType,
    row: &ContactRow,
    payload: String,
) -> NewEvent {
    NewEvent {
        workspace: row.workspace_id.into(),
        kind,
        occurred_at: writer.ambient.now(),
        actor,
        revision: Some(row.revision),
        conversation_id: None,
        message_id: None,
        contact_id: Some(ContactId::from(row.id).0),
        channel_id: None,
        medium: None,
        direction: None,
        internal: false,
        payload,
        previous: None,
    }
}
