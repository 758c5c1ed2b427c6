//! The audit log in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::audit;

use super::{
    author::{Actor, actor},
    scalars::{DateTime, Json},
};

use crate::error::Result;

/// An action that someone did, or that Inlet refused.
#[derive(Clone)]
pub struct AuditEntry(pub Arc<audit::Entry>);

/// An action that someone did, or that Inlet refused.
#[Object]
impl AuditEntry {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Time of the action.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.0.occurred_at())
    }

    /// Actor. `System` for an operator's action at the command line, and for a refused login.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.0.actor_kind, self.0.actor_id).await
    }

    /// Name of the action: a mutation such as `createSource`, or a command of `inlet admin` such as `admin.create-key`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// Global id of the object that was acted on.
    async fn subject_id(&self) -> Option<ID> {
        self.0.subject.map(|subject| ID(subject.to_string()))
    }

    /// Details of the action. `fields` holds the given input fields. Ids, enums, numbers and times have their values.
    /// Any other value may be a secret, so the log only tells that it was given.
    async fn detail(&self) -> Json {
        Json::Value(self.0.detail.clone())
    }

    /// Error code of the refusal. Null for an action that was done.
    async fn refusal(&self) -> Option<&str> {
        self.0.refusal.as_deref()
    }

    /// Id of the request, as its response gave it.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// IP address of the client.
    async fn client_address(&self) -> Option<&str> {
        self.0.client_address.as_deref()
    }
}
