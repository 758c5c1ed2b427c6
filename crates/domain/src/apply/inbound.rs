//! The raw log: each authentic request as it came, sealed, with what came of it.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Outcome, Receipt};
use crate::{
    command::{Inbound, Reading},
    secrets::{Place, Sealer},
};

/// Where the sealed request of an inbound event stands.
pub(crate) fn place(inbound: &Inbound) -> Place {
    Place { workspace: inbound.workspace, table: "inbound_event", id: inbound.id.0, column: "sealed" }
}

/// Writes the requests with their receipts.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    sealer: &Sealer,
    batch: &[&Inbound],
    receipts: &[Receipt],
) -> Result<(), sqlx::Error> {
    let lenient = |inbound: &&Inbound| match &inbound.reading {
        Reading::Commands { lenient, .. } | Reading::Unrecognised { lenient, .. } => *lenient,
        Reading::Quarantined { .. } => false,
    };
    let ids = |receipt: &Receipt| {
        let list: Vec<String> = receipt.events.iter().map(|id| id.0.to_string()).collect();
        format!("{{{}}}", list.join(","))
    };
    let sealed: Vec<Vec<u8>> = batch
        .iter()
        .map(|inbound| sealer.seal(&place(inbound), &serde_json::to_vec(&inbound.raw).unwrap_or_default()))
        .collect();
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
    .bind(batch.iter().map(lenient).collect::<Vec<_>>())
    .bind(receipts.iter().map(ids).collect::<Vec<_>>())
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
    insert(connection, sealer, &[inbound], std::slice::from_ref(&receipt)).await?;
    Ok(receipt)
}
