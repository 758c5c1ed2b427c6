//! What waits for its other half.

use std::sync::Arc;

use async_graphql::{Context, Object};
use inlet_store::records::waiting_references;

use crate::{
    error::Result,
    execution::context::{reads, viewer},
    schema::types::{
        connection::{Connection, page_cost, slice},
        scalars::Cursor,
        waiting_reference::WaitingReference,
    },
};

/// The part of the query root for what waits.
#[derive(Default)]
pub(super) struct Waiting;

#[Object]
impl Waiting {
    /// References to objects that have not come, the one that waits longest first: reports, files, replies and
    /// deletions of what is not known, and placeholders.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn waiting_references(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<WaitingReference>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = waiting_references::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| WaitingReference(Arc::new(row)))))
    }
}
