//! The transaction of a mutation. It takes the idempotency key before the effect, and writes the answer and the audit
//! entry after the effect. So all commit, or none. Without [`MutationTx::done`], the transaction rolls back.

use inlet_domain::{
    ambient::Ambient,
    ids::{AnyId, WorkspaceId},
    scope::{Actor, Scope},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    audit::{self, Origin, Record},
    mutation_keys::{self, Once},
    settings,
};
use crate::{
    database::{Database, make_durable},
    error::StoreError,
    log::{self, Head, NewEvent},
};

/// The request for a mutation.
#[derive(Debug, Clone)]
pub struct MutationRequest<'a> {
    /// The workspace.
    pub scope: Scope,
    /// The actor.
    pub actor: Actor,
    /// The mutation's name.
    pub mutation: &'static str,
    /// The idempotency key, if any.
    pub key: Option<&'a str>,
    /// A keyed hash of the input.
    pub input_hash: [u8; 32],
    /// The given members of the input, with the values of those that can hold no secret.
    pub fields: Value,
    /// The origin of the request.
    pub origin: Origin,
}

impl MutationRequest<'_> {
    fn once(&self) -> Option<Once<'_>> {
        self.key.map(|key| Once {
            scope: self.scope,
            actor: self.actor,
            mutation: self.mutation,
            key,
            input_hash: self.input_hash,
        })
    }

    async fn write_down(
        &self,
        conn: &mut PgConnection,
        ambient: &Ambient,
        subject: Option<AnyId>,
    ) -> Result<(), StoreError> {
        let detail = json!({ "fields": self.fields });
        let record = Record {
            actor: self.actor,
            action: self.mutation,
            subject,
            detail: &detail,
            refusal: None,
            origin: &self.origin,
        };
        audit::write(conn, ambient, self.scope, record).await
    }
}

/// A running mutation.
#[must_use = "without `done` nothing of it stays"]
pub struct MutationTx<'a> {
    database: Database,
    asked: &'a MutationRequest<'a>,
    ambient: &'a Ambient,
    transaction: Transaction<'static, Postgres>,
}

/// The next step of a mutation.
pub enum Begun<'a, T> {
    /// Write the effect.
    First(MutationTx<'a>),
    /// Do nothing: an earlier mutation with the key gave this answer.
    Repeat(T),
}

impl<'a> MutationTx<'a> {
    /// Begins a transaction and locks the idempotency key, if any. Waits for a concurrent mutation with the key.
    ///
    /// # Errors
    /// Those of [`mutation_keys::begin`].
    pub async fn begin<T: DeserializeOwned>(
        database: &Database,
        ambient: &'a Ambient,
        asked: &'a MutationRequest<'a>,
    ) -> Result<Begun<'a, T>, StoreError> {
        let mut transaction = database.writes.begin().await?;
        if let Some(once) = asked.once()
            && let Some(answer) = mutation_keys::begin(&mut transaction, ambient, &once).await?
        {
            let answer = mutation_keys::read(&once, answer)?;
            repeated(database, transaction).await?;
            return Ok(Begun::Repeat(answer));
        }
        Ok(Begun::First(Self { database: database.clone(), asked, ambient, transaction }))
    }

    /// The connection of the transaction, for the effect.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Writes the answer and the audit entry, and commits. The answer must hold no secret.
    ///
    /// # Errors
    /// Where the database fails. Then nothing is written, unless the commit succeeded and its answer was lost.
    pub async fn done<T: Serialize>(self, subject: Option<AnyId>, answer: &T) -> Result<(), StoreError> {
        self.raise(subject, answer, &[]).await.map(drop)
    }

    /// Like [`MutationTx::done`], with events. The events are written last, and after them the event of a changed
    /// setting, if any. Returns the new heads of the logs, to announce.
    ///
    /// # Errors
    /// As [`MutationTx::done`].
    pub async fn raise<T: Serialize>(
        mut self,
        subject: Option<AnyId>,
        answer: &T,
        events: &[NewEvent],
    ) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
        if let Some(once) = self.asked.once() {
            let answer = serde_json::to_value(answer).unwrap_or_default();
            mutation_keys::finish(&mut self.transaction, &once, &answer).await?;
        }
        self.asked.write_down(&mut self.transaction, self.ambient, subject).await?;
        let changed = settings::changed(self.asked, self.ambient, subject);
        let all: Vec<NewEvent> = events.iter().cloned().chain(changed.clone()).collect();
        let appended = log::append(&mut self.transaction, self.ambient, &all).await?;
        if changed.is_some() {
            // Settings change seldom, so the lock of NOTIFY at the commit delays no one.
            log::notify(&mut self.transaction, &appended.heads).await?;
        }
        self.database.commit(self.transaction).await?;
        Ok(appended.heads)
    }
}

/// Begins a mutation of many transactions, each of which may run twice. The audit entry is written before the first.
/// Returns the answer of an earlier mutation. `None` where there is none, or it never finished; the mutation then ends
/// with [`done_long`].
///
/// # Errors
/// Those of [`mutation_keys::begin`].
pub async fn begin_long<T: DeserializeOwned>(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
) -> Result<Option<T>, StoreError> {
    let mut transaction = database.writes.begin().await?;
    if let Some(once) = asked.once()
        && let Some(answer) = mutation_keys::begin(&mut transaction, ambient, &once).await?
        && !answer.is_null()
    {
        let answer = mutation_keys::read(&once, answer)?;
        repeated(database, transaction).await?;
        return Ok(Some(answer));
    }
    asked.write_down(&mut transaction, ambient, None).await?;
    database.commit(transaction).await?;
    Ok(None)
}

/// Waits until an earlier answer is durable before it is told again, because the transaction only read it.
async fn repeated(database: &Database, mut transaction: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    make_durable(&mut transaction).await?;
    database.commit(transaction).await
}

/// Stores the answer of a mutation of many transactions. The answer must hold no secret.
pub async fn done_long<T: Serialize>(
    database: &Database,
    asked: &MutationRequest<'_>,
    answer: &T,
) -> Result<(), StoreError> {
    let Some(once) = asked.once() else { return Ok(()) };
    let mut conn = database.writes.acquire().await?;
    mutation_keys::finish(&mut conn, &once, &serde_json::to_value(answer).unwrap_or_default()).await
}
