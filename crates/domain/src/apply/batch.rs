//! One batch, one transaction: lock in the documented order, fold in memory, write, number the events, commit. The
//! number of statements does not grow with the batch.
//!
//! The lock order, which mutations keep too: idempotency_key, external_ref (all kinds but channels, then channels),
//! identity, contact, conversation, message, the other entities, the log.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    Outcome, Receipt,
    fold::{Context, Fold, Rejection},
    identities::{Claim, Identities, Resolved},
    inbound, plan,
    plan::Speaker,
    references::{RefKey, RefKind},
    row::Key,
    rows::{
        AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, MessageRow, OptOutRow,
        StatusReportRow, VerificationRow,
    },
};
use crate::{
    ambient::Ambient,
    command::{ChannelRef, Command, Effect, Inbound, Reading},
    error::StoreError,
    ids::WorkspaceId,
    log,
    secrets::Sealer,
};

/// Why a batch was rolled back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    /// The request at this place in the batch cannot be applied.
    #[error("request {index} cannot be applied")]
    Rejected {
        /// Which request.
        index: usize,
        /// Why.
        #[source]
        rejection: Rejection,
    },
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a committed batch came to.
#[derive(Debug)]
pub(crate) struct Committed {
    /// One for each request, in order.
    pub receipts: Vec<Receipt>,
    /// How far each log has come.
    pub heads: Vec<(WorkspaceId, i64)>,
}

/// A command that is not a duplicate.
struct Work<'a> {
    index: usize,
    inbound: &'a Inbound,
    speaker: Speaker,
    command: &'a Command,
}

/// Applies the requests, all or none.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    ambient: &Ambient,
    sealer: &Sealer,
    batch: &[&Inbound],
) -> Result<Committed, BatchError> {
    let mut transaction = sqlx::Connection::begin(connection).await?;
    let fresh = claim_keys(&mut transaction, batch).await?;
    let work = surviving(batch, &fresh);
    let mut fold = Fold::new(ambient, sealer);
    let resolved = load(&mut transaction, &mut fold, &work).await?;

    let mut caused: Vec<(usize, usize)> = Vec::with_capacity(work.len());
    for (work, resolved) in work.iter().zip(resolved) {
        let from = fold.drafts.len();
        let context = Context { inbound: work.inbound, speaker: work.speaker, resolved };
        fold.apply(context, work.command).map_err(|rejection| BatchError::Rejected { index: work.index, rejection })?;
        caused.extend((from..fold.drafts.len()).map(|draft| (work.index, draft)));
    }
    save(&mut transaction, &fold).await?;
    sqlx::query("SET CONSTRAINTS ALL IMMEDIATE").execute(&mut *transaction).await?;
    let appended = log::append(&mut transaction, ambient, &fold.drafts).await?;

    let mut receipts: Vec<Receipt> = batch.iter().map(|inbound| receipt(inbound)).collect();
    let active: HashSet<usize> = work.iter().map(|work| work.index).collect();
    for (index, receipt) in receipts.iter_mut().enumerate() {
        if receipt.outcome == Outcome::Accepted && !active.contains(&index) {
            receipt.outcome = Outcome::Duplicate;
        }
    }
    for (index, draft) in caused {
        if let (Some(receipt), Some(id)) = (receipts.get_mut(index), appended.ids.get(draft)) {
            receipt.events.push((*id).into());
        }
    }
    inbound::insert(&mut transaction, sealer, batch, &receipts).await?;
    transaction.commit().await?;
    Ok(Committed { receipts, heads: appended.heads })
}

/// What a request comes to if nothing is known of its commands.
fn receipt(inbound: &Inbound) -> Receipt {
    let (outcome, error) = match &inbound.reading {
        Reading::Commands { .. } => (Outcome::Accepted, None),
        Reading::Unrecognised { reason, .. } => (Outcome::Unrecognised, Some(reason.clone())),
        Reading::Quarantined { reason } => (Outcome::Quarantined, Some(reason.clone())),
    };
    Receipt { outcome, error, events: Vec::new() }
}

