//! The raw log: each authentic request as it came, sealed, with what came of it.

use std::{collections::HashMap, sync::LazyLock};

use inlet_domain::{
    command::{Inbound, Purpose, Reading},
    model::outcome::Outcome,
    secrets::Sealer,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::Receipt;
use crate::{records::inbound_events::place, rows};

/// The requests as they are kept, in order; of those that are replayed nothing is kept anew. It takes its time, so it is
/// done before the transaction begins, which must not stand idle for long.
pub(crate) fn seal(sealer: &Sealer, batch: &[&Inbound]) -> Vec<Vec<u8>> {
    let sealed = |inbound: &Inbound| {
        sealer.seal(&place(inbound.workspace, inbound.id.0), &serde_json::to_vec(&inbound.raw).unwrap_or_default())
    };
    let is_new = |inbound: &Inbound| inbound.purpose == Purpose::Receipt;
    batch.iter().map(|inbound| if is_new(inbound) { sealed(inbound) } else { Vec::new() }).collect()
}

/// Writes the requests with their receipts, as [`seal`] made them; of those that are replayed, brings the rows up to date.
pub(crate) async fn save(
    connection: &mut PgConnection,
    sealed: Vec<Vec<u8>>,
    batch: &[&Inbound],
    receipts: &[Receipt],
) -> Result<(), sqlx::Error> {
    let all = batch.iter().copied().zip(receipts).zip(sealed);
    let (replays, new): (Vec<_>, Vec<_>) = all.partition(|((inbound, _), _)| inbound.purpose == Purpose::Replay);
    if !new.is_empty() {
        let (rows, sealed): (Vec<_>, Vec<Vec<u8>>) = new.into_iter().unzip();
        let (batch, receipts): (Vec<&Inbound>, Vec<&Receipt>) = rows.into_iter().unzip();
        insert(connection, &batch, &receipts, sealed).await?;
    }
    if !replays.is_empty() {
        let (batch, receipts): (Vec<&Inbound>, Vec<&Receipt>) = replays.into_iter().map(|(row, _)| row).unzip();
        update(connection, &batch, &receipts).await?;
    }
    Ok(())
}

fn is_lenient(inbound: &&Inbound) -> bool {
    match &inbound.reading {
        Reading::Commands { lenient, .. }
        | Reading::Unrecognised { lenient, .. }
        | Reading::Excessive { lenient, .. } => *lenient,
        Reading::Quarantined { .. } => false,
    }
}

/// An array of ids as text, for arrays of arrays have no form that a parameter can take.
fn event_ids(receipt: &&Receipt) -> String {
    let list: Vec<String> = receipt.events.iter().map(|id| id.0.to_string()).collect();
    format!("{{{}}}", list.join(","))
}

/// What had its effect once stays ACCEPTED, whatever a later reading makes of it.
async fn update(connection: &mut PgConnection, batch: &[&Inbound], receipts: &[&Receipt]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE inbound_event t SET event = k.e, outcome = k.o, error = k.x, lenient = k.l, \
           event_ids = t.event_ids || k.v::uuid[], replayed_at = inlet_now() \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[]) \
           k(w, i, e, o, x, l, v) \
         WHERE t.workspace_id = k.w AND t.id = k.i AND (t.outcome <> 'accepted' OR k.o = 'accepted')",
    )
    .bind(batch.iter().map(|inbound| inbound.workspace.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.id.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.event.as_deref()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|receipt| receipt.outcome).collect::<Vec<_>>())
    .bind(receipts.iter().map(|receipt| receipt.error.as_deref()).collect::<Vec<_>>())
    .bind(batch.iter().map(is_lenient).collect::<Vec<_>>())
    .bind(receipts.iter().map(event_ids).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    batch: &[&Inbound],
    receipts: &[&Receipt],
    sealed: Vec<Vec<u8>>,
) -> Result<(), sqlx::Error> {
    let Some(sql) = rows::for_few(&FEW, batch.len()) else {
        return insert_many(connection, batch, receipts, sealed).await;
    };
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for ((inbound, receipt), sealed) in batch.iter().zip(receipts).zip(sealed) {
        query = query
            .bind(inbound.workspace.0)
            .bind(inbound.id.0)
            .bind(inbound.source.0)
            .bind(inbound.received_at)
            .bind(inbound.event.as_deref())
            .bind(receipt.outcome)
            .bind(receipt.error.as_deref())
            .bind(is_lenient(inbound))
            .bind(receipt.events.iter().map(|id| id.0).collect::<Vec<_>>())
            .bind(sealed);
    }
    query.execute(connection).await?;
    Ok(())
}

