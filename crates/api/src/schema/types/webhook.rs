//! Webhooks, deliveries and attempts in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::compose::Composition;
use inlet_store::records::{delivery_log, webhooks};

use super::{
    channel::Channel,
    enums,
    scalars::{DateTime, Json, Revision},
};
use crate::{
    error::Result,
    execution::context::{loaders, reads, viewer_of},
    schema::lists::lists,
};

/// A receiver of events.
#[derive(Clone)]
pub struct Webhook(pub Arc<webhooks::Webhook>);

/// A receiver of events.
#[Object]
impl Webhook {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Display name, for members only.
    async fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// URL that Inlet sends events to.
    async fn url(&self) -> &str {
        &self.0.settings.url
    }

    /// Status.
    async fn status(&self) -> enums::WebhookStatus {
        self.0.status.into()
    }

    /// Reason why the webhook is disabled. Null if it is not disabled.
    async fn disabled_reason(&self) -> Option<&str> {
        self.0.disabled_reason.as_deref()
    }

    /// Event types that the webhook gets, such as `message.created` or `message.*`. An empty list means all.
    async fn event_types(&self) -> &[String] {
        &self.0.settings.event_types
    }

    /// Whether the webhook gets events about notes and activities.
    async fn include_notes(&self) -> bool {
        self.0.settings.include_notes
    }

    /// Further conditions for events.
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

