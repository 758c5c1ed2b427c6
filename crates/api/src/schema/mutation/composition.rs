//! Preview of a composition.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use inlet_domain::{
    compose::{ComposeError, Composer, Composition},
    event::{EventType, sample, schema},
    json::javascript,
};
use inlet_store::records::mutation_tx::{Begun, MutationTx};

use super::{asked, source_input::value_of, webhook_input::WebhookCompositionInput};
use crate::{
    error::{ApiError, Result},
    execution::context::Shared,
    schema::types::{enums, scalars::Json, webhook::ComposedHeader},
};

/// Input of `previewComposition`.
#[derive(InputObject)]
pub struct PreviewCompositionInput {
    /// URL template.
    url: String,
    /// Composition to preview.
    composition: WebhookCompositionInput,
    /// Type of the sample event.
    #[graphql(default_with = "\"message.status_changed\".to_owned()")]
    event_type: String,
    /// Event in the format of a webhook body. Without it, Inlet makes a sample event of `eventType`.
    event: Option<Json>,
    /// Idempotency key: the same key with another input is an error. A retry composes the request again, because a
    /// preview has no effect.
    idempotency_key: Option<String>,
}

/// The request that a webhook would send, without signatures and the headers of every request.
#[derive(SimpleObject)]
pub struct PreviewCompositionPayload {
    /// HTTP method.
    method: enums::HttpMethod,
    /// URL.
    url: String,
    /// Composed headers.
    headers: Vec<ComposedHeader>,
    /// Media type of the body. Null without a body.
    content_type: Option<String>,
    /// Body. Empty if there is none.
    body: String,
}

/// The part of the mutation root for compositions.
#[derive(Default)]
pub(super) struct Compositions;

#[Object]
impl Compositions {
    /// Previews the request that a webhook with this composition sends. It sends nothing and changes nothing.
    async fn preview_composition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: PreviewCompositionInput,
    ) -> Result<Option<PreviewCompositionPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let kind = input.event_type.parse::<EventType>().ok();
        let Some((kind, schema)) = kind.and_then(|kind| Some((kind, schema::of(kind)?))) else {
            let message =
                "webhooks do not get events of this type: use one that `eventTypes` lists, such as `message.created`";
            return Err(ApiError::input("input.eventType", message));
        };
        let composition = Composition::from(input.composition);
        let composer = Composer::read(input.url.trim(), &composition, shared.targets)?;
        composer.check(&[(kind, schema)])?;
        let event = match input.event {
            Some(event) => value_of(event),
            None => sample::event(kind, asked.scope, &shared.ambient).unwrap_or_default(),
        };
        let composed = composer.compose(&event, javascript(&event).as_bytes())?;
        // Store no result: a retry composes the request again.
        let begun = MutationTx::begin::<serde_json::Value>(&shared.database, &shared.ambient, &asked).await;
        if let Begun::First(act) = begun? {
            act.done(None, &serde_json::json!({})).await?;
        }
        let header = |(name, value)| ComposedHeader { name, value };
        Ok(Some(PreviewCompositionPayload {
            method: composed.method.into(),
            url: composed.url.into(),
            headers: composed.headers.into_iter().map(header).collect(),
            content_type: composed.content_type,
            body: String::from_utf8_lossy(&composed.body).into_owned(),
        }))
    }
}

impl From<ComposeError> for ApiError {
    fn from(error: ComposeError) -> Self {
        Self::input(format!("input.{}", error.path), error.problem)
    }
}
