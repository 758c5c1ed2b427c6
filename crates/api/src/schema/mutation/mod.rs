//! The mutations.

/// The description of every optional or required `idempotencyKey`.
macro_rules! idempotency_key {
    () => {
        "Idempotency key: a retry with the same key within 24 hours returns the first result, without secrets."
    };
}

/// The description of every `ifRevision`.
macro_rules! if_revision {
    () => {
        "Expected revision, as last read. If the object has another one, nothing changes and the error is `CONFLICT`."
    };
}

/// The description of names that members give to settings.
macro_rules! display_name {
    () => {
        "Display name, for members only: 1 to 200 characters, at least one of them visible."
    };
}

mod access;
mod audit_redaction;
mod composition;
mod contact;
mod conversation;
mod delivery;
mod invitation;
mod label;
mod mapping;
mod member;
mod presence;
mod replay;
mod session;
mod source;
mod source_input;
mod webhook;
mod webhook_input;

use std::sync::Arc;

use async_graphql::{Context, MergedObject, Name, ServerError, Value};
use inlet_store::{error::StoreError, records::mutation_tx::MutationRequest};
use serde_json::json;

use crate::{
    access::requester::Requester,
    error::{ApiError, ErrorCode, Result},
    execution::context::{Caller, Shared, root},
};

/// Mutations. With an `idempotencyKey`, a mutation takes effect once: for 24 hours, a retry with the same key returns
/// the first result, without secrets; the same key with another input is refused with `IDEMPOTENCY_KEY_REUSED`. With
/// `ifRevision`, an update is refused with `CONFLICT` if the object has changed since; the payload then holds the
/// object in its present state.
#[derive(MergedObject, Default)]
pub struct Mutation(
    access::Access,
    composition::Compositions,
    contact::Contacts,
    conversation::Conversations,
    delivery::Deliveries,
    invitation::Invitations,
    label::Labels,
    mapping::Mappings,
    member::Members,
    presence::Presence,
    replay::Replays,
    session::Sessions,
    source::Sources,
    webhook::Webhooks,
);

/// The requester and the request, after the check of rights: every mutation begins with it, and its transaction needs
/// it. The input is stored as a keyed hash, because it may hold secrets.
///
/// # Errors
/// `UNAUTHENTICATED` and `FORBIDDEN`, by the table of rights.
fn asked<'a, 'k>(ctx: &Context<'a>, key: Option<&'k str>) -> Result<(&'a Requester, MutationRequest<'k>)> {
    let (name, session) = root(ctx)?;
    let mutation = name.split_once('.').map_or(name, |(_, mutation)| mutation);
    let arguments = ctx.field().arguments();
    let arguments = arguments.map_err(|error| ApiError::new(ErrorCode::BadUserInput, error.message))?;
    let text = json!(arguments.iter().map(|(name, value)| (name.as_str(), canonical(value))).collect::<Vec<_>>());
    let sealer = &ctx.data_unchecked::<Arc<Shared>>().sealer;
    let workspace = session.viewer.scope.workspace();
    let asked = MutationRequest {
        scope: session.viewer.scope,
        actor: session.viewer.actor,
        mutation,
        key,
        input_hash: sealer.keyed_hash(workspace, mutation, text.to_string().as_bytes()),
        fields: audit_redaction::redacted(mutation, &arguments),
        origin: ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default(),
    };
    Ok((session, asked))
}

/// An argument in a form that does not depend on the order of fields, without the idempotency key.
fn canonical(value: &Value) -> serde_json::Value {
    match value {
        Value::List(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<(&Name, &Value)> =
                members.iter().filter(|(name, _)| name.as_str() != "idempotencyKey").collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            json!(sorted.iter().map(|(name, value)| (name.as_str(), canonical(value))).collect::<Vec<_>>())
        }
        plain => plain.clone().into_json().unwrap_or_default(),
    }
}

/// Turns a conflict into an error beside the payload, so that the payload can hold the object in its present state.
///
/// # Errors
/// Every other error.
fn or_conflict<T>(ctx: &Context<'_>, changed: Result<T, StoreError>) -> Result<Option<T>> {
    match changed {
        Ok(done) => Ok(Some(done)),
        Err(conflict @ StoreError::Conflict { .. }) => {
            let error = async_graphql::Error::from(ApiError::from(conflict));
            let mut told = ServerError::new(error.message, Some(ctx.item.pos));
            told.extensions = error.extensions;
            ctx.add_error(ctx.set_error_path(told));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
