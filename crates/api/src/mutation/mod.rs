//! What can be changed.

mod access;
mod mapping;
mod replay;
mod source;
mod source_input;
mod webhook;

use std::sync::Arc;

use async_graphql::{Context, MergedObject};
use inlet_domain::store::{credentials::Viewer, mutation_keys::Once};
use serde::Serialize;

use crate::context::Shared;

/// What can be changed. Creates take an `idempotencyKey`: for 24 hours a repeat under the same key gets the same
/// answer without its secrets, and another input under it is refused with `IDEMPOTENCY_KEY_REUSED`.
#[derive(MergedObject, Default)]
pub struct Mutation(access::Access, mapping::Mappings, replay::Replays, source::Sources, webhook::Webhooks);

/// A mutation that is to happen once: its input is remembered as a keyed hash, for it may hold secrets.
fn once<'a>(
    ctx: &Context<'_>,
    viewer: &Viewer,
    mutation: &'static str,
    key: &'a str,
    input: &impl Serialize,
) -> Once<'a> {
    let text = serde_json::to_vec(input).unwrap_or_default();
    let input_hash = ctx.data_unchecked::<Arc<Shared>>().sealer.keyed_hash(viewer.scope.workspace(), mutation, &text);
    Once { scope: viewer.scope, actor: viewer.actor, mutation, key, input_hash }
}
