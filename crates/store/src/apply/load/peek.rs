//! Which conversations a batch will need, before any row is locked.

use std::collections::{BTreeSet, HashMap};

use inlet_domain::command::{Change, ChannelRef, Effect, MessageReport};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::super::{
    batch::Work,
    identities::{Identities, Resolved},
    plan,
    references::{RefKey, RefKind},
    rules::WorkingSet,
};

use crate::rows::Key;

/// What is known of a message before it is locked.
pub(super) struct Known {
    pub(super) workspace: Uuid,
    pub(super) conversation: Uuid,
    pub(super) contact: Option<Uuid>,
    pub(super) stands: Stands,
}

/// What there is of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stands {
    /// Nothing but reports.
    Placeholder,
    /// It came without telling who wrote it.
    Faceless,
    Whole,
}

// `OFFSET 0` holds the order of the look-ups: a plan made while both tables were young began at the conversations of the
// whole workspace.
pub(super) async fn peek(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
) -> Result<HashMap<Uuid, Known>, sqlx::Error> {
    let targets: Vec<Key> = working.references.targets(RefKind::Message).collect::<BTreeSet<_>>().into_iter().collect();
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = targets.into_iter().unzip();
    let rows = sqlx::query(
        "SELECT m.workspace_id, m.id, m.conversation_id, m.placeholder, c.contact_id, \
           m.author_kind = 'contact' AND m.author_id IS NULL AS faceless \
         FROM unnest($1::uuid[], $2::uuid[]) k(w, i) \
         CROSS JOIN LATERAL (SELECT * FROM message WHERE workspace_id = k.w AND id = k.i OFFSET 0) m \
         CROSS JOIN LATERAL ( \
           SELECT contact_id FROM conversation WHERE workspace_id = k.w AND id = m.conversation_id OFFSET 0) c",
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
                stands: match (row.try_get("placeholder")?, row.try_get("faceless")?) {
                    (true, _) => Stands::Placeholder,
                    (false, true) => Stands::Faceless,
                    (false, false) => Stands::Whole,
                },
            };
            Ok((row.try_get("id")?, known))
        })
        .collect()
}

/// Which commands must find or make a person and a channel: all but those on a message that is already there, be it
/// from before or from earlier in the batch. So a batch makes what its commands would make one by one.
pub(super) fn needs_place(work: &[Work<'_>], working: &WorkingSet<'_>, known: &HashMap<Uuid, Known>) -> Vec<bool> {
    let mut stands: HashMap<RefKey, Stands> = HashMap::new();
    work.iter()
        .map(|work| {
            let (ids, makes) = match &work.command.effect {
                Effect::Message(report) => (&report.ids, makes(report)),
                Effect::Status(report) => (&report.ids, report.person.is_some().then_some(Stands::Placeholder)),
                Effect::Conversation(report) => {
                    let name = work.speaker.name(RefKind::Conversation, &report.id);
                    let gone = report.version.change == Change::Deleted;
                    let tells = report.person.is_some() || report.group_id.is_some();
                    return !gone && (tells || working.references.target([&name]).is_none());
                }
                _ => return true,
            };
            let names = work.speaker.message(&work.command.key, ids);
            let before =
                working.references.all_targets(&names).into_iter().filter_map(|id| Some(known.get(&id)?.stands));
            let standing = names.iter().filter_map(|name| stands.get(name).copied()).chain(before).max();
            // What it names by two names is one thing for whatever follows.
            if let Some(standing) = standing.max(makes) {
                stands.extend(names.into_iter().map(|name| (name, standing)));
            }
            makes > standing
        })
        .collect()
}

/// What there is of a message after a report of it that finds nothing; none where it waits for another.
fn makes(report: &MessageReport) -> Option<Stands> {
    let deletes = report.version.is_some_and(|version| version.change == Change::Deleted);
    match report.person {
        _ if deletes || !plan::tells_place(report) => None,
        None => Some(Stands::Faceless),
        Some(_) => Some(Stands::Whole),
    }
}

/// The conversation of each (channel, address) that is not closed, else the last: (workspace, channel, address, id).
pub(super) async fn latest(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
    work: &[Work<'_>],
    resolved: &[Option<Resolved>],
    identities: &Identities,
) -> Result<Vec<(Uuid, Uuid, Uuid, Uuid)>, sqlx::Error> {
    let mut wanted: BTreeSet<(Uuid, Uuid, Uuid)> = BTreeSet::new();
    for (work, resolved) in work.iter().zip(resolved) {
        let (Some(resolved), Some(channel)) = (resolved, plan::channel(&work.command.effect)) else { continue };
        let channel = match channel {
            ChannelRef::Known(id) => Some(id.0),
            ChannelRef::Reported(_) => working.references.target(&work.speaker.channel(channel)),
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
