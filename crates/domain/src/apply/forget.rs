//! A provider deleted its record of a person. What it said of the person goes, the addresses are free, and who writes from
//! one of them later is somebody; what occurred before is nobody's.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    batch::{BatchError, Work},
    fold::{Context, Fold, Rejection},
    identities::{Claim, Identities, IdentityKey, Wants},
    plan,
    row::Key,
    rows::{ChannelRow, ContactRow, ConversationRow},
};
use crate::command::{Change, Command, ContactReport, Effect, IdentityKind};

/// The most conversations that one deletion takes a contact off.
const MOST_CONVERSATIONS: usize = 2_000;

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

/// What must be known of a contact before the provider's record of it goes.
struct Standing {
    addresses: Vec<Address>,
    /// Whether other contacts were merged into it: it stands for those too.
    is_survivor: bool,
    /// Addresses that someone wrote from after the record was deleted.
    written_later: HashSet<Uuid>,
}

/// Takes a deletion in. Locks and reads what it needs, and writes the addresses; the fold keeps the rest to be saved.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    fold: &mut Fold<'_>,
    work: &Work<'_>,
) -> Result<Result<(), Rejection>, BatchError> {
    let Some(report) = deletion(work.command) else { return Ok(Ok(())) };
    let claim = plan::claim(work.speaker, &work.command.effect, work.inbound.received_at);
    let Some(claim) = claim.map(|claim| Claim { wants: Wants::Standing, ..claim }) else {
        return Ok(Err(Rejection("the contact has no id, phone number or email address".to_owned())));
    };
    let named: Vec<IdentityKey> = claim.keys.iter().map(|claimed| claimed.key.clone()).collect();
    let mut identities = Identities::default();
    let resolved = identities.resolve(connection, fold.ambient, &[Some(claim)]).await?.pop().flatten();
    identities.save(connection).await?;

    let at = report.version.at.min(work.inbound.received_at);
    bury(connection, &named, at).await?;
    let Some(contact) = resolved.and_then(|resolved| resolved.contact) else { return Ok(Ok(())) };
    let key: Key = (work.speaker.workspace, contact);
    let Some(standing) = load(connection, fold, key, at).await? else {
        let message = format!(
            "the contact has more than {MOST_CONVERSATIONS} conversations: Inlet does not take it off so many at once"
        );
        return Ok(Err(Rejection(message)));
    };
    let context = Context { inbound: work.inbound, speaker: work.speaker, key: &work.command.key, resolved };
    let freed = fold.forget(context, contact, &named, &standing, at);
    free(connection, key, &freed, at).await?;
    Ok(Ok(()))
}

/// Notes that what came from the named addresses until then is nobody's.
async fn bury(connection: &mut PgConnection, named: &[IdentityKey], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE identity i SET record_deleted_at = greatest(i.record_deleted_at, $5) \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) named(workspace_id, scope_id, kind, value) \
         WHERE i.workspace_id = named.workspace_id AND i.scope_id = named.scope_id AND i.kind = named.kind \
           AND i.value = named.value",
    )
    .bind(named.iter().map(|key| key.workspace).collect::<Vec<_>>())
    .bind(named.iter().map(|key| key.scope).collect::<Vec<_>>())
    .bind(named.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>())
    .bind(named.iter().map(|key| key.value.clone()).collect::<Vec<_>>())
    .bind(at)
    .execute(connection)
    .await?;
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

/// Locks the addresses of a contact, the contact and its conversations; `None` where those are too many.
async fn load(
    connection: &mut PgConnection,
    fold: &mut Fold<'_>,
    key: Key,
    at: DateTime<Utc>,
) -> Result<Option<Standing>, sqlx::Error> {
    let (workspace, contact) = key;
    // In the order in which all addresses are locked.
    let addresses: Vec<Address> = sqlx::query_as(
        "SELECT id, scope_id, kind, value FROM identity WHERE workspace_id = $1 AND contact_id = $2 \
         ORDER BY scope_id, array_position($3::text[], kind), value COLLATE \"C\" FOR NO KEY UPDATE",
    )
    .bind(workspace)
    .bind(contact)
    .bind(IdentityKind::ALL.map(IdentityKind::as_str).as_slice())
    .fetch_all(&mut *connection)
    .await?;
    fold.contacts.load(ContactRow::lock(connection, &[key]).await?);
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
    fold.conversations.load(ConversationRow::lock(connection, &conversations).await?);
    let channels: BTreeSet<Key> = fold.conversations.iter().map(|row| (row.workspace_id, row.channel_id)).collect();
    fold.channels.load(ChannelRow::read(connection, &channels.into_iter().collect::<Vec<_>>()).await?);
    let is_survivor: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM contact_merge WHERE workspace_id = $1 AND into_id = $2 AND undone_at IS NULL)",
    )
    .bind(workspace)
    .bind(contact)
    .fetch_one(&mut *connection)
    .await?;
    let written_later: Vec<Uuid> = sqlx::query_scalar(
        "SELECT c.address_id FROM unnest($2::uuid[]) named(id) \
         JOIN conversation c ON c.workspace_id = $1 AND c.id = named.id \
         WHERE EXISTS (SELECT FROM message m WHERE m.workspace_id = $1 AND m.conversation_id = c.id \
           AND m.occurred_at > $3 AND m.direction = 'inbound' AND m.deleted_at IS NULL)",
    )
    .bind(workspace)
    .bind(conversations.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(at)
    .fetch_all(connection)
    .await?;
    Ok(Some(Standing { addresses, is_survivor, written_later: written_later.into_iter().collect() }))
}

impl Fold<'_> {
    /// Takes the provider's record of a contact away. Gives the addresses that are free from then on.
    ///
    /// The contact goes, unless it stands for someone else too: for those who were merged into it, for who is known by
    /// addresses of other accounts, or for who wrote later.
    fn forget(
        &mut self,
        context: Context<'_>,
        contact: Uuid,
        named: &[IdentityKey],
        standing: &Standing,
        at: DateTime<Utc>,
    ) -> Vec<Uuid> {
        if !standing.written_later.is_empty() {
            self.blank(context, contact, at);
            return Vec::new();
        }
        let account = context.speaker.account;
        let is_elsewhere = |address: &Address| !address.scope_id.is_nil() && address.scope_id != account;
        let of_others = |id: Uuid| self.channels.get(id).is_some_and(|row| row.provider_account_id != account);
        let stays = standing.is_survivor
            || standing.addresses.iter().any(is_elsewhere)
            || self.conversations.iter().any(|row| row.contact_id == Some(contact) && of_others(row.channel_id));
        let is_named = |address: &Address| {
            named.iter().any(|key| {
                (key.scope, key.kind.as_str(), &key.value) == (address.scope_id, address.kind.as_str(), &address.value)
            })
        };
        let goes =
            |address: &&Address| !stays || is_named(address) || (!standing.is_survivor && address.scope_id == account);
        let freed: Vec<Uuid> = standing.addresses.iter().filter(goes).map(|address| address.id).collect();
        let left: Vec<Uuid> = self
            .conversations
            .iter()
            .filter(|row| row.contact_id == Some(contact) && (!stays || freed.contains(&row.address_id)))
            .map(|row| row.id)
            .collect();
        if !stays {
            self.delete_contact(context, contact, at);
        }
        for id in left {
            self.hand_to_nobody(context, id);
        }
        freed
    }
}
