//! References to missing objects in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::waiting_references;

use super::{enums, message::Message, scalars::DateTime};
use crate::{error::Result, execution::context::session};

/// A reference to an object that has not arrived, from something that has, such as a status report on an unknown
/// message.
#[derive(Clone)]
pub struct WaitingReference(pub Arc<waiting_references::WaitingReference>);

/// A reference to an object that has not arrived, from something that has, such as a status report on an unknown
/// message.
#[Object]
impl WaitingReference {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Kind of the missing object: `message`, `conversation`, `group` or `attachment`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Provider's id of the missing object.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Global id of the provider account that scopes `externalId`.
    async fn provider_account_id(&self) -> Option<ID> {
        self.0.provider_account_id.map(|id| ID(id.to_string()))
    }

    /// The object that has arrived.
    async fn waiting(&self) -> enums::WaitingHalf {
        self.0.half.into()
    }

    /// Time since when it waits.
    async fn since(&self) -> DateTime {
        DateTime(self.0.since())
    }

    /// Placeholder message. Null unless `waiting` is PLACEHOLDER.
    async fn message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.0.message_id else { return Ok(None) };
        Ok(session(ctx)?.message(id).await?.map(Message::listed))
    }
}
