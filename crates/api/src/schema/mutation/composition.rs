//! The dry run of a composition.

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

/// A composition that is to be tried, and on what.
#[derive(InputObject)]
pub struct PreviewCompositionInput {
    /// The URL, a template.
    url: String,
    /// How the requests are to look.
    composition: WebhookCompositionInput,
    /// The type of the event that is made up.
    #[graphql(default_with = "\"message.status_changed\".to_owned()")]
    event_type: String,
    /// An event as a webhook gets it, instead of a made-up one.
    event: Option<Json>,
    /// Makes another input under the same key an error; as nothing comes of it, a repeat is composed anew.
    idempotency_key: Option<String>,
}

/// The request that would be sent, but for the signatures and the headers that every request has.
#[derive(SimpleObject)]
pub struct PreviewCompositionPayload {
    /// The method.
    method: enums::HttpMethod,
    /// Where to.
    url: String,
    /// The composed headers.
    headers: Vec<ComposedHeader>,
    /// Of the body, where there is one.
    content_type: Option<String>,
    /// The body, empty where there is none.
    body: String,
}

/// The part of the mutation root for compositions.
#[derive(Default)]
pub(super) struct Compositions;

#[Object]
impl Compositions {
    /// Shows what a webhook with this composition would send. Nothing is sent, nothing changes.
    async fn preview_composition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The composition to try.")] input: PreviewCompositionInput,
    ) -> Result<Option<PreviewCompositionPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let kind = input.event_type.parse::<EventType>().ok();
        let Some((kind, schema)) = kind.and_then(|kind| Some((kind, schema::of(kind)?))) else {
            let message = "no webhook gets events of this type: use one such as `message.created`";
            return Err(ApiError::input("input.eventType", message));
        };
        let composition = Composition::from(input.composition);
        let composer = Composer::read(input.url.trim(), &composition, shared.targets).map_err(told)?;
        composer.check(&[(kind, schema)]).map_err(told)?;
        let event = match input.event {
            Some(event) => value_of(event),
            None => sample::event(kind, asked.scope, &shared.ambient).unwrap_or_default(),
        };
        let composed = composer.compose(&event, javascript(&event).as_bytes()).map_err(told)?;
        // The answer is not kept: a repeat is composed anew.
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

fn told(error: ComposeError) -> ApiError {
    ApiError::input(format!("input.{}", error.path), error.problem)
}
