//! The raw log of providers' requests in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use base64::{Engine, engine::general_purpose::STANDARD};
use inlet_domain::command::RawRequest;
use inlet_store::records::inbound_events::{self, Filter};

use super::{
    channel::Source,
    enums,
    event::Event,
    scalars::{DateTime, Json},
};
use crate::{
    error::{ApiError, Result},
    execution::context::{Shared, loaders, reads, viewer_of},
    schema::types::node::typed,
};

/// A request that a provider sent to a source, and its result.
#[derive(Clone)]
pub struct InboundEvent(pub Arc<inbound_events::InboundEvent>);

/// A request that a provider sent to a source, and its result.
#[Object]
impl InboundEvent {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Time of arrival.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// Provider's name of the event. Null if Inlet could not determine it.
    async fn event(&self) -> Option<&str> {
        self.0.event.as_deref()
    }

    /// Result of processing the request.
    async fn outcome(&self) -> enums::InboundOutcome {
        self.0.outcome.into()
    }

    /// Error text of a request that was not accepted.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Whether the body was not strict JSON, so that Inlet read it leniently.
    async fn lenient(&self) -> bool {
        self.0.lenient
    }

    /// Time of the last replay that updated the result. Null if none did.
    async fn replayed_at(&self) -> Option<DateTime> {
        self.0.replayed_at.map(DateTime)
    }

    /// Global id of the source that received the request.
    async fn source_id(&self) -> ID {
        ID(self.0.source_id.to_string())
    }

    /// Source that received the request. Null if the source was deleted.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let found = loaders(ctx)?.sources.load(self.0.source_id).await?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        Ok(found.map(|found| Source::new(shared, Arc::unwrap_or_clone(found))))
    }

    /// Global ids of the events that the request raised; those of replays come last. Empty for a repeat.
    async fn event_ids(&self) -> Vec<ID> {
        self.0.event_ids.iter().map(|id| ID(id.to_string())).collect()
    }

    /// Events that the request raised, in log order, except those past retention. Needs the right `read_inbox`.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<Event>> {
        viewer_of(ctx, "InboundEvent.events")?;
        Event::of_ids(ctx, &self.0.event_ids).await
    }

    /// The request itself, decrypted. Inlet masked fields that an adapter declares secret before it stored the request.
    /// When it shows the request, it also masks fields with the name of a secret (`password`, `token`, `apiKey`,
    /// `credentials` ...). Needs the rights `manage_sources` and `read_inbox`. Null without these rights, or if the
    /// request is past retention. The field costs 9,000 of the 200,000 that one operation may cost: query it in pages
    /// of at most 20.
    #[graphql(complexity = "9_000 + child_complexity")]
    async fn request(&self, ctx: &Context<'_>) -> Result<Option<InboundRequest>> {
        let scope = viewer_of(ctx, "InboundEvent.request")?.scope;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let found = inbound_events::sealed(&*reads(ctx).await, scope, &[self.0.id]).await;
        let Some(sealed) = found?.pop() else { return Ok(None) };
        let (sealer, reader) = (shared.sealer.clone(), Arc::clone(&shared.reader));
        let shown = shared.long.run(move || sealed.open(&sealer).map(|request| reader.shown(request)));
        Ok(Some(InboundRequest::from(shown.await??)))
    }
}

/// An HTTP request from a provider.
#[derive(SimpleObject)]
pub struct InboundRequest {
    /// HTTP method: `POST`, `GET` or `PUT`.
    method: String,
    /// Query string after the `?` of the URL. Null if the URL had none.
    query: Option<String>,
    /// Headers, in their order in the request.
    headers: Vec<InboundHeader>,
    /// Body, if it is UTF-8 text. Else null; see `bodyBase64`.
    body: Option<String>,
    /// Body in Base64, if it is not UTF-8 text. Else null; see `body`.
    body_base64: Option<String>,
    /// Size of the body in bytes.
    body_size: usize,
}

/// A header of a provider's request.
#[derive(SimpleObject)]
pub struct InboundHeader {
    /// Header name, in lower case.
    name: String,
    /// Header value. Credentials and signatures are masked.
    value: String,
}

impl From<RawRequest> for InboundRequest {
    fn from(raw: RawRequest) -> Self {
        let body_size = raw.body.len();
        let (body, body_base64) = match String::from_utf8(raw.body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self {
            method: raw.method,
            query: raw.query,
            headers: raw.headers.into_iter().map(|(name, value)| InboundHeader { name, value }).collect(),
            body,
            body_base64,
            body_size,
        }
    }
}

/// An event that a replay would raise.
#[derive(SimpleObject)]
pub struct WouldRaise {
    /// Event type, such as `message.created`.
    r#type: String,
    /// The object after the replay. A new object would get another id.
    payload: Json,
    /// Present values of the fields that would change. Null unless the event is an update.
    previous: Option<Json>,
}

impl WouldRaise {
    /// As the preview tells it.
    #[must_use]
    pub fn of(event: inlet_store::apply::PreviewedEvent) -> Self {
        Self {
            r#type: event.kind.name().to_owned(),
            payload: Json::Value(event.payload),
            previous: event.previous.map(Json::Value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_text_is_shown_in_base64() {
        let request = |body: &[u8]| {
            InboundRequest::from(RawRequest {
                method: "POST".into(),
                query: None,
                headers: vec![("a".into(), "b".into())],
                body: body.to_vec(),
            })
        };
        let text = request("grüß".as_bytes());
        assert_eq!((text.body.as_deref(), text.body_base64, text.body_size), (Some("grüß"), None, 6));
        let bytes = request(&[0xff, 0x00]);
        assert_eq!((bytes.body, bytes.body_base64.as_deref(), bytes.body_size), (None, Some("/wA="), 2));
    }
}

/// Filter for inbound events. A request must match every field that is set. A list matches any of its values; an empty
/// list matches every request.
#[derive(InputObject, Default)]
pub struct InboundEventFilter {
    /// Global ids of inbound events, at most 100.
    #[graphql(default)]
    ids: Vec<ID>,
    /// Results.
    #[graphql(default)]
    outcome: Vec<enums::InboundOutcome>,
    /// Global ids of sources, at most 100.
    #[graphql(default)]
    source_id: Vec<ID>,
    /// Provider's exact names of events, at most 100.
    #[graphql(default)]
    event: Vec<String>,
    /// Whether Inlet read the body leniently, because it was not strict JSON.
    lenient: Option<bool>,
    /// Earliest time of arrival, inclusive.
    received_from: Option<DateTime>,
    /// Latest time of arrival, exclusive.
    received_to: Option<DateTime>,
    /// Part of the error text, case-insensitive.
    error: Option<String>,
}

impl InboundEventFilter {
    /// As the store takes it; `path` is its place in the arguments.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub fn read(self, path: &str) -> Result<Filter, ApiError> {
        let ids = self.ids.iter().map(|id| typed(&format!("{path}.ids"), id));
        let sources = self.source_id.iter().map(|id| typed(&format!("{path}.sourceId"), id));
        Ok(Filter {
            ids: ids.collect::<Result<_, _>>()?,
            outcomes: self.outcome.into_iter().map(Into::into).collect(),
            sources: sources.collect::<Result<_, _>>()?,
            events: self.event,
            lenient: self.lenient,
            received_from: self.received_from.map(|at| at.0),
            received_to: self.received_to.map(|at| at.0),
            error: self.error.filter(|part| !part.is_empty()),
        })
    }
}
