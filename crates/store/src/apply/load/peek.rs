//! Finds the conversations that a batch needs, before any row is locked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use inlet_domain::command::{Change, ChannelRef, Effect, MessageReport};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::super::{
    batch::Work,
    identities::{Identities, Resolved},
    plan,
    references::{RefKey, RefKind},
    rules::WorkingSet,
};

use crate::rows::{
    Key,
    columns::{arrays, equals_given, given},
};

/// A message before it is locked.
pub(super) struct Known {
    pub(super) workspace: Uuid,
    pub(super) conversation: Uuid,
    pub(super) contact: Option<Uuid>,
    pub(super) stands: Stands,
}

/// How much of a message exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stands {
    /// Only reports.
    Placeholder,
    /// The message, without its author.
    Faceless,
    Whole,
}

// `OFFSET 0` forces the order of the look-ups: a plan made while both tables were young began at the conversations of
// the whole workspace.
static PEEK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT found.workspace_id, found.id, found.conversation_id, found.placeholder, around.contact_id, \
           found.author_kind = 'contact' AND found.author_id IS NULL AS faceless \
         FROM {} \
         CROSS JOIN LATERAL (SELECT * FROM message WHERE {} OFFSET 0) found \
         CROSS JOIN LATERAL ( \
           SELECT contact_id FROM conversation \
           WHERE workspace_id = given.workspace_id AND id = found.conversation_id OFFSET 0) around",
        given::<Key>(),
        equals_given::<Key>("message")
    )
});

pub(super) async fn peek(
    connection: &mut PgConnection,
    working: &WorkingSet<'_>,
) -> Result<HashMap<Uuid, Known>, sqlx::Error> {
    let targets: Vec<Key> = working.references.targets(RefKind::Message).collect::<BTreeSet<_>>().into_iter().collect();
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query_with(AssertSqlSafe(PEEK.as_str()), arrays(&targets)?).fetch_all(connection).await?;
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

/// Tells which commands must find or create a person and a channel. A command on a message that exists already, from
/// before or from earlier in the batch, need not. So a batch creates exactly what its commands would create one by one.
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
            // For the next commands, both names of the message mean one thing.
            if let Some(standing) = standing.max(makes) {
                stands.extend(names.into_iter().map(|name| (name, standing)));
            }
            makes > standing
        })
        .collect()
}

/// How much of a message a report creates; `None` if the report waits for another one.
fn makes(report: &MessageReport) -> Option<Stands> {
    let deletes = report.version.is_some_and(|version| version.change == Change::Deleted);
    match report.person {
        _ if deletes || !plan::tells_place(report) => None,
        None => Some(Stands::Faceless),
        Some(_) => Some(Stands::Whole),
    }
}

/// The conversation of each (channel, address) that is not closed, else the last one: (workspace, channel, address,
/// id).
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
    sqlx::query_as(include_str!("latest_conversation.sql"))
        .bind(wanted.iter().map(|key| key.0).collect::<Vec<_>>())
        .bind(wanted.iter().map(|key| key.1).collect::<Vec<_>>())
        .bind(wanted.iter().map(|key| key.2).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
}
