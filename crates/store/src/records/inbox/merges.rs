//! Merges contacts, and undoes merges. A merge records what it moved. Undoing moves exactly that back; later additions
//! stay.

use inlet_domain::{
    event::{EventType, payload::ContactMergedPayload},
    ids::{ContactId, ConversationId},
    model::contact::MOST_ADDRESSES,
    scope::{Actor, Scope},
};
use serde_json::{Map, Value};
use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use super::{
    Held, InboxWriter, changed, check_revision, contact_draft,
    people::{conversations_of, hold, hold_some, save},
    refuse, write,
};
use crate::{
    database::Database,
    error::StoreError,
    log::NewEvent,
    records::mutation_tx::MutationRequest,
    rows::{ContactRow, payloads},
};

/// Merges one contact into another, once for each key. The addresses and conversations move to the other contact, which
/// also takes the values that it lacks. The merged contact stays as a tombstone. The authors of old messages stay. A
/// refusal follows its address.
///
/// # Errors
/// `Missing` where either contact is not in the workspace; `Conflict` where the contact to merge has another revision;
/// `Invalid` where both are one contact, either was merged already, or there is too much to move or to hold;
/// `Overloaded` where rows stay locked for too long; those of
/// [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn merge(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    contact: ContactId,
    into: ContactId,
    if_revision: Option<i64>,
) -> Result<(), StoreError> {
    let scope = asked.scope;
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    if contact == into {
        return refuse("input.intoId", "a contact is not merged into itself");
    }
    let (identities, rows) = hold(act.conn(), scope, contact, &[contact, into]).await?;
    let (mut merged, mut survivor) = (pick(&rows, contact, "input.contactId")?, pick(&rows, into, "input.intoId")?);
    check_revision("contact", if_revision, merged.revision)?;
    for (path, row) in [("input.contactId", &merged), ("input.intoId", &survivor)] {
        if let Some(other) = row.merged_into_id.map(ContactId) {
            return refuse(path, format!("this contact was merged into {other}: use that contact"));
        }
    }
    let theirs: i64 = sqlx::query_scalar("SELECT count(*) FROM identity WHERE workspace_id = $1 AND contact_id = $2")
        .bind(scope.workspace())
        .bind(into)
        .fetch_one(act.conn())
        .await?;
    if usize::try_from(theirs).unwrap_or(usize::MAX).saturating_add(identities.len()) > MOST_ADDRESSES {
        let message =
            format!("both contacts together have more than {MOST_ADDRESSES} addresses, the most of one contact");
        return refuse("input.contactId", message);
    }
    let mut held = conversations_of(act.conn(), scope, contact).await?;
    let now = writer.ambient.now();
    let filled = survivor.fill(&merged, now);
    for row in [&mut merged, &mut survivor] {
        row.revision += 1;
        row.updated_at = now;
    }
    merged.merged_into_id = Some(into.0);
    let conversations: Vec<Uuid> = held.iter().map(|held| held.row.id).collect();

    sqlx::query(
        "INSERT INTO contact_merge (workspace_id, id, contact_id, into_id, identity_ids, conversation_ids, filled, \
           merged_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(scope.workspace())
    .bind(writer.ambient.uuid())
    .bind(contact)
    .bind(into)
    .bind(&identities)
    .bind(&conversations)
    .bind(Json(&filled))
    .bind(now)
    .execute(act.conn())
    .await?;
    save(act.conn(), &[&merged, &survivor]).await?;
    point(act.conn(), scope, &identities, contact, into).await?;

    let payload = ContactMergedPayload { contact: payloads::contact(&survivor), merged_contact_id: contact };
    let payload = payloads::bytes(&payload);
    let mut events = vec![contact_draft(&writer, asked.actor, EventType::ContactMerged, &survivor, payload)];
    events.extend(hand_over(&writer, asked.actor, &mut held, Some(&survivor)));
    write(act.conn(), &held.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    writer.finish(act, into, &events).await
}

/// Undoes the merge of a contact, once for each key. Moved objects go back if they are still where the merge put them.
/// Values that the other contact took are removed from it unless they have changed since. Returns the other contact;
/// `None` on a retry whose merge left no record.
///
/// # Errors
/// `Missing` where the contact is not in the workspace or was not merged; `Conflict` where it has another revision;
/// `Invalid` where the other contact was merged too; `Overloaded` where rows stay locked for too long; those of
/// [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn unmerge(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    contact: ContactId,
    if_revision: Option<i64>,
) -> Result<Option<ContactId>, StoreError> {
    let scope = asked.scope;
    let Some(mut act) = writer.begin(asked).await? else { return undone_last(writer.database, scope, contact).await };
    let merge = Merge::standing(act.conn(), scope, contact).await?;
    let (identities, rows) =
        hold_some(act.conn(), scope, merge.into, &merge.identities, &[contact, merge.into]).await?;
    // Check under the locks of both: another transaction may have undone the merge.
    let merge = Merge::standing(act.conn(), scope, contact).await?;
    let (mut back, mut other) = (pick(&rows, contact, "input.contactId")?, find(&rows, merge.into, "input.contactId")?);
    check_revision("contact", if_revision, back.revision)?;
    if let Some(further) = other.merged_into_id.map(ContactId) {
        let message = format!("{} was itself merged into {further}: undo that first", merge.into);
        return refuse("input.contactId", message);
    }
    let mut held = Held::lock_all(act.conn(), scope, &merge.conversations).await?;
    held.retain(|held| held.row.contact_id == Some(merge.into.0));
    let now = writer.ambient.now();
    let before = [payloads::contact(&back), payloads::contact(&other)];
    if other.deleted_at.is_none() {
        other.part(&back, &merge.filled);
    }
    back.merged_into_id = None;
    let mut events = Vec::new();
    for (row, before) in [&mut back, &mut other].into_iter().zip(&before) {
        events.extend(changed(&writer, asked.actor, row, before, now));
    }
    save(act.conn(), &[&back, &other]).await?;
    point(act.conn(), scope, &identities, merge.into, contact).await?;
    sqlx::query("UPDATE contact_merge SET undone_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(merge.id)
        .bind(now)
        .execute(act.conn())
        .await?;
    events.extend(hand_over(&writer, asked.actor, &mut held, Some(&back)));
    write(act.conn(), &held.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    writer.finish(act, contact, &events).await?;
    Ok(Some(merge.into))
}

/// The contact into which this contact was last merged, before that merge was undone.
async fn undone_last(database: &Database, scope: Scope, contact: ContactId) -> Result<Option<ContactId>, StoreError> {
    let last = sqlx::query_scalar(
        "SELECT into_id FROM contact_merge WHERE workspace_id = $1 AND contact_id = $2 AND undone_at IS NOT NULL \
         ORDER BY undone_at DESC LIMIT 1",
    );
    Ok(last.bind(scope.workspace()).bind(contact).fetch_optional(&database.pool).await?)
}

/// Moves conversations to another contact, or to none. Returns the events.
pub(super) fn hand_over(
    writer: &InboxWriter<'_>,
    actor: Actor,
    held: &mut [Held],
    to: Option<&ContactRow>,
) -> Vec<NewEvent> {
    held.iter_mut()
        .filter_map(|held| {
            let before = held.payload();
            held.row.contact_id = to.map(|to| to.id);
            held.contact = to.cloned();
            held.changed(writer, actor, &before)
        })
        .collect()
}

fn find(rows: &[ContactRow], id: ContactId, path: &'static str) -> Result<ContactRow, StoreError> {
    rows.iter().find(|row| row.id == id.0).cloned().ok_or(StoreError::missing("contact", path))
}

fn pick(rows: &[ContactRow], id: ContactId, path: &'static str) -> Result<ContactRow, StoreError> {
    find(rows, id, path).and_then(|row| match row.deleted_at {
        None => Ok(row),
        Some(_) => Err(StoreError::missing("contact", path)),
    })
}

/// A merge that was not undone.
struct Merge {
    id: Uuid,
    into: ContactId,
    identities: Vec<Uuid>,
    conversations: Vec<ConversationId>,
    filled: Map<String, Value>,
}

impl Merge {
    async fn standing(conn: &mut PgConnection, scope: Scope, contact: ContactId) -> Result<Self, StoreError> {
        let row = sqlx::query(
            "SELECT id, into_id, identity_ids, conversation_ids, filled FROM contact_merge \
             WHERE workspace_id = $1 AND contact_id = $2 AND undone_at IS NULL",
        )
        .bind(scope.workspace())
        .bind(contact)
        .fetch_optional(&mut *conn)
        .await?;
        let Some(row) = row else {
            let stands = "SELECT EXISTS (SELECT FROM contact WHERE workspace_id = $1 AND id = $2)";
            let stands: bool = sqlx::query_scalar(stands).bind(scope.workspace()).bind(contact).fetch_one(conn).await?;
            let path = "input.contactId";
            let message = "this contact was not merged into another: pass the one that was merged".to_owned();
            return Err(if stands {
                StoreError::Missing { path, message }
            } else {
                StoreError::missing("contact", path)
            });
        };
        let conversations: Vec<Uuid> = row.try_get("conversation_ids")?;
        Ok(Self {
            id: row.try_get("id")?,
            into: row.try_get("into_id")?,
            identities: row.try_get("identity_ids")?,
            conversations: conversations.into_iter().map(ConversationId).collect(),
            filled: row.try_get::<Json<Map<String, Value>>, _>("filled")?.0,
        })
    }
}

/// Moves addresses to another contact.
async fn point(
    conn: &mut PgConnection,
    scope: Scope,
    ids: &[Uuid],
    from: ContactId,
    to: ContactId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE identity SET contact_id = $4 WHERE workspace_id = $1 AND contact_id = $3 AND id = ANY($2)")
        .bind(scope.workspace())
        .bind(ids)
        .bind(from)
        .bind(to)
        .execute(conn)
        .await
        .map_err(StoreError::or_busy)?;
    Ok(())
}
