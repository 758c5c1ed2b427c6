//! Webhooks and what became of their deliveries, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::compose::Composition;
use inlet_store::records::{delivery_log, webhooks};

use super::{
    channel::Channel,
    connection::{Connection, inner_cost, inner_slice},
    enums,
    scalars::{Cursor, DateTime, Json, Revision},
};
use crate::{
    error::Result,
    execution::context::{loaders, reads, viewer_of},
};

/// A receiver of events.
#[derive(Clone)]
pub struct Webhook(pub Arc<webhooks::Webhook>);

/// A receiver of events.
#[Object]
impl Webhook {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name among the staff.
    async fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Where events are posted.
    async fn url(&self) -> &str {
        &self.0.settings.url
    }

    /// Whether it is sent to.
    async fn status(&self) -> enums::WebhookStatus {
        self.0.status.into()
    }

    /// Why it is disabled, where it is.
    async fn disabled_reason(&self) -> Option<&str> {
        self.0.disabled_reason.as_deref()
    }

    /// Exact names such as `message.created`, or `message.*`; none means all.
    async fn event_types(&self) -> &[String] {
        &self.0.settings.event_types
    }

    /// Whether notes and activities are sent too.
    async fn include_notes(&self) -> bool {
        self.0.settings.include_notes
    }

    /// Further conditions for an event.
    async fn filter(&self) -> WebhookFilter {
        let filter = &self.0.settings.filter;
        WebhookFilter {
            channel_ids: filter.channels.iter().map(|id| ID(id.to_string())).collect(),
            medium: filter.mediums.iter().map(|medium| (*medium).into()).collect(),
            label_ids: filter.labels.iter().map(|id| ID(id.to_string())).collect(),
            direction: filter.directions.iter().map(|direction| (*direction).into()).collect(),
            actor: filter.actors.iter().map(|actor| (*actor).into()).collect(),
        }
    }

