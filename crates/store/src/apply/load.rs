//! Locks and reads the rows that a batch touches, in the documented order.

mod peek;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::LazyLock,
};

use inlet_domain::{
    command::{Change, ChannelRef, Effect, Purpose},
    model::conversation::ConversationStatus,
};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use self::peek::{latest, needs_place, peek};
use super::{
    batch::Work,
    identities::{Claim, Identities, IdentityKey, Resolved},
    plan,
    references::{RefKey, RefKind},
    rules::{MOST_ENDED, WorkingSet},
};
use crate::{
    records::members,
    rows::{
        AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, Key, MessageRow, OptOutRow,
        StatusReportRow, VerificationRow,
        columns::{arrays, given},
    },
};

/// Locks and reads all rows that the commands touch. Returns the address and contact of each command that needs them.
pub(crate) async fn load(
    connection: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    work: &[Work<'_>],
) -> Result<Vec<Option<Resolved>>, sqlx::Error> {
    let ambient = working.ambient;
    let mut mentioned: BTreeMap<RefKey, Option<Uuid>> = BTreeMap::new();
    for work in work {
        let id = ambient.uuid();
        for (position, (name, comes)) in plan::names(work.speaker, work.command).into_iter().enumerate() {
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
    working.references.lock(connection, mentioned).await?;
    let known = peek(connection, working).await?;

    let placed = needs_place(work, working, &known);
    let mut channels: BTreeMap<RefKey, Option<Uuid>> = BTreeMap::new();
    for (work, placed) in work.iter().zip(&placed) {
        if let (true, Some(channel)) = (*placed, plan::channel(&work.command.effect)) {
            let id = ambient.uuid();
            for name in work.speaker.channel(channel) {
                channels.entry(name).or_insert(Some(id));
            }
        }
    }
    working.references.lock(connection, channels).await?;

    let claims: Vec<Option<Claim>> = work
        .iter()
        .zip(&placed)
        .map(|(work, placed)| {
            let claim = plan::claim(work.speaker, &work.command.effect, work.inbound.received_at)?;
            placed.then_some(Claim { again: work.again, ..claim })
        })
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
    working.contacts.load(ContactRow::lock(connection, &contacts).await?);

    let latest = latest(connection, working, work, &resolved, &identities).await?;
    let mut conversations: BTreeSet<Key> = latest.iter().map(|(workspace, _, _, id)| (*workspace, *id)).collect();
    conversations.extend(working.references.targets(RefKind::Conversation));
    conversations.extend(known.values().map(|known| (known.workspace, known.conversation)));
    conversations.extend(of_deleted_groups(connection, working, work).await?);
    let conversations: Vec<Key> = conversations.into_iter().collect();
    working.conversations.load(ConversationRow::lock(connection, &conversations).await?);
    working.latest.extend(latest.into_iter().map(|(_, channel, address, id)| ((channel, address), id)));

    let messages: BTreeSet<Key> = known.iter().map(|(id, known)| (known.workspace, *id)).collect();
    let messages: Vec<Key> = messages
        .into_iter()
        .chain(of_deleted_threads(connection, working, work).await?)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    working.messages.load(MessageRow::lock(connection, &messages).await?);
    // A message may have moved to another conversation while this transaction waited for its row. Locking that
    // conversation now breaks the lock order: the lane retries after a deadlock.
    let moved: BTreeSet<Key> = working
        .messages
        .iter()
        .map(|row| (row.workspace_id, row.conversation_id))
        .filter(|(_, id)| working.conversations.get(*id).is_none())
        .collect();
    let moved: Vec<Key> = moved.into_iter().collect();
    working.conversations.load(ConversationRow::lock(connection, &moved).await?);
    working.shut_out = shut_out(connection, working, work).await?;
    load_history(connection, working, work).await?;
    load_others(connection, working, work, &messages).await?;
    Ok(resolved)
}

/// The conversations of groups that are deleted. The lock of the group's name is enough: a conversation joins a group
/// only under that lock.
async fn of_deleted_groups(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
    work: &[Work<'_>],
) -> Result<Vec<Key>, sqlx::Error> {
    let groups: BTreeSet<Key> = work
        .iter()
        .filter_map(|work| match &work.command.effect {
            Effect::Group(report) if report.version.change == Change::Deleted => {
                let name = work.speaker.name(RefKind::Group, &report.id);
                Some((work.speaker.workspace, working.references.target([&name])?))
            }
            _ => None,
        })
        .collect();
    children(connection, "conversation", "group_id", &groups.into_iter().collect::<Vec<_>>()).await
}

/// The messages of deleted conversations that go on: those until the deletion, up to the most that one deletion takes.
/// In a batch, other commands may write in the conversation before the deletion is applied.
async fn of_deleted_threads(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
    work: &[Work<'_>],
) -> Result<Vec<Key>, sqlx::Error> {
    let ended = work.iter().filter_map(|one| match &one.command.effect {
        Effect::Conversation(report) if report.version.change == Change::Deleted => {
            let name = one.speaker.name(RefKind::Conversation, &report.id);
            let row = working.conversations.get(working.references.target([&name])?)?;
            let at = report.version.at.min(one.inbound.received_at);
            let goes_on = work.len() > 1 || row.last_message_at > Some(at);
            goes_on.then_some((row.workspace_id, row.id, at))
        }
        _ => None,
    });
    let mut found = Vec::new();
    for (workspace, id, at) in ended {
        let keys: Vec<Key> = sqlx::query_as(
            "SELECT workspace_id, id FROM message WHERE workspace_id = $1 AND conversation_id = $2 AND occurred_at <= $3 \
               AND deleted_at IS NULL ORDER BY occurred_at, id LIMIT $4",
        )
        .bind(workspace)
        .bind(id)
        .bind(at)
        .bind(i64::try_from(MOST_ENDED + 1).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await?;
        found.extend(keys);
    }
    Ok(found)
}

/// The assignees of conversations that a message may wake who cannot answer any more.
async fn shut_out(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
    work: &[Work<'_>],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let wakes =
        |work: &Work<'_>| work.inbound.purpose == Purpose::Receipt && matches!(work.command.effect, Effect::Message(_));
    if !work.iter().any(wakes) {
        return Ok(HashSet::new());
    }
    let assignees: BTreeSet<Key> = working
        .conversations
        .iter()
        .filter(|row| !matches!(row.status, ConversationStatus::InQueue | ConversationStatus::Open))
        .filter_map(|row| Some((row.workspace_id, row.assignee_id?)))
        .collect();
    members::shut_out(connection, &assignees.into_iter().collect::<Vec<_>>()).await
}

/// Reads the reports on messages that are yet to come, and on messages whose reports are replayed.
async fn load_history(
    connection: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    work: &[Work<'_>],
) -> Result<(), sqlx::Error> {
    let mut wanted: BTreeSet<Key> =
        working.references.targets(RefKind::Message).filter(|(_, id)| working.messages.get(*id).is_none()).collect();
    for work in work.iter().filter(|work| work.inbound.purpose == Purpose::Replay) {
        if let Effect::Status(report) = &work.command.effect {
            let names = work.speaker.message(&work.command.key, &report.ids);
            let targets = working.references.all_targets(&names);
            wanted.extend(targets.into_iter().map(|id| (work.speaker.workspace, id)));
        }
    }
    let reports = children(connection, "status_report", "message_id", &wanted.into_iter().collect::<Vec<_>>()).await?;
    working.history = StatusReportRow::read(connection, &reports).await?;
    Ok(())
}

async fn load_others(
    connection: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    work: &[Work<'_>],
    messages: &[Key],
) -> Result<(), sqlx::Error> {
    let targets = |working: &WorkingSet<'_>, kind| working.references.targets(kind).collect::<BTreeSet<Key>>();
    let known_channels = work.iter().filter_map(|work| match plan::channel(&work.command.effect)? {
        ChannelRef::Known(id) => Some((work.speaker.workspace, id.0)),
        ChannelRef::Reported(_) => None,
    });
    let mut channels = targets(working, RefKind::Channel);
    channels.extend(known_channels);
    channels.extend(working.conversations.iter().map(|row| (row.workspace_id, row.channel_id)));
    working.channels.load(ChannelRow::read(connection, &channels.into_iter().collect::<Vec<_>>()).await?);

    // Read only for payloads: the contacts of conversations that a thread's name led to.
    let shown: BTreeSet<Key> = working
        .conversations
        .iter()
        .filter_map(|row| Some((row.workspace_id, row.contact_id?)))
        .filter(|(_, id)| working.contacts.get(*id).is_none())
        .collect();
    working.contacts.load(ContactRow::read(connection, &shown.into_iter().collect::<Vec<_>>()).await?);

    let groups: Vec<Key> = targets(working, RefKind::Group).into_iter().collect();
    working.groups.load(GroupRow::lock(connection, &groups).await?);
    let campaigns: Vec<Key> = targets(working, RefKind::Campaign).into_iter().collect();
    working.campaigns.load(CampaignRow::lock(connection, &campaigns).await?);
    let verifications: Vec<Key> = targets(working, RefKind::Verification).into_iter().collect();
    working.verifications.load(VerificationRow::lock(connection, &verifications).await?);

    let files = children(connection, "attachment", "message_id", messages).await?;
    let files: BTreeSet<Key> = files.into_iter().chain(targets(working, RefKind::Attachment)).collect();
    working.attachments.load(AttachmentRow::lock(connection, &files.into_iter().collect::<Vec<_>>()).await?);

    let refusals = refusals(connection, work).await?;
    working.opt_outs.load(OptOutRow::lock(connection, &refusals).await?);
    Ok(())
}

static REFUSALS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT DISTINCT opt_out.workspace_id, opt_out.id FROM {} \
         JOIN opt_out ON opt_out.workspace_id = given.workspace_id AND opt_out.address_kind = given.kind \
           AND opt_out.address_value = given.value AND opt_out.address_scope_id = given.scope_id ORDER BY 1, 2",
        given::<IdentityKey>()
    )
});

/// The refusals that bind the addresses of the refusals that the commands report.
async fn refusals(connection: &mut PgConnection, work: &[Work<'_>]) -> Result<Vec<Key>, sqlx::Error> {
    let named = |work: &Work<'_>| match &work.command.effect {
        Effect::OptOut(report) => {
            let address = report.person.identities.first()?;
            Some(IdentityKey::of(work.speaker.workspace, work.speaker.account, address))
        }
        _ => None,
    };
    let addresses: BTreeSet<IdentityKey> = work.iter().filter_map(named).collect();
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let bound = sqlx::query_as_with(AssertSqlSafe(REFUSALS.as_str()), arrays(&addresses)?);
    bound.fetch_all(connection).await
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
    let sql = format!(
        "SELECT DISTINCT {table}.workspace_id, {table}.id \
         FROM unnest($1::uuid[], $2::uuid[]) given(workspace_id, parent_id) \
         JOIN {table} ON {table}.workspace_id = given.workspace_id AND {table}.{column} = given.parent_id ORDER BY 1, 2"
    );
    sqlx::query_as_with(AssertSqlSafe(sql), arrays(parents)?).fetch_all(connection).await
}
