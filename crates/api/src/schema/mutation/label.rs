//! Labels.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use inlet_domain::ids::LabelId;
use inlet_store::records::{
    inbox::labels::{self, LabelChange},
    page::Position,
};

use super::{asked, or_conflict};
use crate::{
    error::Result,
    execution::context::{Shared, loaders},
    schema::types::{
        connection::Edge,
        label::Label,
        node::typed,
        scalars::{Cursor, Revision},
    },
};

/// A new label.
#[derive(InputObject)]
pub struct CreateLabelInput {
    /// The word; 1 to 100 characters, at least one of them visible. No other label has it, whatever its case.
    name: String,
    /// For display, as `#1e90ff`.
    color: Option<String>,
    /// Makes a repeat a repeat.
    idempotency_key: String,
}

/// A new label.
#[derive(SimpleObject)]
pub struct CreateLabelPayload {
    /// The label.
    label: Option<Label>,
    /// The label as an item of a list.
    label_edge: Option<Edge<Label>>,
}

/// Changes of a label. A member that is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateLabelInput {
    /// Its global id.
    id: ID,
    /// The word; 1 to 100 characters, at least one of them visible. No other label has it, whatever its case.
    name: Option<String>,
    /// For display, as `#1e90ff`; null takes the colour away.
    color: MaybeUndefined<String>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A label that was changed.
#[derive(SimpleObject)]
pub struct UpdateLabelPayload {
    /// The label as it stands, also where the error is `CONFLICT`.
    label: Option<Label>,
}

/// Which label is to go.
#[derive(InputObject)]
pub struct DeleteLabelInput {
    /// Its global id.
    id: ID,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A label that is gone.
#[derive(SimpleObject)]
pub struct DeleteLabelPayload {
    /// Its global id.
    deleted_label_id: ID,
}

/// The part of the mutation root for labels.
#[derive(Default)]
pub(super) struct Labels;

#[Object]
impl Labels {
    /// Makes a label.
    async fn create_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its settings.")] input: CreateLabelInput,
    ) -> Result<Option<CreateLabelPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let made = labels::create(shared.writer(), &asked, &input.name, input.color.as_deref()).await;
        let id = made?.id;
        let label = loaders(ctx)?.labels.load(id).await?.map(Label);
        let cursor = Cursor(Position::of_id(id.0).to_string());
        Ok(Some(CreateLabelPayload { label_edge: label.clone().map(|node| Edge { cursor, node }), label }))
    }

    /// Changes a label.
    async fn update_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateLabelInput,
    ) -> Result<Option<UpdateLabelPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: LabelId = typed("input.id", &input.id)?;
        let change = LabelChange {
            name: input.name.clone(),
            color: match &input.color {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(color) => Some(Some(color.clone())),
            },
            if_revision: input.if_revision.map(|revision| revision.0),
        };
        or_conflict(ctx, labels::update(shared.writer(), &asked, id, &change).await)?;
        let label = loaders(ctx)?.labels.load(id).await?.map(Label);
        Ok(Some(UpdateLabelPayload { label }))
    }

    /// Deletes a label. It comes off every conversation, and each tells so.
    async fn delete_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteLabelInput,
    ) -> Result<Option<DeleteLabelPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: LabelId = typed("input.id", &input.id)?;
        labels::delete(shared.writer(), &asked, id).await?;
        Ok(Some(DeleteLabelPayload { deleted_label_id: ID(id.to_string()) }))
    }
}
