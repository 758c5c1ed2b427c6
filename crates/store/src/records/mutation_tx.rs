//! The one way to a mutation's transaction: its idempotency key is taken before the effect, and the answer and the
//! audit entry are written after it, so that all of it commits or none does. What ends otherwise than by
//! [`MutationTx::done`] is rolled back.

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

/// A mutation that someone asks for.
#[derive(Debug, Clone)]
pub struct MutationRequest<'a> {
    /// The workspace.
    pub scope: Scope,
    /// Who asks.
    pub actor: Actor,
    /// The mutation's name.
    pub mutation: &'static str,
    /// The idempotency key, where there is one.
    pub key: Option<&'a str>,
    /// A keyed hash of the input.
    pub input_hash: [u8; 32],
    /// Which members of the input were given, with the values of those that can hold no secret.
    pub fields: Value,
    /// From where.
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

/// A mutation that is under way.
#[must_use = "without `done` nothing of it stays"]
pub struct MutationTx<'a> {
    database: Database,
    asked: &'a MutationRequest<'a>,
    ambient: &'a Ambient,
    transaction: Transaction<'static, Postgres>,
}

/// What there is to do.
pub enum Begun<'a, T> {
    /// The effect.
    First(MutationTx<'a>),
    /// Nothing: it was done before under the same key, and this was the answer.
    Repeat(T),
}

impl<'a> MutationTx<'a> {
    /// Begins a transaction and takes the idempotency key, where there is one. Waits for a mutation that has it.
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

    /// Where the effect is written.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Keeps the answer and the audit entry, and commits. The answer must hold no secret.
    ///
    /// # Errors
    /// Where the database fails; then nothing stays, unless it was the answer to the commit that was lost.
    pub async fn done<T: Serialize>(self, subject: Option<AnyId>, answer: &T) -> Result<(), StoreError> {
        self.raise(subject, answer, &[]).await.map(drop)
    }

    /// The same with events, which are the last to be written; after them that a setting changed, where one did. Gives how far the logs have come, to be told.
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
            // Settings change seldom, so the lock that a NOTIFY takes at the commit holds up no one.
            log::notify(&mut self.transaction, &appended.heads).await?;
        }
        self.database.commit(self.transaction).await?;
        Ok(appended.heads)
    }
}

/// Begins a mutation of many transactions, each of which may happen twice. The audit entry is written before the first.
/// Gives what an earlier one answered; `None` where this one is the first, or an earlier one never came to its end: it
/// then ends with [`done_long`].
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

/// What an earlier one answered is told again once it is known to be durable: it was only read.
async fn repeated(database: &Database, mut transaction: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    make_durable(&mut transaction).await?;
    database.commit(transaction).await
}

/// Keeps what a mutation of many transactions answered. It must hold no secret.
///
/// # Errors
/// Where the database fails.
pub async fn done_long<T: Serialize>(
    database: &Database,
    asked: &MutationRequest<'_>,
    answer: &T,
) -> Result<(), StoreError> {
    let Some(once) = asked.once() else { return Ok(()) };
    let mut conn = database.writes.acquire().await?;
    mutation_keys::finish(&mut conn, &once, &serde_json::to_value(answer).unwrap_or_default()).await
}
