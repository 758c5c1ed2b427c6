//! Mutations of labels.

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

/// Input of `createLabel`.
#[derive(InputObject)]
pub struct CreateLabelInput {
    /// Text of the label: 1 to 100 characters, at least one of them visible. It must be unique in the workspace,
    /// regardless of case.
    name: String,
    /// Display colour, such as `#1e90ff`.
    color: Option<String>,
    #[doc = idempotency_key!()]
    idempotency_key: String,
}

/// Result of `createLabel`.
#[derive(SimpleObject)]
pub struct CreateLabelPayload {
    /// The new label.
    label: Option<Label>,
    /// The new label as an item of `labels`.
    label_edge: Option<Edge<Label>>,
}

/// Input of `updateLabel`. A field that is left out keeps its value.
#[derive(InputObject)]
pub struct UpdateLabelInput {
    /// Global id of the label.
    id: ID,
    /// Text of the label: 1 to 100 characters, at least one of them visible. It must be unique in the workspace,
    /// regardless of case.
    name: Option<String>,
    /// Display colour, such as `#1e90ff`. Null removes it.
    color: MaybeUndefined<String>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `updateLabel`.
#[derive(SimpleObject)]
pub struct UpdateLabelPayload {
    /// The label in its present state, also after `CONFLICT`.
    label: Option<Label>,
}

/// Input of `deleteLabel`.
#[derive(InputObject)]
pub struct DeleteLabelInput {
    /// Global id of the label.
    id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `deleteLabel`.
#[derive(SimpleObject)]
pub struct DeleteLabelPayload {
    /// Global id of the deleted label.
    deleted_label_id: ID,
}

/// The part of the mutation root for labels.
#[derive(Default)]
pub(super) struct Labels;

#[Object]
impl Labels {
    /// Creates a label.
    async fn create_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: CreateLabelInput,
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
        #[graphql(desc = "Input of the mutation.")] input: UpdateLabelInput,
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

    /// Deletes a label and removes it from every conversation. Each of these conversations raises an event.
    async fn delete_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: DeleteLabelInput,
    ) -> Result<Option<DeleteLabelPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: LabelId = typed("input.id", &input.id)?;
        labels::delete(shared.writer(), &asked, id).await?;
        Ok(Some(DeleteLabelPayload { deleted_label_id: ID(id.to_string()) }))
    }
}
