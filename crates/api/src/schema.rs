//! The schema: its roots, its limits.

use std::sync::Arc;

use async_graphql::{Schema as AnySchema, SchemaBuilder};

use crate::{context::Shared, error::ErrorCode, mutation::Mutation, query::Query, subscription::Subscription};

/// The schema with its roots.
pub type Schema = AnySchema<Query, Mutation, Subscription>;

/// How deep an operation may be.
pub const MAX_DEPTH: usize = 16;
/// What an operation may cost: each field one, a page as many times what is asked of its items.
pub const MAX_COMPLEXITY: usize = 200_000;
fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).register_output_type::<ErrorCode>()
}

/// The schema over these parts.
#[must_use]
pub fn build(shared: Arc<Shared>, introspection: bool) -> Schema {
    let builder = builder().limit_depth(MAX_DEPTH).limit_complexity(MAX_COMPLEXITY).data(shared);
    if introspection { builder.finish() } else { builder.disable_introspection().disable_suggestions().finish() }
}

/// The schema as text, as `schema.graphql` holds it.
#[must_use]
pub fn schema_sdl() -> String {
    builder().finish().sdl()
}
