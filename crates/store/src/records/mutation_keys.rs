//! Idempotency keys of mutations. The key and the effect commit together, and a retry finds the first result.

use chrono::TimeDelta;
use inlet_domain::{
    ambient::Ambient,
    scope::{Actor, Scope},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};

use crate::error::StoreError;

const HOURS: i64 = 24;

/// A mutation with an idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct Once<'a> {
    /// The workspace.
    pub scope: Scope,
    /// The actor. Keys of different actors never collide.
    pub actor: Actor,
    /// The mutation's name.
    pub mutation: &'static str,
    /// The key.
    pub key: &'a str,
    /// A keyed hash of the input.
    pub input_hash: [u8; 32],
}

fn actor_text(actor: Actor) -> String {
    match actor {
        Actor::Member(id) => id.to_string(),
        Actor::ApiKey(id) => id.to_string(),
        Actor::Provider | Actor::System => actor.kind().to_owned(),
    }
}

/// Locks the key until the end of the transaction. `None` where this mutation is the first under the key; it then ends
/// with [`finish`]. Otherwise the earlier answer, which is null if the earlier mutation never finished. Waits for a
/// concurrent mutation with the key.
///
/// # Errors
/// `IdempotencyKeyReused` where the earlier mutation had another input; `Invalid` where the key is empty or too long;
/// `Overloaded` where a concurrent mutation takes too long.
pub async fn begin(conn: &mut PgConnection, ambient: &Ambient, once: &Once<'_>) -> Result<Option<Value>, StoreError> {
    if once.key.is_empty() || once.key.len() > 255 {
        let message = "an idempotency key must have 1 to 255 bytes".to_owned();
        return Err(StoreError::Invalid { path: "input.idempotencyKey", message });
    }
    let now = ambient.now();
    let taken = sqlx::query(
        "INSERT INTO mutation_key AS k (workspace_id, actor, mutation, key, input_hash, answer, created_at) \
         VALUES ($1, $2, $3, $4, $5, 'null', $6) \
         ON CONFLICT (workspace_id, actor, mutation, key) DO UPDATE \
           SET input_hash = excluded.input_hash, answer = excluded.answer, created_at = excluded.created_at \
           WHERE k.created_at < $7",
    )
    .bind(once.scope.workspace())
    .bind(actor_text(once.actor))
    .bind(once.mutation)
    .bind(once.key)
    .bind(&once.input_hash[..])
    .bind(now)
    .bind(now - TimeDelta::hours(HOURS))
    .execute(&mut *conn)
    .await
    .map_err(StoreError::or_busy)?;
    if taken.rows_affected() > 0 {
        return Ok(None);
    }
    let (hash, answer): (Vec<u8>, Json<Value>) = sqlx::query_as(
        "SELECT input_hash, answer FROM mutation_key \
         WHERE workspace_id = $1 AND actor = $2 AND mutation = $3 AND key = $4",
    )
    .bind(once.scope.workspace())
    .bind(actor_text(once.actor))
    .bind(once.mutation)
    .bind(once.key)
    .fetch_one(conn)
    .await?;
    if hash == once.input_hash {
        Ok(Some(answer.0))
    } else {
        Err(StoreError::IdempotencyKeyReused { key: once.key.to_owned() })
    }
}

/// Parses a stored answer into the mutation's type.
///
/// # Errors
/// `InvalidRow` where the answer is of another type.
pub fn read<T: DeserializeOwned>(once: &Once<'_>, answer: Value) -> Result<T, StoreError> {
    serde_json::from_value(answer)
        .map_err(|error| StoreError::invalid_row("mutation_key", "answer", once.mutation, &error))
}

/// Stores the answer. The answer must hold no secret.
pub async fn finish(conn: &mut PgConnection, once: &Once<'_>, answer: &Value) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE mutation_key SET answer = $5 WHERE workspace_id = $1 AND actor = $2 AND mutation = $3 AND key = $4",
    )
    .bind(once.scope.workspace())
    .bind(actor_text(once.actor))
    .bind(once.mutation)
    .bind(once.key)
    .bind(Json(answer))
    .execute(conn)
    .await?;
    Ok(())
}