const COLUMNS: [(&str, &str); 10] = [
    ("workspace_id", "uuid"),
    ("id", "uuid"),
    ("source_id", "uuid"),
    ("received_at", "timestamptz"),
    ("event", "text"),
    ("outcome", "text"),
    ("error", "text"),
    ("lenient", "boolean"),
    ("event_ids", "uuid[]"),
    ("sealed", "bytea"),
];

static FEW: LazyLock<Vec<String>> = LazyLock::new(|| rows::insert_few("inbound_event", &COLUMNS, ""));

async fn insert_many(
    connection: &mut PgConnection,
    batch: &[&Inbound],
    receipts: &[&Receipt],
    sealed: Vec<Vec<u8>>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO inbound_event \
           (workspace_id, id, source_id, received_at, event, outcome, error, lenient, event_ids, sealed) \
         SELECT w, i, s, r, e, o, x, l, v::uuid[], b \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], \
           $8::boolean[], $9::text[], $10::bytea[]) k(w, i, s, r, e, o, x, l, v, b)",
    )
    .bind(batch.iter().map(|inbound| inbound.workspace.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.id.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.source.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.received_at).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.event.as_deref()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|receipt| receipt.outcome).collect::<Vec<_>>())
    .bind(receipts.iter().map(|receipt| receipt.error.as_deref()).collect::<Vec<_>>())
    .bind(batch.iter().map(is_lenient).collect::<Vec<_>>())
    .bind(receipts.iter().map(event_ids).collect::<Vec<_>>())
    .bind(sealed)
    .execute(connection)
    .await?;
    Ok(())
}

/// The receipts of the requests that stand already: the answer to a commit may have been lost.
pub(crate) async fn standing(
    connection: &mut PgConnection,
    batch: &[&Inbound],
) -> Result<HashMap<Uuid, Receipt>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT t.id, t.outcome, t.error, t.event_ids FROM unnest($1::uuid[], $2::uuid[]) k(w, i) \
         CROSS JOIN LATERAL (SELECT * FROM inbound_event e WHERE e.workspace_id = k.w AND e.id = k.i) t",
    )
    .bind(batch.iter().map(|inbound| inbound.workspace.0).collect::<Vec<_>>())
    .bind(batch.iter().map(|inbound| inbound.id.0).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let outcome: Outcome = row.try_get("outcome")?;
            let events: Vec<Uuid> = row.try_get("event_ids")?;
            let events = events.into_iter().map(Into::into).collect();
            Ok((row.try_get("id")?, Receipt { outcome, error: row.try_get("error")?, events }))
        })
        .collect()
}

/// Keeps a request that cannot be applied as FAILED, without taking its idempotency keys (P6).
pub(crate) async fn keep_failed(
    connection: &mut PgConnection,
    sealer: &Sealer,
    inbound: &Inbound,
    error: String,
) -> Result<Receipt, sqlx::Error> {
    let receipt = Receipt { outcome: Outcome::Failed, error: Some(error), events: Vec::new() };
    save(connection, seal(sealer, &[inbound]), &[inbound], std::slice::from_ref(&receipt)).await?;
    Ok(receipt)
}
