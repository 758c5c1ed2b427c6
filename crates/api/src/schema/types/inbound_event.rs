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

/// A provider's request as it came, and what came of it.
#[derive(Clone)]
pub struct InboundEvent(pub Arc<inbound_events::InboundEvent>);

/// A provider's request as it came, and what came of it.
#[Object]
impl InboundEvent {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When it came.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// Its name, as far as it could be told.
    async fn event(&self) -> Option<&str> {
        self.0.event.as_deref()
    }

    /// The outcome: whether it was applied.
    async fn outcome(&self) -> enums::InboundOutcome {
        self.0.outcome.into()
    }

    /// Why, where it was not accepted.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Whether strict JSON failed.
    async fn lenient(&self) -> bool {
        self.0.lenient
    }

    /// When a replay last brought it up to date; null where none has.
    async fn replayed_at(&self) -> Option<DateTime> {
        self.0.replayed_at.map(DateTime)
    }

    /// The source that it came to.
    async fn source_id(&self) -> ID {
        ID(self.0.source_id.to_string())
    }

    /// The source that it came to; null where it was deleted.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let found = loaders(ctx)?.sources.load(self.0.source_id).await?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        Ok(found.map(|found| Source::new(shared, Arc::unwrap_or_clone(found))))
    }

    /// The events that it caused, those of replays last; of a repeat, none.
    async fn event_ids(&self) -> Vec<ID> {
        self.0.event_ids.iter().map(|id| ID(id.to_string())).collect()
    }

    /// The events that it caused, in the log's order, but for those past retention. Needs the right to read the inbox.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<Event>> {
        viewer_of(ctx, "InboundEvent.events")?;
        Event::of_ids(ctx, &self.0.event_ids).await
    }

    /// The request itself, unsealed. Members that an adapter declares secret were masked before the request was kept. Other
    /// members with the name of a secret (`password`, `token`, `apiKey`, `credentials` ...) are masked when it is shown. Needs
    /// the rights to manage sources and to read the inbox; null without them, or where the request is past retention. This field counts as 9,000
    /// fields against the limit of 200,000 for one operation: ask for it in pages of at most 20.
    #[graphql(complexity = "9_000 + child_complexity")]
    async fn request(&self, ctx: &Context<'_>) -> Result<Option<InboundRequest>> {
        let scope = viewer_of(ctx, "InboundEvent.request")?.scope;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let found = inbound_events::requests(&*reads(ctx).await, scope, &shared.sealer, &[self.0.id]).await;
        let request = found?.pop().map(|(_, request)| request);
        let request = request.transpose()?;
        Ok(request.map(|request| InboundRequest::from(shared.reader.shown(request))))
    }
}

/// An HTTP request as a provider made it.
#[derive(SimpleObject)]
pub struct InboundRequest {
    /// `POST`, `GET` or `PUT`.
    method: String,
    /// The query: the text behind the `?` of the URL; null where there was none.
    query: Option<String>,
    /// The headers, in the order that they came in.
    headers: Vec<InboundHeader>,
    /// The body, where it is text in UTF-8; else null.
    body: Option<String>,
    /// The body in base64, where it is no text in UTF-8; else null.
    body_base64: Option<String>,
    /// The body's bytes.
    body_size: usize,
}

/// A header of a provider's request.
#[derive(SimpleObject)]
pub struct InboundHeader {
    /// Its name, in lower case.
    name: String,
    /// Its value; credentials and signatures are masked.
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
    /// For example `message.created`.
    r#type: String,
    /// The object as it would be; where it would be new, its id would be another one.
    payload: Json,
    /// The members that would change, with their present values; of updates only.
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

/// Which of the providers' requests are wanted: those that every member allows. The values of a list mean "any of"; an
/// empty list means any.
#[derive(InputObject, Default)]
pub struct InboundEventFilter {
    /// These alone; at most 100.
    #[graphql(default)]
    ids: Vec<ID>,
    /// The outcomes.
    #[graphql(default)]
    outcome: Vec<enums::InboundOutcome>,
    /// The source that they came to; at most 100.
    #[graphql(default)]
    source_id: Vec<ID>,
    /// The provider's name of the event, exactly; at most 100.
    #[graphql(default)]
    event: Vec<String>,
    /// Whether strict JSON failed.
    lenient: Option<bool>,
    /// Received at this moment or later.
    received_from: Option<DateTime>,
    /// Received before this moment.
    received_to: Option<DateTime>,
    /// A part of the error's text, in any case.
    error: Option<String>,
}

impl InboundEventFilter {
    /// As the store takes it; `path` is where it stands in the arguments.
    ///
    /// # Errors
    /// Where an id is none.
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
