//! Idempotency keys (P2): they are taken in the transaction of the effect, so a repeat finds them or waits for them.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::command::{Command, Inbound, Purpose};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{batch::Work, batch::commands, plan::RefNamespace};

/// (workspace, account, kind, id): what an idempotency key is unique in.
type Mark<'a> = (Uuid, Uuid, &'a str, &'a str);

/// The marks of a command: that of its key, and that of its former key where it had another.
fn marks<'a>(inbound: &Inbound, command: &'a Command) -> impl Iterator<Item = Mark<'a>> {
    let (workspace, account, key) = (inbound.workspace.0, inbound.account.0, &command.key);
    [Some(&key.id), key.former.as_ref()]
        .into_iter()
        .flatten()
        .map(move |id| (workspace, account, key.kind.as_str(), id.as_str()))
}

/// The keys that a batch took: for which inbound event, and whether that held it before.
pub(crate) type Taken = HashMap<(Uuid, Uuid, String, String), (Uuid, bool)>;

/// Takes the idempotency keys that are free, in order. What is replayed takes those again that it holds.
pub(crate) async fn claim(connection: &mut PgConnection, batch: &[&Inbound]) -> Result<Taken, sqlx::Error> {
    let mut keys: BTreeMap<Mark<'_>, (Uuid, DateTime<Utc>, TimeDelta)> = BTreeMap::new();
    for inbound in batch {
        for command in commands(inbound) {
            let window = command.key.window.unwrap_or(TimeDelta::days(30));
            for mark in marks(inbound, command) {
                keys.entry(mark).or_insert((inbound.id.0, inbound.received_at, window));
            }
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
         DO UPDATE SET inbound_event_id = excluded.inbound_event_id, \
           expires_at = greatest(held.expires_at, excluded.expires_at) \
         WHERE held.expires_at <= (SELECT max(r) FROM unnest($7::timestamptz[]) r) \
           OR held.inbound_event_id = excluded.inbound_event_id \
         RETURNING workspace_id, provider_account_id, kind, external_id, inbound_event_id, xmax::text::bigint <> 0",
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
            Ok((key, (row.try_get(4)?, row.try_get(5)?)))
        })
        .collect()
}

/// The commands whose keys were all taken for their own request, the first of equal ones in a request.
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