fn commands(inbound: &Inbound) -> &[Command] {
    match &inbound.reading {
        Reading::Commands { commands, .. } => commands,
        Reading::Unrecognised { .. } | Reading::Quarantined { .. } => &[],
    }
}

/// (workspace, account, kind, id): what an idempotency key is unique in.
type Mark<'a> = (Uuid, Uuid, &'a str, &'a str);

fn mark<'a>(inbound: &Inbound, command: &'a Command) -> Mark<'a> {
    (inbound.workspace.0, inbound.account.0, &command.key.kind, &command.key.id)
}

/// Takes the idempotency keys that are free, in order; the inbound event that each was taken for.
async fn claim_keys(
    connection: &mut PgConnection,
    batch: &[&Inbound],
) -> Result<HashMap<(Uuid, Uuid, String, String), Uuid>, sqlx::Error> {
    let mut keys: BTreeMap<Mark<'_>, (Uuid, chrono::DateTime<chrono::Utc>, TimeDelta)> = BTreeMap::new();
    for inbound in batch {
        for command in commands(inbound) {
            let window = command.key.window.unwrap_or(TimeDelta::days(30));
            keys.entry(mark(inbound, command)).or_insert((inbound.id.0, inbound.received_at, window));
        }
    }
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "INSERT INTO idempotency_key AS held \
           (workspace_id, provider_account_id, kind, external_id, inbound_event_id, expires_at) \
         SELECT w, a, k, e, i, x \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::timestamptz[]) \
           u(w, a, k, e, i, x, r) \
         ON CONFLICT (workspace_id, provider_account_id, kind, external_id) \
         DO UPDATE SET inbound_event_id = excluded.inbound_event_id, expires_at = excluded.expires_at \
         WHERE held.expires_at <= (SELECT max(r) FROM unnest($7::timestamptz[]) r) \
         RETURNING workspace_id, provider_account_id, kind, external_id, inbound_event_id",
    )
    .bind(keys.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(keys.keys().map(|key| key.2).collect::<Vec<_>>())
    .bind(keys.keys().map(|key| key.3).collect::<Vec<_>>())
    .bind(keys.values().map(|value| value.0).collect::<Vec<_>>())
    .bind(keys.values().map(|value| value.1 + value.2).collect::<Vec<_>>())
    .bind(keys.values().map(|value| value.1).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let key = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            Ok((key, row.try_get(4)?))
        })
        .collect()
}

/// The commands whose key was taken for their own request, the first of equal ones in a request.
fn surviving<'a>(batch: &[&'a Inbound], fresh: &HashMap<(Uuid, Uuid, String, String), Uuid>) -> Vec<Work<'a>> {
    let mut seen = HashSet::new();
    let mut work = Vec::new();
    for (index, inbound) in batch.iter().enumerate() {
        for command in commands(inbound) {
            let (workspace, account, kind, id) = mark(inbound, command);
            let taken_for = fresh.get(&(workspace, account, kind.to_owned(), id.to_owned()));
            if taken_for == Some(&inbound.id.0) && seen.insert((workspace, account, kind, id)) {
                work.push(Work { index, inbound, speaker: Speaker::of(inbound), command });
            }
        }
    }
    work
}

