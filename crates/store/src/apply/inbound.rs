//! The raw log: each authentic request as it came, sealed, with its receipt.

use std::{collections::HashMap, sync::LazyLock};

use inlet_domain::{
    command::{Inbound, Purpose, Reading},
    ids::EventId,
    model::outcome::Outcome,
    secrets::Sealer,
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::{Uuid, fmt::Hyphenated};

use super::Receipt;
use crate::{
    records::inbound_events::place,
    rows::columns::{Insert, arrays, columns, equals_given, given},
};

/// Seals the new requests, in order; a request that is replayed has nothing to seal. Sealing takes long, so it is done
/// before the transaction begins, which must not stand idle.
pub(crate) fn seal(sealer: &Sealer, batch: &[&Inbound]) -> Vec<Vec<u8>> {
    let sealed = |inbound: &Inbound| {
        sealer.seal(&place(inbound.workspace, inbound.id.0), &serde_json::to_vec(&inbound.raw).unwrap_or_default())
    };
    let is_new = |inbound: &Inbound| inbound.purpose == Purpose::Receipt;
    batch.iter().map(|inbound| if is_new(inbound) { sealed(inbound) } else { Vec::new() }).collect()
}

// The key of the row of a request.
columns! {
    Inbound as inbound {
        workspace_id: "uuid" = inbound.workspace.0,
        id: "uuid" = inbound.id.0,
    }
}

/// A request as it came.
struct Arrival<'a> {
    inbound: &'a Inbound,
    sealed: &'a [u8],
}

columns! {
    Arrival<'_> as arrival {
        source_id: "uuid" = arrival.inbound.source.0,
        received_at: "timestamptz" = arrival.inbound.received_at,
        sealed: "bytea" = arrival.sealed,
    }
}

/// The result of a request.
struct Processing<'a> {
    inbound: &'a Inbound,
    receipt: &'a Receipt,
}

columns! {
    Processing<'_> as processing {
        event: "text" = processing.inbound.event.as_deref(),
        outcome: "text" = processing.receipt.outcome,
        error: "text" = processing.receipt.error.as_deref(),
        lenient: "boolean" = is_lenient(processing.inbound),
        event_ids: "text" as "uuid[]" = array_text(&processing.receipt.events),
    }
}

fn is_lenient(inbound: &Inbound) -> bool {
    match &inbound.reading {
        Reading::Commands { lenient, .. }
        | Reading::Unrecognised { lenient, .. }
        | Reading::Excessive { lenient, .. } => *lenient,
        Reading::Quarantined { .. } => false,
    }
}

/// The ids as the text of a Postgres array.
fn array_text(ids: &[EventId]) -> String {
    let mut text = String::with_capacity(ids.len() * (Hyphenated::LENGTH + 1) + 2);
    text.push('{');
    for (place, id) in ids.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(id.0.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
    }
    text.push('}');
    text
}

static INSERT: LazyLock<Insert> =
    LazyLock::new(|| Insert::of::<(Inbound, (Arrival<'_>, Processing<'_>))>("inbound_event", ""));

// A request that had its effect once stays ACCEPTED, whatever its replay comes to.
static UPDATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE inbound_event SET event = given.event, outcome = given.outcome, error = given.error, \
           lenient = given.lenient, event_ids = inbound_event.event_ids || given.event_ids::uuid[], \
           replayed_at = inlet_now() \
         FROM {} WHERE {} AND (inbound_event.outcome <> 'accepted' OR given.outcome = 'accepted')",
        given::<(Inbound, Processing<'_>)>(),
        equals_given::<Inbound>("inbound_event")
    )
});

/// Writes the new requests, sealed by [`seal`], with their receipts; brings the rows of the replayed ones up to date.
pub(crate) async fn save(
    connection: &mut PgConnection,
    sealed: &[Vec<u8>],
    batch: &[&Inbound],
    receipts: &[Receipt],
) -> Result<(), sqlx::Error> {
    let (mut new, mut replayed) = (Vec::with_capacity(batch.len()), Vec::new());
    for ((inbound, receipt), sealed) in batch.iter().copied().zip(receipts).zip(sealed) {
        let processing = Processing { inbound, receipt };
        match inbound.purpose {
            Purpose::Receipt => new.push((inbound, (Arrival { inbound, sealed }, processing))),
            Purpose::Replay => replayed.push((inbound, processing)),
        }
    }
    if !new.is_empty() {
        INSERT.bind(&new)?.execute(&mut *connection).await?;
    }
    if !replayed.is_empty() {
        sqlx::query_with(AssertSqlSafe(UPDATE.as_str()), arrays(&replayed)?).execute(connection).await?;
    }
    Ok(())
}

static STANDING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT standing.id, standing.outcome, standing.error, standing.event_ids FROM {} \
         CROSS JOIN LATERAL (SELECT * FROM inbound_event WHERE {}) standing",
        given::<Inbound>(),
        equals_given::<Inbound>("inbound_event")
    )
});

/// The receipts of the requests that are committed already: the answer to their commit may be lost.
pub(crate) async fn standing(
    connection: &mut PgConnection,
    batch: &[&Inbound],
) -> Result<HashMap<Uuid, Receipt>, sqlx::Error> {
    let rows = sqlx::query_with(AssertSqlSafe(STANDING.as_str()), arrays(batch)?).fetch_all(connection).await?;
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
    save(connection, &seal(sealer, &[inbound]), &[inbound], std::slice::from_ref(&receipt)).await?;
    Ok(receipt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_postgres_reads_an_array() {
        let ids: Vec<EventId> = (1..=2).map(|id| EventId(Uuid::from_u128(id))).collect();
        assert_eq!(array_text(&ids), "{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}");
        assert_eq!(array_text(&[]), "{}");
    }
}
