//! What agents read: the inbox and what belongs to it.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use inlet_store::records::{
    balance_alerts, campaigns, channels, contacts, conversations, groups, inbox_counts, labels, members, opt_outs,
    teams, verifications,
};

use crate::{
    error::{ApiError, Result},
    execution::context::{reads, session, viewer},
    schema::types::{
        channel::{Channel, ProviderAccount},
        connection::{Connection, page_cost, slice},
        contact::{Contact, Group},
        conversation::Conversation,
        conversation_filter::ConversationFilter,
        inbox_counts::InboxCounts,
        label::Label,
        member::{Member, Team},
        message::Message,
        node::{Extent, Node, node, typed},
        report::{BalanceAlert, Campaign, OptOut, Verification},
        scalars::Cursor,
    },
};

/// The cost of an object that is shown whole, beside the cost of its fields. Its content may be as long as a provider's
/// request, and so may its details.
const WHOLE: usize = 1_000;

/// The orders of a list of conversations.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationOrderField {
    /// When anything last happened in them.
    LastActivity,
    /// When they came to be.
    Created,
}

/// Which end of an order comes first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDirection {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

/// The order of a list of conversations.
#[derive(InputObject)]
pub struct ConversationOrder {
    /// The field that orders it.
    field: ConversationOrderField,
    /// Which end comes first.
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

/// The part of the query root that agents use.
#[derive(Default)]
pub(super) struct Inbox;

#[Object]
#[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
impl Inbox {
    /// Any object by its global id; null where the workspace has none.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "A global id.")] id: ID) -> Result<Option<Node>> {
        node(ctx, &id, Extent::Whole).await
    }

    /// Objects by their global ids, at most 100, in the order of the ids, with null for each that the workspace does
    /// not have. Each is shown as in a list: see `Message.content`.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Node>>>> {
        if ids.len() > 100 {
            return Err(ApiError::input("ids", "at most 100 ids at once"));
        }
        Ok(Some(futures::future::try_join_all(ids.iter().map(|id| node(ctx, id, Extent::Listed))).await?))
    }

    /// A conversation.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<Conversation>> {
        let scope = viewer(ctx)?.scope;
        let found = conversations::whole(&*reads(ctx).await, scope, typed("id", &id)?).await?;
        Ok(found.map(|it| Conversation(Arc::new(it))))
    }

    /// A contact.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn contact(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Contact>> {
        let scope = viewer(ctx)?.scope;
        let found = contacts::whole(&*reads(ctx).await, scope, typed("id", &id)?).await?;
        Ok(found.map(|it| Contact(Arc::new(it))))
    }

    /// A message, with all of its content.
    #[graphql(complexity = "WHOLE + child_complexity")]
    async fn message(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Message>> {
        viewer(ctx)?;
        let found = session(ctx)?.whole_message(&*reads(ctx).await, typed("id", &id)?).await?;
        Ok(found.map(Message::whole))
    }

    /// Conversations; by default those of the latest activity first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Which are wanted.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ConversationOrder>,
    ) -> Result<Option<Connection<Conversation>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let filter = filter.unwrap_or_default().into_store()?;
        let (field, direction) = order_by
            .map_or((ConversationOrderField::LastActivity, OrderDirection::Desc), |order| {
                (order.field, order.direction)
            });
        let order = match field {
            ConversationOrderField::LastActivity => conversations::OrderBy::LastActivity,
            ConversationOrderField::Created => conversations::OrderBy::Created,
        };
        let descending = direction == OrderDirection::Desc;
        let page = conversations::list(&*reads(ctx).await, scope, &filter, order, descending, &slice).await;
        Ok(Some(Connection::of(page?, |row| Conversation(Arc::new(row)))))
    }

    /// The inbox in numbers, now.
    async fn inbox_counts(&self, ctx: &Context<'_>) -> Result<Option<InboxCounts>> {
        let viewer = viewer(ctx)?;
        let counts = inbox_counts::inbox_counts(&*reads(ctx).await, viewer.scope).await?;
        Ok(Some(InboxCounts::of(Arc::new(counts), viewer.actor)))
    }

    /// Contacts, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Contact>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = contacts::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Contact(Arc::new(row)))))
    }

    /// Channels, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Channel>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = channels::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Channel(Arc::new(row)))))
    }

    /// Provider accounts, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn provider_accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<ProviderAccount>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = channels::accounts(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| ProviderAccount(Arc::new(row)))))
    }

    /// Members, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Member>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = members::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Member(Arc::new(row)))))
    }

    /// Teams, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Team>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = teams::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Team(Arc::new(row)))))
    }

    /// Labels, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Label>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = labels::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Label(Arc::new(row)))))
    }

    /// Groups, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Group>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = groups::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Group(Arc::new(row)))))
    }

    /// Campaigns, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn campaigns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Campaign>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = campaigns::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Campaign(Arc::new(row)))))
    }

    /// Refusals of messages that stand. The one that Inlet heard of last is the first; `createdAt` is the provider's time, so
    /// it may be in another order.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn opt_outs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "True: those that were withdrawn, too.")] withdrawn: Option<bool>,
    ) -> Result<Option<Connection<OptOut>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = opt_outs::list(&*reads(ctx).await, scope, withdrawn.unwrap_or(false), &slice).await?;
        Ok(Some(Connection::of(page, |row| OptOut(Arc::new(row)))))
    }

    /// OTP checks, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn verifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Verification>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = verifications::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Verification(Arc::new(row)))))
    }

    /// Warnings that credit runs out, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn balance_alerts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<BalanceAlert>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = balance_alerts::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| BalanceAlert(Arc::new(row)))))
    }
}
