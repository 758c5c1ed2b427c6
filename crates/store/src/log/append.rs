//! Writing the log: the last step before a commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    event::EventType,
    ids::{EventId, WorkspaceId, first_at},
    model::{channel::Medium, message::Direction},
    scope::Actor,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    error::StoreError,
    log::Head,
    rows::columns::{Insert, columns},
};

/// An event to append: it has no number yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The workspace that owns the log.
    pub workspace: WorkspaceId,
    /// The type of the event.
    pub kind: EventType,
    /// When the change happened.
    pub occurred_at: DateTime<Utc>,
    /// The member, API key, provider or system that made the change.
    pub actor: Actor,
    /// The revision of the entity after the change.
    pub revision: Option<i64>,
    /// The conversation that the entity is, or is in.
    pub conversation_id: Option<Uuid>,
    /// The message that changed, or that the entity belongs to.
    pub message_id: Option<Uuid>,
    /// The contact that changed, or that the entity belongs to.
    pub contact_id: Option<Uuid>,
    /// The channel of the conversation.
    pub channel_id: Option<Uuid>,
    /// The channel's medium.
    pub medium: Option<Medium>,
    /// The direction of the message.
    pub direction: Option<Direction>,
    /// Whether the message is a note or an activity.
    pub internal: bool,
    /// The entity as JSON, in JavaScript's own form.
    pub payload: String,
    /// The old values of the members that changed, as JSON.
    pub previous: Option<String>,
}

/// What [`append`] wrote.
#[derive(Debug, Clone, Default)]
pub struct Appended {
    /// The ids of the events, in the order of the drafts.
    pub ids: Vec<Uuid>,
    /// The new head of each log.
    pub heads: Vec<(WorkspaceId, Head)>,
}

// Look in the recent partitions first. Only an idle workspace needs the search of all partitions.
const LAST: &str = "SELECT given.workspace_id, greatest( \
      coalesce((SELECT s.floor FROM log_state s WHERE s.workspace_id = given.workspace_id), 0), \
      coalesce( \
        (SELECT e.seq FROM event e WHERE e.workspace_id = given.workspace_id AND e.id >= $2 ORDER BY e.seq DESC LIMIT 1), \
        (SELECT e.seq FROM event e WHERE e.workspace_id = given.workspace_id ORDER BY e.seq DESC LIMIT 1), \
        0)) AS last, \
      coalesce((SELECT s.epoch FROM log_state s WHERE s.workspace_id = given.workspace_id), 1) AS epoch \
    FROM unnest($1::uuid[]) given(workspace_id)";

/// An event under the number that the log gives it.
struct Entry<'a> {
    event: &'a NewEvent,
    id: Uuid,
    seq: i64,
}

columns! {
    Entry<'_> as entry {
        workspace_id: "uuid" = entry.event.workspace.0,
        id: "uuid" = entry.id,
        seq: "bigint" = entry.seq,
        type: "text" = entry.event.kind.name(),
        occurred_at: "timestamptz" = entry.event.occurred_at,
        actor_kind: "text" = entry.event.actor.kind(),
        actor_id: "uuid" = actor_id(entry.event.actor),
        revision: "bigint" = entry.event.revision,
        conversation_id: "uuid" = entry.event.conversation_id,
        message_id: "uuid" = entry.event.message_id,
        contact_id: "uuid" = entry.event.contact_id,
        channel_id: "uuid" = entry.event.channel_id,
        medium: "text" = entry.event.medium,
        direction: "text" = entry.event.direction,
        internal: "boolean" = entry.event.internal,
        payload: "text" as "json" = entry.event.payload.as_str(),
        previous: "text" as "json" = entry.event.previous.as_deref(),
    }
}

fn actor_id(actor: Actor) -> Option<Uuid> {
    match actor {
        Actor::Member(id) => Some(id.0),
        Actor::ApiKey(id) => Some(id.0),
        Actor::Provider | Actor::System => None,
    }
}

static INSERT: LazyLock<Insert> = LazyLock::new(|| Insert::of::<Entry<'_>>("event", ""));

/// Numbers the drafts and writes them, under the locks of their logs. Postgres holds these locks until the transaction
/// ends: call this after the last row lock, and let only the commit follow.
pub async fn append(
    connection: &mut PgConnection,
    ambient: &Ambient,
    drafts: &[NewEvent],
) -> Result<Appended, StoreError> {
    if drafts.is_empty() {
        return Ok(Appended::default());
    }
    let workspaces: BTreeSet<WorkspaceId> = drafts.iter().map(|draft| draft.workspace).collect();
    let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
    super::lock(connection, &workspaces).await?;

    // A separate statement, because its snapshot must be younger than the lock.
    let of_late = first_at(ambient.now() - chrono::Duration::hours(36));
    let rows = sqlx::query(LAST).bind(&workspaces).bind(of_late).fetch_all(&mut *connection).await?;
    let mut heads: BTreeMap<WorkspaceId, Head> = BTreeMap::new();
    for row in &rows {
        let before = Head { epoch: row.try_get("epoch")?, seq: row.try_get("last")?, id: EventId(Uuid::nil()) };
        heads.insert(row.try_get("workspace_id")?, before);
    }
    let ids: Vec<Uuid> = drafts.iter().map(|_| ambient.uuid()).collect();
    let mut entries = Vec::with_capacity(drafts.len());
    for (event, id) in drafts.iter().zip(&ids) {
        // Each workspace has a head.
        let Some(head) = heads.get_mut(&event.workspace) else { continue };
        (head.seq, head.id) = (head.seq + 1, EventId(*id));
        entries.push(Entry { event, id: *id, seq: head.seq });
    }
    INSERT.bind(&entries)?.execute(connection).await?;
    Ok(Appended { ids, heads: heads.into_iter().collect() })
}