/// Locks and reads all that the commands touch; the address and contact of each command that needs one.
async fn load(
    connection: &mut PgConnection,
    fold: &mut Fold<'_>,
    work: &[Work<'_>],
) -> Result<Vec<Option<Resolved>>, sqlx::Error> {
    let ambient = fold.ambient;
    let mut mentioned: BTreeMap<RefKey, Option<Uuid>> = BTreeMap::new();
    for work in work {
        let id = ambient.uuid();
        for (position, (name, comes)) in plan::names(work.speaker, &work.command.effect).into_iter().enumerate() {
            let suggested = match name.kind {
                _ if !comes => None,
                RefKind::Message => Some(id),
                _ if position == 0 => Some(id),
                _ => Some(ambient.uuid()),
            };
            let entry = mentioned.entry(name).or_default();
            *entry = entry.or(suggested);
        }
    }
    fold.references.lock(connection, mentioned).await?;
    let known = peek(connection, fold).await?;

    let placed = needs_place(work, fold, &known);
    let mut channels: BTreeMap<RefKey, Option<Uuid>> = BTreeMap::new();
    for (work, placed) in work.iter().zip(&placed) {
        if let (true, Some(channel)) = (*placed, plan::channel(&work.command.effect)) {
            let id = ambient.uuid();
            for name in work.speaker.channel(channel) {
                channels.entry(name).or_insert(Some(id));
            }
        }
    }
    fold.references.lock(connection, channels).await?;

    let claims: Vec<Option<Claim>> = work
        .iter()
        .zip(&placed)
        .map(|(work, placed)| if *placed { plan::claim(work.speaker, &work.command.effect) } else { None })
        .collect();
    let mut identities = Identities::default();
    let resolved = identities.resolve(connection, ambient, &claims).await?;
    identities.save(connection).await?;

    let mut contacts: BTreeSet<Key> =
        known.values().filter_map(|known| Some((known.workspace, known.contact?))).collect();
    for (work, resolved) in work.iter().zip(&resolved) {
        let contact = resolved.and_then(|resolved| resolved.contact).filter(|id| identities.is_old_contact(*id));
        contacts.extend(contact.map(|id| (work.speaker.workspace, id)));
    }
    let contacts: Vec<Key> = contacts.into_iter().collect();
    fold.contacts.load(ContactRow::lock(connection, &contacts).await?);

    let latest = latest(connection, fold, work, &resolved, &identities).await?;
    let mut conversations: BTreeSet<Key> = latest.iter().map(|(workspace, _, _, id)| (*workspace, *id)).collect();
    conversations.extend(fold.references.targets(RefKind::Conversation));
    conversations.extend(known.values().map(|known| (known.workspace, known.conversation)));
    let conversations: Vec<Key> = conversations.into_iter().collect();
    fold.conversations.load(ConversationRow::lock(connection, &conversations).await?);
    fold.latest.extend(latest.into_iter().map(|(_, channel, address, id)| ((channel, address), id)));

    let messages: BTreeSet<Key> = known.iter().map(|(id, known)| (known.workspace, *id)).collect();
    let messages: Vec<Key> = messages.into_iter().collect();
    fold.messages.load(MessageRow::lock(connection, &messages).await?);
    load_others(connection, fold, work, &messages, &resolved).await?;
    Ok(resolved)
}

/// What is known of a message before it is locked.
struct Known {
    workspace: Uuid,
    conversation: Uuid,
    contact: Option<Uuid>,
    placeholder: bool,
}

async fn peek(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<HashMap<Uuid, Known>, sqlx::Error> {
    let targets: Vec<Key> = fold.references.targets(RefKind::Message).collect::<BTreeSet<_>>().into_iter().collect();
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = targets.into_iter().unzip();
    let rows = sqlx::query(
        "SELECT m.workspace_id, m.id, m.conversation_id, m.placeholder, c.contact_id \
         FROM unnest($1::uuid[], $2::uuid[]) k(w, i) \
         JOIN message m ON m.workspace_id = k.w AND m.id = k.i \
         JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id",
    )
    .bind(workspaces)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let known = Known {
                workspace: row.try_get("workspace_id")?,
                conversation: row.try_get("conversation_id")?,
                contact: row.try_get("contact_id")?,
                placeholder: row.try_get("placeholder")?,
            };
            Ok((row.try_get("id")?, known))
        })
        .collect()
}

