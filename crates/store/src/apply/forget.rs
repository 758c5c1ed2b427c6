//! Applies the deletion of a provider's record of a person. The members that the record told are deleted, and its
//! addresses lose their contact. No contact owns what occurred before the deletion. A person who writes from one of the
//! addresses later is a new contact.

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use inlet_domain::command::{Change, Command, ContactReport, Effect, IdentityKind};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection, types::Json};
use uuid::Uuid;

use super::{
    batch::{BatchError, Work},
    identities::{Claim, Identities, IdentityKey, Wants},
    plan,
    rules::{Context, Rejection, WorkingSet},
};
use crate::rows::{
    ChannelRow, ContactRow, ConversationRow, Key,
    columns::{arrays, equals_given, given},
};

/// The most conversations that one deletion changes.
const MOST_CONVERSATIONS: usize = 2_000;

/// The deepest chain of merges that a deletion follows.
const DEEPEST: i32 = 50;

/// Whether the command deletes a provider's record of a contact.
pub(crate) fn is_deletion(command: &Command) -> bool {
    deletion(command).is_some()
}

fn deletion(command: &Command) -> Option<&ContactReport> {
    match &command.effect {
        Effect::Contact(report) if report.version.change == Change::Deleted => Some(report),
        _ => None,
    }
}

/// An address of a contact, under its lock.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Address {
    id: Uuid,
    scope_id: Uuid,
    kind: String,
    value: String,
}

/// A contact that was merged into another, under the locks of both.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::apply) struct Merged {
    id: Uuid,
    /// The contact that was merged.
    #[sqlx(rename = "contact_id")]
    pub contact: Uuid,
    /// The contact that stands for it.
    #[sqlx(rename = "into_id")]
    pub into: Uuid,
    /// The addresses that moved.
    identity_ids: Vec<Uuid>,
    /// The members that the other contact took from it.
    pub filled: Json<Map<String, Value>>,
}

/// The state of a contact before the provider's record of it is deleted.
struct Standing {
    addresses: Vec<Address>,
    /// The contacts that it stands for: those merged into it, and those merged into these before, the deepest first.
    merges: Vec<Merged>,
    /// The addresses that somebody wrote from after the deletion of the record.
    written_later: HashSet<Uuid>,
}

/// Applies a deletion. Locks and reads the rows, and writes the addresses and the merges. The working set keeps the
/// other changes for the save.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    work: &Work<'_>,
) -> Result<Result<(), Rejection>, BatchError> {
    let Some(report) = deletion(work.command) else { return Ok(Ok(())) };
    let claim = plan::claim(work.speaker, &work.command.effect, work.inbound.received_at);
    let Some(claim) = claim.map(|claim| Claim { wants: Wants::Standing, ..claim }) else {
        return Ok(Err(Rejection("the contact has no id, phone number or email address".to_owned())));
    };
    let named: Vec<IdentityKey> = claim.keys.iter().map(|claimed| claimed.key.clone()).collect();
    let mut identities = Identities::default();
    let resolved = identities.resolve(connection, working.ambient, &[Some(claim)]).await?.pop().flatten();
    identities.save(connection).await?;

    let at = report.version.at.min(work.inbound.received_at);
    bury(connection, &named, at).await?;
    let Some(contact) = resolved.and_then(|resolved| resolved.contact) else { return Ok(Ok(())) };
    let key: Key = (work.speaker.workspace, contact);
    let Some(mut standing) = load(connection, working, key, at).await? else {
        let message = format!(
            "the deleted contact has more than {MOST_CONVERSATIONS} conversations: Inlet does not change so many at once"
        );
        return Ok(Err(Rejection(message)));
    };
    let context = Context { inbound: work.inbound, speaker: work.speaker, key: &work.command.key, resolved };
    let freed = working.forget(context, contact, &named, &mut standing, at);
    free(connection, key, &freed, at).await?;
    save_merges(connection, key, &standing.merges).await?;
    Ok(Ok(()))
}

static BURY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE identity SET record_deleted_at = greatest(identity.record_deleted_at, $5) FROM {} WHERE {}",
        given::<IdentityKey>(),
        equals_given::<IdentityKey>("identity")
    )
});

