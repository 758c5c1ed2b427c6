//! The audit log in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::audit;

use super::{
    author::{Actor, actor},
    scalars::{DateTime, Json},
};

use crate::error::Result;

/// Something that was done, or refused at the door.
#[derive(Clone)]
pub struct AuditEntry(pub Arc<audit::Entry>);

/// Something that was done, or refused at the door.
#[Object]
impl AuditEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.0.occurred_at())
    }

    /// Who; the system for what an operator did at the command line, and for a login that was refused.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.0.actor_kind, self.0.actor_id).await
    }

    /// The act: the name of a mutation such as `createSource`, or `admin.` and a command's such as
    /// `admin.create-key`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The global id of what it was done to.
    async fn subject_id(&self) -> Option<ID> {
        self.0.subject.map(|subject| ID(subject.to_string()))
    }

    /// Details. `fields` holds the members of the input that were given: ids, enums, numbers and
    /// times as they were, of all else only that it was given, for it may be a secret.
    async fn detail(&self) -> Json {
        Json::Value(self.0.detail.clone())
    }

    /// The code of the refusal; null where it was done.
    async fn refusal(&self) -> Option<&str> {
        self.0.refusal.as_deref()
    }

    /// The id of the request, as its answer told it.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The client's address.
    async fn client_address(&self) -> Option<&str> {
        self.0.client_address.as_deref()
    }
}
