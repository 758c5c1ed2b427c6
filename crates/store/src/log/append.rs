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

use crate::{error::StoreError, log::Head, rows};

/// An entry that has no number yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Whose log.
    pub workspace: WorkspaceId,
    /// What happened.
    pub kind: EventType,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// The revision of the entity after it.
    pub revision: Option<i64>,
    /// The conversation that it is about or in.
    pub conversation_id: Option<Uuid>,
    /// The message that it is about.
    pub message_id: Option<Uuid>,
    /// The contact that it is about.
    pub contact_id: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<Uuid>,
    /// The channel's medium.
    pub medium: Option<Medium>,
    /// Of a message.
    pub direction: Option<Direction>,
    /// Whether it is about a note or an activity.
    pub internal: bool,
    /// The entity, in JavaScript's own form.
    pub payload: String,
    /// The members that changed, with their old values.
    pub previous: Option<String>,
}

/// What [`append`] wrote.
#[derive(Debug, Clone, Default)]
pub struct Appended {
    /// The ids, in the order of the drafts.
    pub ids: Vec<Uuid>,
    /// How far each log has come.
    pub heads: Vec<(WorkspaceId, Head)>,
}

// Two looks for the last number: in the partitions of late, then in all. An idle workspace costs the second.
const LAST: &str = "SELECT w.id, greatest( \
      coalesce((SELECT s.floor FROM log_state s WHERE s.workspace_id = w.id), 0), \
      coalesce( \
        (SELECT e.seq FROM event e WHERE e.workspace_id = w.id AND e.id >= $2 ORDER BY e.seq DESC LIMIT 1), \
        (SELECT e.seq FROM event e WHERE e.workspace_id = w.id ORDER BY e.seq DESC LIMIT 1), \
        0)) AS last, \
      coalesce((SELECT s.epoch FROM log_state s WHERE s.workspace_id = w.id), 1) AS epoch \
    FROM unnest($1::uuid[]) w(id)";

const COLUMNS: [(&str, &str); 17] = [
    ("workspace_id", "uuid"),
    ("id", "uuid"),
    ("seq", "bigint"),
    ("type", "text"),
    ("occurred_at", "timestamptz"),
    ("actor_kind", "text"),
    ("actor_id", "uuid"),
    ("revision", "bigint"),
    ("conversation_id", "uuid"),
    ("message_id", "uuid"),
    ("contact_id", "uuid"),
    ("channel_id", "uuid"),
    ("medium", "text"),
    ("direction", "text"),
    ("internal", "boolean"),
    ("payload", "json"),
    ("previous", "json"),
];

static FEW: LazyLock<Vec<String>> = LazyLock::new(|| rows::insert_few("event", &COLUMNS, ""));

const MANY: &str = "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, actor_id, revision, \
      conversation_id, message_id, contact_id, channel_id, medium, direction, internal, payload, previous) \
    SELECT w, i, s, t, o, ak, ai, r, cv, m, ct, ch, md, d, n, p::json, v::json \
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[], $8::bigint[], \
      $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::boolean[], $16::text[], $17::text[]) \
      k(w, i, s, t, o, ak, ai, r, cv, m, ct, ch, md, d, n, p, v)";

/// Numbers the drafts and writes them, under the locks of their logs, which stay until the transaction ends: call it
/// after every row lock, with nothing but the commit to follow that could wait.
///
/// # Errors
/// Where the database fails.
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

    // A statement of its own: its snapshot must be younger than the lock.
    let of_late = first_at(ambient.now() - chrono::Duration::hours(36));
    let rows = sqlx::query(LAST).bind(&workspaces).bind(of_late).fetch_all(&mut *connection).await?;
    let mut heads: BTreeMap<WorkspaceId, Head> = BTreeMap::new();
    for row in &rows {
        let before = Head { epoch: row.try_get("epoch")?, seq: row.try_get("last")?, id: EventId(Uuid::nil()) };
        heads.insert(row.try_get("id")?, before);
    }
    let ids: Vec<Uuid> = drafts.iter().map(|_| ambient.uuid()).collect();
    let mut numbers = Vec::with_capacity(drafts.len());
    for (draft, id) in drafts.iter().zip(&ids) {
        // There is a row for each of them.
        let Some(head) = heads.get_mut(&draft.workspace) else { continue };
        (head.seq, head.id) = (head.seq + 1, EventId(*id));
        numbers.push(head.seq);
    }
    match rows::for_few(&FEW, drafts.len()) {
        Some(sql) => {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for ((draft, id), number) in drafts.iter().zip(&ids).zip(numbers) {
                query = query
                    .bind(draft.workspace.0)
                    .bind(*id)
                    .bind(number)
                    .bind(draft.kind.name())
                    .bind(draft.occurred_at)
                    .bind(draft.actor.kind())
                    .bind(actor_id(draft.actor))
                    .bind(draft.revision)
                    .bind(draft.conversation_id)
                    .bind(draft.message_id)
                    .bind(draft.contact_id)
                    .bind(draft.channel_id)
                    .bind(draft.medium)
                    .bind(draft.direction)
                    .bind(draft.internal)
                    .bind(draft.payload.as_str())
                    .bind(draft.previous.as_deref());
            }
            query.execute(connection).await?;
        }
        None => insert_many(connection, drafts, &ids, numbers).await?,
    }
    Ok(Appended { ids, heads: heads.into_iter().collect() })
}

fn actor_id(actor: Actor) -> Option<Uuid> {
    match actor {
        Actor::Member(id) => Some(id.0),
        Actor::ApiKey(id) => Some(id.0),
        Actor::Provider | Actor::System => None,
    }
}

async fn insert_many(
    connection: &mut PgConnection,
    drafts: &[NewEvent],
    ids: &[Uuid],
    numbers: Vec<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(MANY)
        .bind(drafts.iter().map(|draft| draft.workspace.0).collect::<Vec<_>>())
        .bind(ids)
        .bind(numbers)
        .bind(drafts.iter().map(|draft| draft.kind.name()).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.occurred_at).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.actor.kind()).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| actor_id(draft.actor)).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.revision).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.conversation_id).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.message_id).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.contact_id).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.channel_id).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.medium).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.direction).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.internal).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.payload.as_str()).collect::<Vec<_>>())
        .bind(drafts.iter().map(|draft| draft.previous.as_deref()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