/// Notes on the named addresses that no contact owns what came from them until `at`.
async fn bury(connection: &mut PgConnection, named: &[IdentityKey], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(BURY.as_str()), arrays(named)?).bind(at).execute(connection).await?;
    Ok(())
}

/// Takes these addresses off the contact.
async fn free(
    connection: &mut PgConnection,
    (workspace, contact): Key,
    freed: &[Uuid],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE identity SET contact_id = NULL, record_deleted_at = greatest(record_deleted_at, $4) \
         WHERE workspace_id = $1 AND contact_id = $2 AND id = ANY($3)",
    )
    .bind(workspace)
    .bind(contact)
    .bind(freed)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the members that contacts took from the contacts merged into them.
async fn save_merges(connection: &mut PgConnection, (workspace, _): Key, merges: &[Merged]) -> Result<(), sqlx::Error> {
    if merges.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE contact_merge SET filled = given.filled FROM unnest($2::uuid[], $3::jsonb[]) given(id, filled) \
         WHERE contact_merge.workspace_id = $1 AND contact_merge.id = given.id AND contact_merge.filled <> given.filled",
    )
    .bind(workspace)
    .bind(merges.iter().map(|merged| merged.id).collect::<Vec<_>>())
    .bind(merges.iter().map(|merged| &merged.filled).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The contacts merged into a contact, and those merged into these, the deepest first.
async fn merges(connection: &mut PgConnection, (workspace, contact): Key) -> Result<Vec<Merged>, sqlx::Error> {
    sqlx::query_as(
        "WITH RECURSIVE merged AS ( \
           SELECT m.*, 1 AS depth FROM contact_merge m \
           WHERE m.workspace_id = $1 AND m.into_id = $2 AND m.undone_at IS NULL \
           UNION ALL \
           SELECT m.*, merged.depth + 1 FROM merged JOIN contact_merge m \
             ON m.workspace_id = $1 AND m.into_id = merged.contact_id AND m.undone_at IS NULL WHERE merged.depth < $3) \
         SELECT id, contact_id, into_id, identity_ids, filled FROM merged ORDER BY depth DESC, merged_at, id",
    )
    .bind(workspace)
    .bind(contact)
    .bind(DEEPEST)
    .fetch_all(connection)
    .await
}

/// Locks the addresses of a contact, the contact and those merged into it, and its conversations. `None` if it has too
/// many conversations.
async fn load(
    connection: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    key: Key,
    at: DateTime<Utc>,
) -> Result<Option<Standing>, sqlx::Error> {
    let (workspace, contact) = key;
    // The lock order of all addresses.
    let addresses: Vec<Address> = sqlx::query_as(
        "SELECT id, scope_id, kind, value FROM identity WHERE workspace_id = $1 AND contact_id = $2 \
         ORDER BY scope_id, array_position($3::text[], kind), value COLLATE \"C\" FOR NO KEY UPDATE",
    )
    .bind(workspace)
    .bind(contact)
    .bind(IdentityKind::ALL.map(IdentityKind::as_str).as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let known: BTreeSet<Key> =
        merges(connection, key).await?.iter().map(|merged| (workspace, merged.contact)).collect();
    let contacts: Vec<Key> = known.into_iter().chain([key]).collect::<BTreeSet<_>>().into_iter().collect();
    working.contacts.load(ContactRow::lock(connection, &contacts).await?);
    // The locks keep these merges from being undone. Skip a merge made meanwhile: the deletion does not concern it.
    let mut merges = merges(connection, key).await?;
    merges.retain(|merged| contacts.contains(&(workspace, merged.contact)));
    let conversations: Vec<Key> = sqlx::query_as(
        "SELECT workspace_id, id FROM conversation WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id LIMIT $3",
    )
    .bind(workspace)
    .bind(contact)
    .bind(i64::try_from(MOST_CONVERSATIONS + 1).unwrap_or(i64::MAX))
    .fetch_all(&mut *connection)
    .await?;
    if conversations.len() > MOST_CONVERSATIONS {
        return Ok(None);
    }
    working.conversations.load(ConversationRow::lock(connection, &conversations).await?);
    let channels: BTreeSet<Key> = working.conversations.iter().map(|row| (row.workspace_id, row.channel_id)).collect();
    working.channels.load(ChannelRow::read(connection, &channels.into_iter().collect::<Vec<_>>()).await?);
    let written_later: Vec<Uuid> = sqlx::query_scalar(
        "SELECT c.address_id FROM unnest($2::uuid[]) given(id) \
         JOIN conversation c ON c.workspace_id = $1 AND c.id = given.id \
         WHERE EXISTS (SELECT FROM message m WHERE m.workspace_id = $1 AND m.conversation_id = c.id \
           AND m.occurred_at > $3 AND m.direction = 'inbound' AND m.deleted_at IS NULL)",
    )
    .bind(workspace)
    .bind(conversations.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(at)
    .fetch_all(connection)
    .await?;
    Ok(Some(Standing { addresses, merges, written_later: written_later.into_iter().collect() }))
}

impl WorkingSet<'_> {
    /// Deletes the provider's record of a contact. Returns the addresses that lose their contact: those that the
    /// account knows of the record, and those that the deletion names.
    ///
    /// Deletes the contact too, unless it stands for somebody else: a contact merged into it, a person with addresses
    /// of other accounts, or a person who wrote later. Then only the members that this account alone told are deleted.
    fn forget(
        &mut self,
        context: Context<'_>,
        contact: Uuid,
        named: &[IdentityKey],
        standing: &mut Standing,
        at: DateTime<Utc>,
    ) -> Vec<Uuid> {
        let account = context.speaker.account;
        let is_named = |address: &&Address| {
            named.iter().any(|key| {
                (key.scope, key.kind.as_str(), &key.value) == (address.scope_id, address.kind.as_str(), &address.value)
            })
        };
        // The deletion concerns the merged contact that brought the first named address.
        let first_named = standing.addresses.iter().find(is_named).map(|address| address.id);
        let brought =
            standing.merges.iter().find(|merged| first_named.is_some_and(|id| merged.identity_ids.contains(&id)));
        let meant = brought.map_or(contact, |merged| merged.contact);
        let is_of_meant = |id: Uuid| {
            let brought = standing.merges.iter().find(|merged| merged.identity_ids.contains(&id));
            brought.map_or(contact, |merged| merged.contact) == meant
        };
        let is_own = |address: &&Address| is_named(address) || (address.scope_id == account && is_of_meant(address.id));
        let own: Vec<Uuid> = standing.addresses.iter().filter(is_own).map(|address| address.id).collect();
        let is_known_still =
            standing.addresses.iter().any(|address| address.scope_id == account && !own.contains(&address.id));
        let only = is_known_still.then_some(meant);
        if own.iter().any(|address| standing.written_later.contains(address)) {
            self.blank(context, contact, at, &mut standing.merges, only);
            return Vec::new();
        }
        let is_elsewhere = |address: &Address| !address.scope_id.is_nil() && address.scope_id != account;
        let of_others = |id: Uuid| self.channels.get(id).is_some_and(|row| row.provider_account_id != account);
        let stays = !standing.merges.is_empty()
            || standing.addresses.iter().any(is_elsewhere)
            || standing.addresses.iter().any(|address| standing.written_later.contains(&address.id))
            || self.conversations.iter().any(|row| row.contact_id == Some(contact) && of_others(row.channel_id));
        let goes = |address: &&Address| !stays || own.contains(&address.id);
        let freed: Vec<Uuid> = standing.addresses.iter().filter(goes).map(|address| address.id).collect();
        let left: Vec<Uuid> = self
            .conversations
            .iter()
            .filter(|row| row.contact_id == Some(contact) && (!stays || freed.contains(&row.address_id)))
            .map(|row| row.id)
            .collect();
        if stays {
            self.blank(context, contact, at, &mut standing.merges, only);
        } else {
            self.delete_contact(context, contact, at);
        }
        for id in left {
            self.hand_to_nobody(context, id);
        }
        freed
    }
}
