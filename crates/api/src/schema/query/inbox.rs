//! Single objects, and inbox counts.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::{contacts, conversations, inbox_counts};

use crate::{
    error::{ApiError, Result},
    execution::context::{reads, session, viewer},
    schema::types::{
        contact::Contact,
        conversation::Conversation,
        inbox_counts::InboxCounts,
        message::Message,
        node::{Extent, Node, node, typed},
    },
};

/// The cost of an object that is shown whole, in addition to that of its fields. Its content and its details may each
/// be as long as a provider's request.
const WHOLE: usize = 1_000;

/// The part of the query root that reads one object.
#[derive(Default)]
pub(super) struct Objects;

#[Object]
impl Objects {
    /// Any object by its global id. Null if the workspace does not have it.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<Node>> {
        node(ctx, &id, Extent::Whole).await
    }

    /// Objects by their global ids, in the order of `ids`. An item is null if the workspace does not have it. Objects
    /// are cut as in lists; see `Message.content`.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Node>>>> {
        if ids.len() > 100 {
            return Err(ApiError::input("ids", "pass at most 100 ids in one call"));
        }
        Ok(Some(futures::future::try_join_all(ids.iter().map(|id| node(ctx, id, Extent::Listed))).await?))
    }

    /// A conversation by its global id. Null if the workspace does not have it.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the conversation.")] id: ID,
    ) -> Result<Option<Conversation>> {
        let scope = viewer(ctx)?.scope;
        let found = conversations::whole(&*reads(ctx).await, scope, typed("id", &id)?).await?;
        Ok(found.map(|it| Conversation(Arc::new(it))))
    }

    /// A contact by its global id. Null if the workspace does not have it.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the contact.")] id: ID,
    ) -> Result<Option<Contact>> {
        let scope = viewer(ctx)?.scope;
        let found = contacts::whole(&*reads(ctx).await, scope, typed("id", &id)?).await?;
        Ok(found.map(|it| Contact(Arc::new(it))))
    }

    /// A message by its global id, with all of its content. Null if the workspace does not have it.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the message.")] id: ID,
    ) -> Result<Option<Message>> {
        viewer(ctx)?;
        let found = session(ctx)?.whole_message(&*reads(ctx).await, typed("id", &id)?).await?;
        Ok(found.map(Message::whole))
    }
}

/// The part of the query root that counts.
#[derive(Default)]
pub(super) struct Counts;

#[Object]
impl Counts {
    /// Current numbers of conversations in the inbox.
    async fn inbox_counts(&self, ctx: &Context<'_>) -> Result<Option<InboxCounts>> {
        let viewer = viewer(ctx)?;
        let counts = inbox_counts::inbox_counts(&*reads(ctx).await, viewer.scope).await?;
        Ok(Some(InboxCounts::of(Arc::new(counts), viewer.actor)))
    }
}