/// Which commands must find or make a person and a channel: all but those on a message that is already there, be it
/// from before or from earlier in the batch. So a batch makes what its commands would make one by one.
fn needs_place(work: &[Work<'_>], fold: &Fold<'_>, known: &HashMap<Uuid, Known>) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Stands {
        Whole,
        Placeholder,
    }
    let mut made: HashMap<RefKey, Stands> = HashMap::new();
    work.iter()
        .map(|work| {
            let (ids, status) = match &work.command.effect {
                Effect::Message(report) => (&report.ids, false),
                Effect::Status(report) => (&report.ids, true),
                Effect::Conversation(report) => {
                    let name = work.speaker.name(RefKind::Conversation, &report.id);
                    let gone = report.version.change == crate::command::Change::Deleted;
                    return !gone && (report.person.is_some() || fold.references.target([&name]).is_none());
                }
                _ => return true,
            };
            let names = work.speaker.names(RefKind::Message, ids);
            let before = fold
                .references
                .target(&names)
                .and_then(|id| known.get(&id))
                .map(|known| if known.placeholder { Stands::Placeholder } else { Stands::Whole });
            let stands = names.iter().find_map(|name| made.get(name)).copied().or(before);
            let deletes = matches!(&work.command.effect, Effect::Message(report)
                if report.version.is_some_and(|version| version.change == crate::command::Change::Deleted));
            if deletes {
                return false;
            }
            let makes = if status { Stands::Placeholder } else { Stands::Whole };
            let needed = match stands {
                None => true,
                Some(Stands::Placeholder) => !status,
                Some(Stands::Whole) => false,
            };
            if needed {
                made.extend(names.into_iter().map(|name| (name, makes)));
            }
            needed
        })
        .collect()
}

/// The conversation of each (channel, address) that is not closed, else the last: (workspace, channel, address, id).
async fn latest(
    connection: &mut PgConnection,
    fold: &Fold<'_>,
    work: &[Work<'_>],
    resolved: &[Option<Resolved>],
    identities: &Identities,
) -> Result<Vec<(Uuid, Uuid, Uuid, Uuid)>, sqlx::Error> {
    let mut wanted: BTreeSet<(Uuid, Uuid, Uuid)> = BTreeSet::new();
    for (work, resolved) in work.iter().zip(resolved) {
        let (Some(resolved), Some(channel)) = (resolved, plan::channel(&work.command.effect)) else { continue };
        let channel = match channel {
            ChannelRef::Known(id) => Some(id.0),
            ChannelRef::Reported(_) => fold.references.target(&work.speaker.channel(channel)),
        };
        if let Some(channel) = channel.filter(|_| !identities.is_new(resolved.address)) {
            wanted.insert((work.speaker.workspace, channel, resolved.address));
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "SELECT k.w, k.c, k.a, coalesce(standing.id, last.id) \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) k(w, c, a) \
         LEFT JOIN LATERAL ( \
           SELECT v.id FROM conversation v \
           WHERE v.workspace_id = k.w AND v.channel_id = k.c AND v.address_id = k.a AND v.status <> 'closed') \
           standing ON true \
         LEFT JOIN LATERAL ( \
           SELECT v.id FROM conversation v \
           WHERE standing.id IS NULL AND v.workspace_id = k.w AND v.address_id = k.a AND v.channel_id = k.c \
             AND v.deleted_at IS NULL \
           ORDER BY v.address_id DESC, v.id DESC LIMIT 1) last ON true \
         WHERE coalesce(standing.id, last.id) IS NOT NULL",
    )
    .bind(wanted.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(wanted.iter().map(|key| key.1).collect::<Vec<_>>())
    .bind(wanted.iter().map(|key| key.2).collect::<Vec<_>>())
    .fetch_all(connection)
    .await
}

async fn load_others(
    connection: &mut PgConnection,
    fold: &mut Fold<'_>,
    work: &[Work<'_>],
    messages: &[Key],
    resolved: &[Option<Resolved>],
) -> Result<(), sqlx::Error> {
    let targets = |fold: &Fold<'_>, kind| fold.references.targets(kind).collect::<BTreeSet<Key>>();
    let known_channels = work.iter().filter_map(|work| match plan::channel(&work.command.effect)? {
        ChannelRef::Known(id) => Some((work.speaker.workspace, id.0)),
        ChannelRef::Reported(_) => None,
    });
    let mut channels = targets(fold, RefKind::Channel);
    channels.extend(known_channels);
    channels.extend(fold.conversations.iter().map(|row| (row.workspace_id, row.channel_id)));
    fold.channels.load(ChannelRow::read(connection, &channels.into_iter().collect::<Vec<_>>()).await?);

    // Only to be shown in payloads: the contacts of conversations that an alias led to.
    let shown: BTreeSet<Key> = fold
        .conversations
        .iter()
        .filter_map(|row| Some((row.workspace_id, row.contact_id?)))
        .filter(|(_, id)| fold.contacts.get(*id).is_none())
        .collect();
    fold.contacts.load(ContactRow::read(connection, &shown.into_iter().collect::<Vec<_>>()).await?);

    let groups: Vec<Key> = targets(fold, RefKind::Group).into_iter().collect();
    fold.groups.load(GroupRow::lock(connection, &groups).await?);
    let campaigns: Vec<Key> = targets(fold, RefKind::Campaign).into_iter().collect();
    fold.campaigns.load(CampaignRow::lock(connection, &campaigns).await?);
    let verifications: Vec<Key> = targets(fold, RefKind::Verification).into_iter().collect();
    fold.verifications.load(VerificationRow::lock(connection, &verifications).await?);

    let files = children(connection, "attachment", "message_id", messages).await?;
    let files: BTreeSet<Key> = files.into_iter().chain(targets(fold, RefKind::Attachment)).collect();
    fold.attachments.load(AttachmentRow::lock(connection, &files.into_iter().collect::<Vec<_>>()).await?);

    let refusing: Vec<Key> = work
        .iter()
        .zip(resolved)
        .filter(|(work, _)| matches!(work.command.effect, Effect::OptOut(_)))
        .filter_map(|(work, resolved)| Some((work.speaker.workspace, resolved.as_ref()?.contact?)))
        .collect();
    let refusals = children(connection, "opt_out", "contact_id", &refusing).await?;
    fold.opt_outs.load(OptOutRow::lock(connection, &refusals).await?);
    Ok(())
}

/// The keys of the rows of a table that belong to the given parents.
async fn children(
    connection: &mut PgConnection,
    table: &'static str,
    column: &'static str,
    parents: &[Key],
) -> Result<Vec<Key>, sqlx::Error> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = parents.iter().copied().unzip();
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT DISTINCT t.workspace_id, t.id FROM unnest($1::uuid[], $2::uuid[]) k(w, p) \
         JOIN {table} t ON t.workspace_id = k.w AND t.{column} = k.p ORDER BY 1, 2"
    )))
    .bind(workspaces)
    .bind(ids)
    .fetch_all(connection)
    .await
}

