//! Idempotency keys (P2). The transaction of the effect takes them, so a repeated request finds them or waits for them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::command::{Command, Inbound, Purpose};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::{batch::Work, batch::commands, plan::RefNamespace};
use crate::rows::columns::{arrays, columns, insert_given};

/// An idempotency key as it is unique: (workspace, account, kind, id).
type Mark<'a> = (Uuid, Uuid, &'a str, &'a str);

/// The marks of a command: one for its key, and one for its former key if the command had another.
fn marks<'a>(inbound: &Inbound, command: &'a Command) -> impl Iterator<Item = Mark<'a>> {
    let (workspace, account, key) = (inbound.workspace.0, inbound.account.0, &command.key);
    [Some(&key.id), key.former.as_ref()]
        .into_iter()
        .flatten()
        .map(move |id| (workspace, account, key.kind.as_str(), id.as_str()))
}

columns! {
    Mark<'_> as mark {
        workspace_id: "uuid" = mark.0,
        provider_account_id: "uuid" = mark.1,
        kind: "text" = mark.2,
        external_id: "text" = mark.3,
    }
}

/// For which request a key is taken, and until when.
struct Holder {
    inbound_event_id: Uuid,
    received_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

columns! {
    Holder as holder {
        inbound_event_id: "uuid" = holder.inbound_event_id,
        expires_at: "timestamptz" = holder.expires_at,
    }
}

// The last parameter follows those of the columns.
static CLAIM: LazyLock<String> = LazyLock::new(|| {
    insert_given::<(Mark<'_>, Holder)>(
        "idempotency_key AS held",
        "ON CONFLICT (workspace_id, provider_account_id, kind, external_id) \
         DO UPDATE SET inbound_event_id = excluded.inbound_event_id, \
           expires_at = greatest(held.expires_at, excluded.expires_at) \
         WHERE held.expires_at <= $7::timestamptz OR held.inbound_event_id = excluded.inbound_event_id \
         RETURNING workspace_id, provider_account_id, kind, external_id, inbound_event_id, xmax::text::bigint <> 0",
    )
});

/// The keys that a batch took: for which request, and whether that request held the key before.
pub(crate) type Taken = HashMap<(Uuid, Uuid, String, String), (Uuid, bool)>;

/// Takes the idempotency keys that are free, in order. A replayed request takes the keys that it holds again.
pub(crate) async fn claim(connection: &mut PgConnection, batch: &[&Inbound]) -> Result<Taken, sqlx::Error> {
    let mut keys: BTreeMap<Mark<'_>, Holder> = BTreeMap::new();
    for inbound in batch {
        for command in commands(inbound) {
            let received_at = inbound.received_at;
            let expires_at = received_at + command.key.window.unwrap_or(TimeDelta::days(30));
            for mark in marks(inbound, command) {
                keys.entry(mark).or_insert(Holder { inbound_event_id: inbound.id.0, received_at, expires_at });
            }
        }
    }
    let Some(last_received_at) = keys.values().map(|holder| holder.received_at).max() else {
        return Ok(HashMap::new());
    };
    let claims: Vec<(&Mark<'_>, &Holder)> = keys.iter().collect();
    let query = sqlx::query_with(AssertSqlSafe(CLAIM.as_str()), arrays(&claims)?).bind(last_received_at);
    let rows = query.fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let key = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            Ok((key, (row.try_get(4)?, row.try_get(5)?)))
        })
        .collect()
}

/// The commands whose keys were all taken for their own request. Of equal commands in a request the first survives.
pub(crate) fn surviving<'a>(batch: &[&'a Inbound], taken: &Taken) -> Vec<Work<'a>> {
    let mut seen = HashSet::new();
    let mut work = Vec::new();
    for (index, inbound) in batch.iter().enumerate() {
        for command in commands(inbound) {
            let of = |(workspace, account, kind, id): Mark<'_>| {
                let taken = taken.get(&(workspace, account, kind.to_owned(), id.to_owned()));
                taken.filter(|(holder, _)| *holder == inbound.id.0)
            };
            if marks(inbound, command).all(|mark| of(mark).is_some())
                && marks(inbound, command).all(|mark| seen.insert(mark))
            {
                let again = inbound.purpose == Purpose::Replay
                    && marks(inbound, command).filter_map(of).any(|(_, was_held)| *was_held);
                work.push(Work { index, inbound, speaker: RefNamespace::of(inbound), command, again });
            }
        }
    }
    work
}