    /// The channel whose own it is; null where it is the workspace's.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        let Some(id) = self.0.settings.channel else { return Ok(None) };
        Ok(loaders(ctx)?.channels.load(id).await?.map(Channel))
    }

    /// Seconds between attempts, before jitter; past the end the last one stays.
    async fn retry_delays(&self) -> Vec<i32> {
        self.0.settings.delays().into_iter().map(|delay| i32::try_from(delay).unwrap_or(i32::MAX)).collect()
    }

    /// How many requests may be under way at once.
    async fn max_concurrency(&self) -> i32 {
        self.0.settings.max_concurrency
    }

    /// How many requests a second all sending processes together make at most; null for no limit.
    async fn rate_limit(&self) -> Option<i32> {
        self.0.settings.rate_limit
    }

    /// Headers that go with every request.
    async fn headers(&self) -> Vec<WebhookHeader> {
        let header = |it: &webhooks::OwnHeader| WebhookHeader {
            name: it.name.clone(),
            value: it.value.clone(),
            is_secret: it.secret,
        };
        self.0.headers.iter().map(header).collect()
    }

    /// How its requests are composed; null where the event itself is posted.
    async fn composition(&self) -> Option<WebhookComposition> {
        self.0.settings.composition.as_ref().map(Into::into)
    }

    /// When only the newest secret signs again, while its secrets rotate.
    async fn rotation_ends_at(&self) -> Option<DateTime> {
        self.0.rotation_ends_at.map(DateTime)
    }

    /// Whether it was disabled, is sent to again, and nothing has succeeded since.
    async fn is_recovering(&self) -> bool {
        self.0.recovering
    }

    /// The version of the bodies' shape that it is pinned to.
    async fn api_version(&self) -> &str {
        &self.0.api_version
    }

    /// Over connect and the whole exchange, in seconds.
    async fn timeout_seconds(&self) -> i32 {
        self.0.settings.timeout()
    }

    /// After so many attempts a delivery is exhausted.
    async fn max_attempts(&self) -> i32 {
        self.0.settings.attempts()
    }

    /// How long to wait between attempts.
    async fn retry_preset(&self) -> enums::RetryPreset {
        self.0.settings.retry_preset.into()
    }

    /// Whether a plain signature under the consumer's own header is sent too.
    async fn has_legacy_signature(&self) -> bool {
        self.0.has_legacy_signature
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it was registered: it gets what came after.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// Conditions for an event beside its type. The values of each member mean "any of"; an empty member is no condition.
#[derive(SimpleObject)]
pub struct WebhookFilter {
    /// The global ids of the channels.
    channel_ids: Vec<ID>,
    /// The media of the channels.
    medium: Vec<enums::Medium>,
    /// The global ids of the conversation's labels.
    label_ids: Vec<ID>,
    /// Which way the message goes.
    direction: Vec<enums::Direction>,
    /// The kinds of actors that cause it.
    actor: Vec<enums::ActorKind>,
}

/// How a webhook's requests are composed. URL, headers and body are templates: see `WebhookCompositionInput`.
#[derive(SimpleObject)]
pub struct WebhookComposition {
    /// The method.
    method: enums::HttpMethod,
    /// Headers whose values are templates.
    headers: Vec<ComposedHeader>,
    /// How the body is written.
    body_format: enums::BodyFormat,
    /// The body's template; null where the event itself is sent, or nothing.
    body: Option<Json>,
}

impl From<&Composition> for WebhookComposition {
    fn from(composition: &Composition) -> Self {
        let header = |(name, value): &(String, String)| ComposedHeader { name: name.clone(), value: value.clone() };
        Self {
            method: composition.method.into(),
            headers: composition.headers.iter().map(header).collect(),
            body_format: composition.body_format.into(),
            body: composition.body.clone().map(Json::Value),
        }
    }
}

/// A header of a composed request.
#[derive(SimpleObject)]
pub struct ComposedHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A header that goes with every request to a webhook.
#[derive(SimpleObject)]
pub struct WebhookHeader {
    /// Its name.
    name: String,
    /// Its value; null where it is secret.
    value: Option<String>,
    /// Whether the value is sealed and never shown.
    is_secret: bool,
}

/// An event on its way to a webhook.
#[derive(Clone)]
pub struct Delivery(pub Arc<delivery_log::Delivery>);

/// An event on its way to a webhook.
#[Object]
impl Delivery {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The event's type.
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The state: PENDING, HELD, SUCCEEDED, EXHAUSTED or SKIPPED.
    async fn status(&self) -> enums::DeliveryState {
        self.0.status.into()
    }

    /// When it is next due.
    async fn due_at(&self) -> Option<DateTime> {
        self.0.due_at.map(DateTime)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was done.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }

    /// Why it was skipped, where it was.
    async fn skipped_because(&self) -> Option<enums::SkipReason> {
        self.0.skipped_because.map(Into::into)
    }

    /// How many attempts there were.
    async fn attempt_count(&self) -> i32 {
        self.0.attempts
    }

    /// Its gapless number for the webhook, as `inlet-sequence` tells; from the first attempt on.
    async fn sequence(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        self.0.sequence.map(|sequence| sequence as f64)
    }

    /// The event.
    async fn event_id(&self) -> ID {
        ID(self.0.event_id.to_string())
    }

    /// The receiver; null where it was deleted.
    async fn webhook(&self, ctx: &Context<'_>) -> Result<Option<Webhook>> {
        let viewer = viewer_of(ctx, "Delivery.webhook")?;
        let found = webhooks::by_id(&*reads(ctx).await, viewer.scope, self.0.webhook_id).await?;
        Ok(found.map(|webhook| Webhook(Arc::new(webhook))))
    }

    /// Its attempts, in order.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Attempt>> {
        let slice = inner_slice(first, after, last, before)?;
        let page = loaders(ctx)?.attempts.load((self.0.id, slice)).await?;
        Ok(page.map(|page| Connection::of(page, Attempt)).unwrap_or_default())
    }
}

/// One HTTP exchange of a delivery.
#[derive(Clone)]
pub struct Attempt(pub Arc<delivery_log::Attempt>);

/// One HTTP exchange of a delivery.
#[Object]
impl Attempt {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// 1, 2, 3 ...
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// How long it took, in milliseconds.
    async fn duration_ms(&self) -> i32 {
        self.0.duration_ms
    }

    /// The global id of its delivery.
    async fn delivery_id(&self) -> ID {
        ID(self.0.delivery_id.to_string())
    }

    /// The headers of the answer, as one object; of a name that came twice, both values. Needs the rights to read the inbox
    /// and its notes: a receiver may answer with what it was sent.
    async fn response_headers(&self, ctx: &Context<'_>) -> Result<Option<Json>> {
        viewer_of(ctx, "Attempt.responseHeaders")?;
        Ok(self.0.response_headers.clone().map(Json::Value))
    }

    /// The body of the answer, up to 16 KiB; what is no UTF-8 in it is replaced. Needs the same rights as `responseHeaders`.
    async fn response_body(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        viewer_of(ctx, "Attempt.responseBody")?;
        Ok(self.0.response_body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()))
    }

    /// The HTTP status of the answer.
    async fn response_status(&self) -> Option<i32> {
        self.0.response_status
    }

    /// The kind of error, in one word; null on success.
    async fn error_kind(&self) -> Option<&str> {
        self.0.error_kind.as_deref()
    }

    /// The error, as a sentence; null on success.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}
