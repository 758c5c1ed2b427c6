//! What waits for its other half, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::waiting_references;

use super::{enums, message::Message, scalars::DateTime};
use crate::{error::Result, execution::context::session};

/// A provider's name for something that has not come, while something that belongs to it has.
#[derive(Clone)]
pub struct WaitingReference(pub Arc<waiting_references::WaitingReference>);

/// A provider's name for something that has not come, while something that belongs to it has.
#[Object]
impl WaitingReference {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The kind of object that has not come: `message`, `conversation`, `group` or `attachment`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The provider's id of what has not come.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// The account of the provider whose id that is.
    async fn provider_account_id(&self) -> Option<ID> {
        self.0.provider_account_id.map(|id| ID(id.to_string()))
    }

    /// The half that is here.
    async fn waiting(&self) -> enums::WaitingHalf {
        self.0.half.into()
    }

    /// Since when it waits.
    async fn since(&self) -> DateTime {
        DateTime(self.0.since())
    }

    /// The message that stands in, of a placeholder.
    async fn message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.0.message_id else { return Ok(None) };
        Ok(session(ctx)?.message(id).await?.map(Message::listed))
    }
}