    /// Channel whose events the webhook gets. Null if it gets those of every channel.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        let Some(id) = self.0.settings.channel else { return Ok(None) };
        Ok(loaders(ctx)?.channels.load(id).await?.map(Channel))
    }

    /// Delays between attempts in seconds, before jitter. After the last delay, the last one repeats.
    async fn retry_delays(&self) -> Vec<i32> {
        self.0.settings.delays().into_iter().map(|delay| i32::try_from(delay).unwrap_or(i32::MAX)).collect()
    }

    /// Maximum number of concurrent requests.
    async fn max_concurrency(&self) -> i32 {
        self.0.settings.max_concurrency
    }

    /// Maximum number of requests per second, over all processes. Null for no limit.
    async fn rate_limit(&self) -> Option<i32> {
        self.0.settings.rate_limit
    }

    /// Headers of every request.
    async fn headers(&self) -> Vec<WebhookHeader> {
        let header = |it: &webhooks::OwnHeader| WebhookHeader {
            name: it.name.clone(),
            value: it.value.clone(),
            is_secret: it.secret,
        };
        self.0.headers.iter().map(header).collect()
    }

    /// Composition of the requests. Null if Inlet posts the event itself.
    async fn composition(&self) -> Option<WebhookComposition> {
        self.0.settings.composition.as_ref().map(Into::into)
    }

    /// End of the current secret rotation: until then, requests carry signatures of older secrets too. Null without a
    /// rotation.
    async fn rotation_ends_at(&self) -> Option<DateTime> {
        self.0.rotation_ends_at.map(DateTime)
    }

    /// Whether the webhook was disabled, was resumed, and has had no success since.
    async fn is_recovering(&self) -> bool {
        self.0.recovering
    }

    /// API version of the request bodies, fixed at registration.
    async fn api_version(&self) -> &str {
        &self.0.api_version
    }

    /// Timeout of a request in seconds, including the connect.
    async fn timeout_seconds(&self) -> i32 {
        self.0.settings.timeout()
    }

    /// Number of attempts after which a delivery is EXHAUSTED.
    async fn max_attempts(&self) -> i32 {
        self.0.settings.attempts()
    }

    /// Preset of delays between attempts.
    async fn retry_preset(&self) -> enums::RetryPreset {
        self.0.settings.retry_preset.into()
    }

    /// Whether requests carry a legacy signature too; see `LegacySignatureInput`.
    async fn has_legacy_signature(&self) -> bool {
        self.0.has_legacy_signature
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of registration. The webhook gets events after this time.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// Conditions for events in addition to their types. An event must match every field that is not empty. A list matches
/// any of its values.
#[derive(SimpleObject)]
pub struct WebhookFilter {
    /// Global ids of channels.
    channel_ids: Vec<ID>,
    /// Media of the channels.
    medium: Vec<enums::Medium>,
    /// Global ids of the conversation's labels.
    label_ids: Vec<ID>,
    /// Directions of the message.
    direction: Vec<enums::Direction>,
    /// Kinds of actors that caused the event.
    actor: Vec<enums::ActorKind>,
}

/// Composition of a webhook's requests. URL, header values and body are templates; see `WebhookCompositionInput`.
#[derive(SimpleObject)]
pub struct WebhookComposition {
    /// HTTP method.
    method: enums::HttpMethod,
    /// Headers; the values are templates.
    headers: Vec<ComposedHeader>,
    /// Format of the body.
    body_format: enums::BodyFormat,
    /// Template of the body. Null if Inlet sends the event itself, or no body.
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
    /// Header name.
    pub name: String,
    /// Header value.
    pub value: String,
}

/// A header of every request to a webhook.
#[derive(SimpleObject)]
pub struct WebhookHeader {
    /// Header name.
    name: String,
    /// Header value. Null for a secret header.
    value: Option<String>,
    /// Whether the value is secret: Inlet stores it encrypted and never shows it.
    is_secret: bool,
}

/// The delivery of one event to one webhook.
#[derive(Clone)]
pub struct Delivery(pub Arc<delivery_log::Delivery>);

/// The delivery of one event to one webhook.
#[Object]
impl Delivery {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Type of the event, such as `message.created`.
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// Status.
    async fn status(&self) -> enums::DeliveryState {
        self.0.status.into()
    }

    /// Time when the next attempt is due.
    async fn due_at(&self) -> Option<DateTime> {
        self.0.due_at.map(DateTime)
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time when the delivery ended. Null while it is open.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }

    /// Reason for a SKIPPED delivery. Else null.
    async fn skipped_because(&self) -> Option<enums::SkipReason> {
        self.0.skipped_because.map(Into::into)
    }

    /// Number of attempts so far.
    async fn attempt_count(&self) -> i32 {
        self.0.attempts
    }

    /// Number of the delivery for its webhook, without gaps, as in the header `inlet-sequence`. Null before the first
    /// attempt.
    async fn sequence(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        self.0.sequence.map(|sequence| sequence as f64)
    }

    /// Global id of the event.
    async fn event_id(&self) -> ID {
        ID(self.0.event_id.to_string())
    }

    /// Webhook that receives the event. Null if it was deleted.
    async fn webhook(&self, ctx: &Context<'_>) -> Result<Option<Webhook>> {
        let viewer = viewer_of(ctx, "Delivery.webhook")?;
        let found = webhooks::by_id(&*reads(ctx).await, viewer.scope, self.0.webhook_id).await?;
        Ok(found.map(|webhook| Webhook(Arc::new(webhook))))
    }

    #[graphql(flatten)]
    async fn lists(&self) -> DeliveryLists {
        DeliveryLists(Arc::clone(&self.0))
    }
}

lists! {
    /// The lists of a delivery.
    DeliveryLists of delivery_log::Delivery;
    |ctx, delivery, slice|

    /// Attempts of the delivery, oldest first.
    attempts -> Attempt = loaders(ctx)?.attempts.load((delivery.id, slice)).await?;
}

/// One HTTP exchange of a delivery.
#[derive(Clone)]
pub struct Attempt(pub Arc<delivery_log::Attempt>);

/// One HTTP exchange of a delivery.
#[Object]
impl Attempt {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Number of the attempt, from 1.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// Time when the attempt started.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// Duration in milliseconds.
    async fn duration_ms(&self) -> i32 {
        self.0.duration_ms
    }

    /// Global id of the delivery.
    async fn delivery_id(&self) -> ID {
        ID(self.0.delivery_id.to_string())
    }

    /// Headers of the response as one JSON object. Values of a repeated header are joined by `, `. Needs the rights
    /// `read_inbox` and `read_notes`, because a receiver may echo the request.
    async fn response_headers(&self, ctx: &Context<'_>) -> Result<Option<Json>> {
        viewer_of(ctx, "Attempt.responseHeaders")?;
        Ok(self.0.response_headers.clone().map(Json::Value))
    }

    /// Body of the response, up to 16 KiB. Bytes that are not UTF-8 are replaced. Needs the rights `read_inbox` and
    /// `read_notes`.
    async fn response_body(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        viewer_of(ctx, "Attempt.responseBody")?;
        Ok(self.0.response_body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()))
    }

    /// HTTP status of the response.
    async fn response_status(&self) -> Option<i32> {
        self.0.response_status
    }

    /// Error kind, such as `timeout` or `status`. Null on success.
    async fn error_kind(&self) -> Option<&str> {
        self.0.error_kind.as_deref()
    }

    /// Error message. Null on success.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}