async fn save(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    ChannelRow::save(connection, &fold.channels.changed()).await?;
    ContactRow::save(connection, &fold.contacts.changed()).await?;
    GroupRow::save(connection, &fold.groups.changed()).await?;
    ConversationRow::save(connection, &fold.conversations.changed()).await?;
    MessageRow::save(connection, &fold.messages.changed()).await?;
    AttachmentRow::save(connection, &fold.attachments.changed()).await?;
    StatusReportRow::insert(connection, &fold.reports.iter().collect::<Vec<_>>()).await?;
    CampaignRow::save(connection, &fold.campaigns.changed()).await?;
    OptOutRow::save(connection, &fold.opt_outs.changed()).await?;
    VerificationRow::save(connection, &fold.verifications.changed()).await?;
    save_balances(connection, fold).await?;
    adopt(connection, fold).await?;
    fold.references.save(connection).await
}

async fn save_balances(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.balances.is_empty() {
        return Ok(());
    }
    let alerts = &fold.balances;
    sqlx::query(
        "INSERT INTO balance_alert (workspace_id, id, provider_account_id, firm, units, created_at) \
         SELECT w, i, a, f, u::numeric, c \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) k(w, i, a, f, u, c)",
    )
    .bind(alerts.iter().map(|alert| alert.workspace).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.id).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.account).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.firm.clone()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.units.clone()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.created_at).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Files that came before their message in another batch join it.
async fn adopt(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.adoptions.is_empty() {
        return Ok(());
    }
    let adoptions = &fold.adoptions;
    sqlx::query(
        "UPDATE attachment t SET message_id = k.m \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) k(w, a, e, m) \
         WHERE t.workspace_id = k.w AND t.provider_account_id = k.a AND t.message_external_id = k.e \
           AND t.message_id IS NULL",
    )
    .bind(adoptions.iter().map(|adoption| adoption.0).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.1).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.2.clone()).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.3).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
